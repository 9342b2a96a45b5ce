"""The password of a role. Only superusers may read pg_authid; the verifier itself is never asked for.

Certificates, Kerberos and passwords of a directory are not the server's to list or to revoke: NOLOGIN shuts them out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from psycopg import sql

from jmltui.adapter_api import ContractBroken, Credential, NotFound, Outcome, Receipt, Stale

from .accounts import Accounts
from .link import Link, Links
from .roles import Role, by_id, oid_of, seen

PASSWORD: Final = "password"

_STATE: Final = sql.SQL(
    "SELECT rolpassword IS NOT NULL AS present, coalesce(rolvaliduntil > now(), true) AS valid "
    "FROM pg_catalog.pg_authid WHERE oid = %s::bigint::oid"
)
_CLEAR: Final = sql.SQL("ALTER ROLE {} PASSWORD NULL")


@dataclass(frozen=True, slots=True)
class PasswordState:
    """Whether there is a password, and whether VALID UNTIL lets it be used."""

    present: bool
    valid: bool


async def password_of(link: Link, oid: int) -> PasswordState:
    """What is known of a role's password; none for a role that is not there. For superusers only."""
    found = await link.row(_STATE, [oid])
    return PasswordState(found["present"], found["valid"]) if found else PasswordState(False, False)


class Credentials:
    """Lists and revokes passwords of one server. `readable` when our role may see whether there is one."""

    def __init__(self, links: Links, accounts: Accounts, system: str, readable: bool) -> None:
        self._links = links
        self._accounts = accounts
        self._system = system
        self._readable = readable

    async def list(self, account_id: str) -> Sequence[Credential]:
        """The password, if there is one."""
        async with self._links.link("list credentials") as link:
            oid = oid_of(account_id, self._system)
            if await by_id(link, oid) is None:
                raise NotFound(f"{self._system} holds no role {oid}.", system=self._system)
            found = await password_of(link, oid)
        return [Credential(PASSWORD, account_id, PASSWORD, active=found.valid)] if found.present else []

    async def revoke(self, account_id: str, credential_id: str | None) -> Receipt:
        """PASSWORD NULL. Where it cannot be seen whether there was one, it is done all the same."""
        if credential_id not in (None, PASSWORD):
            raise NotFound(f"A role of {self._system} has a password and nothing else to revoke.", system=self._system)
        async with self._links.link("revoke credentials") as link:
            role = await self._accounts.touched(link, account_id, "lose its password through jmltui")
            if self._readable and not (await password_of(link, role.oid)).present:
                return Receipt(Outcome.ALREADY, before=seen(role))
            async with link.change():
                await link.write(_CLEAR.format(sql.Identifier(role.name)))
                if not await self._is_cleared(link, role):
                    raise Stale(f"{role.name} of {self._system} was renamed meanwhile.", system=self._system)
            if not await self._is_cleared(link, role):
                raise ContractBroken(f"{self._system} keeps the password of {role.name}.", system=self._system)
        return Receipt(Outcome.CHANGED, before=seen(role), after={"password": None})

    async def _is_cleared(self, link: Link, role: Role) -> bool:
        """As far as our role may see: that there is no password, or at least that it is still the same role."""
        if self._readable:
            return not (await password_of(link, role.oid)).present
        return await by_id(link, role.oid) == role
