"""Feeds of changes in the hands of the engine, feeds of other kinds, and what is wrong in a description of one."""

from __future__ import annotations

import random
import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from jmltui.adapter_api import Call, ContractBroken, Grant, Mapped
from jmltui.cache.tables import AccountRow, EntitlementRow, HeldRow
from jmltui.config.places import Places
from jmltui.lifecycle.sync import sync
from jmltui.lifecycle.workshop import Workshop, open_workshop
from jmltui_http.description import read_description
from jmltui_http.yaml_nodes import DescriptionError
from tests.adapters.changing_directory import ACCOUNTS, BY_TIME, GROUPS, HEAD, LOGGED, TIMED, Directory, described, told
from tests.conftest import StandingClock
from tests.servers.played import Asked, Played, Reply, playing

# ---- the engine


def opened(home: Path, url: str, clock: StandingClock, text: str) -> Workshop:
    """An installation of this one system."""
    lines = ["[company]", 'name = "X"', "[policy]", 'folder = "policy"', "[systems.directory]", 'adapter = "http"']
    lines += ['description = "directory.yaml"', f'base = "{url}"', "private_network = true"]
    (home / "settings.toml").write_text("\n".join(lines) + "\n")
    (home / "directory.yaml").write_text(text)
    (home / "policy").mkdir()
    (home / "policy" / "policy.yaml").write_text("entitlements:\n  - {id: a, system: directory, target: account}\n")
    environ = {"JMLTUI_HOME": str(home)}
    return open_workshop(Places.from_environment(environ), "ana", clock, environ)


def mirrored(workshop: Workshop) -> tuple[dict[str, str], dict[str, str], set[tuple[str, str]]]:
    """What the mirror holds."""
    with workshop.cache.read() as session:
        accounts = {row.id: row for row in session.scalars(select(AccountRow))}
        entitlements = {row.id: row for row in session.scalars(select(EntitlementRow))}
        held = {
            (accounts[row.account].account_id, entitlements[row.entitlement].entitlement_id)
            for row in session.scalars(select(HeldRow))
        }
        states = {row.account_id: row.state for row in accounts.values()}
        return states, {row.entitlement_id: row.name for row in entitlements.values()}, held


def real(directory: Directory) -> tuple[dict[str, str], dict[str, str], set[tuple[str, str]]]:
    """What the directory holds."""
    held = {(member, group["id"]) for group in directory.groups.values() for member in group["members"]}
    states = {one["id"]: one["state"] for one in directory.users.values()}
    return states, {one["id"]: one["name"] for one in directory.groups.values()}, held


def happens(directory: Directory, chance: random.Random, number: int) -> None:
    """Something happens to the directory."""
    what, users = chance.randrange(5), sorted(directory.users)
    if what == 0 and len(users) > 3:
        directory.remove("users", chance.choice(users))
    elif what == 1 and len(directory.groups) > 1:
        directory.remove("groups", chance.choice(sorted(directory.groups)))
    elif what == 2:
        directory.group(f"g{chance.randrange(4)}", *chance.sample(users, chance.randrange(4)))
    elif what == 3:
        directory.user(chance.choice(users), chance.choice(["active", "disabled"]))
    else:
        directory.user(f"u{number}")


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_the_mirror_is_as_the_directory_whatever_happens(private: Path, clock: StandingClock, seed: int) -> None:
    chance, directory = random.Random(seed), Directory(clock, ahead=timedelta(minutes=7))
    for name in ("ana", "ben", "cem", "eva"):
        directory.user(name)
    directory.group("g1", "ana", "ben")
    clock.forward(timedelta(hours=1))
    async with playing(directory.server) as server:
        workshop = opened(private, server.url, clock, TIMED)
        assert (await sync(workshop, lambda _: None)).problems == {}
        for round_ in range(8):
            for number in range(chance.randrange(4)):
                clock.forward(timedelta(minutes=chance.randrange(3)))
                happens(directory, chance, round_ * 10 + number)
            clock.forward(timedelta(minutes=chance.randrange(3)))
            server.asked.clear()
            assert (await sync(workshop, lambda _: None)).problems == {}
            assert mirrored(workshop) == real(directory)
            assert not {"/users", "/groups"} & {one.path for one in server.asked}, "nothing was listed as a whole"
        await workshop.close()


async def test_a_feed_of_accounts_alone_is_enough_and_what_it_forgot_is_found_in_a_week(
    private: Path, clock: StandingClock
) -> None:
    directory = Directory(clock)
    directory.user("ana")
    directory.group("g1", "ana")
    clock.forward(timedelta(hours=1))
    text = TIMED.replace(BY_TIME.replace("KIND", "groups"), "")
    async with playing(directory.server) as server:
        workshop = opened(private, server.url, clock, text.split("  changes:\n    call: {path: /groups")[0])
        assert (await sync(workshop, lambda _: None)).problems == {}
        directory.user("ben")
        directory.group("g1", "ana", "ben")
        del directory.users["ana"]  # a deletion that the feed does not tell of
        clock.forward(timedelta(days=1))
        problems = (await sync(workshop, lambda _: None)).problems
        assert "ana" in str(problems), "a holder who is not listed is not believed"
        server.asked.clear()
        directory.group("g1", "ben")
        assert (await sync(workshop, lambda _: None)).problems == {}
        assert mirrored(workshop)[0] == {"ben": "active"}
        await workshop.close()


async def test_a_system_of_accounts_alone_is_mirrored(private: Path, clock: StandingClock) -> None:
    directory = Directory(clock)
    directory.user("ana")
    clock.forward(timedelta(hours=1))
    async with playing(directory.server) as server:
        workshop = opened(private, server.url, clock, LOGGED)
        assert (await sync(workshop, lambda _: None)).problems == {}
        directory.user("ben")
        directory.remove("users", "ana")
        assert (await sync(workshop, lambda _: None)).problems == {}
        assert mirrored(workshop) == real(directory)
        assert [one.path for one in server.asked].count("/users") == 1
        await workshop.close()


async def test_a_holder_who_is_not_known_is_told_again(private: Path, clock: StandingClock) -> None:
    directory = Directory(clock)
    directory.user("ana")
    directory.group("g1", "ana")
    clock.forward(timedelta(hours=1))
    async with playing(directory.server) as server:
        workshop = opened(private, server.url, clock, TIMED)
        assert (await sync(workshop, lambda _: None)).problems == {}
        directory.group("g1", "ana", "late")
        clock.forward(timedelta(hours=1))
        assert (await sync(workshop, lambda _: None)).problems == {}
        assert mirrored(workshop)[2] == {("ana", "g1")}
        directory.user("late")  # was just made, and the feed of accounts was slower
        clock.forward(timedelta(hours=1))
        assert (await sync(workshop, lambda _: None)).problems == {}
        assert mirrored(workshop) == real(directory)
        await workshop.close()


# ---- other kinds of feeds

ODATA = """
accounts:
  columns: {id: id, login: upn, state: state}
  list:
    call: {path: /odata/users}
    paging: {kind: odata}
    records: value
    id: id
  changes:
    start: last-page
    call: {path: /odata/users}
    paging: {kind: odata}
    records: value
    id: id
    deleted: '"@removed" != null'
    token: '"@odata.deltaLink"'
    by_address: true
"""


async def test_a_delta_link_is_gone_on_at(clock: StandingClock, tmp_path: Path) -> None:
    """As OData 4.0 says, part 1, section 11.3: the last page of everything has the link to its changes."""
    directory = Directory(clock)
    server = directory.server = Played()
    ana, ben = ({"id": one, "upn": one, "state": "active"} for one in ("ana", "ben"))

    def users(asked: Asked) -> Reply:
        token = asked.query.get("token", "")
        link = "@odata.nextLink" if token in ("", "d1") else "@odata.deltaLink"
        following, items = {
            "": ("p2", [ana]),
            "p2": ("d1", [ben]),
            "d1": ("d1b", [{"id": "ana", "@removed": {}}]),
            "d1b": ("d2", []),
        }[token]
        where = "http://127.0.0.1:9" if asked.query.get("lie") else server.url
        return Reply(200, {"value": items, link: f"{where}/odata/users?token={following}"})

    server.on("GET", "/odata/users", users)
    async with described(directory, clock, tmp_path, HEAD + ODATA) as adapter:
        everything, tokens = await told(adapter, kinds=("accounts",))
        changed, later = await told(adapter, tokens, ("accounts",))
        assert [one.id for one in everything["accounts"]] == ["ana", "ben"]
        assert (changed["accounts"], changed["gone accounts"]) == ([], ["ana"])
        assert "d2" in later["accounts"]
        elsewhere = later["accounts"].replace(server.url, "http://127.0.0.1:9")
        with pytest.raises(ContractBroken, match="leads to another address"):
            await told(adapter, {"accounts": elsewhere}, ("accounts",))


TABLES = """
accounts:
  columns: {id: sys_id, login: user_name, state: active}
  words: {state: {active: ["true"], disabled: ["false"]}}
  list: {call: {path: /table/sys_user}, records: result, id: sys_id}
  changes:
    call: {path: /table/sys_user, query: {sysparm_query: "sys_updated_on>={since.day} {since.time}"}}
    records: result
    id: sys_id
    where: vip != 'true'
    deleted:
      call: {path: /table/sys_audit_delete, query: {sysparm_query: "sys_created_on>={since.day} {since.time}"}}
      records: result
      id: documentkey
"""
IN_ONE = """
grants:
  columns: {account: item, entitlement: record.id}
  list: {call: {path: /groups}, records: items, each: members}
  changes:
    call: {path: /groups/changed, query: {ms: "{since.epoch_ms}"}}
    records: items
    entitlement: id
    each: members
    deleted: never
"""


async def test_deletions_may_stand_in_a_list_of_their_own(clock: StandingClock, tmp_path: Path) -> None:
    directory = Directory(clock)
    server = directory.server = Played()
    rows = [{"sys_id": one, "user_name": one, "active": "true", "vip": str(one == "ceo").lower()} for one in "ab"]
    rows.append({"sys_id": "ceo", "user_name": "ceo", "active": "true", "vip": "true"})
    server.on("GET", "/table/sys_user", lambda asked: Reply(200, {"result": rows if asked.query else []}))
    server.on("GET", "/table/sys_audit_delete", lambda asked: Reply(200, {"result": [{"documentkey": "z"}]}))
    group = {"id": "g1", "members": ["a", "b"]}
    server.on("GET", "/groups", lambda asked: Reply(200, {"items": []}))
    server.on("GET", "/groups/changed", lambda asked: Reply(200, {"items": [group, {"id": "g2", "members": []}]}))
    async with described(directory, clock, tmp_path, HEAD + TABLES + IN_ONE) as adapter:
        _, tokens = await told(adapter, kinds=("accounts", "grants"))
        changed, _ = await told(adapter, tokens, ("accounts", "grants"))
    assert [one.id for one in changed["accounts"]] == ["a", "b"]
    assert changed["gone accounts"] == ["ceo", "z"], "what a whole listing leaves out is gone as well"
    assert changed["grants"] == [Grant("a", "g1"), Grant("b", "g1")]
    assert changed["gone grants"] == ["g1", "g2"]
    asked = [one.query for one in server.asked if one.query]
    assert asked[0] == {"sysparm_query": "sys_updated_on>=2026-06-01 07:55:00"}
    assert asked[1] == {"sysparm_query": "sys_created_on>=2026-06-01 07:55:00"}
    assert asked[2] == {"ms": str(1780300500000)}


# ---- rehearsal and mistakes


async def test_the_rehearsal_shows_the_feed(clock: StandingClock, tmp_path: Path) -> None:
    for text, path in ((TIMED, "/users/changes"), (LOGGED, "/log")):
        directory = Directory(clock)
        directory.user("ana")
        directory.group("g1", "ana")
        directory.remove("groups", "g1")
        async with described(directory, clock, tmp_path, text) as adapter:
            told_ = [item async for item in adapter.rehearse(3)]
        calls = {(one.purpose, one.path, one.status) for one in told_ if isinstance(one, Call)}
        assert ("changes of accounts", path, 200) in calls
        records = [(one.purpose, dict(one.fields)) for one in told_ if isinstance(one, Mapped)]
        if text == TIMED:
            assert (
                "changes of accounts",
                {"id": "ana", "login": "login-ana", "state": "active", "kind": "person"},
            ) in (records)
            assert ("changes of grants", {"told anew": "g1"}) in records


async def test_the_rehearsal_does_not_list_everything_for_a_token(clock: StandingClock, tmp_path: Path) -> None:
    directory = Directory(clock)
    server = directory.server = Played()
    server.on("GET", "/odata/users", lambda asked: Reply(200, {"value": [], "@odata.deltaLink": "x"}))
    async with described(directory, clock, tmp_path, HEAD + ODATA) as adapter:
        notes = [one.fields async for one in adapter.rehearse(3) if isinstance(one, Mapped)]
    assert notes == [
        {"call": "GET /odata/users", "note": "a whole listing ends with the first token; the changes are not tried"}
    ]


def test_the_example_of_the_page_is_a_description() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "adapter-http.md").read_text(encoding="utf-8")
    [example] = [found for found in re.findall(r"```yaml\n(.*?)```", page, re.DOTALL) if "  changes:\n" in found]
    accounts = read_description((HEAD + example).encode(), "page.yaml").accounts
    assert accounts is not None
    assert accounts.changes is not None
    assert accounts.changes.overlap == timedelta(minutes=10)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('since: "{since}", ', "", "The call of changes does not send {since}."),
        ("    id: id\n    deleted", "    deleted", "lacks “id”"),
        ("    deleted: deleted\n", "", "Whoever does not tell what is gone leaves it standing here."),
        ("deleted: deleted", "deleted: {ids: deleted, id: id}", "“id” is not known"),
        ("deleted: deleted", "deleted: {call: {path: /gone}, records: items}", "lacks “id”"),
        ("overlap: 60", "overlap: 60\n    start: last-page", "“start” needs “token”"),
        ("overlap: 60", "token: next", "lacks “start”"),
        ("overlap: 60", "overlap: 60\n    token: next\n    start: last-page", "An overlap is for changes by time"),
        ("overlap: 60", "by_address: true", "needs “token”, and paging by odata, next or link"),
        ("overlap: 60", "read: true\n    speed: 3", "“speed” is not known"),
        ('"{since}"', '"{since.week}"', "stands for nothing here"),
    ],
)
def test_a_mistake_in_changes_is_told(old: str, new: str, sentence: str) -> None:
    text = HEAD + ACCOUNTS + BY_TIME.replace("KIND", "users")
    read_description(text.encode(), "x.yaml")
    assert old in text
    with pytest.raises(DescriptionError) as refused:
        read_description(text.replace(old, new).encode(), "x.yaml")
    assert sentence in str(refused.value)


def test_changes_need_what_they_are_put_into() -> None:
    alone = HEAD + ACCOUNTS + GROUPS + BY_TIME.replace("KIND", "groups")
    of_grants = BY_TIME.replace("KIND", "groups").replace("id: id", "entitlement: id")
    lists = "grants:\n  columns: {account: id, entitlement: group}\n  list: {call: {path: /held}, records: items}\n"
    with_accounts = HEAD + ACCOUNTS + BY_TIME.replace("KIND", "users") + GROUPS + lists + of_grants
    for text, sentence in (
        (alone, "Changes of entitlements alone are of no use"),
        (with_accounts, "Nothing lists who holds an entitlement that changed."),
    ):
        with pytest.raises(DescriptionError) as refused:
            read_description(text.encode(), "x.yaml")
        assert sentence in str(refused.value)
    own = '\n    list: {call: {path: "/held/{entitlement.id}"}, records: items}'
    assert read_description((with_accounts + own).encode(), "x.yaml").grants is not None
