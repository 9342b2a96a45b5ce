"""The RealVNC adapter against exchanges as the vendor's OpenAPI file tells them: what it does, and what it cannot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from jmltui.adapter_api import (
    AuthFailed,
    Cap,
    ContractBroken,
    Forbidden,
    NotFound,
    Outcome,
    OutcomeUnknown,
    Proof,
    Query,
    RateLimited,
    Setup,
    Stale,
    Step,
    Verdict,
)
from jmltui.adapter_api.conformance import CHECKS, Disturbance, Result, World, run_check
from jmltui_realvnc import RealVncAdapter
from tests.conftest import StandingClock
from tests.servers.played import Reply, playing
from tests.servers.realvnc_team import ALL, KEY, Team


@asynccontextmanager
async def connected(team: Team, clock: StandingClock, **options: Any) -> AsyncIterator[RealVncAdapter]:
    async with playing(team.server) as server:

        class Here(RealVncAdapter):
            ADDRESS = server.url

        values = {"access_key_id": KEY["accessKeyId"], "access_key": "x", "exchange_seconds": 2, **options}
        adapter = Here(Setup("vnc", values, lambda _: KEY["accessKey"], clock))
        await adapter.open()
        try:
            yield adapter
        finally:
            await adapter.close()


@pytest.fixture
def team() -> Team:
    """Five who joined, one who is invited, two groups."""
    team = Team()
    for name, roles in {"ana": "USER", "ben": "USER,MANAGER", "cem": "USER", "dee": "ADMIN", "eva": "OWNER"}.items():
        team.add(name, *roles.split(","))
    team.add("fay", state="INVITED")
    team.groups = {"g1": ("Support", {"id-ana", "id-ben"}), "g2": ("Field", {"id-ana"})}
    return team


async def test_everybody_is_listed_once_and_every_grant_with_them(team: Team, clock: StandingClock) -> None:
    async with connected(team, clock) as vnc:
        pages = [page async for page in vnc.accounts(Query())]
        told = {a.login.split("@")[0]: a.state.value for page in pages for a in page.items}
        grants = {(g.account_id, g.entitlement_id) async for page in vnc.grants(Query()) for g in page.items}
        entitlements = {e.id: e async for page in vnc.entitlements(Query()) for e in page.items}
    assert told == {**dict.fromkeys(("ana", "ben", "cem", "dee", "eva"), "active"), "fay": "invited"}
    assert ("id-ben", "role:MANAGER") in grants
    assert {account for account, held in grants if held == "group:g1"} == {"id-ana", "id-ben"}
    assert entitlements["group:g2"].name == "Field"
    assert not entitlements["role:ADMIN"].grantable
    assert entitlements["role:MANAGER"].privileged


async def test_a_listing_is_taken_up_where_it_was_left(team: Team, clock: StandingClock) -> None:
    async with connected(team, clock) as vnc:
        pages = [page async for page in vnc.accounts(Query())]
        for number, page in enumerate(pages[:-1]):
            rest = [a.id async for later in vnc.accounts(Query(cursor=page.cursor)) for a in later.items]
            assert rest == [a.id for later in pages[number + 1 :] for a in later.items]
    assert len(pages) == 4
    assert pages[-1].cursor is None


async def test_a_member_is_removed_once_and_the_proof_is_another_read(team: Team, clock: StandingClock) -> None:
    step = Step(Cap.DELETE, "id-ana", login="ana@example.com")
    async with connected(team, clock) as vnc:
        assert (await vnc.verify(step)).verdict is Verdict.CONTRADICTED
        assert (await vnc.delete("id-ana")).outcome is Outcome.CHANGED
        found = await vnc.verify(step)
        assert (await vnc.delete("id-ana")).outcome is Outcome.ALREADY
        with pytest.raises(NotFound):
            await vnc.read("id-ana")
    assert (found.verdict, found.source) == (Verdict.CONFIRMED, "GET /1.0/members/id-ana: 404")
    assert team.server.calls("DELETE") == ["DELETE /1.0/members/id-ana"]


async def test_a_member_told_as_deleted_is_not_there(team: Team, clock: StandingClock) -> None:
    team.keeps_removed = True
    async with connected(team, clock) as vnc:
        await vnc.delete("id-ana")
        found = await vnc.verify(Step(Cap.DELETE, "id-ana"))
        again = await vnc.delete("id-ana")
        listed = [a.id async for page in vnc.accounts(Query()) for a in page.items]
    assert found.verdict is Verdict.CONFIRMED
    assert found.observed["roles"] == ["DELETED"]
    assert again.outcome is Outcome.ALREADY
    assert "id-ana" not in listed


@pytest.mark.parametrize(("who", "role"), [("id-dee", "Admin"), ("id-eva", "Owner")])
async def test_who_the_interface_does_not_touch_is_for_a_person(
    team: Team, clock: StandingClock, who: str, role: str
) -> None:
    async with connected(team, clock) as vnc:
        with pytest.raises(Forbidden, match=f"is {role} of the team.*An Owner of the team has to do it"):
            await vnc.delete(who)
        with pytest.raises(Forbidden, match="An Owner of the team has to do it"):
            await vnc.grant(who, "role:TECHNICIAN")
        with pytest.raises(Forbidden, match="does not grant the role ADMIN"):
            await vnc.grant("id-ana", "role:ADMIN")
    assert not [call for call in team.server.calls() if not call.startswith("GET")]


async def test_groups_and_roles_are_given_and_taken(team: Team, clock: StandingClock) -> None:
    async with connected(team, clock) as vnc:
        for target in ("group:g2", "role:TECHNICIAN"):
            for write, cap, opposite in (
                (vnc.grant, Cap.GRANT, Cap.REVOKE),
                (vnc.revoke, Cap.REVOKE, Cap.GRANT),
            ):
                assert (await vnc.verify(Step(cap, "id-cem", target))).verdict is Verdict.CONTRADICTED
                assert (await write("id-cem", target)).outcome is Outcome.CHANGED
                assert (await vnc.verify(Step(cap, "id-cem", target))).verdict is Verdict.CONFIRMED
                assert (await vnc.verify(Step(opposite, "id-cem", target))).verdict is Verdict.CONTRADICTED
                assert (await write("id-cem", target)).outcome is Outcome.ALREADY
        held = {grant.entitlement_id for grant in await vnc.grants_of("id-ana")}
        with pytest.raises(NotFound):
            await vnc.grant("id-cem", "group:nobody")
    assert held == {"role:USER", "group:g1", "group:g2"}
    assert team.members["id-cem"]["roles"] == ["USER"]


async def test_a_role_changed_by_somebody_else_meanwhile_is_stale(team: Team, clock: StandingClock) -> None:
    async with connected(team, clock) as vnc:
        team.members["id-cem"]["etag"] = '"2"'
        team.server.twists[Disturbance.OTHER_USER] = lambda _, reply: Reply(
            200, {**reply.body, "etag": '"1"'}, {"ETag": '"1"'}
        )
        await team.server.disturb(Disturbance.OTHER_USER)
        with pytest.raises(Stale):
            await vnc.grant("id-cem", "role:MANAGER")
    assert team.members["id-cem"]["roles"] == ["USER"]


async def test_open_sessions_are_told_as_inferred_and_their_end_is_never_claimed(
    team: Team, clock: StandingClock
) -> None:
    now = int(clock().timestamp() * 1000)
    team.event("connection_start", "id-ana", "s1", "v1", now - 9000)
    team.event("connection_start", "id-ana", "s2", "v1", now - 8000)
    team.event("connection_start", "id-ben", "s1", "v2", now - 7000)
    team.event("connection_end", "id-ana", "s1", "v1", now - 6000)
    async with connected(team, clock) as vnc:
        assert vnc.capabilities()[Cap.LIST_SESSIONS].proof is Proof.AUDIT
        assert Cap.END_SESSIONS not in vnc.capabilities()
        assert not hasattr(vnc, "end_sessions")
        assert not hasattr(vnc, "disable")
        (left,) = await vnc.sessions("id-ana")
        step = Step(Cap.END_SESSIONS, "id-ana")
        assert (await vnc.verify(step)).verdict is Verdict.CONTRADICTED
        team.event("connection_end", "id-ana", "s2", "v1", now - 10)
        assert await vnc.sessions("id-ana") == []
        found = await vnc.verify(step)
        facts = await vnc.check()
    assert (left.where, left.inferred, left.started) == ("The s2", True, clock() - timedelta(seconds=8))
    assert (found.verdict, found.proof) == (Verdict.UNVERIFIABLE, Proof.AUDIT)
    assert facts["live sessions"] == "not verifiable here"
    assert facts["session events"] == "connection_end, connection_start"
    assert (facts["computers"], facts["computers online"]) == ("3", "1")


async def test_a_key_that_may_not_read_audit_or_groups_offers_less(team: Team, clock: StandingClock) -> None:
    team.permissions = ALL - {"LIST_AUDIT_EVENTS", "LIST_USER_GROUPS", "LIST_PRESENCE"}
    async with connected(team, clock) as vnc:
        assert Cap.LIST_SESSIONS not in vnc.capabilities()
        found = await vnc.verify(Step(Cap.END_SESSIONS, "id-ana"))
        with pytest.raises(Forbidden, match="LIST_USER_GROUPS"):
            await vnc.grants_of("id-ana")
        facts = await vnc.check()
    assert (found.verdict, found.proof) == (Verdict.UNVERIFIABLE, Proof.NONE)
    assert facts["computers online"] == "not readable with this key"


async def test_with_single_sign_on_roles_are_the_providers_and_a_proof_waits_an_hour(
    team: Team, clock: StandingClock
) -> None:
    async with connected(team, clock, sso=True) as vnc:
        removal = vnc.capabilities()[Cap.DELETE]
        grantable = {e.id for p in [p async for p in vnc.entitlements(Query())] for e in p.items if e.grantable}
    assert removal.settle == timedelta(hours=1)
    assert "identity provider first" in removal.note
    assert grantable == {"group:g1", "group:g2"}


async def test_a_wrong_key_is_told_without_it(team: Team, clock: StandingClock) -> None:
    async with playing(team.server) as server:

        class Here(RealVncAdapter):
            ADDRESS = server.url

        vnc = Here(Setup("vnc", {"access_key_id": "other", "access_key": "x"}, lambda _: "hunter2-key", clock))
        with pytest.raises(AuthFailed) as refused:
            await vnc.open()
        await vnc.close()
    assert "hunter2" not in str(refused.value)


async def test_a_token_that_ran_out_is_renewed(team: Team, clock: StandingClock) -> None:
    async with connected(team, clock) as vnc:
        team.server.instead.append(Reply(401))
        assert (await vnc.read("id-ana")).login == "ana@example.com"
        clock.forward(timedelta(hours=1))
        await vnc.read("id-ana")
    assert len([a for a in team.server.asked if a.path == "/1.0/sessions"]) == 3


@pytest.mark.parametrize(
    "what", [Disturbance.LOSE_WRITE_ANSWER, Disturbance.TIMEOUT_AFTER_WRITE, Disturbance.CUT_WRITE_ANSWER]
)
async def test_a_removal_without_an_answer_is_unknown_and_then_found(
    team: Team, clock: StandingClock, what: Disturbance
) -> None:
    async with connected(team, clock) as vnc:
        await team.server.disturb(what)
        with pytest.raises(OutcomeUnknown):
            await vnc.delete("id-ana")
        assert (await vnc.verify(Step(Cap.DELETE, "id-ana"))).verdict is Verdict.CONFIRMED
        assert (await vnc.delete("id-ana")).outcome is Outcome.ALREADY


async def test_a_wait_that_is_asked_for_reaches_the_engine(team: Team, clock: StandingClock) -> None:
    async with connected(team, clock) as vnc:
        await team.server.disturb(Disturbance.THROTTLE)
        with pytest.raises(RateLimited) as asked:
            await vnc.delete("id-ana")
    assert asked.value.retry_after == timedelta(seconds=7)
    assert "id-ana" in team.members


async def test_lists_that_lie_are_not_believed(team: Team, clock: StandingClock) -> None:
    def again(asked: Any, reply: Reply) -> Reply:
        first = {"members": [team.members["id-ana"]]} if asked.path == "/1.0/members" else reply.body
        return Reply(200, first, {"Link": '</1.0/members?from=x>; rel="next"'})

    async with connected(team, clock) as vnc:
        team.hidden = {"id-ben"}
        with pytest.raises(ContractBroken, match="the list is not whole"):
            [page async for page in vnc.grants(Query())]
        team.server.twists[Disturbance.ENDLESS_LISTING] = again
        await team.server.disturb(Disturbance.ENDLESS_LISTING)
        with pytest.raises(ContractBroken, match="without end"):
            await vnc.find("nobody@example.com")
        team.server.twists[Disturbance.OTHER_USER] = lambda *_: Reply(200, team.members["id-cem"])
        await team.server.disturb(Disturbance.OTHER_USER)
        with pytest.raises(ContractBroken, match="told of another"):
            await vnc.read("id-ana")


@pytest.mark.parametrize("check", CHECKS)
async def test_the_contract_is_kept_where_it_applies(team: Team, clock: StandingClock, check: str) -> None:
    """Nobody can be made here, so only what needs no new account applies."""
    async with connected(team, clock) as vnc:
        result = await run_check(check, vnc, World(f"r{check[:4]}"))
    applies = {"unknown_is_not_found", "page_sizes_agree", "capabilities_are_honest"}
    assert result.result is (Result.PASSED if check in applies else Result.SKIPPED), result.told
