"""A Teleport cluster as a system, through its own tool `tctl`: users, roles and locks."""

from .adapter import TeleportAdapter

__all__ = ["TeleportAdapter"]
