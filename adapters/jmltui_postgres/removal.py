"""Deleting an account, in the only order that works: shut it, hand over what it owns and drop what was granted to it
in each database, then drop the role (PostgreSQL documentation, "Dropping Roles").

DROP OWNED would drop what the role still owns. So it runs in one transaction behind REASSIGN OWNED, or behind a look
that found nothing owned, and never for a role with an open session.
"""

from __future__ import annotations

from typing import Final

from psycopg import sql

from jmltui.adapter_api import Conflict, ContractBroken, Invalid, NotFound, Outcome, Receipt, Stale

from .accounts import Accounts
from .borrowing import member_of
from .estate import SHARED, Estate, estate_of, owned_here, shortened
from .link import Link, Links
from .roles import Role, by_id, by_name, oid_of, seen
from .sessions import live

_REASSIGN: Final = sql.SQL("REASSIGN OWNED BY {} TO {}")
_DROP_OWNED: Final = sql.SQL("DROP OWNED BY {}")
_DROP: Final = sql.SQL("DROP ROLE {}")


class Removal:
    """Deletes accounts of one server. `reassign_to` is the role that gets what they own; empty: nobody does."""

    def __init__(self, links: Links, accounts: Accounts, system: str, reassign_to: str) -> None:
        self._links = links
        self._accounts = accounts
        self._system = system
        self._reassign_to = reassign_to

    async def delete(self, account_id: str) -> Receipt:
        """Make the account not exist, and say what went to whom.

        Raises Conflict, with nothing changed, while it has sessions, or owns something and nobody is named to get it.
        """
        try:
            role, estate, heir = await self._shut(account_id)
        except NotFound:
            return Receipt(Outcome.ALREADY, after=seen(None))
        handed: dict[str, object] = {}
        for database in estate.order(self._links.home, estate.entries):
            handed |= await self._clear(role, heir, database)
        await self._drop(role)
        before = {**seen(role), "owned": estate.counts()}
        after = {"present": False, "handed_to": heir.name if heir and handed else "", "handed_over": handed}
        return Receipt(Outcome.CHANGED, before=before, after=after)

    async def _shut(self, account_id: str) -> tuple[Role, Estate, Role | None]:
        """The role, shut; what depends on it; and who gets it. Everything that may stand in the way is found first."""
        async with self._links.link("delete") as link:
            role = await self._accounts.touched(link, account_id, "end through jmltui")
            await self._without_sessions(link, role)
            estate = await estate_of(link, role.oid)
            heir = await self._heir(link, role)
            self._possible(role, estate, heir)
            if role.may_sign_in:
                await self._accounts.shut(link, role)
                await self._without_sessions(link, role)
            return role, estate, heir

    async def _without_sessions(self, link: Link, role: Role) -> None:
        open_now = await live(link, role.oid)
        if open_now:
            count = f"{len(open_now)} open session{'s' if len(open_now) != 1 else ''}"
            raise Conflict(f"{role.name} of {self._system} has {count}; end them first.", system=self._system)

    async def _heir(self, link: Link, role: Role) -> Role | None:
        """Who gets what the role owns. Raises Invalid when the settings name nobody that there is."""
        if not self._reassign_to:
            return None
        found = await by_name(link, self._reassign_to)
        if found is None or found.oid == role.oid or found.predefined:
            raise Invalid(
                f"`reassign_to` of {self._system} names {self._reassign_to}, which is no other role there.",
                system=self._system,
            )
        return found

    def _possible(self, role: Role, estate: Estate, heir: Role | None) -> None:
        if estate.owned and heir is None:
            raise Conflict(
                f"{role.name} of {self._system} owns {estate.told()}; name who gets it as `reassign_to`.",
                system=self._system,
                code="2BP01",
            )
        if estate.closed:
            raise Conflict(
                f"{role.name} of {self._system} has entries in {', '.join(sorted(estate.closed))}, where our role "
                "cannot connect.",
                system=self._system,
            )

    async def _clear(self, role: Role, heir: Role | None, database: str) -> dict[str, object]:
        """Hand over what is owned in one database, and drop what was granted there, as one."""
        async with self._links.link("hand over", database) as link:
            name = sql.Identifier(role.name)
            async with link.change(), member_of(link, role):
                owned = await owned_here(link, role.oid, shared=True)
                if owned and heir is not None:
                    await link.write(_REASSIGN.format(name, sql.Identifier(heir.name)))
                if await owned_here(link, role.oid, shared=True) or await by_id(link, role.oid) is None:
                    raise Stale(
                        f"{role.name} of {self._system} owns something new in {database}; nothing was changed there.",
                        system=self._system,
                    )
                await link.write(_DROP_OWNED.format(name))
        return {database: shortened(owned)} if owned else {}

    async def _drop(self, role: Role) -> None:
        async with self._links.link("delete") as link:
            left = await estate_of(link, role.oid)
            if left.entries:
                where = ", ".join(name or "the cluster" for name in left.entries)
                raise Conflict(
                    f"{role.name} of {self._system} still has entries in {where} that our role could not clear; "
                    "it is shut, and it was not deleted.",
                    system=self._system,
                    code="2BP01",
                )
            await self._without_sessions(link, role)
            async with link.change():
                await link.write(_DROP.format(sql.Identifier(role.name)))
                if await by_id(link, role.oid) is not None:
                    raise Stale(f"{role.name} of {self._system} was renamed meanwhile.", system=self._system)
            if await by_id(link, role.oid) is not None:
                raise ContractBroken(f"{self._system} keeps {role.name} after dropping it.", system=self._system)


async def owned_by(links: Links, account_id: str, system: str) -> dict[str, list[str]]:
    """What an account owns, object by object, in every database of the cluster that can be connected to."""
    async with links.link("list owned objects") as link:
        oid = oid_of(account_id, system)
        estate = await estate_of(link, oid)
        found = {}
        if SHARED in estate.owned or links.home in estate.owned:
            found[links.home] = await owned_here(link, oid, shared=True)
    for database in sorted(estate.owned.keys() - {SHARED, links.home} - estate.closed):
        async with links.link("list owned objects", database) as link:
            found[database] = await owned_here(link, oid, shared=False)
    return found
