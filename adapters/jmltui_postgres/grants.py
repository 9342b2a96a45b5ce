"""Giving and taking memberships, and taking the attributes of a role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from psycopg import sql

from jmltui.adapter_api import Conflict, ContractBroken, Forbidden, NotFound, Outcome, Receipt, Stale

from .link import Link, Links
from .memberships import ATTRIBUTE, PER_GRANTOR, Edge, between, picture_of
from .roles import ATTRIBUTES, Role, by_id, by_ids, oid_of, seen
from .scope import Scope

_GIVE: Final = sql.SQL("GRANT {} TO {}")
_TAKE: Final = sql.SQL("REVOKE {} FROM {}")
_TAKE_BY: Final = sql.SQL("REVOKE {} FROM {} GRANTED BY {}")

Answers = dict[str, Receipt | Exception]


class Grants:
    """Writes memberships of one server."""

    def __init__(self, links: Links, scope: Scope, system: str) -> None:
        self._links = links
        self._scope = scope
        self._system = system

    async def give(self, entitlement_id: str, account_ids: Sequence[str]) -> Answers:
        """Make all of them members."""
        async with self._links.link("grant") as link:
            role = await self._grantable(link, entitlement_id)
            answers, accounts = await self._accounts(link, account_ids, "get memberships from jmltui")
            held = {edge.member for edge in await between(link, role.oid, list(accounts)) if edge.usable}
            todo = {oid: account for oid, account in accounts.items() if oid not in held}
            if todo:
                names = sql.SQL(", ").join([sql.Identifier(account.name) for account in todo.values()])
                async with link.change():
                    await link.write(_GIVE.format(sql.Identifier(role.name), names))
                    self._same(todo.keys() <= await self._usable(link, role, todo), role)
                held = await self._usable(link, role, accounts)
            for oid in accounts:
                answers[str(oid)] = self._receipt(oid in todo, oid in held, role)
        return answers

    async def take(self, entitlement_id: str, account_ids: Sequence[str]) -> Answers:
        """Make none of them members."""
        if entitlement_id.startswith(ATTRIBUTE):
            return await self._take_attribute(entitlement_id.removeprefix(ATTRIBUTE), account_ids)
        async with self._links.link("revoke") as link:
            role = await self._role(link, entitlement_id)
            answers, accounts = await self._accounts(link, account_ids, "lose memberships through jmltui")
            edges = await between(link, role.oid, list(accounts))
            todo = {edge.member for edge in edges}
            if todo:
                async with link.change():
                    await self._take(link, role, accounts, edges)
                    self._same(not await between(link, role.oid, sorted(todo)), role)
                left = {edge.member for edge in await between(link, role.oid, list(accounts))}
            for oid in accounts:
                if oid in todo:
                    answers[str(oid)] = self._receipt(True, oid not in left, role)
                else:
                    answers[str(oid)] = await self._not_direct(link, oid, role)
        return answers

    async def _take(self, link: Link, role: Role, accounts: Mapping[int, Role], edges: Sequence[Edge]) -> None:
        """Take every membership back, from PostgreSQL 16 on each in the name of who gave it."""
        taken = sql.Identifier(role.name)
        if link.version < PER_GRANTOR:
            names = [sql.Identifier(accounts[edge.member].name) for edge in edges]
            await link.write(_TAKE.format(taken, sql.SQL(", ").join(names)))
            return
        grantors = await by_ids(link, [edge.grantor for edge in edges])
        for edge in edges:
            if edge.grantor not in grantors:
                raise Stale(f"The grantor of {role.name} on {self._system} is gone; read it again.")
            by = sql.Identifier(grantors[edge.grantor].name)
            await link.write(_TAKE_BY.format(taken, sql.Identifier(accounts[edge.member].name), by))

    async def _not_direct(self, link: Link, oid: int, role: Role) -> Receipt | Exception:
        """Not a direct member: already so, unless it is held through another role."""
        found = (await picture_of(link, self._scope, oid)).grants_of(oid)
        via = next((grant.via for grant in found if grant.entitlement_id == str(role.oid)), None)
        if via is None:
            return Receipt(Outcome.ALREADY)
        return Conflict(
            f"On {self._system} {role.name} is held through {' → '.join(via)}; take that away instead.",
            system=self._system,
        )

    async def _take_attribute(self, name: str, account_ids: Sequence[str]) -> Answers:
        if name not in ATTRIBUTES:
            raise NotFound(f"PostgreSQL has no attribute {name[:80]}.", system=self._system)
        async with self._links.link("revoke") as link:
            answers, accounts = await self._accounts(link, account_ids, f"lose {name.upper()} through jmltui")
            for oid, account in accounts.items():
                if name not in account.attributes:
                    answers[str(oid)] = Receipt(Outcome.ALREADY, before=seen(account))
                    continue
                async with link.change():
                    lose = sql.SQL(f"ALTER ROLE {{}} NO{name.upper()}")
                    await link.write(lose.format(sql.Identifier(account.name)))
                    self._same(await self._lacks(link, oid, name), account)
                answers[str(oid)] = self._receipt(True, await self._lacks(link, oid, name), account)
        return answers

    async def _lacks(self, link: Link, oid: int, name: str) -> bool:
        found = await by_id(link, oid)
        return found is not None and name not in found.attributes

    async def _usable(self, link: Link, role: Role, accounts: Mapping[int, Role]) -> set[int]:
        return {edge.member for edge in await between(link, role.oid, list(accounts)) if edge.usable}

    async def _role(self, link: Link, entitlement_id: str) -> Role:
        """The role that is held. Raises NotFound."""
        oid = oid_of(entitlement_id, self._system)
        found = await by_id(link, oid)
        if found is None:
            raise NotFound(f"{self._system} holds no role {oid}.", system=self._system)
        return found

    async def _grantable(self, link: Link, entitlement_id: str) -> Role:
        """The role to give. Raises NotFound and Forbidden."""
        if entitlement_id.startswith(ATTRIBUTE):
            name = entitlement_id.removeprefix(ATTRIBUTE).upper()[:80]
            raise Forbidden(f"jmltui gives nobody {name}; ALTER ROLE by hand does.", system=self._system)
        role = await self._role(link, entitlement_id)
        if not self._scope.is_grantable(role):
            why = "list it under `grantable` if it is meant to be" if role.predefined else "somebody signs in as it"
            raise Forbidden(f"{role.name} of {self._system} is not granted by jmltui: {why}.", system=self._system)
        return role

    async def _accounts(self, link: Link, account_ids: Sequence[str], what: str) -> tuple[Answers, dict[int, Role]]:
        """Which of them may be changed, and the answers of those that may not."""
        answers: Answers = {}
        oids: dict[int, str] = {}
        for account_id in dict.fromkeys(account_ids):
            try:
                oids[oid_of(account_id, self._system)] = account_id
            except NotFound as error:
                answers[account_id] = error
        found = await by_ids(link, sorted(oids))
        for oid, account_id in oids.items():
            if oid not in found:
                answers[account_id] = NotFound(f"{self._system} holds no role {oid}.", system=self._system)
                continue
            try:
                self._scope.to_touch(found[oid], what)
            except Forbidden as error:
                answers[account_id] = error
                del found[oid]
        return answers, found

    def _same(self, as_wanted: bool, role: Role) -> None:
        """Undo the transaction unless it did what it was for: a name may have passed to another role meanwhile."""
        if not as_wanted:
            raise Stale(f"{role.name} of {self._system} or its member was renamed meanwhile; nothing was changed.")

    def _receipt(self, changed: bool, as_wanted: bool, role: Role) -> Receipt | Exception:
        if not as_wanted:
            return ContractBroken(
                f"{self._system} accepts the change of {role.name} and leaves it as it was.", system=self._system
            )
        return Receipt(Outcome.CHANGED if changed else Outcome.ALREADY, after={"role": role.name})
