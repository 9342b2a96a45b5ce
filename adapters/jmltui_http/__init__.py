"""Systems and personnel sources over HTTP and JSON, each described in one YAML file."""

from .adapter import HttpAdapter

__all__ = ["HttpAdapter"]
