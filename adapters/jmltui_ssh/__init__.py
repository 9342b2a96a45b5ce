"""Local accounts of a fleet of Linux hosts, over SSH and through one small helper that root owns on each host."""

from .adapter import SshAdapter

__all__ = ["SshAdapter"]
