"""Campaigns and their items as rows: written while one opens, answered, counted, and closed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, cast

from sqlalchemy import CursorResult, Select, Update, and_, case, delete, exists, func, or_, select, update
from sqlmodel import Session, col

from jmltui.domain.access import ACCOUNT_TARGET, AccountState, Tier
from jmltui.domain.review import CampaignState, Decision, NoAnswer, Tally, without_answer
from jmltui.errors import JmltuiError

from .tables import AccountRow, CampaignRow, EntitlementRow, HeldRow, ReviewItemRow, SystemRow

BY_ROLE: Final = "role "
"""How `peers_of` begins where the peers are the people of a role."""

LATELY: Final = timedelta(days=90)
"""An account that was used within this time before a review counts as used in what is suggested."""

NOBODY: Final = "jmltui"
"""Who decides where nobody answered."""

ASKED: Final = (
    "seq", "reviewer", "fallback", "person_id", "person_key", "person_name", "department", "system", "account_id",
    "login", "entitlement_id", "target", "privileged", "tier", "role", "why", "peers", "peers_hold", "peers_of",
)  # fmt: skip
"""What is stated of an item when it is asked, beside `last_used`."""

_UNANSWERED: Final[Mapping[str, object]] = {
    "decision": "", "decided_by": "", "by_default": False, "note": "", "case_id": 0, "version": 1,
}  # fmt: skip
OUT_OF_USE: Final = (AccountState.DISABLED.value, AccountState.DELETED.value)

_AT_ONCE: Final = 500
SPAN: Final = 20_000


class NoSuchReview(JmltuiError):
    """There is no review, or no item, of that number."""


def campaign_row(session: Session, campaign_id: int) -> CampaignRow:
    """The campaign. Raises NoSuchReview."""
    row = session.get(CampaignRow, campaign_id)
    if row is None:
        raise NoSuchReview(f"There is no review {campaign_id}.", hint="`jmltui reviews` lists them.")
    return row


def item_rows(session: Session, ids: Iterable[int]) -> list[ReviewItemRow]:
    """Items by their numbers, in the order of the review. Raises NoSuchReview for one that is not there."""
    wanted = sorted(set(ids))
    found: list[ReviewItemRow] = []
    for start in range(0, len(wanted), _AT_ONCE):
        part = wanted[start : start + _AT_ONCE]
        found += session.scalars(select(ReviewItemRow).where(col(ReviewItemRow.id).in_(part)))
    missing = sorted(set(wanted) - {row.id or 0 for row in found})
    if missing:
        raise NoSuchReview(
            f"There is no item {missing[0]} in any review.", hint="`jmltui reviews items REVIEW` lists them."
        )
    return sorted(found, key=lambda row: (row.campaign_id, row.seq))


def live_of(session: Session, rule: str) -> CampaignRow | None:
    """The campaign of a rule that is not closed."""
    query = select(CampaignRow).where(
        col(CampaignRow.rule) == rule, col(CampaignRow.state) != CampaignState.CLOSED.value
    )
    return session.scalars(query.order_by(col(CampaignRow.id).desc())).first()


def last_opened(session: Session, rule: str) -> datetime | None:
    """When the newest campaign of a rule was opened."""
    query = select(col(CampaignRow.opened_at)).where(col(CampaignRow.rule) == rule)
    return session.scalars(query.order_by(col(CampaignRow.opened_at).desc()).limit(1)).first()


def due_campaigns(session: Session, now: datetime) -> Sequence[CampaignRow]:
    """Campaigns whose time is over, and those whose closing was interrupted."""
    over = and_(col(CampaignRow.state) == CampaignState.OPEN.value, col(CampaignRow.due_at) <= now)
    query = select(CampaignRow).where(or_(over, col(CampaignRow.state) == CampaignState.CLOSING.value))
    return session.scalars(query.order_by(col(CampaignRow.id))).all()


def add_items(session: Session, campaign_id: int, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert items that nobody answered yet; each row states all of `ASKED`.

    A campaign may have millions of them, so the driver is spoken to itself.
    """
    connection, columns = session.connection(), cast("Any", ReviewItemRow).__table__.c
    stored = columns.last_used.type.dialect_impl(connection.dialect).bind_processor(connection.dialect) or _as_it_is
    read, rest = itemgetter(*ASKED), tuple(_UNANSWERED.values())
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    names = ("campaign_id", "last_used", *ASKED, *_UNANSWERED)
    statement = f"INSERT INTO review_item ({', '.join(names)}) VALUES ({', '.join([mark] * len(names))})"
    found = [(campaign_id, stored(row["last_used"]), *read(row), *rest) for row in rows]
    connection.exec_driver_sql(statement, found)


def unread_systems(session: Session, names: Iterable[str]) -> list[str]:
    """Those of the systems that were never read to the end."""
    read = set(session.scalars(select(col(SystemRow.name)).where(col(SystemRow.last_good).is_not(None))))
    return sorted(set(names) - read)


def account_systems(session: Session) -> list[str]:
    """The systems of which an account is known."""
    return sorted(session.scalars(select(col(AccountRow.system)).distinct()))


def discard_items(session: Session, campaign_id: int, most: int) -> int:
    """Take out items of a campaign that never opened; how many."""
    some = select(col(ReviewItemRow.id)).where(col(ReviewItemRow.campaign_id) == campaign_id).limit(most)
    return _count(session.execute(delete(ReviewItemRow).where(col(ReviewItemRow.id).in_(some))))


def unanswered(session: Session, campaign_id: int) -> int:
    """How many items nobody answered."""
    query = select(func.count()).where(col(ReviewItemRow.campaign_id) == campaign_id, col(ReviewItemRow.decision) == "")
    return int(session.execute(query).scalar_one())


def spans(session: Session, campaign_id: int) -> list[tuple[int, int]]:
    """The numbers of a campaign's items, first and last, in parts that one short write can change."""
    query = select(func.min(col(ReviewItemRow.id)), func.max(col(ReviewItemRow.id)))
    first, last = session.execute(query.where(col(ReviewItemRow.campaign_id) == campaign_id)).one()
    return [] if first is None else [(at, min(at + SPAN - 1, last)) for at in range(first, last + 1, SPAN)]


def decide_unanswered(session: Session, campaign_id: int, span: tuple[int, int], rule: NoAnswer, now: datetime) -> None:
    """Decide what nobody answered among some items, in one statement."""
    elevated = or_(col(ReviewItemRow.privileged), col(ReviewItemRow.tier).in_([Tier.ELEVATED.value, Tier.JIT.value]))
    by_elevation = [without_answer(rule, tier="", privileged=is_elevated).value for is_elevated in (True, False)]
    decision = case((elevated, by_elevation[0]), else_=by_elevation[1])
    session.execute(
        _of_unanswered(campaign_id, span).values(
            decision=decision, decided_by=NOBODY, decided_at=now, by_default=True, version=ReviewItemRow.version + 1
        )
    )


def ask_fallback(session: Session, campaign_id: int, span: tuple[int, int]) -> None:
    """Let the fallback answer for what nobody answered among some items."""
    session.execute(
        _of_unanswered(campaign_id, span)
        .where(col(ReviewItemRow.fallback) != "")
        .values(reviewer=col(ReviewItemRow.fallback), version=ReviewItemRow.version + 1)
    )


def has_other_fallback(session: Session, campaign_id: int) -> bool:
    """Whether somebody unanswered has a fallback who was not asked first."""
    query = select(col(ReviewItemRow.id)).where(
        col(ReviewItemRow.campaign_id) == campaign_id,
        col(ReviewItemRow.decision) == "",
        col(ReviewItemRow.fallback) != "",
        col(ReviewItemRow.fallback) != col(ReviewItemRow.reviewer),
    )
    return session.scalars(query.limit(1)).first() is not None


def without_case(session: Session, campaign_id: int) -> int:
    """How many revoked items have no case yet."""
    return int(session.execute(select(func.count()).where(*_to_take_away(campaign_id))).scalar_one())


def to_take_away(session: Session, campaign_id: int) -> list[list[int]]:
    """Revoked items without a case, by their numbers: those of one person together, or of one account of nobody."""
    item = ReviewItemRow
    query = select(col(item.id), col(item.person_id), col(item.system), col(item.account_id))
    by_person = (col(item.person_id), col(item.system), col(item.account_id), col(item.seq))
    rows = session.execute(query.where(*_to_take_away(campaign_id)).order_by(*by_person))
    groups = groupby(rows, key=lambda row: (row[1], *(("", "") if row[1] else (row[2], row[3]))))
    return [[row[0] for row in group] for _, group in groups]


def still_held(session: Session, ids: Sequence[int]) -> set[int]:
    """Which of these items are still so in the mirror; an account that is still there counts for itself."""
    found: set[int] = set()
    for start in range(0, len(ids), _AT_ONCE):
        query = _held().where(col(ReviewItemRow.id).in_(ids[start : start + _AT_ONCE]))
        found |= {number or 0 for number in session.scalars(query)}
    return found


def undecided(session: Session, campaign_id: int) -> Iterator[ReviewItemRow]:
    """Items that were left unsure and are still so in the mirror, in their order."""
    query = select(ReviewItemRow).where(*_unsure(campaign_id)).order_by(col(ReviewItemRow.seq))
    yield from session.scalars(query.execution_options(yield_per=_AT_ONCE))


def count_undecided(session: Session, campaign_id: int) -> int:
    """How many items `undecided` tells."""
    return int(session.execute(select(func.count()).where(*_unsure(campaign_id))).scalar_one())


def cases_of(session: Session, campaign_id: int) -> list[int]:
    """The cases that a campaign opened."""
    query = select(col(ReviewItemRow.case_id)).where(
        col(ReviewItemRow.campaign_id) == campaign_id, col(ReviewItemRow.case_id) != 0
    )
    return sorted(session.scalars(query.distinct()))


@dataclass(frozen=True, slots=True)
class Answers:
    """How a campaign was answered. `digest` is the SHA-256 over every item with its answer, in their order."""

    kept: int
    revoked: int
    unsure: int
    by_default: int
    people: int
    digest: str


def answers_of(session: Session, campaign_id: int) -> Answers:
    """Count the answers of a campaign, and sum them up in one digest."""
    asked = ("seq", "person_key", "system", "account_id", "target", "decision", "decided_by", "by_default", "note")
    columns = cast("Any", ReviewItemRow).__table__.c
    query = select(*(columns[name] for name in asked)).where(columns.campaign_id == campaign_id).order_by(columns.seq)
    counts, people, by_default, digest = dict.fromkeys(Decision, 0), set[str](), 0, hashlib.sha256()
    for row in session.connection().execute(query, execution_options={"yield_per": 2_000}):
        counts[Decision(row.decision)] += 1
        by_default += row.by_default
        people |= set() if row.by_default else {row.decided_by}
        digest.update("\x1f".join(map(str, row)).encode() + b"\x1e")
    kept, revoked, unsure = (counts[decision] for decision in Decision)
    return Answers(kept, revoked, unsure, by_default, len(people), digest.hexdigest())


def newest_closed(session: Session) -> list[int]:
    """The newest closed campaign of each rule, the newest first."""
    query = select(func.max(col(CampaignRow.id))).where(col(CampaignRow.state) == CampaignState.CLOSED.value)
    return sorted(session.scalars(query.group_by(col(CampaignRow.rule))), reverse=True)


def tallies(session: Session, campaign_id: int) -> Iterator[Tally]:
    """What was answered about each target among the people of each role."""
    item, opened = ReviewItemRow, campaign_row(session, campaign_id).opened_at

    def counted(condition: Any) -> Any:
        return func.sum(case((condition, 1), else_=0))

    by_person = col(item.by_default).is_(False)
    given = case((col(item.role) == "", 0), else_=1)
    query = (
        select(
            col(item.peers_of),
            given.label("given"),
            col(item.system),
            col(item.target),
            func.max(case((col(item.privileged), 1), else_=0)),
            func.count(),
            counted(and_(by_person, col(item.decision) == Decision.KEEP.value)),
            counted(and_(by_person, col(item.decision) == Decision.REVOKE.value)),
            counted(col(item.last_used) >= opened - LATELY),
            func.max(col(item.peers)),
            func.max(col(item.peers_hold)),
        )
        .where(col(item.campaign_id) == campaign_id, col(item.peers_of).startswith(BY_ROLE))
        .where(col(item.target) != ACCOUNT_TARGET)
        .group_by(col(item.peers_of), given, col(item.system), col(item.target))
        .order_by(col(item.peers_of), col(item.system), col(item.target))
    )
    for of, is_given, system, target, privileged, *numbers in session.execute(query):
        role = of.removeprefix(BY_ROLE)
        yield Tally(role, bool(is_given), system, target, bool(privileged), *map(int, numbers))


def campaigns(session: Session) -> list[dict[str, Any]]:
    """Every campaign as a plain mapping: those that wait by what is due first, then the closed ones, newest first."""
    closed = case((col(CampaignRow.state) == CampaignState.CLOSED.value, 1), else_=0)
    live = select(CampaignRow).where(closed == 0).order_by(col(CampaignRow.due_at), col(CampaignRow.id))
    past = select(CampaignRow).where(closed == 1).order_by(col(CampaignRow.id).desc())
    return [row.model_dump() for query in (live, past) for row in session.scalars(query)]


def words_waiting(session: Session, campaign_id: int) -> list[str]:
    """Whom the unanswered items of a campaign ask, each once."""
    query = select(col(ReviewItemRow.reviewer)).where(
        col(ReviewItemRow.campaign_id) == campaign_id, col(ReviewItemRow.decision) == ""
    )
    return sorted(session.scalars(query.distinct()))


def items(
    session: Session, campaign_id: int, words: Sequence[str] | None, *, only_open: bool, limit: int
) -> list[dict[str, Any]]:
    """Items of a campaign in its order; `words` are the reviewers whose are meant, None means everybody's."""
    query = select(ReviewItemRow).where(col(ReviewItemRow.campaign_id) == campaign_id)
    if only_open:
        query = query.where(col(ReviewItemRow.decision) == "")
    found: list[ReviewItemRow] = []
    parts = [None] if words is None else [words[start : start + _AT_ONCE] for start in range(0, len(words), _AT_ONCE)]
    for part in parts:
        mine = query if part is None else query.where(col(ReviewItemRow.reviewer).in_(part))
        found += session.scalars(mine.order_by(col(ReviewItemRow.seq)).limit(limit))
    return [row.model_dump() for row in sorted(found, key=lambda row: row.seq)[:limit]]


def _of_unanswered(campaign_id: int, span: tuple[int, int]) -> Update:
    return (
        update(ReviewItemRow)
        .where(col(ReviewItemRow.campaign_id) == campaign_id, col(ReviewItemRow.decision) == "")
        .where(col(ReviewItemRow.id).between(*span))
        .execution_options(synchronize_session=False)
    )


def _held() -> Select[int | None]:
    """The numbers of items that are still so in the mirror."""
    mine = and_(
        col(AccountRow.system) == col(ReviewItemRow.system), col(AccountRow.account_id) == col(ReviewItemRow.account_id)
    )
    grant = exists(
        select(col(HeldRow.account))
        .join(EntitlementRow, col(EntitlementRow.id) == col(HeldRow.entitlement))
        .where(col(HeldRow.account) == col(AccountRow.id))
        .where(col(EntitlementRow.entitlement_id) == col(ReviewItemRow.entitlement_id))
    )
    in_use = and_(col(ReviewItemRow.target) == ACCOUNT_TARGET, col(AccountRow.state).not_in(OUT_OF_USE))
    return select(col(ReviewItemRow.id)).join(AccountRow, mine).where(or_(in_use, grant))


def _unsure(campaign_id: int) -> tuple[Any, ...]:
    return (
        col(ReviewItemRow.campaign_id) == campaign_id,
        col(ReviewItemRow.decision) == Decision.UNSURE.value,
        col(ReviewItemRow.id).in_(_held().where(col(ReviewItemRow.campaign_id) == campaign_id)),
    )


def _to_take_away(campaign_id: int) -> tuple[Any, ...]:
    return (
        col(ReviewItemRow.campaign_id) == campaign_id,
        col(ReviewItemRow.decision) == Decision.REVOKE.value,
        col(ReviewItemRow.case_id) == 0,
    )


def _as_it_is(value: datetime | None) -> object:
    return value


def _count(result: Any) -> int:
    return int(cast("CursorResult[Any]", result).rowcount)
