"""Making and changing accounts: CREATE ROLE, ALTER ROLE, COMMENT ON ROLE.

Names reach the server as identifiers and everything else as literals of psycopg's composition. A statement names a role
by its name while everything here is known by its object identifier, so the role is read again by that before the
transaction ends: where a name has passed to another role meanwhile, nothing was changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from psycopg import sql

from jmltui.adapter_api import Account, Conflict, ContractBroken, Invalid, NotFound, Outcome, Receipt, Stale

from .link import Link, Links, Statement
from .remark import Remark, checked
from .roles import Role, account_of, by_id, by_name, checked_name, oid_of, seen
from .scope import Scope

BOTH: Final = "both"
NOLOGIN: Final = "nologin"
LIMIT: Final = "limit"
DISABLE_BY: Final = (BOTH, NOLOGIN, LIMIT)
NEVER: Final = "infinity"
NO_LIMIT: Final = -1
LARGEST_LIMIT: Final = 2**31 - 1

_CREATE: Final = sql.SQL("CREATE ROLE {} WITH LOGIN CONNECTION LIMIT {} VALID UNTIL {}")
_ALTER: Final = sql.SQL("ALTER ROLE {} WITH {}")
_RENAME: Final = sql.SQL("ALTER ROLE {} RENAME TO {}")
_COMMENT: Final = sql.SQL("COMMENT ON ROLE {} IS {}")


class Accounts:
    """Writes the accounts of one server."""

    def __init__(self, links: Links, scope: Scope, system: str, disable_by: str) -> None:
        self._links = links
        self._scope = scope
        self._system = system
        self._disable_by = disable_by

    async def create(self, wanted: Account) -> tuple[Account, Receipt]:
        """Make the role exist, with LOGIN and without a password. Raises Conflict for somebody else's."""
        name = checked_name(wanted.login, self._system)
        why = self._scope.why_not_called(name)
        if why:
            raise Invalid(f"A role called {name} {why}; {self._system} would never show it.", system=self._system)
        changes = {key: value for key, value in wanted.raw.items() if value not in (None, "")}
        if wanted.expires is not None:
            changes.setdefault("expires", wanted.expires)
        remark = checked(Remark(wanted.external_id or None, wanted.display))
        empty = Role(0, name, True, NO_LIMIT, None, frozenset(), str(remark))
        planned = self._changed(empty, changes)
        async with self._links.link("create") as link:
            present = await by_name(link, name)
            if present is None:
                try:
                    made = await self._make(link, planned)
                    return self._told(made), Receipt(Outcome.CHANGED, request_id=str(made.oid), after=seen(made))
                except Conflict:
                    present = await by_name(link, name)
            return self._told(self._same_person(present, wanted)), Receipt(Outcome.ALREADY, after=seen(present))

    async def _make(self, link: Link, planned: Role) -> Role:
        async with link.change():
            limit, until = sql.Literal(planned.limit), _until(planned)
            await link.write(_CREATE.format(sql.Identifier(planned.name), limit, until))
            if planned.comment:
                await link.write(_comment(planned))
            inside = await by_name(link, planned.name)
            if inside is None or replace(planned, oid=inside.oid) != inside:
                raise ContractBroken(f"{self._system} makes another role than was asked for.", system=self._system)
        made = await by_id(link, inside.oid)
        if made is None:
            raise ContractBroken(f"{self._system} made {planned.name} and does not show it.", system=self._system)
        return made

    def _same_person(self, present: Role | None, wanted: Account) -> Role:
        """The role that is there already, if it is this person's account. Raises Conflict."""
        if present is None or present.remark.key != wanted.external_id or not self._scope.holds(present):
            why = self._scope.why_not(present) if present is not None else ""
            raise Conflict(
                f"{self._system} already holds a role called {wanted.login} that {why or 'belongs to somebody else'}.",
                system=self._system,
                operation="create",
            )
        return present

    async def update(self, account_id: str, changes: Mapping[str, object], if_version: str | None) -> Receipt:
        """Make these attributes so."""
        async with self._links.link("update") as link:
            before = await self.touched(link, account_id, "change through jmltui")
            if if_version is not None and if_version != before.version:
                raise Stale(f"{before.name} of {self._system} changed since it was read.", system=self._system)
            return await self._to(link, before, self._changed(before, changes))

    async def enable(self, account_id: str) -> Receipt:
        """LOGIN again, with the connection limit of before a disable."""
        async with self._links.link("enable") as link:
            before = await self.touched(link, account_id, "change through jmltui")
            remark, limit = before.remark, before.limit
            if limit == 0:
                limit = remark.limit or NO_LIMIT
            if before.may_sign_in and remark.limit is None:
                return Receipt(Outcome.ALREADY, before=seen(before), after=seen(before))
            comment = str(replace(remark, limit=None))
            return await self._to(link, before, replace(before, login=True, limit=limit, comment=comment))

    async def disable(self, account_id: str) -> Receipt:
        """NOLOGIN, CONNECTION LIMIT 0 or both, as the settings choose. Who is connected stays connected."""
        async with self._links.link("disable") as link:
            before = await self.touched(link, account_id, "change through jmltui")
            return await self.shut(link, before)

    async def shut(self, link: Link, before: Role) -> Receipt:
        """Make a role unable to sign in, and leave a trace by which it stays known as an account."""
        limit = 0 if self._disable_by in (BOTH, LIMIT) else before.limit
        login = before.login if self._disable_by == LIMIT and "superuser" not in before.attributes else False
        if not before.may_sign_in and (login, limit) == (before.login, before.limit):
            return Receipt(Outcome.ALREADY, before=seen(before), after=seen(before))
        remark = before.remark
        if remark.limit is None:
            remark = replace(remark, limit=before.limit)
        return await self._to(link, before, replace(before, login=login, limit=limit, comment=str(remark)))

    async def touched(self, link: Link, account_id: str, what: str) -> Role:
        """The account that is to be changed. Raises NotFound and Forbidden."""
        oid = oid_of(account_id, self._system)
        found = await by_id(link, oid)
        if found is None:
            raise NotFound(f"{self._system} holds no role {oid}.", system=self._system)
        return self._scope.to_touch(found, what)

    async def make_so(self, link: Link, before: Role, wanted: Role, statements: Sequence[Statement]) -> Role:
        """Run these statements as one, believed only when the role itself has become what was wanted, then again."""
        async with link.change():
            for statement in statements:
                await link.write(statement)
            if await by_id(link, before.oid) != wanted:
                raise Stale(
                    f"{before.name} of {self._system} changed at that moment; nothing was changed here.",
                    system=self._system,
                )
        after = await by_id(link, before.oid)
        if after != wanted:
            raise ContractBroken(
                f"{self._system} accepts the change of {before.name} and leaves it as it was.", system=self._system
            )
        return after

    async def _to(self, link: Link, before: Role, wanted: Role) -> Receipt:
        """Bring a role from one state to another by the statements that the difference takes."""
        name = sql.Identifier(before.name)
        words = [sql.SQL("LOGIN" if wanted.login else "NOLOGIN")] if before.login != wanted.login else []
        options: list[sql.Composable] = [*words]
        if before.limit != wanted.limit:
            options.append(sql.SQL("CONNECTION LIMIT {}").format(sql.Literal(wanted.limit)))
        if before.until != wanted.until:
            options.append(sql.SQL("VALID UNTIL {}").format(_until(wanted)))
        statements: list[Statement] = [_ALTER.format(name, sql.SQL(" ").join(options))] if options else []
        if before.comment != wanted.comment:
            statements.append(_comment(replace(wanted, name=before.name)))
        if before.name != wanted.name:
            statements.append(_RENAME.format(name, sql.Identifier(wanted.name)))
        if not statements:
            return Receipt(Outcome.ALREADY, before=seen(before), after=seen(before))
        after = await self.make_so(link, before, wanted, statements)
        return Receipt(Outcome.CHANGED, before=seen(before), after=seen(after))

    def _changed(self, before: Role, changes: Mapping[str, object]) -> Role:
        """The role as these changes want it. Raises Invalid."""
        return changed(before, changes, self._system)

    def _told(self, role: Role) -> Account:
        return account_of(role, self._scope.kind(role))


def changed(before: Role, changes: Mapping[str, object], system: str) -> Role:
    """The role as these changes of an account want it. Raises Invalid."""
    wanted, remark = before, before.remark
    for name, value in changes.items():
        if name == "login":
            wanted = replace(wanted, name=checked_name(str(value), system))
        elif name == "display":
            remark = replace(remark, text=str(value))
        elif name == "external_id":
            remark = replace(remark, key=str(value) if value else None)
        elif name == "expires":
            wanted = replace(wanted, until=_instant(value))
        elif name == "connection_limit":
            wanted = replace(wanted, limit=_limit(value))
        else:
            raise Invalid(
                f"“{name}” is nothing that a PostgreSQL role has; only login, display, external_id, expires and "
                "connection_limit are.",
                system=system,
            )
    return wanted if remark == before.remark else replace(wanted, comment=str(checked(remark)))


def _instant(value: object) -> datetime | None:
    """When an account expires, whole to the microsecond in UTC; None for never. Raises Invalid."""
    if value in (None, "", NEVER):
        return None
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise Invalid(f"“{str(value)[:40]}” is no date and time such as 2026-06-30T18:00:00+00:00.") from None
    if found.tzinfo is None or not 1970 <= found.year < 9999:
        raise Invalid(f"“{str(value)[:40]}” must be a time with its offset from UTC, between 1970 and 9998.")
    return found.astimezone(UTC)


def _limit(value: object) -> int:
    """A connection limit: at least one, or -1 for none; 0 is what a disable sets. Raises Invalid."""
    try:
        found = int(str(value))
    except ValueError:
        found = 0
    if found != NO_LIMIT and not 1 <= found <= LARGEST_LIMIT:
        raise Invalid(f"“{str(value)[:40]}” is no connection limit: at least 1, or -1 for none.")
    return found


def _until(role: Role) -> sql.Literal:
    return sql.Literal(role.until.isoformat() if role.until else NEVER)


def _comment(role: Role) -> sql.Composed:
    """Set a role's comment, or take it away when it is empty."""
    return _COMMENT.format(sql.Identifier(role.name), sql.Literal(role.comment or None))
