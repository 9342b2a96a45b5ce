"""Client certificates of one OpenVPN server: who may come in, who is in now, and how both end."""

from .adapter import OpenvpnAdapter

__all__ = ["OpenvpnAdapter"]
