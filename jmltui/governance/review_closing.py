"""Closing a campaign: what silence decides, and the cases of what is taken away, under the guard of removals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Final

from sqlalchemy import select
from sqlmodel import Session, col

from jmltui.cache import cases, people, reviews
from jmltui.cache.journal import Entry, append, signal_change
from jmltui.cache.reviews import Answers
from jmltui.cache.tables import BatchRow, CampaignRow, ReviewItemRow
from jmltui.domain.access import ACCOUNT_TARGET, Account, AccountState
from jmltui.domain.case import CaseKind
from jmltui.domain.person import Person
from jmltui.domain.review import CampaignState, NoAnswer
from jmltui.domain.scope import Scope
from jmltui.errors import NotAllowed, UsageError
from jmltui.lifecycle.holding import open_batch, removals_guard
from jmltui.lifecycle.planning import Planner
from jmltui.lifecycle.scoped import open_scoped, person_of_account
from jmltui.lifecycle.workshop import Workshop

from .reviewers import Reviewers

CASES_AT_ONCE: Final = 100
FILLING: Final = "filling"
"""The state of a batch that nobody can confirm yet: cases are still being put into it."""

GONE_ALREADY: Final = "gone already when the review was closed"
MIN_TEXT: Final = 3
ANSWER_WITHIN: Final = timedelta(days=14)
"""How long a fallback has where the policy no longer has the rule."""


@dataclass(frozen=True, slots=True)
class CloseReport:
    """What closing did. `escalated` are items that the fallback is asked about now: then the campaign stays open.

    `held` are cases of the batch `batch` that another person has to release.
    """

    campaign: int
    cases: tuple[int, ...] = ()
    revoked: int = 0
    kept: int = 0
    unsure: int = 0
    by_default: int = 0
    held: int = 0
    batch: int = 0
    escalated: int = 0


def close_campaign(workshop: Workshop, campaign_id: int, force: bool = False, reason: str = "") -> CloseReport:
    """Decide what nobody answered as the rule says, and open a case for everybody from whom something is taken.

    While there is time and something unanswered it stays open, unless whoever opened it or answers for all of it
    forces it with a reason: what is unanswered is unsure then, whatever the rule says of silence. Raises NotAllowed
    otherwise and for a closed campaign, UsageError without a reason.
    """
    left = _begin(workshop, campaign_id, _agreed(workshop, campaign_id, reason.strip()) if force else "")
    with workshop.cache.read() as session:
        spans = reviews.spans(session, campaign_id)
    if left:
        return _escalate(workshop, campaign_id, spans, left)
    for span in spans:
        _decide(workshop, campaign_id, span)
    _guard(workshop, campaign_id)
    with workshop.cache.read() as session:
        groups = iter(reviews.to_take_away(session, campaign_id))
    while some := list(islice(groups, CASES_AT_ONCE)):
        _take_away(workshop, campaign_id, some)
    return _finish(workshop, campaign_id)


def close_due(workshop: Workshop) -> list[int]:
    """Close every campaign whose time is over, and those whose closing was interrupted; the numbers of those closed."""
    with workshop.cache.read() as session:
        due = [row.id or 0 for row in reviews.due_campaigns(session, workshop.clock())]
    return [number for number in due if not close_campaign(workshop, number).escalated]


# ---- before its time


def _agreed(workshop: Workshop, campaign_id: int, reason: str) -> str:
    """The reason, of whoever may close it before its time; "" where the time is over or nothing is unanswered.

    Raises NotAllowed for anybody else, UsageError without a reason.
    """
    with workshop.cache.read() as session:
        campaign = reviews.campaign_row(session, campaign_id)
        early = campaign.state == CampaignState.OPEN.value and workshop.clock() < campaign.due_at
        if not early or not reviews.unanswered(session, campaign_id):
            return ""
        words = [word for word in dict.fromkeys((campaign.reviewer, campaign.fallback)) if ":" in word]
        reviewers = Reviewers(workshop, session, workshop.actor)
        if workshop.actor != campaign.opened_by and not any(reviewers.is_asked(word, 0) for word in words):
            who = " or ".join([*words, f"{campaign.opened_by}, who opened it"])
            raise NotAllowed(
                f"Before {campaign.due_at:%Y-%m-%d %H:%M} UTC review {campaign_id} is closed by {who}; not by others.",
                hint="Then it closes by itself. Until then its items can be answered.",
            )
    if len(reason) < MIN_TEXT:
        raise UsageError(
            f"Review {campaign_id} is not answered and there is time; say why it is closed.",
            hint="--reason WHY: it is kept in the journal.",
        )
    return reason


def _close_early(workshop: Workshop, session: Session, campaign: CampaignRow, left: int, reason: str) -> None:
    """Let what nobody had the time to answer be unsure: silence means something only when the time is over."""
    campaign.on_no_answer = NoAnswer.UNSURE.value
    summary = f"the review “{campaign.rule}” is closed early by {workshop.actor}, with {left} unanswered: {reason}"
    facts = {"review": campaign.id, "rule": campaign.rule, "unanswered": left, "until": campaign.due_at.isoformat()}
    append(session, workshop.clock(), Entry(workshop.actor, "review.close-early", summary, facts=facts))


# ---- what silence decides


def _begin(workshop: Workshop, campaign_id: int, early: str) -> int:
    """Let nobody answer any more; or how many items their fallback has to be asked about instead.

    `early` is why it is closed before its time.
    """
    now = workshop.clock()
    with workshop.cache.write() as session:
        campaign = reviews.campaign_row(session, campaign_id)
        if campaign.state == CampaignState.CLOSING.value:
            return 0
        if campaign.state != CampaignState.OPEN.value:
            raise NotAllowed(f"Review {campaign_id} is {campaign.state}; it cannot be closed.")
        left = reviews.unanswered(session, campaign_id)
        if left and now < campaign.due_at:
            if not early:
                raise _has_time(campaign, left)
            _close_early(workshop, session, campaign, left, early)
        if left and campaign.on_no_answer == NoAnswer.ESCALATE.value:
            if reviews.has_other_fallback(session, campaign_id):
                return left
            campaign.on_no_answer = NoAnswer.UNSURE.value
        campaign.state, campaign.version = CampaignState.CLOSING.value, campaign.version + 1
        signal_change(session, now, "review", campaign_id)
    return 0


def _has_time(campaign: CampaignRow, left: int) -> NotAllowed:
    return NotAllowed(
        f"{left} of {campaign.items} items of review {campaign.id} are unanswered, and there is time until "
        f"{campaign.due_at:%Y-%m-%d %H:%M} UTC.",
        hint=f"To close it all the same: `jmltui reviews close {campaign.id} --now --reason WHY`; what is unanswered "
        "is unsure then.",
    )


def _decide(workshop: Workshop, campaign_id: int, span: tuple[int, int]) -> None:
    with workshop.cache.write() as session:
        rule = NoAnswer(reviews.campaign_row(session, campaign_id).on_no_answer)
        reviews.decide_unanswered(session, campaign_id, span, rule, workshop.clock())


def _escalate(workshop: Workshop, campaign_id: int, spans: Sequence[tuple[int, int]], left: int) -> CloseReport:
    """Ask the fallback once more; what that does not answer either will be unsure, not kept."""
    for span in spans:
        with workshop.cache.write() as session:
            reviews.ask_fallback(session, campaign_id, span)
    now = workshop.clock()
    with workshop.cache.write() as session:
        campaign = reviews.campaign_row(session, campaign_id)
        rule = workshop.policy.definitions.reviews.get(campaign.rule)
        campaign.on_no_answer, campaign.version = NoAnswer.UNSURE.value, campaign.version + 1
        campaign.due_at = now + (rule.answer_within if rule is not None else ANSWER_WITHIN)
        summary = (
            f"nobody answered {left} items of the review “{campaign.rule}” in time: the fallback is asked until "
            f"{campaign.due_at:%Y-%m-%d}"
        )
        facts = {"review": campaign_id, "rule": campaign.rule, "items": left}
        append(session, now, Entry(workshop.actor, "review.escalate", summary, facts=facts))
        signal_change(session, now, "review", campaign_id)
    return CloseReport(campaign_id, escalated=left)


# ---- what is taken away


def _guard(workshop: Workshop, campaign_id: int) -> None:
    """Where more is taken away than the guard lets pass, all cases of the campaign go into one batch."""
    with workshop.cache.write() as session:
        campaign = reviews.campaign_row(session, campaign_id)
        count, cause = reviews.without_case(session, campaign_id), f"by the review “{campaign.rule}”"
        why = removals_guard(workshop, session, count, cause)
        if why and _filling(session, campaign) is None:
            batch = open_batch(session, _source(campaign), why, workshop.actor, workshop.clock(), held=0)
            batch.state = FILLING


def _source(campaign: CampaignRow) -> str:
    return f"review:{campaign.rule}"


def _filling(session: Session, campaign: CampaignRow) -> BatchRow | None:
    """The batch that the cases of a campaign go into."""
    query = select(BatchRow).where(col(BatchRow.source) == _source(campaign), col(BatchRow.state) == FILLING)
    return session.scalars(query).first()


def _take_away(workshop: Workshop, campaign_id: int, groups: Sequence[Sequence[int]]) -> None:
    """Open the cases of some people or accounts. What is gone already needs none."""
    with workshop.cache.write() as session:
        campaign = reviews.campaign_row(session, campaign_id)
        batch = _filling(session, campaign)
        found = reviews.item_rows(session, [number for group in groups for number in group])
        items = {item.id or 0: item for item in found if not item.case_id}
        held = reviews.still_held(session, list(items))
        for number in set(items) - held:
            items[number].note = " ".join(filter(None, (items[number].note, f"({GONE_ALREADY})")))
        left = [[items[number] for number in group if number in held] for group in groups]
        subjects = {person.id: person for person in people.persons(session, {i.person_id for i in items.values()})}
        planner = Planner(workshop, session, list(subjects.values()))
        for group in filter(None, left):
            person = subjects.get(group[0].person_id) or _account(group[0])
            case_id = _open(workshop, session, planner, campaign, person, group, batch)
            for item in group:
                item.case_id = case_id


def _account(item: ReviewItemRow) -> Person:
    return person_of_account(item.system, Account(item.account_id, item.login, AccountState.UNKNOWN))


def _open(
    workshop: Workshop,
    session: Session,
    planner: Planner,
    campaign: CampaignRow,
    person: Person,
    items: Sequence[ReviewItemRow],
    batch: BatchRow | None,
) -> int:
    accounts = tuple((i.system, i.account_id) for i in items if i.target == ACCOUNT_TARGET)
    grants = tuple((i.system, i.account_id, i.target) for i in items if i.target != ACCOUNT_TARGET)
    deciders = sorted({item.decided_by for item in items if not item.by_default})
    who = f"by {', '.join(deciders)}" if deciders else "because nobody answered"
    reason = f"taken away in the review “{campaign.rule}” {who}"
    scope = Scope(revoke=grants, disable=accounts, reason=reason)
    of = str(person.id) if person.id else f"{items[0].system}:{items[0].account_id}"
    key = f"review:{campaign.id}:{of}"
    if cases.has_event(session, key):  # an interrupted closing took the rest of theirs away
        key = f"{key}:{items[0].id}"
    return open_scoped(
        workshop,
        session,
        CaseKind.REVIEW,
        person,
        scope,
        {"review": campaign.id, "rule": campaign.rule, "items": len(items), "decided": who},
        key,
        workshop.clock(),
        planner=planner,
        held_in=(batch.id or 0, batch.reason) if batch is not None else None,
    )


# ---- the end


def _finish(workshop: Workshop, campaign_id: int) -> CloseReport:
    """Close the campaign, and write into the journal what it came to."""
    now = workshop.clock()
    with workshop.cache.read() as session:
        answers = reviews.answers_of(session, campaign_id)
    with workshop.cache.write() as session:
        campaign = reviews.campaign_row(session, campaign_id)
        if campaign.state != CampaignState.CLOSING.value:
            raise NotAllowed(f"Somebody else closed review {campaign_id} a moment ago.")
        batch = _filling(session, campaign)
        opened = reviews.cases_of(session, campaign_id)
        if batch is not None:
            batch.state, batch.held = "open" if opened else "empty", len(opened)
            signal_change(session, now, "batch", batch.id)
        campaign.state, campaign.closed_at = CampaignState.CLOSED.value, now
        campaign.version += 1
        _record(workshop, session, campaign, answers, len(opened), now)
        signal_change(session, now, "review", campaign_id)
        report = CloseReport(
            campaign_id, tuple(opened), answers.revoked, answers.kept, answers.unsure, answers.by_default
        )
        return report if batch is None else replace(report, held=len(opened), batch=batch.id or 0)


def _record(
    workshop: Workshop,
    session: Session,
    campaign: CampaignRow,
    answers: Answers,
    opened: int,
    now: datetime,
) -> None:
    """The evidence of the whole campaign: the digest is over every item with its answer."""
    summary = (
        f"the review “{campaign.rule}” is closed: {answers.kept} kept, {answers.revoked} revoked, "
        f"{answers.unsure} unsure of {campaign.items} items, {answers.by_default} because nobody answered"
    )
    facts = {
        "review": campaign.id,
        "rule": campaign.rule,
        "scope": campaign.scope,
        "opened_at": campaign.opened_at.isoformat(),
        "items": campaign.items,
        "kept": answers.kept,
        "revoked": answers.revoked,
        "unsure": answers.unsure,
        "by_default": answers.by_default,
        "people_who_answered": answers.people,
        "cases": opened,
        "items_sha256": answers.digest,
        "policy_sha256": workshop.policy.hash,
    }
    append(session, now, Entry(workshop.actor, "review.close", summary, facts=facts))
