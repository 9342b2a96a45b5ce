"""What a description can say beside users of one server: groups per account or group, sessions, lookups, odd errors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jmltui.adapter_api import (
    BadRow,
    Cap,
    Conflict,
    ContractBroken,
    Grant,
    Outcome,
    Person,
    Proof,
    Query,
    Setup,
    Step,
    Unsupported,
    Verdict,
)
from jmltui_http import HttpAdapter
from jmltui_http.yaml_nodes import DescriptionError
from tests.conftest import StandingClock
from tests.servers.recorded import Exchange, Recorded, recorded

HEAD = """
description: 1
name: Odd
auth: {kind: none}
errors:
  - {status: 400, when: "code == 'E001'", means: conflict}
  - {status: 200, when: "ok == `false`", means: invalid}
limits: {page_size: 2}
accounts:
  columns: {id: id, login: login, state: state, city: city}
  words: {state: {active: ["*"], disabled: [off]}}
  list:
    call: {path: /users, query: {per_page: "{page.size}"}}
    paging: {kind: link}
    records: "@"
    id: id
  read: {call: {path: "/users/{account.id}", missing: 400}}
  find: {call: {path: /users, query: {login: "{login}"}}, records: "@"}
"""
GROUPS = """
entitlements:
  kind: role
  columns: {id: id, name: name, privileged: admin, grantable: "!locked"}
  list:
    call: {method: POST, path: /groups/search, body: {size: "{page.size}", after: "{page.cursor?}"}}
    paging: {kind: cursor, next: next}
    records: groups
    id: id
"""
PER_GROUP = """
grants:
  per: entitlement
  columns: {account: user.id, direct: "!inherited", via: through}
  list:
    call: {path: "/groups/{entitlement.id}/members"}
    records: members
  of:
    call: {path: "/users/{account.id}/groups"}
    records: groups
"""
PER_ACCOUNT = """
grants:
  per: account
  columns: {entitlement: id}
  list:
    call: {path: "/users/{account.id}/groups"}
    records: groups
"""
OPERATIONS = """
sessions:
  columns: {id: id, started: since, where: ip}
  list: {call: {path: "/users/{account.id}/sessions"}, records: "@"}
operations:
  grant:
    call: {method: PUT, path: "/groups/{entitlement.id}/members/{account.id}"}
    verify: {call: {path: "/users/{account.id}/groups"}, value: "groups[].id", contains: "{entitlement.id}"}
  revoke:
    call: {method: DELETE, path: "/groups/{entitlement.id}/members/{account.id}"}
  end_sessions:
    call: {method: DELETE, path: "/users/{account.id}/sessions/{session.id}"}
    settle: 5
  disable:
    call: {path: "/users/{account.id}/lock"}
    verify: none
    note: nothing shows whether somebody is locked
  create:
    call: {path: /users, body: {login: "{wanted.login}"}}
  update:
    call: {method: PATCH, path: "/users/{account.id}", body: {city: "{changes.city?}", login: "{changes.login?}"}}
"""
ANA = {"id": "1", "login": "ana", "state": "on", "city": "Oslo"}
EVA = {"id": "2", "login": "eva", "state": "off", "city": "Bonn"}
USERS = Exchange("GET", "/users", {"per_page": "2"}, [ANA, EVA], lasting=True)


async def opened(folder: Path, server: Recorded, clock: StandingClock, text: str) -> HttpAdapter:
    file = folder / "odd.yaml"
    file.write_text(text)
    options = {"description": str(file), "base": server.origin, "private_network": True}
    adapter = HttpAdapter(Setup("odd", options, str, clock))
    await adapter.open()
    return adapter


async def grants(adapter: HttpAdapter) -> list[Grant]:
    return [one async for page in adapter.grants(Query()) for one in page.items]


async def test_link_headers_and_cursors_in_a_body(tmp_path: Path, clock: StandingClock) -> None:
    link = '<{origin}/users?page=1>; rel="prev", </users?page=2&x=%2C>; title="a, b"; rel="next last"'
    group = {"id": "g1", "name": "Admins", "admin": True, "locked": False}
    with recorded(
        Exchange("GET", "/users", {"per_page": "1"}, [ANA], headers={"Link": link}),
        Exchange("GET", "/users", {"page": "2", "x": ","}, [EVA]),
        Exchange("POST", "/groups/search", None, {"groups": [group], "next": 17}),
        Exchange("POST", "/groups/search", None, {"groups": [{"id": "g2", "name": "All", "locked": True}]}),
    ) as server:
        adapter = await opened(tmp_path, server, clock, HEAD + GROUPS)
        accounts = [one async for page in adapter.accounts(Query(page_size=1)) for one in page.items]
        groups = [one async for page in adapter.entitlements(Query()) for one in page.items]
        await adapter.close()
    assert not server.unexpected
    assert [(one.login, one.state.value, one.raw["city"]) for one in accounts] == [
        ("ana", "active", "Oslo"), ("eva", "disabled", "Bonn"),
    ]  # fmt: skip
    assert [asked.json for asked in server.asked[2:]] == [{"size": 2}, {"size": 2, "after": "17"}]
    assert [(one.id, one.kind, one.privileged, one.grantable) for one in groups] == [
        ("g1", "role", True, True), ("g2", "role", False, False),
    ]  # fmt: skip


async def test_grants_by_one_call_for_each_group(tmp_path: Path, clock: StandingClock) -> None:
    found = {"groups": [{"id": "g1", "name": "A"}]}
    members = [{"user": {"id": "1"}}, {"user": {"id": "2"}, "inherited": True, "through": ["g0"]}]
    with recorded(
        USERS,
        Exchange("POST", "/groups/search", None, found, lasting=True),
        Exchange("GET", "/groups/g1/members", None, {"members": members}),
        Exchange("GET", "/groups/g1/members", None, {"members": [{"user": {"id": "9"}}]}),
    ) as server:
        adapter = await opened(tmp_path, server, clock, HEAD + GROUPS + PER_GROUP)
        assert await grants(adapter) == [Grant("1", "g1"), Grant("2", "g1", direct=False, via=("g0",))]
        with pytest.raises(ContractBroken, match="no account it lists"):
            await grants(adapter)
        await adapter.close()


async def test_grants_by_one_call_for_each_account(tmp_path: Path, clock: StandingClock) -> None:
    with recorded(
        USERS,
        Exchange("GET", "/users/1/groups", None, {"groups": [{"id": "g1"}]}, lasting=True),
        Exchange("GET", "/users/2/groups", None, {"groups": []}),
        Exchange("GET", "/users/2/groups", None, {"message": "try later"}),
    ) as server:
        adapter = await opened(tmp_path, server, clock, HEAD + GROUPS + PER_ACCOUNT)
        assert await grants(adapter) == [Grant("1", "g1")]
        assert await adapter.grants_of("1") == [Grant("1", "g1")]
        with pytest.raises(ContractBroken, match="without the list"):
            await adapter.grants_of("2")
        await adapter.close()


async def test_writes_look_first_and_are_proved_by_another_call(tmp_path: Path, clock: StandingClock) -> None:
    with recorded(
        Exchange("GET", "/users/1", None, ANA, lasting=True),
        Exchange("GET", "/users/1/groups", None, {"groups": []}),
        Exchange("PUT", "/groups/g1/members/1", status=204),
        Exchange("GET", "/users/1/groups", None, {"groups": [{"id": "g1"}]}, lasting=True),
        Exchange("DELETE", "/groups/g1/members/1", status=204),
    ) as server:
        adapter = await opened(tmp_path, server, clock, HEAD + GROUPS + PER_ACCOUNT + OPERATIONS)
        assert (await adapter.grant("1", "g1")).outcome is Outcome.CHANGED
        proof = await adapter.verify(Step(Cap.GRANT, "1", "g1"))
        assert (proof.verdict, proof.proof, proof.source) == (
            Verdict.CONFIRMED, Proof.READ_BACK, "GET /users/1/groups",
        )  # fmt: skip
        assert (await adapter.grant("1", "g1")).outcome is Outcome.ALREADY
        assert (await adapter.revoke("1", "g1")).outcome is Outcome.CHANGED
        assert (await adapter.verify(Step(Cap.REVOKE, "1", "g1"))).verdict is Verdict.CONTRADICTED
        await adapter.close()
    assert [one.method for one in server.asked].count("PUT") == 1
    assert not server.unexpected


async def test_every_session_is_ended_and_none_is_left(tmp_path: Path, clock: StandingClock) -> None:
    live = [{"id": "s/1", "since": "2026-01-01T08:00:00Z", "ip": "10.0.0.1"}, {"id": "s2"}]
    with recorded(
        Exchange("GET", "/users/1", None, ANA, lasting=True),
        Exchange("GET", "/users/1/sessions", None, live),
        Exchange("GET", "/users/1/sessions", None, live),
        Exchange("DELETE", "/users/1/sessions/s%2F1", status=204),
        Exchange("DELETE", "/users/1/sessions/s2", status=204),
        Exchange("GET", "/users/1/sessions", None, [], lasting=True),
    ) as server:
        adapter = await opened(
            tmp_path, server, clock, HEAD + OPERATIONS.replace("  revoke:", "  revoke:\n    verify: none")
        )
        first, _ = await adapter.sessions("1")
        assert (first.where, first.started is not None) == ("10.0.0.1", True)
        assert (await adapter.end_sessions("1")).outcome is Outcome.CHANGED
        assert (await adapter.verify(Step(Cap.END_SESSIONS, "1"))).verdict is Verdict.CONFIRMED
        assert (await adapter.end_sessions("1")).outcome is Outcome.ALREADY
        assert adapter.capabilities()[Cap.END_SESSIONS].settle.total_seconds() == 5
        await adapter.close()
    assert not server.unexpected


async def test_sessions_that_cannot_be_listed_are_ended_all_the_same(tmp_path: Path, clock: StandingClock) -> None:
    text = """
operations:
  end_sessions:
    call: {path: "/users/{account.id}/kick"}
    verify: {call: {path: "/users/{account.id}"}, value: online, equals: false}
"""
    with recorded(
        Exchange("GET", "/users/1", None, {**ANA, "online": True}),
        Exchange("POST", "/users/1/kick", status=204),
        Exchange("GET", "/users/1", None, {**ANA, "online": False}, lasting=True),
    ) as server:
        adapter = await opened(tmp_path, server, clock, HEAD + text)
        assert (await adapter.end_sessions("1")).outcome is Outcome.CHANGED
        assert (await adapter.verify(Step(Cap.END_SESSIONS, "1"))).verdict is Verdict.CONFIRMED
        with pytest.raises(Unsupported, match="all sessions of an account at once"):
            await adapter.end_sessions("1", "s1")
        with pytest.raises(Unsupported):
            await adapter.sessions("1")
        await adapter.close()


async def test_what_nothing_proves_is_said(tmp_path: Path, clock: StandingClock) -> None:
    with recorded(
        Exchange("GET", "/users/1", None, ANA, lasting=True), Exchange("POST", "/users/1/lock", status=204)
    ) as server:
        adapter = await opened(tmp_path, server, clock, HEAD + GROUPS + PER_ACCOUNT + OPERATIONS)
        support = adapter.capabilities()[Cap.DISABLE]
        assert (support.proof, support.note) == (Proof.NONE, "nothing shows whether somebody is locked")
        assert (await adapter.disable("1")).outcome is Outcome.CHANGED
        assert (await adapter.verify(Step(Cap.DISABLE, "1"))).verdict is Verdict.UNVERIFIABLE
        with pytest.raises(Unsupported):
            await adapter.delete("1")
        await adapter.close()


async def test_an_answer_may_mean_something_else_than_its_status(tmp_path: Path, clock: StandingClock) -> None:
    text = HEAD + GROUPS + PER_ACCOUNT + OPERATIONS
    with recorded(
        Exchange("GET", "/users", {"login": "ana"}, [], lasting=True),
        Exchange("POST", "/users", status=400, answer={"code": "E001", "message": "exists"}),
        Exchange("GET", "/users/1", None, ANA, lasting=True),
        Exchange("PATCH", "/users/1", answer={"ok": False, "error": "no such city"}, lasting=True),
        Exchange("GET", "/users/7", status=400, answer={"code": "E404"}),
    ) as server:
        adapter = await opened(tmp_path, server, clock, text)
        from jmltui.adapter_api import Account, AccountState, Invalid, NotFound

        with pytest.raises(Conflict):
            await adapter.create(Account("", "ana", AccountState.ACTIVE, external_id="K"), key="k")
        assert (await adapter.update("1", {"city": "Oslo"})).outcome is Outcome.ALREADY
        with pytest.raises(Invalid, match="no such city"):
            await adapter.update("1", {"city": "Rome", "login": "ana"})
        with pytest.raises(Invalid, match="no such city"):
            await adapter.update("1", {"city": ""})
        with pytest.raises(Invalid, match="cannot be changed; only city, login can"):
            await adapter.update("1", {"shoe": "42"})
        with pytest.raises(NotFound):
            await adapter.read("7")
        await adapter.close()
    assert [one.json for one in server.asked if one.method == "PATCH"] == [{"city": "Rome"}, {"city": ""}]


def test_what_is_written_has_to_be_read(tmp_path: Path) -> None:
    from jmltui_http.description import read_description

    with pytest.raises(DescriptionError) as refused:
        read_description((HEAD.replace(", city: city", "") + OPERATIONS).encode(), "odd.yaml")
    told = str(refused.value)
    assert "“changes.city” is written, but no column of accounts reads it." in told
    assert "Nothing reads “revoke” back" in told


PEOPLE = """
description: 1
name: Staff
auth: {kind: none}
limits: {parallel: 3}
people:
  call: {path: /staff}
  records: staff
  where: kind == 'person'
  lookups:
    contract:
      when: has_contract
      call: {path: "/staff/{record.ref.id}/contract", missing: [404]}
  columns: {key: ref.id, name: name, ends: contract.end, starts: begin, status: state}
  defaults: {status: active}
  words: {status: {left: [gone]}}
  dates: [instant, "%d.%m.%Y", epoch-ms]
  zone: America/New_York
  ends_means: first-day-gone
"""


async def test_dates_have_a_zone_and_an_end_a_meaning(tmp_path: Path, clock: StandingClock) -> None:
    def row(number: int, **more: Any) -> dict[str, Any]:
        return {"ref": {"id": number}, "name": f"P{number}", "kind": "person", "has_contract": True, **more}

    staff = [
        row(1, begin="2026-03-01T02:00:00Z"),
        row(2, begin="01.03.2026", state="gone", has_contract=False),
        row(3, begin=1767225600000),
        row(4, begin="soon"),
        {"ref": {"id": 5}, "kind": "room"},
    ]
    with recorded(
        Exchange("GET", "/staff", {}, {"staff": staff}),
        Exchange("GET", "/staff/1/contract", None, {"end": "2026-05-01"}),
        Exchange("GET", "/staff/3/contract", status=404),
        Exchange("GET", "/staff/4/contract", None, {"end": None}),
    ) as server:
        adapter = await opened(tmp_path, server, clock, PEOPLE)
        one, two, three, four = [item async for item in adapter.people()]
        await adapter.close()
    assert not server.unexpected
    assert isinstance(one, Person)
    assert isinstance(two, Person)
    assert isinstance(three, Person)
    assert (str(one.starts), str(one.ends)) == ("2026-02-28", "2026-04-30")
    assert (str(two.starts), two.status.value) == ("2026-03-01", "left")
    assert (str(three.starts), three.ends) == ("2025-12-31", None)
    assert isinstance(four, BadRow)
    assert "starts “soon” is no date of the form" in four.reason
    assert adapter.feed().complete
