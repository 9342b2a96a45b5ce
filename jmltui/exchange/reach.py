"""Which addresses may be reached: judged where the connection stands, so after the name was resolved, before a byte is
sent."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

Reach = Callable[[str], str]
"""Of a numeric address: why it must not be reached, "" where it may be."""


_METADATA: Final = frozenset({"fd00:ec2::254", "100.100.100.200"})
"""Where clouds give credentials to whoever asks, beside the link-local address (AWS, Alibaba Cloud)."""
_NAT64: Final = IPv6Network("64:ff9b::/96")


def public_only(address: str) -> str:
    """Refuses whatever is not of the public internet."""
    return within_reach(address) or ("" if _ip(address).is_global else "it is not of the public internet")


def within_reach(address: str) -> str:
    """Refuses link-local addresses (cloud metadata, RFC 3927, RFC 4291), multicast and the unspecified one."""
    found = _ip(address)
    if found.is_link_local:
        return "it is link-local"
    if str(found) in _METADATA:
        return "a cloud gives credentials there"
    return "it is nobody's address" if found.is_multicast or found.is_unspecified else ""


def _ip(address: str) -> IPv4Address | IPv6Address:
    """An address; the IPv4 one within an IPv6 one counts."""
    found = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        if found in _NAT64:  # RFC 6052 section 2.1
            return IPv4Address(int(found) & 0xFFFFFFFF)
        return found.ipv4_mapped or found.sixtofour or found
    return found
