"""Reading one system of the file, and judging whether a change stands."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from jmltui.adapter_api import (
    Account,
    AccountState,
    Cap,
    Credential,
    Entitlement,
    Evidence,
    Grant,
    NotFound,
    Proof,
    Session,
    Step,
    Support,
    Verdict,
)

_SPLIT: Final = "\x1f"
_COUNTS: Final[Mapping[str, str]] = {
    table: f"SELECT count(*) FROM {table} WHERE system = ?"  # noqa: S608  three fixed names
    for table in ("account", "entitlement", "held")
}
_EVENTS: Final[Mapping[Cap, tuple[str, str]]] = {
    Cap.ENABLE: ("enable", "disable"),
    Cap.DISABLE: ("disable", "enable"),
}


_BY_AND_BY: Final[Mapping[Cap, str]] = {Cap.TRANSFER: "transfer", Cap.WIPE_DEVICE: "wipe"}


class Records:
    """What one system says."""

    def __init__(self, link: sqlite3.Connection, name: str, system: str, clock: Callable[[], datetime]) -> None:
        self.link = link
        self.name = name
        self.system = system
        self._clock = clock

    def count(self, table: str) -> int:
        """How many rows there are."""
        found: int = self.link.execute(_COUNTS[table], (self.system,)).fetchone()[0]
        return found

    def accounts(self, last: str, size: int) -> tuple[list[Account], str]:
        """A page after the id `last`, and the id it ends with."""
        rows = self.link.execute(
            "SELECT * FROM account WHERE system = ? AND id > ? ORDER BY id LIMIT ?", (self.system, last, size)
        ).fetchall()
        return [self._account(row) for row in rows], rows[-1]["id"] if rows else last

    def entitlements(self, last: str, size: int) -> tuple[list[Entitlement], str]:
        """A page after the id `last`, and the id it ends with."""
        rows = self.link.execute(
            "SELECT * FROM entitlement WHERE system = ? AND id > ? ORDER BY id LIMIT ?", (self.system, last, size)
        ).fetchall()
        found = [Entitlement(r["id"], r["kind"], r["name"], bool(r["privileged"]), bool(r["grantable"])) for r in rows]
        return found, rows[-1]["id"] if rows else last

    def grants(self, last: str, size: int) -> tuple[list[Grant], str]:
        """A page after the pair `last`, and the pair it ends with."""
        account_id, _, entitlement_id = last.partition(_SPLIT)
        rows = self.link.execute(
            "SELECT * FROM held WHERE system = ? AND (account_id, entitlement_id) > (?, ?) "
            "ORDER BY account_id, entitlement_id LIMIT ?",
            (self.system, account_id, entitlement_id, size),
        ).fetchall()
        end = f"{rows[-1]['account_id']}{_SPLIT}{rows[-1]['entitlement_id']}" if rows else last
        return [_grant(row) for row in rows], end

    def row(self, account_id: str) -> sqlite3.Row | None:
        """The row of one account, or None."""
        found: sqlite3.Row | None = self.link.execute(
            "SELECT * FROM account WHERE system = ? AND id = ?", (self.system, storable(account_id))
        ).fetchone()
        return found

    def account(self, account_id: str) -> Account:
        """One account. Raises NotFound."""
        row = self.row(account_id)
        if row is None:
            raise NotFound(f"{self.name} holds no account {account_id[:80]}.", system=self.name, code="404")
        return self._account(row)

    def another(self, account_id: str) -> Account:
        """Somebody else's account."""
        row = self.link.execute(
            "SELECT * FROM account WHERE system = ? AND id <> ? ORDER BY id LIMIT 1", (self.system, account_id)
        ).fetchone()
        return self._account(row) if row is not None else self.account(account_id)

    def find(self, login: str) -> Account | None:
        """The account with this login, letter case aside."""
        row = self.link.execute(
            "SELECT * FROM account WHERE system = ? AND folded = ?", (self.system, storable(login.casefold()))
        ).fetchone()
        return self._account(row) if row is not None else None

    def grants_of(self, account_id: str) -> list[Grant]:
        """What one account holds. Raises NotFound."""
        self.account(account_id)
        rows = self.link.execute(
            "SELECT * FROM held WHERE system = ? AND account_id = ? ORDER BY entitlement_id", (self.system, account_id)
        )
        return [_grant(row) for row in rows]

    def entitlement_row(self, entitlement_id: str) -> sqlite3.Row:
        """One entitlement. Raises NotFound."""
        row: sqlite3.Row | None = self.link.execute(
            "SELECT * FROM entitlement WHERE system = ? AND id = ?", (self.system, storable(entitlement_id))
        ).fetchone()
        if row is None:
            message = f"{self.name} holds no entitlement {entitlement_id[:80]}."
            raise NotFound(message, system=self.name, code="404")
        return row

    def holds(self, account_id: str, entitlement_id: str) -> bool:
        """Whether the account holds the entitlement."""
        values = (self.system, storable(account_id), storable(entitlement_id))
        sql = "SELECT 1 FROM held WHERE system = ? AND account_id = ? AND entitlement_id = ?"
        return self.link.execute(sql, values).fetchone() is not None

    def sessions(self, account_id: str) -> list[Session]:
        """Live sessions. Raises NotFound."""
        self.account(account_id)
        rows = self.link.execute(
            "SELECT * FROM session WHERE system = ? AND account_id = ? ORDER BY id", (self.system, account_id)
        )
        return [Session(r["id"], account_id, _instant(r["started"]), r["place"]) for r in rows]

    def credentials(self, account_id: str) -> list[Credential]:
        """Credentials that are in force. Raises NotFound."""
        self.account(account_id)
        rows = self.link.execute(
            "SELECT * FROM credential WHERE system = ? AND account_id = ? AND active = 1 ORDER BY id",
            (self.system, account_id),
        )
        return [Credential(r["id"], account_id, r["kind"], _instant(r["created"])) for r in rows]

    # ---- proof

    def evidence(self, step: Step, support: Support, now: datetime) -> Evidence:
        """Whether the step's effect stands."""
        if support.proof is Proof.NONE:
            return Evidence(Verdict.UNVERIFIABLE, Proof.NONE, {}, now, f"{self.name} cannot be asked")
        if support.proof is Proof.AUDIT and step.cap in _EVENTS:
            return self._from_events(step, now)
        if step.cap in _BY_AND_BY:
            return self._by_and_by(step, support, now)
        stands, observed = self._stands(step)
        verdict = Verdict.CONFIRMED if stands else Verdict.CONTRADICTED
        if not stands and self._is_settling(step, now):
            verdict = Verdict.PENDING
        return Evidence(verdict, support.proof, observed, now, f"read {step.account_id or step.login}")

    def _from_events(self, step: Step, now: datetime) -> Evidence:
        row = self.link.execute(
            "SELECT * FROM event WHERE system = ? AND account_id = ? AND what IN (?, ?) ORDER BY seq DESC LIMIT 1",
            (self.system, step.account_id, *_EVENTS[step.cap]),
        ).fetchone()
        stands = row is not None and row["what"] == step.cap.value
        observed: dict[str, object] = {"event": row["what"], "at": row["at"]} if row is not None else {"event": "none"}
        verdict = Verdict.CONFIRMED if stands else Verdict.CONTRADICTED
        source = f"audit log entry {row['seq']}" if row is not None else "audit log"
        return Evidence(verdict, Proof.AUDIT, observed, now, source)

    def event(self, account_id: str, what: str, target: str) -> sqlite3.Row | None:
        """The newest entry of the log about this."""
        found: sqlite3.Row | None = self.link.execute(
            "SELECT * FROM event WHERE system = ? AND account_id = ? AND what = ? AND target = ? ORDER BY seq DESC",
            (self.system, storable(account_id), what, storable(target)),
        ).fetchone()
        return found

    def _by_and_by(self, step: Step, support: Support, now: datetime) -> Evidence:
        """What the system is at for a moment: a mailbox on its way, a phone not reached yet."""
        target, what = step.target or "", _BY_AND_BY[step.cap]
        row = self.event(step.account_id, what, target)
        verdict = Verdict.CONTRADICTED
        if row is not None and not (what == "wipe" and self.holds(step.account_id, target)):
            over = (_instant(row["at"]) or now) + support.settle <= now
            verdict = Verdict.CONFIRMED if over else Verdict.PENDING
        source = f"job {row['seq']}" if row is not None else "list of jobs"
        return Evidence(verdict, support.proof, {"job": verdict.value}, now, source)

    def _stands(self, step: Step) -> tuple[bool, dict[str, object]]:
        if step.cap in (Cap.GRANT, Cap.REVOKE):
            held = self.holds(step.account_id, step.target or "")
            return held is (step.cap is Cap.GRANT), {"held": held}
        row = self.row(step.account_id) if step.account_id else None
        account = self._account(row) if row is not None else None
        if account is None and not step.account_id:
            account = self.find(step.login)
        if account is None:
            gone = step.cap in (Cap.DELETE, Cap.DISABLE, Cap.END_SESSIONS, Cap.REVOKE_CREDENTIALS)
            return gone, {"present": False}
        return self._account_stands(step, account)

    def _account_stands(self, step: Step, account: Account) -> tuple[bool, dict[str, object]]:
        seen: dict[str, object] = {"id": account.id, "login": account.login, "state": account.state.value}
        match step.cap:
            case Cap.CREATE:
                return step.wanted.get("external_id", account.external_id) == account.external_id, seen
            case Cap.ENABLE:
                return account.state is AccountState.ACTIVE, seen
            case Cap.DISABLE:
                return account.state is AccountState.DISABLED, seen
            case Cap.UPDATE:
                now = {"display": account.display, "email": next(iter(account.emails), "")}
                return all(now.get(k) == v for k, v in step.wanted.items()), {**seen, **now}
            case Cap.END_SESSIONS:
                live = [s.id for s in self.sessions(account.id) if step.target in (None, s.id)]
                return not live, {**seen, "sessions": live}
            case Cap.REVOKE_CREDENTIALS:
                valid = [c.id for c in self.credentials(account.id) if step.target in (None, c.id)]
                return not valid, {**seen, "credentials": valid}
            case _:
                return False, seen

    def _is_settling(self, step: Step, now: datetime) -> bool:
        row = self.row(step.account_id) if step.cap in _EVENTS else None
        settles = _instant(row["settles_at"]) if row is not None else None
        return settles is not None and now < settles

    def _account(self, row: sqlite3.Row) -> Account:
        settles = _instant(row["settles_at"])
        state = row["state_before"] if settles is not None and self._clock() < settles else row["state"]
        return Account(
            id=row["id"],
            login=row["login"],
            state=AccountState(state),
            emails=(row["email"],) if row["email"] else (),
            external_id=row["external_id"],
            display=row["display"],
            kind=row["kind"],
            last_seen=_instant(row["last_seen"]),
            version=str(row["version"]),
        )


def storable(text: str) -> str:
    """The text with what the file cannot hold replaced, so that it finds nothing instead of failing."""
    return text.encode("utf-8", "replace").decode()


def _grant(row: sqlite3.Row) -> Grant:
    via = tuple(filter(None, row["via"].split("/")))
    return Grant(row["account_id"], row["entitlement_id"], not via, via, _instant(row["expires"]))


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
