"""Passwords and keys of accounts: whether there are any, and taking them away. Their values are never read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from jmltui.adapter_api import Cap, ContractBroken, Credential, Outcome, Receipt

from .accounts import Accounts
from .connection import Directory, Link
from .dialect import Dialect
from .entry import Change, Entry

PASSWORD: Final = "password"


class Credentials:
    """Lists and revokes the credentials of one directory."""

    def __init__(self, directory: Directory, dialect: Dialect, accounts: Accounts, system: str) -> None:
        self._directory = directory
        self._dialect = dialect
        self._accounts = accounts
        self._system = system

    async def list(self, account_id: str) -> Sequence[Credential]:
        """What an account signs in by."""
        async with self._directory.link("list credentials") as link:
            entry = await self._accounts.touched(link, account_id)
            return await self._dialect.credentials(link, entry)

    async def revoke(self, account_id: str, credential_id: str | None) -> Receipt:
        """One or all. Where it cannot be seen whether there is a password, it is taken away all the same."""
        async with self._directory.link("revoke credentials") as link:
            entry = await self._accounts.touched(link, account_id)
            present = await self._present(link, entry)
            ids = [credential_id] if credential_id is not None else list(present) or [PASSWORD]
            planned: list[Change] = []
            for one in ids:
                planned += await self._dialect.revoking(link, entry, one)
            if not planned:
                return Receipt(Outcome.ALREADY, before={"credentials": list(present)})
            await link.modify(entry.dn, planned)
            left = set(await self._present(link, entry)) & set(ids)
            if left:
                raise ContractBroken(
                    f"{self._system} accepts to take {', '.join(sorted(left))[:100]} away and keeps it.",
                    system=self._system,
                )
        return Receipt(Outcome.CHANGED, before={"credentials": list(present)}, after={"revoked": ids})

    async def _present(self, link: Link, entry: Entry) -> Sequence[str]:
        """The ids of what there is, as far as it can be seen."""
        if Cap.LIST_CREDENTIALS not in self._dialect.capabilities():
            return []
        return [one.id for one in await self._dialect.credentials(link, entry)]
