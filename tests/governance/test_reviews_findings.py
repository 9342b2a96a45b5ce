"""What a review could not decide is a finding until a later one decides it, or it is gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlmodel import col

from jmltui.cache.tables import FindingRow
from jmltui.domain.finding import FindingKind
from jmltui.governance import review_findings, reviews
from jmltui.governance.findings import scan
from tests.conftest import StandingClock
from tests.governance.review_company import DAY, REVIEWS, Company, company


@pytest.fixture
def office(private: Path, clock: StandingClock) -> Iterator[Company]:
    made = company(private, clock, REVIEWS % "escalate")
    yield made
    made.workshop.cache.close()


def found(office: Company) -> dict[str, str]:
    """The open findings of reviews: what they say, by login and target."""
    scan(office.workshop)
    with office.workshop.cache.read() as session:
        mine = select(FindingRow).where(col(FindingRow.kind) == FindingKind.UNDECIDED.value)
        rows = session.scalars(mine.where(col(FindingRow.state) == "open"))
        return {f"{row.login} {row.target}".strip(): row.detail for row in rows}


def closed(office: Company, unsure: int) -> int:
    """Close a campaign in which so many were left unsure by somebody, the rest kept."""
    number = reviews.open_campaign(office.workshop, "quarterly")
    ids = [item.id or 0 for item in office.items(number)]
    reviews.decide_many(office.by("sue"), ids[:unsure], "unsure")
    reviews.decide_many(office.by("sue"), ids[unsure:], "keep")
    reviews.close_campaign(office.workshop, number)
    return number


def test_what_nobody_answered_even_after_escalation_is_a_finding(office: Company) -> None:
    number = reviews.open_campaign(office.workshop, "quarterly")
    kept = [i.id or 0 for i in office.items(number) if (i.login, i.target) != ("egon", "group:Choir")]
    reviews.decide_many(office.by("sue"), kept, "keep")
    assert found(office) == {}
    for _ in range(2):
        office.clock.forward(14 * DAY)
        reviews.close_due(office.workshop)
    told = "The review “quarterly” left open whether Egon (E2) keeps group:Choir on crm: nobody answered."
    assert found(office) == {"egon group:Choir": told}


def test_a_later_review_or_a_removal_settles_it(office: Company) -> None:
    closed(office, unsure=2)
    assert found(office).keys() == {"svc-backup role:Admin", "egon group:Choir"}
    assert found(office)["egon group:Choir"].endswith("sue was unsure.")
    office.ungrant("crm", "a-E2", "g3")
    office.read()
    assert found(office).keys() == {"svc-backup role:Admin"}
    office.clock.forward(90 * DAY)
    closed(office, unsure=0)
    assert found(office) == {}


def test_very_many_of_one_review_are_one_finding(office: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review_findings, "ALIKE", 5)
    closed(office, unsure=6)
    assert list(found(office).values()) == [
        "The review “quarterly” left 6 items open: nobody answered, or who did was unsure."
    ]
