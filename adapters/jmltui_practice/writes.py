"""Writing one system of the file: look, write, say what was done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, TypeVar

from jmltui.adapter_api import Account, AccountState, Conflict, Invalid, NotFound, Outcome, Receipt, Stale

from .records import Records, storable
from .store import writing

T = TypeVar("T")
MAX_LOGIN: Final = 256


class _Lie(Exception):
    """Takes a finished transaction back."""


class Writes:
    """The changes of one call, all in one short transaction."""

    def __init__(self, records: Records, now: datetime) -> None:
        self._records = records
        self._link = records.link
        self._system = records.system
        self._now = now

    def run(self, work: Callable[[Writes], T], *, keep: bool) -> T:
        """Do the work; without `keep` its answer is given and nothing is left of it."""
        answers: list[T] = []
        try:
            with writing(self._link):
                answers.append(work(self))
                if not keep:
                    raise _Lie
        except _Lie:
            return answers[0]
        return answers[0]

    def create(self, wanted: Account) -> tuple[Account, Receipt]:
        """Make the account exist. Raises Conflict and Invalid."""
        login = wanted.login
        if not login.strip() or len(login) > MAX_LOGIN or "\x00" in login or storable(login) != login:
            raise Invalid(f"{self._records.name} cannot store this login.", system=self._records.name)
        present = self._records.find(login)
        if present is not None:
            if wanted.external_id is None or present.external_id != wanted.external_id:
                raise Conflict(
                    f"{self._records.name} already holds an account {login} that belongs to somebody else.",
                    system=self._records.name,
                )
            return present, Receipt(Outcome.ALREADY, after={"id": present.id})
        account_id = self._next_id()
        self._link.execute(
            "INSERT INTO account (system, id, login, folded, state, email, external_id, display, kind) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (self._system, account_id, login, login.casefold(), AccountState.ACTIVE.value,
             storable(next(iter(wanted.emails), "")), wanted.external_id, storable(wanted.display), wanted.kind),
        )  # fmt: skip
        self._event(account_id, "create")
        return self._records.account(account_id), Receipt(Outcome.CHANGED, after={"id": account_id, "login": login})

    def update(self, account_id: str, changes: Mapping[str, object], if_version: str | None) -> Receipt:
        """Make `display` and `email` so. Raises NotFound, Stale and Invalid."""
        account = self._records.account(account_id)
        if if_version is not None and if_version != account.version:
            raise Stale(f"{account.login} was changed since it was read.", system=self._records.name, code="412")
        unknown = sorted(set(changes) - {"display", "email"})
        if unknown:
            raise Invalid(f"{self._records.name} knows no attribute {unknown[0]}.", system=self._records.name)
        before: dict[str, object] = {"display": account.display, "email": next(iter(account.emails), "")}
        after = {**before, **{name: storable(str(value)) for name, value in changes.items()}}
        if after == before:
            return Receipt(Outcome.ALREADY, before=before, after=after)
        self._link.execute(
            "UPDATE account SET display = ?, email = ?, version = version + 1 WHERE system = ? AND id = ?",
            (after["display"], after["email"], self._system, account_id),
        )
        return Receipt(Outcome.CHANGED, before=before, after=after)

    def set_state(self, account_id: str, state: AccountState, settle: timedelta) -> Receipt:
        """Make the account's state so; what is shown follows after `settle`. Raises NotFound."""
        row = self._records.row(account_id)
        if row is None:
            self._records.account(account_id)
        was = row["state"] if row is not None else ""
        before, after = {"state": was}, {"state": state.value}
        if was == state.value:
            return Receipt(Outcome.ALREADY, before=before, after=after)
        settles = (self._now + settle).isoformat() if settle else None
        self._link.execute(
            "UPDATE account SET state = ?, state_before = ?, settles_at = ?, version = version + 1 "
            "WHERE system = ? AND id = ?",
            (state.value, was, settles, self._system, account_id),
        )
        event = self._event(account_id, "enable" if state is AccountState.ACTIVE else "disable")
        return Receipt(Outcome.CHANGED, request_id=str(event), before=before, after=after)

    def delete(self, account_id: str) -> Receipt:
        """Make the account not exist, with all that it holds."""
        row = self._records.row(account_id)
        if row is None:
            return Receipt(Outcome.ALREADY, after={"present": False})
        for table, column in (("account", "id"), *((t, "account_id") for t in ("held", "session", "credential"))):
            self._link.execute(f"DELETE FROM {table} WHERE system = ? AND {column} = ?", (self._system, account_id))  # noqa: S608  fixed names
        self._event(account_id, "delete")
        return Receipt(Outcome.CHANGED, before={"login": row["login"], "state": row["state"]}, after={"present": False})

    def grant(self, account_id: str, entitlement_id: str, expires: datetime | None) -> Receipt:
        """Make the account hold the entitlement. Raises NotFound, Invalid."""
        self._records.account(account_id)
        entitlement = self._records.entitlement_row(entitlement_id)
        if not entitlement["grantable"]:
            raise Invalid(f"{entitlement['name']} follows from a rule of the system.", system=self._records.name)
        if self._records.holds(account_id, entitlement_id):
            return Receipt(Outcome.ALREADY, before={"held": True}, after={"held": True})
        self._link.execute(
            "INSERT INTO held (system, account_id, entitlement_id, expires) VALUES (?, ?, ?, ?)",
            (self._system, account_id, entitlement_id, expires.isoformat() if expires else None),
        )
        self._event(account_id, "grant", entitlement_id)
        return Receipt(Outcome.CHANGED, before={"held": False}, after={"held": True})

    def revoke_entitlement(self, account_id: str, entitlement_id: str) -> Receipt:
        """Make the account not hold the entitlement. Raises NotFound."""
        self._records.account(account_id)
        self._records.entitlement_row(entitlement_id)
        if not self._records.holds(account_id, entitlement_id):
            return Receipt(Outcome.ALREADY, before={"held": False}, after={"held": False})
        self._link.execute(
            "DELETE FROM held WHERE system = ? AND account_id = ? AND entitlement_id = ?",
            (self._system, account_id, entitlement_id),
        )
        self._event(account_id, "revoke", entitlement_id)
        return Receipt(Outcome.CHANGED, before={"held": True}, after={"held": False})

    def transfer(self, account_id: str, to: str) -> Receipt:
        """Make what the account owns belong to the other one, a moment later. Raises NotFound."""
        self._records.account(account_id)
        owner = self._records.account(to)
        if self._records.event(account_id, "transfer", to) is not None:
            return Receipt(Outcome.ALREADY, after={"owner": owner.login})
        number = self._event(account_id, "transfer", to)
        return Receipt(Outcome.PENDING, job=str(number), after={"owner": owner.login})

    def wipe_device(self, account_id: str, device_id: str) -> Receipt:
        """Make the account have the device no more, a moment later. Raises NotFound."""
        if self._records.holds(account_id, device_id):
            held = (self._system, account_id, device_id)
            self._link.execute("DELETE FROM held WHERE system = ? AND account_id = ? AND entitlement_id = ?", held)
            number = self._event(account_id, "wipe", device_id)
            return Receipt(Outcome.PENDING, job=str(number), before={"held": True}, after={"held": False})
        self._records.account(account_id)
        if self._records.event(account_id, "wipe", device_id) is None:
            raise NotFound(f"This account of {self._records.name} has no such device.", system=self._records.name)
        return Receipt(Outcome.ALREADY, before={"held": False}, after={"held": False})

    def end_sessions(self, account_id: str, session_id: str | None) -> Receipt:
        """End one session or all. Raises NotFound."""
        live = [s.id for s in self._records.sessions(account_id) if session_id in (None, s.id)]
        for ended in live:
            self._link.execute("DELETE FROM session WHERE system = ? AND id = ?", (self._system, ended))
            self._event(account_id, "end-session", ended)
        return _of(bool(live), {"sessions": live}, {"sessions": []})

    def revoke_credential(self, account_id: str, credential_id: str | None) -> Receipt:
        """Revoke one credential or all. Raises NotFound."""
        valid = [c.id for c in self._records.credentials(account_id) if credential_id in (None, c.id)]
        for revoked in valid:
            self._link.execute("UPDATE credential SET active = 0 WHERE system = ? AND id = ?", (self._system, revoked))
            self._event(account_id, "revoke-credential", revoked)
        return _of(bool(valid), {"credentials": valid}, {"credentials": []})

    def _next_id(self) -> str:
        found = self._link.execute(
            "SELECT max(id) FROM account WHERE system = ? AND id GLOB 'u[0-9]*'", (self._system,)
        ).fetchone()[0]
        used = self._link.execute(
            "SELECT max(account_id) FROM event WHERE system = ? AND what = 'delete'", (self._system,)
        ).fetchone()[0]
        latest = max(found or "u000000", used or "u000000")
        return f"u{int(latest[1:]) + 1:06d}"

    def _event(self, account_id: str, what: str, target: str = "") -> int:
        cursor = self._link.execute(
            "INSERT INTO event (system, at, account_id, what, target) VALUES (?, ?, ?, ?, ?)",
            (self._system, self._now.isoformat(), account_id, what, target),
        )
        return cursor.lastrowid or 0


def _of(changed: bool, before: Mapping[str, object], after: Mapping[str, object]) -> Receipt:
    return Receipt(Outcome.CHANGED if changed else Outcome.ALREADY, before=before, after=after)
