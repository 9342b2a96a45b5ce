"""Whole mirrors in one stream: everybody, the accounts in use, who holds what. Rows are told as they come."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, cast

from sqlalchemy import Column, Integer, MetaData, Row, Select, Table, and_, func, insert, or_, select
from sqlalchemy.schema import CreateTable
from sqlmodel import Session, col

from jmltui.domain.access import Account, AccountState, Link
from jmltui.domain.case import CaseKind, CaseState
from jmltui.domain.exception import ExceptionKind, ExceptionState
from jmltui.domain.person import Person, PersonStatus, PersonType

from .tables import AccountRow, CaseRow, EntitlementRow, ExceptionRow, HeldRow, OwnershipRow, PersonRow

ROWS_AT_ONCE: Final = 2_000
OUT_OF_USE: Final = (AccountState.DISABLED.value, AccountState.DELETED.value)

_STAYING: Final = Table(
    "staying", MetaData(), Column("person", Integer, primary_key=True, autoincrement=False), prefixes=["TEMPORARY"]
)
_ASKED: Final = Table(
    "asked", MetaData(), Column("entitlement", Integer, primary_key=True, autoincrement=False), prefixes=["TEMPORARY"]
)
_ACCOUNT: Final = cast("Any", AccountRow).__table__.c
_PERSON: Final = cast("Any", PersonRow).__table__.c
_ACCOUNT_COLUMNS: Final = (
    _ACCOUNT.id,
    _ACCOUNT.system,
    _ACCOUNT.account_id,
    _ACCOUNT.login,
    _ACCOUNT.state,
    _ACCOUNT.emails,
    _ACCOUNT.external_id,
    _ACCOUNT.display,
    _ACCOUNT.kind,
    _ACCOUNT.last_seen,
    _ACCOUNT.expires,
    _ACCOUNT.version,
    _ACCOUNT.link,
    _ACCOUNT.read_at,
    _ACCOUNT.person_id,
)
_IN_USE: Final = select(*_ACCOUNT_COLUMNS).where(_ACCOUNT.state.not_in(OUT_OF_USE)).order_by(_ACCOUNT.id)
_WITH_PERSON: Final = (
    select(*_ACCOUNT_COLUMNS, _PERSON.key, _PERSON.name, _PERSON.status, _PERSON.starts)
    .join(PersonRow, _PERSON.id == _ACCOUNT.person_id)
    .order_by(_ACCOUNT.id)
)
_PERSON_COLUMNS: Final = tuple(
    _PERSON[name]
    for name in (
        "id", "source", "key", "name", "type", "status", "email", "department", "title", "location", "manager",
        "sponsor", "owner", "zone", "starts", "ends", "urgent", "reason", "attributes", "row_ref", "present",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seen:
    """An account as it was mirrored. `number` is its row; it is as it is since `since` at least."""

    number: int
    system: str
    account: Account
    link: Link
    since: datetime
    person_id: int
    person_key: str = ""
    person_name: str = ""
    on_leave: bool = False
    starts: date | None = None


@dataclass(frozen=True, slots=True)
class Holding:
    """Somebody holds something; `entitlement` is the row number of what is held, 0 for the bare account."""

    account: int
    entitlement: int
    person_id: int
    direct: bool = True
    via: tuple[str, ...] = ()


def everybody(session: Session) -> Iterator[tuple[Person, bool]]:
    """Every person that any source ever stated, as last stated, and whether the last accepted feed held them."""
    for row in _stream(session, select(*_PERSON_COLUMNS).order_by(_PERSON.id)):
        yield _person(row), bool(row.present)


def _person(row: Row[Any]) -> Person:
    attributes: Mapping[str, str] = json.loads(row.attributes) if row.attributes != "{}" else {}
    return Person(
        id=row.id,
        source=row.source,
        key=row.key,
        name=row.name,
        type=PersonType(row.type),
        status=PersonStatus(row.status),
        email=row.email,
        department=row.department,
        title=row.title,
        location=row.location,
        manager=row.manager,
        sponsor=row.sponsor,
        owner=row.owner,
        zone=row.zone,
        starts=date.fromisoformat(row.starts) if row.starts else None,
        ends=date.fromisoformat(row.ends) if row.ends else None,
        urgent=bool(row.urgent),
        reason=row.reason,
        attributes=attributes,
        row=row.row_ref,
    )


def key_lengths(session: Session) -> set[int]:
    """How long the keys of people are."""
    return {int(length) for length in session.scalars(select(func.length(_PERSON.key)).distinct())}


def left_by_case(session: Session) -> set[int]:
    """Who is absent from the feed, and whose last case that came or went was a leaver that is done."""
    query = (
        select(col(CaseRow.person_id), col(CaseRow.kind), col(CaseRow.state))
        .join(PersonRow, _PERSON.id == col(CaseRow.person_id))
        .where(_PERSON.present.is_(False), col(CaseRow.state) != CaseState.CANCELLED.value)
        .where(col(CaseRow.kind).in_((CaseKind.LEAVER.value, CaseKind.JOINER.value, CaseKind.REHIRE.value)))
        .order_by(col(CaseRow.id))
    )
    last = {person: (kind, state) for person, kind, state in session.execute(query)}
    return {person for person, case in last.items() if case == (CaseKind.LEAVER.value, CaseState.DONE.value)}


def leaving(session: Session) -> dict[int, int]:
    """The live leaver case of everybody who has one."""
    query = (
        select(col(CaseRow.person_id), func.max(col(CaseRow.id)))
        .where(col(CaseRow.live) == 1, col(CaseRow.kind) == CaseKind.LEAVER.value)
        .group_by(col(CaseRow.person_id))
    )
    return {person: int(case) for person, case in session.execute(query)}


def owners_decided(session: Session) -> dict[int, tuple[str, str]]:
    """Who somebody made the owner of a service or shared account, and whom its source named then."""
    rows = session.execute(select(col(OwnershipRow.person_id), col(OwnershipRow.owner), col(OwnershipRow.feed_owner)))
    return {person: (owner, feed) for person, owner, feed in rows}


def mark_staying(session: Session, people: Iterable[int]) -> None:
    """Tell a scratch session who is with the company; `holdings` and `grants_of` count only their accounts."""
    _fill(session, _STAYING, "person", people)


def accounts_of_nobody(session: Session) -> Iterator[Seen]:
    """Accounts in use that nobody confirmed a person for."""
    yield from map(_seen, _stream(session, _IN_USE.where(_ACCOUNT.link != Link.CONFIRMED.value)))


def accounts_left_over(session: Session) -> Iterator[Seen]:
    """Accounts in use of people who do not stay (`mark_staying`)."""
    stays = select(_STAYING.c.person).where(_STAYING.c.person == _ACCOUNT.person_id).exists()
    yield from map(_seen, _stream(session, _IN_USE.where(_ACCOUNT.link == Link.CONFIRMED.value, ~stays)))


def accounts_unused(session: Session, before: datetime) -> Iterator[Seen]:
    """Enabled accounts that are linked to a person and were last used before an instant.

    An account that was never seen in use counts where its system tells of use and it stands like this since then.
    """
    telling = select(_ACCOUNT.system).where(_ACCOUNT.last_seen.is_not(None)).distinct()
    never = and_(_ACCOUNT.last_seen.is_(None), _ACCOUNT.read_at < before, _ACCOUNT.system.in_(telling))
    query = _WITH_PERSON.where(_ACCOUNT.link == Link.CONFIRMED.value, _ACCOUNT.state == AccountState.ACTIVE.value)
    yield from map(_seen, _stream(session, query.where(or_(_ACCOUNT.last_seen < before, never))))


def accounts(session: Session, numbers: Collection[int]) -> dict[int, Seen]:
    """Linked accounts by row number."""
    found: dict[int, Seen] = {}
    for part in _parts(numbers):
        found |= {row.id: _seen(row) for row in session.execute(_WITH_PERSON.where(_ACCOUNT.id.in_(part)))}
    return found


def _seen(row: Row[Any]) -> Seen:
    account = Account(
        id=row.account_id,
        login=row.login,
        state=AccountState(row.state),
        emails=tuple(json.loads(row.emails)) if row.emails != "[]" else (),
        external_id=row.external_id,
        display=row.display,
        kind=row.kind,
        last_seen=row.last_seen,
        expires=row.expires,
        version=row.version,
    )
    seen = (row.id, row.system, account, Link(row.link), row.read_at, row.person_id or 0)
    if len(row) == len(_ACCOUNT_COLUMNS):
        return Seen(*seen)
    starts = date.fromisoformat(row.starts) if row.starts else None
    return Seen(*seen, row.key, row.name, row.status == PersonStatus.LEAVE.value, starts)


def privileged_accounts(session: Session) -> set[int]:
    """The row numbers of accounts that hold anything privileged."""
    query = (
        select(col(HeldRow.account))
        .join(EntitlementRow, col(EntitlementRow.id) == col(HeldRow.entitlement))
        .where(col(EntitlementRow.privileged))
        .distinct()
    )
    return set(session.scalars(query))


def targets_held(session: Session, numbers: Collection[int]) -> dict[int, list[str]]:
    """What accounts hold, by row number, in the order of targets."""
    found: dict[int, list[str]] = defaultdict(list)
    for part in _parts(numbers):
        query = (
            select(col(HeldRow.account), col(EntitlementRow.target))
            .join(EntitlementRow, col(EntitlementRow.id) == col(HeldRow.entitlement))
            .where(col(HeldRow.account).in_(part))
            .order_by(col(EntitlementRow.target))
        )
        for account, target in session.execute(query):
            found[account].append(target)
    return found


def ask_for(session: Session, entitlements: Iterable[int]) -> None:
    """Tell a scratch session which entitlements `holdings` and `holders` are about."""
    _fill(session, _ASKED, "entitlement", entitlements)


def holders(session: Session) -> dict[int, int]:
    """How many accounts of people who stay hold each of what is asked for, given directly."""
    query = _held(col(HeldRow.entitlement), func.count()).where(col(HeldRow.direct))
    return {number: int(count) for number, count in session.execute(query.group_by(col(HeldRow.entitlement)))}


def holdings(session: Session) -> Iterator[Holding]:
    """Who of those who stay holds what is asked for, by account."""
    query = _held(
        col(HeldRow.account), col(HeldRow.entitlement), _ACCOUNT.person_id, col(HeldRow.direct), col(HeldRow.via)
    )
    for row in _stream(session, query.order_by(col(HeldRow.account), col(HeldRow.entitlement))):
        account, entitlement, person, direct, via = row
        yield Holding(account, entitlement, person, bool(direct), tuple(json.loads(via)) if via else ())


def account_holders(session: Session, system: str) -> Iterator[Holding]:
    """Who of those who stay has an account in use on a system."""
    query = (
        select(_ACCOUNT.id, _ACCOUNT.person_id)
        .join(_STAYING, _STAYING.c.person == _ACCOUNT.person_id)
        .where(_ACCOUNT.system == system, _ACCOUNT.link == Link.CONFIRMED.value, _ACCOUNT.state.not_in(OUT_OF_USE))
        .order_by(_ACCOUNT.id)
    )
    for number, person in _stream(session, query):
        yield Holding(number, 0, person)


def _held(*columns: Any) -> Select[Any]:
    return (
        select(*columns)
        .select_from(HeldRow)
        .join(_ASKED, _ASKED.c.entitlement == col(HeldRow.entitlement))
        .join(AccountRow, _ACCOUNT.id == col(HeldRow.account))
        .join(_STAYING, _STAYING.c.person == _ACCOUNT.person_id)
        .where(_ACCOUNT.link == Link.CONFIRMED.value, _ACCOUNT.state.not_in(OUT_OF_USE))
    )


def emergencies_unreviewed(session: Session, begun_before: datetime) -> Sequence[tuple[ExceptionRow, PersonRow | None]]:
    """Emergency access that began before an instant and that nobody has reviewed."""
    began = func.coalesce(col(ExceptionRow.starts), col(ExceptionRow.asked_at))
    query = (
        select(ExceptionRow, PersonRow)
        .outerjoin(PersonRow, _PERSON.id == col(ExceptionRow.person_id))
        .where(col(ExceptionRow.kind) == ExceptionKind.ACCESS.value, col(ExceptionRow.break_glass))
        .where(col(ExceptionRow.state).in_((ExceptionState.ACTIVE.value, ExceptionState.ENDED.value)))
        .where(col(ExceptionRow.reviewed_by) == "", began < begun_before)
        .order_by(col(ExceptionRow.id))
    )
    return [(row[0], row[1]) for row in session.execute(query)]


def _fill(session: Session, table: Table, column: str, values: Iterable[int]) -> None:
    session.execute(CreateTable(table, if_not_exists=True))
    session.execute(table.delete())
    rows = [{column: value} for value in values]
    for start in range(0, len(rows), 10_000):
        session.execute(insert(table), rows[start : start + 10_000])
    if session.connection().dialect.name != "sqlite":
        session.connection().exec_driver_sql(f"ANALYZE {table.name}")


def _stream(session: Session, query: Select[Any]) -> Iterable[Any]:
    return session.connection().execute(query, execution_options={"yield_per": ROWS_AT_ONCE})


def _parts(numbers: Collection[int]) -> Iterator[list[int]]:
    wanted = sorted(set(numbers))
    for start in range(0, len(wanted), 500):
        yield wanted[start : start + 500]
