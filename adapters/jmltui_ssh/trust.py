"""Which host keys are trusted: those of a known_hosts file or of pinned fingerprints, and no other, ever."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import asyncssh
from asyncssh.public_key import get_default_certificate_algs, get_default_public_key_algs

from jmltui.adapter_api import Untrusted

from .options import SSH_PORT, Place


class HostKeys:
    """What is known of the hosts' keys. Raises Untrusted when the file cannot be read."""

    def __init__(self, system: str, known_hosts: str, fingerprints: Mapping[str, frozenset[str]]) -> None:
        self.system = system
        self._pins = fingerprints
        self._file = known_hosts
        self._known: asyncssh.SSHKnownHosts | None = None
        if known_hosts:
            try:
                self._known = asyncssh.read_known_hosts(known_hosts)
            except (OSError, ValueError) as error:
                raise Untrusted(f"The file {known_hosts} of {system} cannot be used: {error}.", system=system) from None

    def pins(self, place: Place) -> frozenset[str]:
        """The fingerprints of a host; they count alone where there are any."""
        return self._pins.get(place.name, frozenset())

    def known(self, place: Place) -> Any:
        """The trusted keys, authorities and revoked keys of a host, by its name and never by its address alone."""
        if self._known is None or self.pins(place):
            return [], [], [], [], [], [], []
        return self._known.match(place.address, "", place.port if place.port != SSH_PORT else None)

    def algorithms(self, place: Place) -> list[str]:
        """What is asked of a host: the kinds of key that are pinned first, then all others.

        A host without any of the pinned kinds shows another one then, and is refused for it by name; asked for the
        pinned kinds alone it would just hang up.
        """
        keys, authorities, *_ = self.known(place)
        pinned = [name for key in keys for name in key.sig_algorithms]
        certified = get_default_certificate_algs()
        order = [*(certified if authorities else ()), *pinned, *get_default_public_key_algs(), *certified]
        return [name.decode() for name in dict.fromkeys(order)]

    def refusal(self, place: Place, offered: str, why: str) -> Untrusted:
        """What to say of a host whose key is not trusted; `offered` is the fingerprint that it showed."""
        keys, authorities, *_ = self.known(place)
        pinned = ", ".join(sorted(self.pins(place) or {key.get_fingerprint() for key in keys}))
        shown = f"it shows {offered}" if offered else why
        if pinned:
            told = f"The host key of {place.name} is not the one that is pinned: {shown}, expected is {pinned}."
        elif authorities:
            told = f"The host key of {place.name} is not vouched for by the pinned authority: {shown}."
        else:
            told = f"The host key of {place.name} is not known: {shown}. Compare it on the host itself, then pin it."
        return Untrusted(told, system=self.system, operation="connect")


class Witness(asyncssh.SSHClient):
    """Sees the key that a host shows, and accepts it only when it is pinned."""

    def __init__(self, host_keys: HostKeys, place: Place) -> None:
        self._pins = host_keys.pins(place)
        self.offered = ""

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Called for a key that no known_hosts file names."""
        del host, addr, port
        self.offered = key.get_fingerprint()
        return self.offered in self._pins

    def validate_host_ca_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Called for a certificate of an authority that no known_hosts file names."""
        del host, addr, port
        self.offered = f"a certificate by {key.get_fingerprint()}"
        return False
