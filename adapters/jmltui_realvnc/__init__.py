"""RealVNC Connect as a system: who is in the team, in which groups and roles, and who seems to be connected."""

from .adapter import RealVncAdapter

__all__ = ["RealVncAdapter"]
