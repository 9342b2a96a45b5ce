"""Handing over what a role owns to another account: REASSIGN OWNED, database by database, each as one transaction.

What is handed over is known by pg_shdepend before and after. Rules of default privileges, user mappings and what was
granted to the role stay with it (REASSIGN OWNED, "Notes"), and so does everything in a database that our role cannot
enter; both are told. A function that is SECURITY DEFINER runs with the rights of its owner, so those are named.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from psycopg import sql

from jmltui.adapter_api import Conflict, Invalid, NotFound, Outcome, Receipt, Stale

from .accounts import Accounts
from .borrowing import member_of
from .estate import Estate, estate_of, owned_here, shortened
from .link import Link, Links
from .roles import Role, by_id, seen

ROUNDS: Final = 3
"""How often it is looked and handed over again for what was made meanwhile."""

_REASSIGN: Final = sql.SQL("REASSIGN OWNED BY {} TO {}")
_DEFINERS: Final = sql.SQL(
    """SELECT p.oid::pg_catalog.regprocedure::text AS name FROM pg_catalog.pg_proc p
    WHERE p.prosecdef AND p.proowner = %s::bigint::oid ORDER BY 1"""
)


@dataclass(frozen=True, slots=True)
class _Handed:
    """What went over, and which functions of it run with the rights of their owner, in each database."""

    objects: dict[str, list[str]] = field(default_factory=dict)
    definers: dict[str, list[str]] = field(default_factory=dict)

    def add(self, database: str, objects: list[str], definers: list[str]) -> None:
        """One database's; asked for once more, it is what was made meanwhile."""
        for of, found in ((self.objects, objects), (self.definers, definers)):
            if found:
                of.setdefault(database, []).extend(found)


class Transfers:
    """Hands over what accounts of one server own."""

    def __init__(self, links: Links, accounts: Accounts, system: str) -> None:
        self._links = links
        self._accounts = accounts
        self._system = system

    async def transfer(self, account_id: str, to_account_id: str) -> Receipt:
        """Make everything that the account owns belong to the other.

        Raises NotFound and Forbidden for either, Conflict where some of it is in a database that cannot be entered
        (the rest was handed over), and Stale where the account makes more all the time.
        """
        async with self._links.link("transfer") as link:
            role, heir = await self._both(link, account_id, to_account_id)
            left = estate = await estate_of(link, role.oid)
        before = {**seen(role), "owned": estate.counts()}
        if not estate.owned:
            return Receipt(Outcome.ALREADY, before=before, after={"owned": {}, "stays": estate.bound_told()})
        handed = _Handed()
        for _ in range(ROUNDS):
            for database in left.order(self._links.home, left.within_reach()):
                handed.add(database, *await self._hand_over(role, heir, database))
            async with self._links.link("transfer") as link:
                left = await estate_of(link, role.oid)
            if not left.within_reach():
                break
        self._all_of_it(role, heir, left)
        after: dict[str, object] = {"handed_to": heir.name, "stays": left.bound_told()}
        after["handed_over"] = {name: shortened(found) for name, found in handed.objects.items()}
        if handed.definers:
            after["runs_as_new_owner"] = {name: shortened(found) for name, found in handed.definers.items()}
        return Receipt(Outcome.CHANGED, before=before, after=after)

    async def _both(self, link: Link, account_id: str, to_account_id: str) -> tuple[Role, Role]:
        """Who hands over, and who takes over."""
        role = await self._accounts.touched(link, account_id, "hand over through jmltui")
        try:
            heir = await self._accounts.touched(link, to_account_id, "take over through jmltui")
        except NotFound as error:
            raise NotFound(
                f"Who was to get what {role.name} of {self._system} owns, role {to_account_id[:80]}, is not there.",
                system=self._system,
            ) from error
        if heir.oid == role.oid:
            raise Invalid(f"{role.name} of {self._system} cannot hand over to itself.", system=self._system)
        return role, heir

    async def _hand_over(self, role: Role, heir: Role, database: str) -> tuple[list[str], list[str]]:
        """What went over in one database and of the whole cluster, and which of it runs as its owner."""
        async with self._links.link("transfer", database) as link, link.change():
            owned = await owned_here(link, role.oid, shared=True)
            definers = [row["name"] for row in await link.rows(_DEFINERS, [role.oid])]
            if owned:
                async with member_of(link, role, heir):
                    await link.write(_REASSIGN.format(sql.Identifier(role.name), sql.Identifier(heir.name)))
                await self._check_names(link, role, heir, database)
        return owned, definers

    async def _check_names(self, link: Link, role: Role, heir: Role, database: str) -> None:
        """A statement names roles: undo it where a name has passed to another one. Raises Stale."""
        now = [await by_id(link, one.oid) for one in (role, heir)]
        named = [one.name if one else None for one in now] == [role.name, heir.name]
        if not named or await owned_here(link, role.oid, shared=True):
            raise Stale(
                f"{role.name} or {heir.name} of {self._system} changed at that moment, or owns something new in "
                f"{database}; nothing was changed there.",
                system=self._system,
            )

    def _all_of_it(self, role: Role, heir: Role, left: Estate) -> None:
        """Raise Stale or Conflict when something still belongs to the role."""
        if left.within_reach():
            raise Stale(
                f"{role.name} of {self._system} makes more while it hands over ({left.told()}); disable it and end its "
                "sessions first.",
                system=self._system,
            )
        if left.owned:
            raise Conflict(
                f"{role.name} of {self._system} still owns {left.told()}, where our role cannot connect; everything "
                f"else belongs to {heir.name} now. Let it connect there, or hand that over by hand.",
                system=self._system,
            )
