"""Who has an account: a common name with its certificates, what the revocation list and client-config-dir say of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from jmltui.adapter_api import Account, AccountState, Clock, Credential, NotFound, Unavailable

from .certificates import Certificates, Issued, RevocationList, revoked, utc
from .client_files import ClientFiles, Shut
from .index import Entry, by_name, read_index
from .options import VpnOptions
from .replacing import read_file

KIND: Final = "certificate"


@dataclass(frozen=True, slots=True)
class Held:
    """One certificate. `is_revoked` only when the list that the server reads names it."""

    entry: Entry
    issued: Issued | None
    is_revoked: bool
    is_expired: bool

    @property
    def id(self) -> str:
        """The serial number, as openssl shows it."""
        return f"{self.entry.serial:X}"

    @property
    def lets_in(self) -> bool:
        """Whether a server takes it."""
        return not (self.is_revoked or self.is_expired)

    @property
    def told(self) -> str:
        """What evidence says of it."""
        if self.is_revoked:
            return f"{self.id}: revoked"
        if self.is_expired:
            return f"{self.id}: expired {utc(self.entry.expires)}"
        database = "; revoked in the database, and not in the list" if self.entry.is_revoked else ""
        return f"{self.id}: good until {utc(self.entry.expires)}{database}"


@dataclass(frozen=True, slots=True)
class Client:
    """A common name: its certificates, and whether client-config-dir shuts it out."""

    name: str
    held: Sequence[Held]
    shut: Shut

    @property
    def is_out(self) -> bool:
        """Whether the server refuses it."""
        return self.shut.is_shut or not any(each.lets_in for each in self.held)

    def account(self) -> Account:
        """As the product shows it."""
        newest = self.held[-1].entry
        ends = [each.entry.expires for each in self.held if each.lets_in]
        return Account(
            id=self.name,
            login=self.name,
            state=AccountState.DISABLED if self.is_out else AccountState.ACTIVE,
            emails=newest.emails,
            external_id=newest.person,
            display=newest.subject.get("name", ""),
            expires=max(ends) if ends else None,
            raw={"certificates": [each.told for each in self.held], "shut out": self.shut.is_shut},
        )

    def credentials(self) -> list[Credential]:
        """Its certificates."""
        return [
            Credential(each.id, self.name, KIND, each.issued.since if each.issued else None, active=each.lets_in)
            for each in self.held
        ]

    def observed(self) -> dict[str, object]:
        """What evidence says of it, tunnels aside."""
        return {"certificates": [each.told for each in self.held], "client-config-dir": _told(self.shut)}


class Holdings:
    """Reads the authority's folder and client-config-dir, in a thread: the folder may be a slow one."""

    def __init__(self, options: VpnOptions, files: ClientFiles | None, system: str, clock: Clock) -> None:
        self._options = options
        self._files = files
        self._system = system
        self._clock = clock
        self._certificates = Certificates(options.pki)

    async def clients(self) -> list[Client]:
        """Everybody, by name. Raises AdapterError."""
        return await asyncio.to_thread(self._all)

    async def client(self, name: str) -> Client:
        """One of them. Raises NotFound when the database does not know the name."""
        return await asyncio.to_thread(self._one, name)

    async def revocations(self) -> RevocationList:
        """The list that the server reads."""
        return await asyncio.to_thread(self._revoked)

    def _all(self) -> list[Client]:
        now, gone = self._clock(), self._revoked()
        self._certificates.refresh()
        names = by_name(self._entries()).items()
        found = (self._joined(name, entries, gone, now) for name, entries in names if self._options.takes(name))
        return [client for client in found if client.held]

    def _one(self, name: str) -> Client:
        entries = by_name(self._entries()).get(name, []) if self._options.takes(name) else []
        self._certificates.refresh()
        client = self._joined(name, entries, self._revoked(), self._clock())
        if client.held:
            return client
        raise NotFound(f"{self._system} has given no certificate to “{name[:60]}”.", system=self._system)

    def _joined(self, name: str, entries: Sequence[Entry], gone: RevocationList, now: datetime) -> Client:
        """The certificates of a server are no account's, and never revoked here."""
        held = [
            Held(entry, issued, entry.serial in gone.serials, entry.expires <= now)
            for entry in entries
            if (issued := self._certificates.issued(entry.serial)) is None or not issued.is_server
        ]
        return Client(name, held, self._files.shut(name) if self._files and held else Shut(False))

    def _entries(self) -> list[Entry]:
        return read_index(self._read(self._options.index, "the certificate database"), self._system)

    def _revoked(self) -> RevocationList:
        return revoked(self._options.crl, self._options.ca_certificate, self._system)

    def _read(self, path: str, what: str) -> bytes:
        try:
            return read_file(path, f"{what} of {self._system}")
        except NotFound as error:
            raise Unavailable(error.message, system=self._system) from error


def _told(shut: Shut) -> str:
    return f"disable in {shut.file}" if shut.is_shut else "no disable"
