"""A Tailscale tailnet as a system: users, their roles, their devices and keys."""

from .adapter import TailscaleAdapter

__all__ = ["TailscaleAdapter"]
