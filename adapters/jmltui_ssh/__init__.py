"""Linux hosts over SSH, through one small helper that root owns on each: their accounts, and their WireGuard peers."""

from .adapter import SshAdapter
from .wireguard import WireguardAdapter

__all__ = ["SshAdapter", "WireguardAdapter"]
