"""The journal: append-only, each entry chained to the one before over the very bytes that are stored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import insert, select
from sqlmodel import Session, col

from .tables import ChangeRow, JournalRow

CHAIN_PREFIX: Final = b"\x02"
START: Final = hashlib.sha256(b"jmltui journal").hexdigest()

SECRET_NAMES: Final = ("password", "secret", "token", "assertion", "authorization", "unicodepwd", "api_key", "apikey")


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was done or decided. `facts` are small and free of secrets (they are redacted by name)."""

    actor: str
    action: str
    summary: str
    case_id: int | None = None
    person_id: int | None = None
    system: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ChainState:
    """What a verification found; `first_bad` is the sequence number of the first entry that cannot be believed."""

    entries: int
    first_bad: int | None = None
    reason: str = ""


def redacted(facts: Mapping[str, object]) -> dict[str, object]:
    """The facts with every value of a secret-sounding name replaced, at any depth."""
    return {
        key: "[secret]"
        if any(name in key.casefold() for name in SECRET_NAMES)
        else redacted(value)
        if isinstance(value, Mapping)
        else value
        for key, value in facts.items()
    }


def append(session: Session, at: datetime, *entries: Entry) -> None:
    """Append entries in the caller's transaction. Any failure propagates: without a journal nothing is done."""
    last = session.execute(
        select(col(JournalRow.seq), col(JournalRow.hash)).order_by(col(JournalRow.seq).desc()).limit(1)
    ).first()
    seq, previous = (last[0] or 0, last[1]) if last else (0, START)
    rows = []
    for entry in entries:
        seq += 1
        stored = _bytes(seq, at, previous, entry)
        previous = hashlib.sha256(CHAIN_PREFIX + stored).hexdigest()
        rows.append(
            {
                "seq": seq,
                "at": at,
                "actor": entry.actor,
                "action": entry.action,
                "case_id": entry.case_id,
                "person_id": entry.person_id,
                "system": entry.system,
                "summary": entry.summary,
                "entry": stored,
                "hash": previous,
            }
        )
    if rows:
        session.execute(insert(JournalRow), rows)


def signal_change(session: Session, at: datetime, kind: str, ref: object = "") -> None:
    """Tell the screens of other processes what to read again."""
    session.add(ChangeRow(at=at, kind=kind, ref=str(ref)))


def verify(session: Session) -> ChainState:
    """Walk the whole chain; names the first entry that was changed, removed, inserted or swapped."""
    previous, expected, count = START, 1, 0
    columns = (col(JournalRow.seq), col(JournalRow.entry), col(JournalRow.hash))
    for seq, stored, digest in session.execute(select(*columns).order_by(col(JournalRow.seq))).yield_per(1000):
        if seq != expected:
            return ChainState(count, expected, f"entry {expected} is missing")
        if not isinstance(stored, bytes):
            return ChainState(count, seq, f"entry {seq} was altered")
        if json.loads(stored)["prev"] != previous:
            return ChainState(count, seq, f"entry {seq} does not follow the one before it")
        if hashlib.sha256(CHAIN_PREFIX + stored).hexdigest() != digest:
            return ChainState(count, seq, f"entry {seq} was altered")
        previous, expected, count = digest, expected + 1, count + 1
    return ChainState(count)


def _bytes(seq: int, at: datetime, previous: str, entry: Entry) -> bytes:
    value = {
        "seq": seq,
        "at": at.isoformat(),
        "prev": previous,
        "actor": entry.actor,
        "action": entry.action,
        "summary": entry.summary,
        "case": entry.case_id,
        "person": entry.person_id,
        "system": entry.system,
        "facts": redacted(entry.facts),
    }
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str).encode()
