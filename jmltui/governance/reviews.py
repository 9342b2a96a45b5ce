"""Access reviews: opening campaigns, by hand or when they are due, and answering what they ask."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from itertools import islice
from typing import Any, Final

from sqlmodel import Session

from jmltui.cache import reviews
from jmltui.cache.journal import Entry, append, signal_change
from jmltui.cache.tables import CampaignRow, MetaRow, ReviewItemRow
from jmltui.domain.nearest import did_you_mean
from jmltui.domain.review import CampaignState, Decision, parse_scope
from jmltui.errors import NotAllowed, StaleWrite, UsageError
from jmltui.lifecycle.whose import Groups, unix_groups
from jmltui.lifecycle.workshop import Workshop
from jmltui.policy.model import ReviewRule

from .campaigns import Snapshot
from .review_closing import CloseReport, close_campaign, close_due
from .reviewers import Reviewers, words_of
from .suggestions import suggestions

__all__ = [
    "CloseReport",
    "close_campaign",
    "close_due",
    "decide",
    "decide_many",
    "open_campaign",
    "open_due",
    "suggestions",
    "words_of",
]

ITEMS_AT_ONCE: Final = 5_000
ABANDONED: Final = timedelta(minutes=15)
"""A campaign that has been opening without a new item for so long was given up: its process ended."""

LOOK_AGAIN: Final = timedelta(days=1)
"""When a rule in whose scope was nothing is looked at again."""


class NothingToReview(NotAllowed):
    """Nothing is in the scope of the rule."""


def open_campaign(workshop: Workshop, rule_id: str) -> int:
    """Ask about everything in the scope of a rule of the policy; the number of the campaign.

    Raises UsageError for a rule that the policy does not have, NotAllowed while a campaign of it is open, and
    NothingToReview, which opens none.
    """
    rule = _rule(workshop, rule_id)
    scope = parse_scope(rule.scope)
    _clear_the_way(workshop, rule)
    with workshop.cache.scratch() as session:
        snapshot = Snapshot(workshop, session, rule, scope)
        count = snapshot.fill()
        if not count:
            raise NothingToReview(
                f"Nobody holds anything that the review “{rule.id}” asks about ({scope.told()}); none was opened.",
                hint="Look at `jmltui systems`: was everything read?",
            )
        campaign = _begin(workshop, rule)
        try:
            _write_items(workshop, campaign, snapshot.items())
            return _opened(workshop, campaign, rule, count, scope.told())
        except BaseException:
            _discard(workshop, campaign)
            raise


def open_due(workshop: Workshop) -> list[int]:
    """Open a campaign of every rule of which none was opened within its time; their numbers.

    However often a time was missed, it is made up for once. A rule waits while a system of its scope was never read.
    """
    opened = []
    for rule in workshop.policy.definitions.reviews.values():
        if _is_due(workshop, rule):
            try:
                opened.append(open_campaign(workshop, rule.id))
            except NothingToReview as nothing:
                _note_nothing(workshop, rule, nothing.message)
            except NotAllowed:  # somebody opened it in the same moment
                continue
    return opened


def decide(workshop: Workshop, item_id: int, decision: str, note: str = "", version: int | None = None) -> None:
    """Answer one item: keep, revoke or unsure; a later answer counts until the campaign is closed.

    Raises NotAllowed for whoever is not asked, and for one's own access; StaleWrite when it is no longer as seen.
    """
    _decide(workshop, [item_id], decision, note, version)


def decide_many(workshop: Workshop, item_ids: Iterable[int], decision: str, note: str = "") -> int:
    """Answer many items alike, all or none of them; how many. Raises as `decide`."""
    return _decide(workshop, list(item_ids), decision, note, None)


# ---- opening


def _rule(workshop: Workshop, rule_id: str) -> ReviewRule:
    rules = workshop.policy.definitions.reviews
    if rule_id not in rules:
        hint = did_you_mean(rule_id, rules) or "Write one under `reviews`."
        raise UsageError(f"The policy has no review “{rule_id}”.", hint=hint)
    return rules[rule_id]


def _clear_the_way(workshop: Workshop, rule: ReviewRule) -> None:
    """Take out what an interrupted opening left. Raises NotAllowed while a campaign of the rule is open."""
    with workshop.cache.read() as session:
        found = reviews.live_of(session, rule.id)
        if found is None:
            return
        if found.state != CampaignState.OPENING.value or found.due_at > workshop.clock() - ABANDONED:
            raise _is_open(found)
        abandoned = found.id or 0
    _discard(workshop, abandoned)


def _is_open(found: CampaignRow) -> NotAllowed:
    return NotAllowed(
        f"The review “{found.rule}” is {found.state} already: number {found.id}, with {found.items} items.",
        hint=f"Answer them, then `jmltui reviews close {found.id}`.",
    )


def _begin(workshop: Workshop, rule: ReviewRule) -> int:
    """Note that a campaign opens; until it is open `due_at` says when its last items came."""
    now = workshop.clock()
    with workshop.cache.write() as session:
        found = reviews.live_of(session, rule.id)
        if found is not None:
            raise _is_open(found)
        row = CampaignRow(
            rule=rule.id,
            scope=rule.scope,
            state=CampaignState.OPENING.value,
            reviewer=rule.reviewer,
            fallback=rule.fallback,
            on_no_answer=rule.on_no_answer,
            opened_at=now,
            opened_by=workshop.actor,
            due_at=now,
        )
        session.add(row)
        session.flush()
        return row.id or 0


def _write_items(workshop: Workshop, campaign: int, items: Iterator[dict[str, Any]]) -> None:
    while rows := list(islice(items, ITEMS_AT_ONCE)):
        with workshop.cache.write() as session:
            reviews.add_items(session, campaign, rows)
            reviews.campaign_row(session, campaign).due_at = workshop.clock()


def _opened(workshop: Workshop, campaign: int, rule: ReviewRule, count: int, told: str) -> int:
    now = workshop.clock()
    with workshop.cache.write() as session:
        row = reviews.campaign_row(session, campaign)
        row.state, row.items, row.due_at = CampaignState.OPEN.value, count, now + rule.answer_within
        summary = f"{workshop.actor} opened the review “{rule.id}” of {told}: {count} items until {row.due_at:%Y-%m-%d}"
        facts = {"review": campaign, "rule": rule.id, "items": count, "policy_sha256": workshop.policy.hash}
        append(session, now, Entry(workshop.actor, "review.open", summary, facts=facts))
        signal_change(session, now, "review", campaign)
    return campaign


def _discard(workshop: Workshop, campaign: int) -> None:
    """Take a campaign out that never opened, with its items."""
    gone = True
    while gone:
        with workshop.cache.write() as session:
            gone = bool(reviews.discard_items(session, campaign, ITEMS_AT_ONCE))
    with workshop.cache.write() as session:
        session.delete(reviews.campaign_row(session, campaign))


# ---- when they are due


def _is_due(workshop: Workshop, rule: ReviewRule) -> bool:
    now = workshop.clock()
    named = parse_scope(rule.scope).systems or tuple(workshop.settings.systems)
    with workshop.cache.read() as session:
        live = reviews.live_of(session, rule.id)
        if live is not None and live.state != CampaignState.OPENING.value:
            return False
        if reviews.unread_systems(session, set(named) & set(workshop.settings.systems)):
            return False
        looked = session.get(MetaRow, _looked(rule))
        if looked is not None and now < datetime.fromisoformat(looked.value) + min(rule.every, LOOK_AGAIN):
            return False
        if live is not None:
            return live.due_at <= now - ABANDONED
        last = reviews.last_opened(session, rule.id)
        return last is None or last + rule.every <= now


def _looked(rule: ReviewRule) -> str:
    return f"review.nothing:{rule.id}"


def _note_nothing(workshop: Workshop, rule: ReviewRule, sentence: str) -> None:
    now = workshop.clock()
    with workshop.cache.write() as session:
        row = session.get(MetaRow, _looked(rule)) or MetaRow(key=_looked(rule))
        row.value = now.isoformat()
        session.add(row)
        append(session, now, Entry(workshop.actor, "review.nothing", sentence, facts={"rule": rule.id}))


# ---- answering


def _decide(workshop: Workshop, ids: list[int], decision: str, note: str, version: int | None) -> int:
    if decision not in tuple(Decision):
        known = tuple(Decision)
        raise UsageError(f"“{decision}” is no answer; say {', '.join(known)}.", hint=did_you_mean(decision, known))
    now, groups_of = workshop.clock(), cache(unix_groups)
    with workshop.cache.read() as session:  # asks for groups, perhaps of a directory far away, while nothing is locked
        _answerable(workshop, session, ids, version, groups_of)
    with workshop.cache.write() as session:
        items, campaigns = _answerable(workshop, session, ids, version, groups_of)
        for item in items:
            campaigns[item.campaign_id].answered += not item.decision
            item.decision, item.decided_by, item.decided_at = decision, workshop.actor, now
            item.by_default, item.note, item.version = False, note.strip(), item.version + 1
        _told(session, workshop.actor, now, items, decision, note.strip())
        for number in campaigns:
            signal_change(session, now, "review", number)
    return len(items)


def _answerable(
    workshop: Workshop, session: Session, ids: list[int], version: int | None, groups_of: Groups
) -> tuple[list[ReviewItemRow], dict[int, CampaignRow]]:
    """The items and their campaigns, all of which the actor may answer now. Raises NotAllowed and StaleWrite."""
    items = reviews.item_rows(session, ids)
    campaigns = {number: reviews.campaign_row(session, number) for number in {i.campaign_id for i in items}}
    reviewers = Reviewers(workshop, session, workshop.actor, groups_of)
    for item in items:
        _expect_open(campaigns[item.campaign_id], item)
        if version is not None and item.version != version:
            raise StaleWrite(
                f"{item.decided_by or 'Somebody'} answered this item a moment ago; nothing was changed.",
                hint="Look again, then answer.",
            )
        reviewers.expect_may_answer(item)
    return items, campaigns


def _expect_open(campaign: CampaignRow, item: ReviewItemRow) -> None:
    if campaign.state != CampaignState.OPEN.value:
        raise NotAllowed(f"Review {campaign.id} is {campaign.state}; item {item.id} cannot be answered any more.")


def _told(session: Session, actor: str, now: datetime, items: list[ReviewItemRow], decision: str, note: str) -> None:
    """One entry for one answer; one for many, with the number of each."""
    if not items:
        return
    word = {Decision.KEEP: "keeps", Decision.REVOKE: "revokes"}.get(Decision(decision), "is unsure about")
    first = items[0]
    facts: dict[str, object] = {"reviews": sorted({item.campaign_id for item in items}), "note": note}
    entry = Entry(actor, f"review.{decision}", "")
    if len(items) == 1:
        what = f"{first.target} of {first.login} on {first.system}"
        summary = f"{actor} {word} {what}{': ' + note if note else ''}"
        facts |= {"items": [first.id], "why": first.why}
        entry = replace(entry, summary=summary, person_id=first.person_id or None, system=first.system, facts=facts)
    else:
        facts["items"] = [item.id for item in items]
        entry = replace(entry, summary=f"{actor} {word} {len(items)} items{': ' + note if note else ''}", facts=facts)
    append(session, now, entry)
