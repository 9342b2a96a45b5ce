"""Findings about access that the newest review could not decide: nobody answered, or who answered was unsure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from sqlmodel import Session

from jmltui.cache import reviews
from jmltui.cache.tables import CampaignRow, ReviewItemRow
from jmltui.domain.finding import Finding, FindingKind, finding_key, worse

ALIKE: Final = 200
"""More undecided items of one review than this are one finding: the review itself has to be asked again."""


def undecided(session: Session) -> Iterator[Finding]:
    """What the newest closed review of each rule left undecided and is still held."""
    for number in reviews.newest_closed(session):
        campaign = reviews.campaign_row(session, number)
        found = list(islice(reviews.undecided(session, number), ALIKE + 1))
        if len(found) > ALIKE:
            yield _whole_review(campaign, reviews.count_undecided(session, number))
        else:
            yield from (_item(campaign, item) for item in found)


def _item(campaign: CampaignRow, item: ReviewItemRow) -> Finding:
    kind = FindingKind.UNDECIDED
    why = "nobody answered" if item.by_default else f"{item.decided_by} was unsure"
    whose = f"{item.person_name} ({item.person_key})" if item.person_key else item.login
    detail = f"The review “{campaign.rule}” left open whether {whose} keeps {item.target} on {item.system}: {why}."
    return Finding(
        kind=kind,
        key=finding_key(kind, campaign.rule, item.system, item.account_id, item.target),
        detail=detail,
        danger=worse(kind.danger, by=item.privileged),
        person_id=item.person_id,
        person_key=item.person_key,
        person_name=item.person_name,
        system=item.system,
        account_id=item.account_id,
        login=item.login,
        target=item.target,
        rule=campaign.rule,
    )


def _whole_review(campaign: CampaignRow, number: int) -> Finding:
    kind = FindingKind.UNDECIDED
    return Finding(
        kind=kind,
        key=finding_key(kind, campaign.rule, "review"),
        detail=f"The review “{campaign.rule}” left {number} items open: nobody answered, or who did was unsure.",
        danger=worse(kind.danger, by=True),
        rule=campaign.rule,
        facts={"number": number},
    )
