"""An application that keeps its users in tables of an SQLite file, as a system of jmltui."""

from .adapter import ExampleAdapter

__all__ = ["ExampleAdapter"]
