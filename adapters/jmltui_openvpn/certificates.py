"""What stands in the authority's folder besides its database: the certificates, and the list of revoked ones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import ExtendedKeyUsageOID

from jmltui.adapter_api import ContractBroken, NotFound, Unavailable

from .replacing import read_file

FOLDERS: Final = ("certs_by_serial", "newcerts", "certs", "issued", "")
"""Where easy-rsa and openssl keep what was issued; those of easy-rsa's `revoked` are revoked already."""
_SUFFIXES: Final = (".pem", ".crt")


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate as it was issued; `is_server` when it is for a server alone."""

    file: str
    since: datetime
    is_server: bool


class Certificates:
    """The issued certificates by serial number. A file is read again when it is another one: renewals keep the name."""

    def __init__(self, pki: str) -> None:
        self._pki = pki
        self._read: dict[str, tuple[object, int, Issued | None]] = {}
        self._known: dict[int, Issued] = {}

    def refresh(self) -> None:
        """Look at the folders. Raises Forbidden for a file that may not be read."""
        read = {path: self._kept(path, stamp) for path, stamp in self._files()}
        self._read = read
        self._known = {serial: issued for _, serial, issued in reversed(read.values()) if issued is not None}

    def issued(self, serial: int) -> Issued | None:
        """One of them, if its file was there at the last look."""
        return self._known.get(serial)

    def _files(self) -> Iterator[tuple[str, object]]:
        for folder in FOLDERS:
            with suppress(FileNotFoundError, NotADirectoryError):
                for entry in sorted(os.scandir(os.path.join(self._pki, folder)), key=lambda each: each.name):
                    if entry.name.endswith(_SUFFIXES) and entry.is_file():
                        told = entry.stat()
                        yield entry.path, (told.st_mtime_ns, told.st_size, told.st_ino)

    def _kept(self, path: str, stamp: object) -> tuple[object, int, Issued | None]:
        known = self._read.get(path)
        if known is not None and known[0] == stamp:
            return known
        found = _certificate(path)
        if found is None:
            return stamp, 0, None
        return stamp, found.serial_number, Issued(path, found.not_valid_before_utc, _is_server(found))


def serial_of(path: str) -> int | None:
    """The serial number of the certificate that is in a file now."""
    found = _certificate(path)
    return found.serial_number if found else None


@dataclass(frozen=True, slots=True)
class RevocationList:
    """What the server's crl-verify file says. `until` is when the server stops letting anybody in by it."""

    serials: frozenset[int]
    made: datetime | None = None
    until: datetime | None = None
    is_there: bool = True


def revoked(crl: str, ca_certificate: str, system: str) -> RevocationList:
    """The revocation list, signed by this authority; without one (an empty name, or no file) nothing is revoked.

    Raises ContractBroken for one that is none, or another authority's: a server goes by nothing of it.
    """
    if not crl:
        return RevocationList(frozenset(), is_there=False)
    try:
        text = read_file(crl, f"the revocation list of {system}")
    except NotFound:
        return RevocationList(frozenset(), is_there=False)
    authority = _authority(ca_certificate, system)
    try:
        found = x509.load_pem_x509_crl(text)
        key = authority.public_key()
        is_ours = found.is_signature_valid(key)  # type: ignore[arg-type]  # a key that signs nothing raises TypeError
        serials = frozenset(each.serial_number for each in found)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        raise ContractBroken(f"The file {crl} of {system} is no revocation list.", system=system) from None
    if not is_ours:
        raise ContractBroken(f"The revocation list {crl} of {system} is not signed by its authority.", system=system)
    return RevocationList(serials, found.last_update_utc, found.next_update_utc)


def _certificate(path: str) -> x509.Certificate | None:
    with suppress(ValueError, UnsupportedAlgorithm, NotFound):
        return x509.load_pem_x509_certificate(_pem(read_file(path, "a certificate")))
    return None


def _authority(path: str, system: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(_pem(read_file(path, f"the authority of {system}")))
    except (ValueError, UnsupportedAlgorithm):
        raise ContractBroken(f"The file {path} of {system} is no certificate.", system=system) from None
    except NotFound as error:
        raise Unavailable(error.message, system=system) from error


def _pem(text: bytes) -> bytes:
    return text[max(0, text.find(b"-----BEGIN CERTIFICATE-----")) :]


def _is_server(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    return ExtendedKeyUsageOID.SERVER_AUTH in usage and ExtendedKeyUsageOID.CLIENT_AUTH not in usage


def utc(moment: datetime | None) -> str:
    """A moment as evidence shows it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if moment else "never"
