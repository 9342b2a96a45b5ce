"""Roles of administrators as entitlements: who has them, also through groups, and that they are taken."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from jmltui.adapter_api import Cap, Conflict, Forbidden, Grant, NotFound, Outcome, Query, Step, Verdict
from tests.adapters.google_setup import connected
from tests.conftest import StandingClock
from tests.servers.google_customer import refused
from tests.servers.google_estate import HERE, Estate
from tests.servers.played import Reply

SUPER, DESK = "role:5000", "role:5001"


@pytest.fixture
def estate(clock: StandingClock) -> Estate:
    """Ana is a super administrator and has the help desk's role twice; Ben has that one through a group."""
    estate = Estate(clock)
    for name in ("ana", "ben", "cem"):
        estate.user(name)
    highest, desk = estate.role("_SEED_ADMIN_ROLE", highest=True), estate.role("Help desk", system=False)
    group = estate.group("desk")
    estate.join(group, "1001")
    estate.assigned(highest, "1000")
    estate.assigned(desk, "1000", expirationDetails={"expireTime": "2026-07-01T00:00:00Z"})
    estate.assigned(desk, "1000", scopeType="ORG_UNIT", orgUnitId="03ph8a2z1")
    estate.assigned(desk, group, "group")
    estate.assigned(desk, "109876543210", "user")
    return estate


async def test_roles_are_shown_with_who_has_them(estate: Estate, clock: StandingClock) -> None:
    async with connected(estate, clock, roles=True) as google:
        found = {one.id: one for page in [p async for p in google.entitlements(Query())] for one in page.items}
        every = [
            one async for page in google.grants(Query()) for one in page.items if one.entitlement_id in (SUPER, DESK)
        ]
        single = [one for who in ("1000", "1001", "1002") for one in await google.grants_of(who)]
    assert (found[SUPER].kind, found[SUPER].name, found[SUPER].privileged) == ("role", "_SEED_ADMIN_ROLE", True)
    assert (found[DESK].name, found[DESK].privileged, found[DESK].grantable) == ("Help desk", True, True)
    assert set(every) == {
        Grant("1000", SUPER),
        Grant("1000", DESK),
        Grant("1001", DESK, False, ("group:00desk",)),
    }
    assert set(single) - {Grant("1001", "group:00desk")} == set(every)


async def test_a_role_is_given_and_taken_wherever_it_was_given(estate: Estate, clock: StandingClock) -> None:
    async with connected(estate, clock, roles=True) as google:
        for write, cap, who, role in (
            (google.grant, Cap.GRANT, "1002", DESK),
            (google.revoke, Cap.REVOKE, "1000", DESK),
            (google.revoke, Cap.REVOKE, "1000", SUPER),
        ):
            step = Step(cap, who, role)
            assert (await google.verify(step)).verdict is Verdict.CONTRADICTED
            assert (await write(who, role)).outcome is Outcome.CHANGED
            evidence = await google.verify(step)
            assert (evidence.verdict, evidence.source) == (
                Verdict.CONFIRMED,
                f"GET roleassignments?roleId={role.removeprefix('role:')}",
            )
            assert (await write(who, role)).outcome is Outcome.ALREADY
        for unknown in ("role:4711", "role:"):
            with pytest.raises(NotFound):
                await google.grant("1002", unknown)
    assert [row["assignedTo"] for row in estate.assignments] == ["00desk", "109876543210", "1002"]


async def test_what_comes_through_a_group_is_taken_there(estate: Estate, clock: StandingClock) -> None:
    async with connected(estate, clock, roles=True) as google:
        with pytest.raises(Forbidden, match="comes through the group 00desk"):
            await google.revoke("1001", DESK)
        assert (await google.verify(Step(Cap.REVOKE, "1001", DESK))).verdict is Verdict.CONTRADICTED
        assert (await google.revoke("1001", "group:00desk")).outcome is Outcome.CHANGED
        assert (await google.verify(Step(Cap.REVOKE, "1001", DESK))).verdict is Verdict.CONFIRMED


async def test_an_end_is_read_and_a_second_who_was_faster_is_no_conflict(estate: Estate, clock: StandingClock) -> None:
    estate.assignments = [row for row in estate.assignments if row["scopeType"] == "CUSTOMER"]
    path = f"{HERE}/roleassignments"
    async with connected(estate, clock, roles=True) as google:
        (ends,) = [one.expires for one in await google.grants_of("1000") if one.entitlement_id == DESK]
        assert ends == datetime(2026, 7, 1, tzinfo=UTC)
        estate.answer_next("GET", path, Reply(200, {}))
        assert (await google.grant("1000", DESK)).outcome is Outcome.ALREADY
        assert estate.server.calls("POST") == [f"POST {path}"]
        estate.answer_next("POST", path, refused(409, "duplicate", "Entity already exists."))
        with pytest.raises(Conflict):
            await google.grant("1002", DESK)


async def test_roles_are_off_unless_asked_for_and_need_their_scope(estate: Estate, clock: StandingClock) -> None:
    async with connected(estate, clock) as google:
        assert not [one for one in await google.grants_of("1000") if one.entitlement_id.startswith("role:")]
        with pytest.raises(NotFound):
            await google.revoke("1000", DESK)
    assert not any("rolemanagement" in claims["scope"] for claims in estate.subjects)
    estate.undelegated = {"admin.directory.rolemanagement"}
    async with connected(estate, clock, roles=True) as google:
        with pytest.raises(Forbidden, match=r"delegate admin\.directory\.rolemanagement to the service account"):
            await google.grants_of("1000")
        assert (await google.check())["roles"].startswith("not readable: google does not let jmltui see and change")
