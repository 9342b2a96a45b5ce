"""What closed reviews suggest for the policy, and what they do not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from jmltui.domain.review import Advice
from jmltui.errors import NotAllowed
from jmltui.governance import reviews
from tests.conftest import StandingClock
from tests.governance.review_company import DAY, REVIEWS, Company, company


@pytest.fixture
def office(private: Path, clock: StandingClock) -> Iterator[Company]:
    """Nine people of Sales, eight of whom sing in the choir."""
    made = company(private, clock, REVIEWS % "keep")
    for number in range(4, 10):
        made.hire(f"E{number}", f"seller{number}", department="Sales", seen=clock() - 2 * DAY)
        made.grant("crm", f"a-E{number}", "g1", "g2", "g3")
    made.grant("crm", "a-E1", "g3")
    made.read()
    yield made
    made.workshop.cache.close()


def answered(office: Company, target: str, decision: str) -> int:
    """Close a campaign in which everything of a target was answered so, by somebody."""
    number = reviews.open_campaign(office.workshop, "quarterly")
    ids = [item.id or 0 for item in office.items(number) if item.target == target]
    reviews.decide_many(office.by("sue"), ids, decision)
    office.time_is_over(number)
    reviews.close_campaign(office.workshop, number)
    return number


def test_what_everybody_was_allowed_to_keep_is_suggested_for_the_role(office: Company) -> None:
    number = answered(office, "group:Choir", "keep")
    [found] = reviews.suggestions(office.workshop, number)
    assert (found.kind, found.role, found.system, found.target) == (Advice.PUT_IN, "sales", "crm", "group:Choir")
    assert (found.count, found.of) == (8, 9)
    assert reviews.suggestions(office.workshop) == [found]


def test_what_was_taken_from_most_is_suggested_to_leave_the_role(office: Company) -> None:
    answered(office, "group:Sales", "revoke")
    [found] = reviews.suggestions(office.workshop)
    assert (found.kind, found.entitlement, found.count, found.of) == (Advice.TAKE_OUT, "sales", 9, 9)
    assert "(9 had used their account lately)" in found.sentence, "within 90 days"


def test_what_nobody_answered_suggests_nothing(office: Company) -> None:
    number = reviews.open_campaign(office.workshop, "quarterly")
    office.time_is_over(number)
    reviews.close_campaign(office.workshop, number)
    assert reviews.suggestions(office.workshop) == []


def test_the_policy_is_changed_by_nobody_and_then_asks_no_more(office: Company) -> None:
    answered(office, "group:Choir", "keep")
    before = office.workshop.policy.hash
    reviews.suggestions(office.workshop)
    assert office.workshop.policy.hash == before
    choir = '  - {id: choir, system: crm, target: "group:Choir"}\n'
    text = (office.home / "policy" / "policy.yaml").read_text()
    text = text.replace("entitlements:\n", f"entitlements:\n{choir}").replace(
        "grants: [sales]", "grants: [sales, choir]"
    )
    office.policy_text(text)
    assert reviews.suggestions(office.workshop) == []


def test_an_open_review_says_nothing_yet(office: Company) -> None:
    number = reviews.open_campaign(office.workshop, "quarterly")
    with pytest.raises(NotAllowed, match="says nothing of the policy yet"):
        reviews.suggestions(office.workshop, number)
    assert reviews.suggestions(office.workshop) == []
