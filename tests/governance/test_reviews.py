"""A campaign from its opening to its cases: what it asks, whom, who may answer, and what silence does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from jmltui.cache import systems
from jmltui.cache.tables import BatchRow, CampaignRow, ReviewItemRow
from jmltui.domain.person import Person, PersonStatus
from jmltui.errors import NotAllowed, StaleWrite, UsageError
from jmltui.governance import review_closing, reviews
from jmltui.governance.reviews import NothingToReview
from jmltui.lifecycle import requests
from tests.conftest import StandingClock
from tests.governance.review_company import DAY, REVIEWS, Company, company, rules

Make = Callable[[str], Company]


@pytest.fixture
def cache_settings() -> str:
    """Where the cache is: in the state folder, unless a module says otherwise."""
    return ""


@pytest.fixture
def make(private: Path, clock: StandingClock, cache_settings: str) -> Iterator[Make]:
    made: list[Company] = []

    def build(rules: str) -> Company:
        made.append(company(private, clock, rules, cache_settings))
        return made[0]

    yield build
    for each in made:
        each.workshop.cache.close()


def quarterly(make: Make, on_no_answer: str = "keep") -> tuple[Company, int]:
    """The company with its quarterly review open."""
    made = make(REVIEWS % on_no_answer)
    return made, reviews.open_campaign(made.workshop, "quarterly")


# ---- what is asked


def test_every_direct_grant_is_asked_about_once_privileged_first_then_unexplained(make: Make) -> None:
    office, number = quarterly(make)
    asked = [(item.login, item.target) for item in office.items(number)]
    assert asked == [
        ("svc-backup", "role:Admin"),
        ("egon", "group:Choir"),
        ("egon", "permission:Export"),
        ("old-import", "group:Choir"),
        ("egon", "group:Staff"),
        ("egon", "group:Sales"),
        ("ella", "group:Staff"),
        ("eve", "group:Staff"),
        ("eve", "group:Sales"),
        ("mia", "group:Staff"),
        ("mia", "group:Sales"),
    ]
    assert [item.seq for item in office.items(number)] == list(range(1, 12))
    assert office.campaign(number).items == 11
    assert office.campaign(number).due_at == office.clock() + 14 * DAY


def test_what_is_held_through_another_group_is_not_asked_about(make: Make) -> None:
    office = make(REVIEWS % "keep")
    office.grant("crm", "a-X1", "g1", direct=False)
    office.read()
    number = reviews.open_campaign(office.workshop, "quarterly")
    assert "xaver" not in {item.login for item in office.items(number)}


def test_each_is_asked_of_somebody_who_is_there(make: Make) -> None:
    office, number = quarterly(make)
    asked = {item.login: item.reviewer for item in office.items(number)}
    assert asked == {
        "eve": "manager:M1",
        "egon": "manager:M1",
        "ella": "team:security",  # her manager has left
        "mia": "team:security",  # she has none
        "svc-backup": "team:security",
        "old-import": "team:security",
    }
    assert {item.fallback for item in office.items(number)} == {"team:security"}


def test_owners_sponsors_and_owners_of_systems_are_asked(make: Make) -> None:
    office = make(
        rules(
            "id: services, every: 90d, scope: 'type:service', reviewer: owner, fallback: 'team:security'",
            "id: vendors, every: 90d, scope: 'type:vendor', reviewer: sponsor, fallback: 'team:security'",
            "id: vault, every: 90d, scope: 'system:vault', reviewer: system-owner, fallback: 'team:security'",
            "id: crm, every: 90d, scope: 'system:crm', reviewer: system-owner, fallback: 'team:security'",
        )
    )
    office.grant("crm", "a-X1", "g1")
    office.account("vault", "svc2", "svc-jobs", external_id="E1", kind="service")
    office.grant("vault", "svc2", "v1")
    office.read()
    asked = {}
    for rule in ("services", "vendors", "vault", "crm"):
        number = reviews.open_campaign(office.workshop, rule)
        asked[rule] = {(item.login, item.reviewer) for item in office.items(number)}
    assert asked["services"] == {("svc-backup", "owner:M1"), ("svc-jobs", "owner:E1")}
    assert asked["vendors"] == {("xaver", "sponsor:M1")}
    assert asked["vault"] == {("svc-backup", "user:carl"), ("svc-jobs", "user:carl")}
    assert {reviewer for _, reviewer in asked["crm"]} == {"team:security"}


def test_each_item_says_why_it_is_held_and_what_peers_hold(make: Make) -> None:
    office, number = quarterly(make)
    staff = office.item(number, "ella", "group:Staff")
    assert (staff.why, staff.role, staff.tier) == ("role everybody: person.type is employee", "everybody", "birthright")
    assert (staff.peers_hold, staff.peers, staff.peers_of) == (4, 4, "role everybody")
    choir = office.item(number, "egon", "group:Choir")
    assert (choir.why, choir.role, choir.tier) == ("no policy explains it", "", "")
    assert (choir.peers_hold, choir.peers, choir.peers_of) == (1, 3, "role sales")
    assert choir.last_used == office.clock() - 60 * DAY
    export = office.item(number, "egon", "permission:Export")
    assert (export.why, export.tier) == ("no policy explains it", "elevated")
    admin = office.item(number, "svc-backup", "role:Admin")
    assert (admin.privileged, admin.tier, admin.peers) == (True, "jit", 0)
    nobody = office.item(number, "old-import", "group:Choir")
    assert (nobody.person_id, nobody.why) == (0, "the account belongs to nobody that anybody knows of")


def test_without_a_role_the_peers_are_of_the_same_department_and_title(make: Make) -> None:
    office = make(REVIEWS % "keep")
    for key, login in (("X2", "xenia"), ("X3", "xu")):
        office.hire(key, login, type=office.staff[4].type, department="Cleaning", title="Cleaner")
    office.hire("X4", "xerxes", type=office.staff[4].type, department="Cleaning", title="Boss")
    office.grant("crm", "a-X2", "g3")
    office.grant("crm", "a-X4", "g3")
    office.read()
    number = reviews.open_campaign(office.workshop, "quarterly")
    item = office.item(number, "xenia", "group:Choir")
    assert (item.peers_hold, item.peers, item.peers_of) == (1, 2, "department Cleaning, title Cleaner")


def test_who_left_is_due_nothing_and_answers_for_nobody(make: Make) -> None:
    office = make(REVIEWS % "keep")
    office.staff = [p for p in office.staff if p.key not in ("M1", "E3")]
    office.staff.append(Person(key="M1", name="Mia Manager", department="Sales", status=PersonStatus.LEFT))
    office.read()
    number = reviews.open_campaign(office.workshop, "quarterly")
    assert office.item(number, "mia", "group:Staff").why == "this person has left"
    assert office.item(number, "ella", "group:Staff").why == "the source does not name this person any more"
    assert office.item(number, "eve", "group:Staff").reviewer == "team:security"


@pytest.mark.parametrize(
    ("scope", "asked"),
    [
        ("privileged", {"svc-backup role:Admin"}),
        ("system:vault", {"svc-backup role:Admin"}),
        ("type:vendor", set()),
        ("type:service", {"svc-backup role:Admin"}),
        ("role:sales", {"mia group:Sales", "eve group:Sales", "egon group:Sales"}),
        ("unused:45d", {"egon account", "old-import account"}),
        ("unused:45d, role:sales", {"egon account"}),
        ("unused:45d, privileged", set()),
        ("privileged, system:crm", set()),
        ("type:service, system:vault, privileged", {"svc-backup role:Admin"}),
        ("type:vendor, type:service", {"svc-backup role:Admin"}),
    ],
)
def test_scopes(make: Make, scope: str, asked: set[str]) -> None:
    office = make(rules(f"id: it, every: 7d, scope: '{scope}', reviewer: 'team:helpdesk'"))
    if not asked:
        with pytest.raises(NothingToReview, match="Nobody holds anything that the review “it” asks about"):
            reviews.open_campaign(office.workshop, "it")
        assert office.count("campaign") == office.count("review_item") == 0
        return
    number = reviews.open_campaign(office.workshop, "it")
    assert {f"{item.login} {item.target}" for item in office.items(number)} == asked


def test_an_account_that_was_never_used_counts_unless_it_is_new(make: Make) -> None:
    office = make(
        rules("id: dormant, every: 7d, scope: 'unused:45d', reviewer: 'team:helpdesk', on_no_answer: disable")
    )
    office.hire("E8", "never", manager="M1", starts=(office.clock() - 90 * DAY).date())
    office.hire("E9", "brandnew", manager="M1", starts=(office.clock() - 3 * DAY).date())
    office.read()
    number = reviews.open_campaign(office.workshop, "dormant")
    asked = {item.login for item in office.items(number)}
    assert asked == {"egon", "never", "old-import"}, "vault tells of no use at all, so nothing is concluded of it"


def test_a_rule_that_there_is_not_is_told(make: Make) -> None:
    office = make(REVIEWS % "keep")
    with pytest.raises(UsageError, match="no review “quartely”") as told:
        reviews.open_campaign(office.workshop, "quartely")
    assert told.value.hint == "Did you mean “quarterly”?"


def test_never_two_open_campaigns_of_one_rule(make: Make) -> None:
    office, number = quarterly(make)
    with pytest.raises(NotAllowed, match=f"is open already: number {number}"):
        reviews.open_campaign(office.workshop, "quarterly")
    assert office.count("campaign") == 1


# ---- who answers


def test_only_who_is_asked_or_the_fallback_answers(make: Make) -> None:
    office, number = quarterly(make)
    item = office.item(number, "eve", "group:Sales")
    for stranger in ("ana", "egon", "bob"):
        with pytest.raises(NotAllowed, match="is for manager:M1 or team:security to answer"):
            reviews.decide(office.by(stranger), item.id or 0, "keep")
    reviews.decide(office.by("mia"), item.id or 0, "keep")
    reviews.decide(office.by("sue"), item.id or 0, "revoke", "she changed teams")
    after = office.item(number, "eve", "group:Sales")
    assert (after.decision, after.decided_by, after.note) == ("revoke", "sue", "she changed teams")
    assert office.campaign(number).answered == 1, "a later answer replaces the first one"
    assert [entry.actor for entry in office.journal("review.revoke")] == ["sue"]


def test_nobody_answers_about_their_own_access(make: Make) -> None:
    office = make(rules("id: all, every: 90d, scope: all, reviewer: 'team:helpdesk', fallback: 'user:old-import'"))
    office.policy(rules("id: all, every: 90d, scope: all, reviewer: 'user:eve', fallback: 'user:old-import'"))
    number = reviews.open_campaign(office.workshop, "all")
    with pytest.raises(NotAllowed, match="your own access"):
        reviews.decide(office.by("eve"), office.item(number, "eve", "group:Sales").id or 0, "keep")
    with pytest.raises(NotAllowed, match="your own access"):
        reviews.decide(office.by("OLD-import"), office.item(number, "old-import", "group:Choir").id or 0, "keep")
    reviews.decide(office.by("eve"), office.item(number, "egon", "group:Sales").id or 0, "keep")


def test_an_owner_answers_about_the_service_account(make: Make) -> None:
    office = make(rules("id: services, every: 90d, scope: 'type:service', reviewer: owner, fallback: 'team:security'"))
    office.account("vault", "svc2", "svc-jobs", external_id="E1", kind="service")
    office.grant("vault", "svc2", "v1")
    office.read()
    number = reviews.open_campaign(office.workshop, "services")
    reviews.decide(office.by("mia"), office.item(number, "svc-backup", "role:Admin").id or 0, "keep")
    reviews.decide(office.by("eve"), office.item(number, "svc-jobs", "role:Admin").id or 0, "keep")
    assert office.campaign(number).answered == 2


def test_a_version_that_is_old_and_an_answer_that_is_none_are_refused(make: Make) -> None:
    office, number = quarterly(make)
    item = office.item(number, "eve", "group:Sales")
    reviews.decide(office.by("sue"), item.id or 0, "keep", version=item.version)
    with pytest.raises(StaleWrite, match="sue answered this item a moment ago"):
        reviews.decide(office.by("mia"), item.id or 0, "revoke", version=item.version)
    with pytest.raises(UsageError, match="“maybe” is no answer"):
        reviews.decide(office.by("mia"), item.id or 0, "maybe")


def test_many_are_answered_together_or_none_is(make: Make) -> None:
    office, number = quarterly(make)
    mine = [i.id or 0 for i in office.items(number) if i.reviewer == "manager:M1"]
    other = office.item(number, "ella", "group:Staff").id or 0
    with pytest.raises(NotAllowed):
        reviews.decide_many(office.by("mia"), [*mine, other], "keep")
    assert office.campaign(number).answered == 0
    assert reviews.decide_many(office.by("mia"), mine, "keep") == len(mine) == 6
    assert office.campaign(number).answered == 6
    [entry] = office.journal("review.keep")
    assert entry.summary == "mia keeps 6 items"


def test_groups_of_this_host_are_looked_up_while_nothing_is_locked(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that answers the look-up may be slow: others go on writing."""
    office = make(rules("id: all, every: 90d, scope: all, reviewer: 'group:auditors'"))
    number = reviews.open_campaign(office.workshop, "all")
    asked = []

    def host(login: str) -> frozenset[str]:
        asked.append(login)
        with office.workshop.cache.write() as session:
            systems.system_state(session, "vault", last_good=office.clock())
        return frozenset({"auditors"} if login == "sue" else ())

    monkeypatch.setattr(reviews, "unix_groups", host)
    items = [item.id or 0 for item in office.items(number)]
    assert reviews.decide_many(office.by("sue"), items, "keep") == 11
    assert asked == ["sue"]
    with pytest.raises(NotAllowed, match="is for group:auditors to answer"):
        reviews.decide(office.by("bob"), items[0], "keep")


def test_the_words_of_somebody_are_those_that_wait_for_them(make: Make) -> None:
    office, number = quarterly(make)
    with office.workshop.cache.read() as session:
        found = {login: reviews.words_of(office.workshop, session, login, number) for login in ("mia", "sue", "bob")}
    assert found == {"mia": ["manager:M1"], "sue": ["team:security"], "bob": []}


# ---- what silence does


def test_while_there_is_time_unanswered_items_keep_it_open(make: Make) -> None:
    office, number = quarterly(make)
    with pytest.raises(NotAllowed, match="11 of 11 items of review 1 are unanswered, and there is time until"):
        reviews.close_campaign(office.workshop, number)
    assert reviews.close_due(office.workshop) == []
    assert office.campaign(number).state == "open"


@pytest.mark.parametrize(
    ("on_no_answer", "revoked"),
    [
        ("keep", set()),
        ("revoke", {"svc-backup role:Admin", "egon permission:Export", "ella group:Staff"}),
        ("revoke_elevated", {"svc-backup role:Admin", "egon permission:Export"}),
    ],
)
def test_what_nobody_answered_is_decided_by_the_rule(make: Make, on_no_answer: str, revoked: set[str]) -> None:
    office, number = quarterly(make, on_no_answer)
    spared = {"svc-backup role:Admin", "egon permission:Export", "ella group:Staff"}
    kept = [i.id or 0 for i in office.items(number) if f"{i.login} {i.target}" not in spared]
    reviews.decide_many(office.by("sue"), kept, "keep")
    office.clock.forward(14 * DAY)
    assert reviews.close_due(office.workshop) == [number]
    answers = office.answers(number)
    taken = {f"{login} {target}" for (login, target), (decision, _, _) in answers.items() if decision == "revoke"}
    assert taken == revoked
    silent = {f"{login} {target}" for (login, target), (_, by, default) in answers.items() if default}
    assert silent == spared
    assert len(office.cases()) == len(revoked)
    assert reviews.close_due(office.workshop) == [], "what is closed stays closed"


def test_an_unused_account_that_nobody_answers_for_is_disabled(make: Make) -> None:
    office = make(
        rules("id: dormant, every: 7d, scope: 'unused:45d', reviewer: 'team:helpdesk', on_no_answer: disable")
    )
    number = reviews.open_campaign(office.workshop, "dormant")
    office.time_is_over(number)
    report = reviews.close_campaign(office.workshop, number)
    assert (report.revoked, report.by_default) == (2, 2)
    cases = {case.person_key: case for case in office.cases()}
    assert {(case.kind, case.state) for case in cases.values()} == {("review", "open")}
    assert office.removals(cases["E2"].id or 0) == {("disable", "crm", "egon", "account")}
    assert office.removals(cases["old-import"].id or 0) == {("disable", "crm", "old-import", "account")}


def test_escalation_asks_the_fallback_once_more_and_then_keeps_nothing_silently(make: Make) -> None:
    office, number = quarterly(make, "escalate")
    answered = office.item(number, "eve", "group:Sales").id or 0
    reviews.decide(office.by("mia"), answered, "keep")
    office.clock.forward(14 * DAY)
    assert reviews.close_due(office.workshop) == [], "it stays open"
    assert office.campaign(number).state == "open"
    assert office.campaign(number).due_at == office.clock() + 14 * DAY
    waiting = [item for item in office.items(number) if not item.decision]
    assert {item.reviewer for item in waiting} == {"team:security"}
    assert len(waiting) == 10
    assert reviews.close_due(office.workshop) == []
    office.clock.forward(14 * DAY)
    assert reviews.close_due(office.workshop) == [number]
    decided = [decision for decision, _, by_default in office.answers(number).values() if by_default]
    assert decided == ["unsure"] * 10
    assert office.cases() == []


def test_escalation_without_another_to_ask_ends_unsure(make: Make) -> None:
    office = make(rules("id: all, every: 90d, scope: all, reviewer: 'team:helpdesk', on_no_answer: escalate"))
    number = reviews.open_campaign(office.workshop, "all")
    office.time_is_over(number)
    report = reviews.close_campaign(office.workshop, number)
    assert (report.unsure, report.escalated) == (11, 0)


# ---- before its time


def test_before_its_time_only_who_answers_for_all_of_it_or_opened_it_closes_it(make: Make) -> None:
    office, number = quarterly(make, "revoke")
    for somebody in ("bob", "mia"):  # of no team that is asked; asked about her own people alone
        with pytest.raises(NotAllowed, match="closed by team:security or ana, who opened it; not by others"):
            reviews.close_campaign(office.by(somebody), number, force=True, reason="I want to")
    for reason in ("", " x "):
        with pytest.raises(UsageError, match="say why it is closed"):
            reviews.close_campaign(office.by("sue"), number, force=True, reason=reason)
    assert (office.campaign(number).state, office.cases()) == ("open", [])
    reviews.close_campaign(office.by("sue"), number, force=True, reason="the auditors come on Monday")
    assert office.campaign(number).state == "closed"
    [entry] = office.journal("review.close-early")
    assert entry.summary == (
        "the review “quarterly” is closed early by sue, with 11 unanswered: the auditors come on Monday"
    )


@pytest.mark.parametrize("on_no_answer", ["keep", "revoke", "revoke_elevated", "disable", "escalate"])
def test_silence_means_nothing_while_there_is_time(make: Make, on_no_answer: str) -> None:
    office, number = quarterly(make, on_no_answer)
    reviews.decide(office.by("mia"), office.item(number, "egon", "group:Choir").id or 0, "revoke")
    report = reviews.close_campaign(office.workshop, number, force=True, reason="it was opened by mistake")
    assert (report.revoked, report.unsure, report.by_default, report.escalated) == (1, 10, 10, 0)
    [case] = office.cases()
    assert office.removals(case.id or 0) == {("revoke", "crm", "egon", "group:Choir")}


def test_an_early_closing_that_was_interrupted_still_takes_silence_for_unsure(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, number = quarterly(make, "revoke")
    with monkeypatch.context() as patched:
        patched.setattr(review_closing, "_guard", _killed)
        with pytest.raises(KeyboardInterrupt):
            reviews.close_campaign(office.workshop, number, force=True, reason="it was opened by mistake")
    assert reviews.close_due(office.workshop) == [number]
    assert {decision for decision, _, _ in office.answers(number).values()} == {"unsure"}
    assert office.cases() == []


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_what_is_answered_or_late_is_closed_by_anybody(make: Make) -> None:
    office, number = quarterly(make)
    reviews.decide_many(office.by("sue"), [i.id or 0 for i in office.items(number)], "keep")
    assert reviews.close_campaign(office.by("zoe"), number).kept == 11
    again = reviews.open_campaign(office.workshop, "quarterly")
    office.time_is_over(again)
    assert reviews.close_campaign(office.by("zoe"), again, force=True).kept == 11
    assert office.journal("review.close-early") == []


# ---- what becomes of it


def test_each_person_gets_one_case_of_what_is_revoked(make: Make) -> None:
    office, number = quarterly(make)
    revoked = [("egon", "group:Choir"), ("egon", "permission:Export"), ("old-import", "group:Choir")]
    ids = [office.item(number, login, target).id or 0 for login, target in revoked]
    reviews.decide_many(office.by("sue"), ids, "revoke", "not needed")
    office.time_is_over(number)
    report = reviews.close_campaign(office.workshop, number)
    assert (report.revoked, report.kept, report.by_default, report.held) == (3, 8, 8, 0)
    by_key = {case.person_key: case for case in office.cases()}
    assert list(report.cases) == [case.id for case in office.cases()]
    assert by_key.keys() == {"E2", "old-import"}
    assert {case.kind for case in office.cases()} == {"review"}
    assert office.removals(by_key["E2"].id or 0) == {
        ("revoke", "crm", "egon", "group:Choir"),
        ("revoke", "crm", "egon", "permission:Export"),
    }
    assert office.removals(by_key["old-import"].id or 0) == {("revoke", "crm", "old-import", "group:Choir")}
    assert {office.item(number, "egon", target).case_id for target in ("group:Choir", "permission:Export")} == {
        by_key["E2"].id
    }
    with pytest.raises(NotAllowed, match="Review 1 is closed"):
        reviews.close_campaign(office.workshop, number)
    with pytest.raises(NotAllowed, match="cannot be answered any more"):
        reviews.decide(office.by("sue"), ids[0], "keep")


def test_the_journal_holds_what_the_campaign_came_to(make: Make) -> None:
    office, number = quarterly(make)
    reviews.decide(office.by("mia"), office.item(number, "egon", "group:Choir").id or 0, "revoke")
    office.time_is_over(number)
    reviews.close_campaign(office.workshop, number)
    [entry] = office.journal("review.close")
    assert entry.summary == (
        "the review “quarterly” is closed: 10 kept, 1 revoked, 0 unsure of 11 items, 10 because nobody answered"
    )
    assert b'"items_sha256":' in entry.entry
    assert b'"people_who_answered":1' in entry.entry


def test_what_is_gone_already_needs_no_case(make: Make) -> None:
    office, number = quarterly(make)
    item = office.item(number, "egon", "group:Choir")
    reviews.decide(office.by("mia"), item.id or 0, "revoke")
    office.ungrant("crm", "a-E2", "g3")
    office.read()
    office.time_is_over(number)
    report = reviews.close_campaign(office.workshop, number)
    assert (report.revoked, report.cases) == (1, ())
    assert "gone already" in office.item(number, "egon", "group:Choir").note


def test_more_than_the_guard_allows_is_held_until_another_person_types_the_number(make: Make) -> None:
    office = make(REVIEWS % "revoke" + "guards:\n  removals: {floor: 3, percent: 1, ceiling: 10, window: 24h}\n")
    number = reviews.open_campaign(office.workshop, "quarterly")
    office.clock.forward(14 * DAY)
    report = reviews.close_campaign(office.by("zoe"), number)
    cases = office.cases()
    assert report.held == len(cases) == 6, "five people, and the account of nobody"
    assert {(case.state, case.batch_id) for case in cases} == {("held", report.batch)}
    with pytest.raises(NotAllowed, match="11 removals by the review “quarterly” are more than the 3"):
        requests.confirm_batch(office.by("zoe"), report.batch, "6", "all of it is right")
    with pytest.raises(NotAllowed, match="the batch holds 6"):
        requests.confirm_batch(office.by("ana"), report.batch, "11", "all of it is right")
    requests.confirm_batch(office.by("ana"), report.batch, "6", "all of it is right")
    assert {case.state for case in office.cases()} == {"open"}


def test_a_guard_counts_what_other_reviews_took_lately(make: Make) -> None:
    two = rules(
        "id: crm, every: 90d, scope: 'system:crm', reviewer: 'team:security', on_no_answer: keep",
        "id: vault, every: 90d, scope: 'system:vault', reviewer: 'team:security', on_no_answer: revoke",
    )
    office = make(two + "guards:\n  removals: {floor: 3, percent: 1, ceiling: 10, window: 24h}\n")
    crm, vault = (reviews.open_campaign(office.workshop, rule) for rule in ("crm", "vault"))
    taken = [item.id or 0 for item in office.items(crm) if item.target == "group:Sales"]
    reviews.decide_many(office.by("sue"), taken, "revoke")
    office.time_is_over(crm)
    assert reviews.close_campaign(office.workshop, crm).held == 0, "three are as many as may be"
    office.clock.forward(DAY - timedelta(minutes=1))
    report = reviews.close_campaign(office.workshop, vault)
    assert report.held == 1
    with office.workshop.cache.read() as session:
        batch = session.get(BatchRow, report.batch)
        assert batch is not None
        assert (batch.state, batch.held, batch.opened_by) == ("open", 1, "ana")
        assert "1 removals by the review “vault”, after 3 others within 24 hours," in batch.reason


# ---- by the clock


def test_campaigns_open_when_they_are_due_and_a_missed_time_is_made_up_for_once(make: Make) -> None:
    office = make(
        rules(
            "id: weekly, every: 7d, scope: 'system:crm', reviewer: 'team:helpdesk', answer_within: 2d",
            "id: empty, every: 7d, scope: 'type:guest', reviewer: 'team:helpdesk'",
        )
    )
    assert reviews.open_due(office.workshop) == [1]
    assert [entry.summary[:31] for entry in office.journal("review.nothing")] == ["Nobody holds anything that the "]
    for _ in range(3):
        assert reviews.open_due(office.workshop) == []
    assert len(office.journal("review.nothing")) == 1
    office.clock.forward(2 * DAY)
    assert reviews.close_due(office.workshop) == [1]
    office.clock.forward(5 * DAY - timedelta(minutes=1))
    assert reviews.open_due(office.workshop) == []
    office.clock.forward(timedelta(minutes=1))
    assert reviews.open_due(office.workshop) == [2]
    office.clock.forward(70 * DAY)
    assert reviews.open_due(office.workshop) == [], "the second one is still open"
    assert reviews.close_due(office.workshop) == [2]
    assert reviews.open_due(office.workshop) == [3], "ten missed times are one campaign"
    assert reviews.open_due(office.workshop) == []


def test_no_campaign_opens_by_itself_before_every_system_of_it_was_read(make: Make) -> None:
    office = make(rules("id: all, every: 7d, scope: all, reviewer: 'team:helpdesk'"))
    with office.workshop.cache.write() as session:
        systems.system_state(session, "vault", last_good=None)
    assert reviews.open_due(office.workshop) == []
    office.read()
    assert reviews.open_due(office.workshop) == [1]


def test_an_opening_that_was_killed_leaves_nothing_behind(make: Make) -> None:
    office = make(REVIEWS % "keep")
    with office.workshop.cache.write() as session:
        row = CampaignRow(
            rule="quarterly", scope="all", state="opening", opened_at=office.clock(), due_at=office.clock()
        )
        session.add(row)
        session.flush()
        session.add(ReviewItemRow(campaign_id=row.id or 0, seq=1, system="crm", account_id="a", target="group:Staff"))
    with pytest.raises(NotAllowed, match="is opening already"):
        reviews.open_campaign(office.workshop, "quarterly")
    assert reviews.open_due(office.workshop) == []
    office.clock.forward(timedelta(minutes=16))
    [number] = reviews.open_due(office.workshop)
    assert office.count("campaign") == 1
    assert len(office.items(number)) == office.count("review_item") == 11


def test_a_closing_that_was_killed_goes_on(make: Make) -> None:
    office, number = quarterly(make)
    reviews.decide(office.by("mia"), office.item(number, "egon", "group:Choir").id or 0, "revoke")
    with office.workshop.cache.write() as session:
        row = session.get(CampaignRow, number)
        assert row is not None
        row.state = "closing"
        session.execute(text("UPDATE review_item SET decision = 'keep' WHERE decision = ''"))
    assert reviews.close_due(office.workshop) == [number]
    assert len(office.cases()) == 1
    assert office.campaign(number).state == "closed"
