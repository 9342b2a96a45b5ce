"""The adapter: every write is looked at first, made, and proved by another call."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from jmltui.adapter_api import (
    Account,
    AccountState,
    Cap,
    Capabilities,
    Conflict,
    Entitlement,
    Evidence,
    Grant,
    Invalid,
    NotFound,
    Option,
    OptionType,
    Outcome,
    Page,
    Proof,
    Query,
    Receipt,
    Setup,
    Stale,
    Step,
    Support,
    Unsupported,
    Verdict,
)

from .application import Application

PAGE = "SELECT id, login, name, email, staff_number, active, version FROM account WHERE id > ? ORDER BY id LIMIT ?"
BY_ID = "SELECT id, login, name, email, staff_number, active, version FROM account WHERE id = ?"
BY_LOGIN = "SELECT id, login, name, email, staff_number, active, version FROM account WHERE login = ?"
CREATE = (
    "INSERT INTO account (login, name, email, staff_number, active, version) VALUES (?, ?, ?, ?, 1, 1) "
    "ON CONFLICT (login) DO NOTHING"
)
UPDATE = (
    "UPDATE account SET login = ?, name = ?, email = ?, staff_number = ?, version = version + 1 "
    "WHERE id = ? AND version = ?"
)

PROVED = Support(Proof.READ_BACK, reversible=True)
GONE = Support(Proof.READ_BACK, reversible=False, note="a deleted account cannot be brought back")


class ExampleAdapter:
    """One installation of the application."""

    kind: ClassVar[str] = "example"
    EXERCISED_AGAINST: ClassVar[str] = "the tables of the application, as SQLite keeps them"
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("file", OptionType.PATH, "The application's SQLite file.", required=True),
    )

    def __init__(self, setup: Setup) -> None:
        self.name = setup.name
        self._clock = setup.clock
        self._app = Application(setup.name, Path(str(setup.options["file"])))

    # ---- life

    def capabilities(self) -> Capabilities:
        """What can be done, and how it is proved. No input or output here."""
        lists = (Cap.LIST_ACCOUNTS, Cap.LIST_ENTITLEMENTS, Cap.LIST_GRANTS, Cap.FIND)
        writes = (Cap.CREATE, Cap.UPDATE, Cap.ENABLE, Cap.DISABLE, Cap.GRANT, Cap.REVOKE)
        return {**dict.fromkeys((*lists, *writes), PROVED), Cap.DELETE: GONE}

    async def open(self) -> None:
        """See that it is there. Raises Unavailable, ContractBroken."""
        await self.check()

    async def close(self) -> None:
        """Nothing is kept open."""

    async def check(self) -> Mapping[str, str]:
        """Facts for `jmltui doctor`."""
        count = await self._app.read(lambda db: db.execute("SELECT count(*) FROM account").fetchone()[0])
        return {"reachable": "yes", "accounts": str(count)}

    # ---- reading

    async def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
        """All accounts, in the order of their ids; `query.cursor` takes up where a page ended."""
        after, size = int(query.cursor or 0), query.page_size
        while True:
            rows = await self._app.read(_rows(PAGE, after, size))
            after = rows[-1][0] if rows else after
            more = len(rows) == size
            yield Page([_account(row) for row in rows], cursor=str(after) if more else None)
            if not more:
                return

    async def entitlements(self, query: Query) -> AsyncIterator[Page[Entitlement]]:
        """All roles."""
        del query
        rows = await self._app.read(_rows("SELECT id, name FROM role ORDER BY id"))
        yield Page([Entitlement(str(number), "role", name) for number, name in rows])

    async def grants(self, query: Query) -> AsyncIterator[Page[Grant]]:
        """Who holds which role."""
        del query
        rows = await self._app.read(_rows("SELECT account, role FROM holds"))
        yield Page([Grant(str(account), str(role)) for account, role in rows])

    async def read(self, account_id: str) -> Account:
        """One account. Raises NotFound."""
        rows = await self._app.read(_rows(BY_ID, account_id))
        if not rows:
            raise NotFound(f"{self.name} has no account {account_id}.", system=self.name)
        return _account(rows[0])

    async def find(self, login: str) -> Account | None:
        """The account with exactly this login; the application does not tell capitals apart."""
        rows = await self._app.read(_rows(BY_LOGIN, login))
        return _account(rows[0]) if rows else None

    async def grants_of(self, account_id: str) -> Sequence[Grant]:
        """What one account holds."""
        rows = await self._app.read(_rows("SELECT role FROM holds WHERE account = ?", account_id))
        return [Grant(account_id, str(role)) for (role,) in rows]

    # ---- writing

    async def create(self, wanted: Account, *, key: str) -> tuple[Account, Receipt]:
        """Make the account exist; one that is somebody else's is a Conflict."""
        del key
        values = (wanted.login, wanted.display, "".join(wanted.emails[:1]), wanted.external_id)
        made = await self._app.write(_moved(CREATE, *values))
        found = await self.find(wanted.login)
        if found is None or (not made and found.external_id != wanted.external_id):
            raise Conflict(f"{self.name} has an account {wanted.login} that is somebody else's.", system=self.name)
        return found, Receipt(Outcome.CHANGED if made else Outcome.ALREADY, after={"id": found.id})

    async def update(self, account_id: str, changes: Mapping[str, object], *, if_version: str | None = None) -> Receipt:
        """Make these attributes so. Raises Stale where the account is another by now."""
        before = await self.read(account_id)
        if if_version not in (None, before.version):
            raise self._stale(before)
        now: dict[str, object] = {
            "login": before.login,
            "display": before.display,
            "email": "".join(before.emails),
            "external_id": before.external_id,
        }
        if changes.keys() - now.keys():
            raise Invalid(f"Of an account in {self.name} only {', '.join(now)} can be changed.", system=self.name)
        after = {**now, **changes}
        if after == now:
            return Receipt(Outcome.ALREADY, before=now, after=after)
        if not await self._app.write(_moved(UPDATE, *after.values(), account_id, before.version)):
            raise self._stale(before)
        return Receipt(Outcome.CHANGED, before=now, after=after)

    def _stale(self, account: Account) -> Stale:
        return Stale(f"{account.login} of {self.name} changed since it was read.", system=self.name)

    async def enable(self, account_id: str) -> Receipt:
        """Let the account sign in."""
        return await self._set_active(account_id, True)

    async def disable(self, account_id: str) -> Receipt:
        """Let the account sign in no more."""
        return await self._set_active(account_id, False)

    async def _set_active(self, account_id: str, value: bool) -> Receipt:
        before = await self.read(account_id)
        sql = "UPDATE account SET active = ?, version = version + 1 WHERE id = ? AND active IS NOT ?"
        moved = await self._app.write(_moved(sql, value, account_id, value))
        return _receipt(moved, before={"state": before.state.value})

    async def delete(self, account_id: str) -> Receipt:
        """Make the account not exist."""
        return _receipt(await self._app.write(_moved("DELETE FROM account WHERE id = ?", account_id)))

    async def grant(self, account_id: str, entitlement_id: str, *, expires: datetime | None = None) -> Receipt:
        """Make the account hold the role."""
        if expires is not None:
            raise Unsupported(f"Roles of {self.name} cannot end by themselves.", system=self.name)
        await self._known(account_id, entitlement_id)
        sql = "INSERT INTO holds (account, role) VALUES (?, ?) ON CONFLICT DO NOTHING"
        return _receipt(await self._app.write(_moved(sql, account_id, entitlement_id)))

    async def revoke(self, account_id: str, entitlement_id: str) -> Receipt:
        """Make the account not hold the role."""
        await self._known(account_id, entitlement_id)
        sql = "DELETE FROM holds WHERE account = ? AND role = ?"
        return _receipt(await self._app.write(_moved(sql, account_id, entitlement_id)))

    async def _known(self, account_id: str, entitlement_id: str) -> None:
        await self.read(account_id)
        if not await self._app.read(_rows("SELECT 1 FROM role WHERE id = ?", entitlement_id)):
            raise NotFound(f"{self.name} has no role {entitlement_id}.", system=self.name)

    # ---- proof

    async def verify(self, step: Step) -> Evidence:
        """Read back whether it is so. Never writes, and never asks the call that wrote."""
        if step.cap in (Cap.GRANT, Cap.REVOKE):
            held = step.target in [grant.entitlement_id for grant in await self.grants_of(step.account_id)]
            return self._evidence(held is (step.cap is Cap.GRANT), {"held": held}, "SELECT FROM holds")
        found = await self._there(step)
        active = found is not None and found.state is AccountState.ACTIVE
        wanted = {
            Cap.CREATE: found is not None,
            Cap.DELETE: found is None,
            Cap.ENABLE: active,
            Cap.DISABLE: not active,
        }.get(step.cap)
        seen = {"present": found is not None, "active": active}
        if wanted is None:
            return Evidence(Verdict.UNVERIFIABLE, Proof.NONE, seen, self._clock(), "SELECT FROM account")
        return self._evidence(wanted, seen, "SELECT FROM account")

    async def _there(self, step: Step) -> Account | None:
        if not step.account_id:
            return await self.find(step.login)
        try:
            return await self.read(step.account_id)
        except NotFound:
            return None

    def _evidence(self, good: bool, seen: Mapping[str, object], source: str) -> Evidence:
        verdict = Verdict.CONFIRMED if good else Verdict.CONTRADICTED
        return Evidence(verdict, Proof.READ_BACK, seen, self._clock(), source)


def _rows(sql: str, *values: object) -> Callable[[sqlite3.Connection], list[Any]]:
    return lambda db: db.execute(sql, values).fetchall()


def _moved(sql: str, *values: object) -> Callable[[sqlite3.Connection], int]:
    """How many rows a change moved."""
    return lambda db: db.execute(sql, values).rowcount


def _account(row: Any) -> Account:
    number, login, name, email, staff_number, active, version = row
    state = AccountState.ACTIVE if active else AccountState.DISABLED
    emails = (email,) if email else ()
    return Account(str(number), login, state, emails, staff_number, name, version=str(version))


def _receipt(moved: int, before: Mapping[str, object] | None = None) -> Receipt:
    return Receipt(Outcome.CHANGED if moved else Outcome.ALREADY, before=before or {})
