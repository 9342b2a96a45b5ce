"""Tokens of changes that a real OpenLDAP does not take, or must not be asked about: everything is listed anew."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from jmltui.adapter_api import Cap, Query, ResyncNeeded
from jmltui.cache.engine import Cache, open_cache
from jmltui_ldap import LdapAdapter
from tests.adapters.test_ldap_changes import NOW, Mirror, members, person, renamed, set_to, started
from tests.adapters.test_ldap_system import connected, fresh
from tests.servers import slapd as server
from tests.servers.slapd import GROUPS, LIMITED, LOG, PEOPLE, SUFFIX, Slapd, running


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    opened = open_cache(str(tmp_path / "cache.sqlite"), clock=lambda: NOW)
    yield opened
    opened.close()


async def after(adapter: LdapAdapter, token: str) -> str:
    """Why the changes since a token are not told."""
    told = []
    listings = {adapter.accounts: token, adapter.entitlements: token, adapter.grants: with_groups(token)}
    for listing, since in listings.items():
        with pytest.raises(ResyncNeeded) as caught:
            async for _ in listing(Query(since=since)):  # type: ignore[attr-defined]
                pass
        told.append(caught.value.message)
    assert len(set(told)) == 1
    return told[0]


async def token_of(adapter: LdapAdapter) -> str:
    """The token that a whole listing ends with."""
    pages = [page async for page in adapter.accounts(Query(page_size=10))]
    assert not [page for page in pages[:-1] if page.delta]
    assert pages[-1].delta
    return pages[-1].delta


def with_groups(token: str, *nested: str) -> str:
    """A token of grants: which groups are in others."""
    ids = ",".join(nested)
    return f"{token}~{ids}~{hashlib.sha256(ids.encode()).hexdigest()[:16]}"


def with_cookie(token: str, cookie: str) -> str:
    """A whole token that says something else."""
    started, _ = json.loads(base64.b64decode(token.partition(".")[0]))
    raw = json.dumps([started, {SUFFIX: cookie}]).encode()
    return f"{base64.b64encode(raw).decode()}.{hashlib.sha256(raw).hexdigest()[:16]}"


async def test_a_damaged_token_asks_for_everything_anew(telling: Slapd) -> None:
    async with connected(telling) as adapter:
        token = await token_of(adapter)
        for damaged in (
            "",
            "rubbish",
            token[:40],
            token[:30] + ("B" if token[30] == "A" else "A") + token[31:],
            f"{token}0",
            token[1:],
        ):
            assert "damaged" in await after(adapter, damaged)
        for damaged in (token, f"{token}~{'0' * 36}~", with_groups(token)[:-1]):
            with pytest.raises(ResyncNeeded, match="damaged"):
                _ = [page async for page in adapter.grants(Query(since=damaged))]


@pytest.mark.parametrize(
    ("cookie", "told"),
    [
        ("rubbish", "does not accept the token"),
        ("", "does not accept the token"),
        ("rid=000,csn=rubbish", "does not accept the token"),
        ("csn=20260101000000.000000Z#000000#000#000000", "does not accept the token"),
        ("rid=000,csn=20260101000000.000000Z#000000#007#000000", "does not say what was deleted"),
        ("rid=000,csn=20260101000000.000000Z#000000#000#000000", "does not say what was deleted"),
        ("rid=000,csn=20990101000000.000000Z#000000#000#000000", "does not accept the token"),
    ],
)
async def test_a_cookie_that_the_server_takes_for_none_is_not_believed(telling: Slapd, cookie: str, told: str) -> None:
    async with connected(telling) as adapter:
        assert told in await after(adapter, with_cookie(await token_of(adapter), cookie))


async def test_a_log_that_does_not_reach_back_far_enough_tells_no_deletions() -> None:
    with running(person("one") + person("two") + person("three"), changes="syncprov-sessionlog 3") as directory:
        async with connected(directory) as adapter:
            token = await token_of(adapter)
            directory.remove(f"uid=one,{PEOPLE}")
            (page,) = [page async for page in adapter.accounts(Query(since=token))]
            assert (len(page.items), len(page.deleted)) == (0, 1)
            for number in range(6):
                directory.add(set_to(f"uid=two,{PEOPLE}", "displayName", str(number)))
            assert "does not reach back" in await after(adapter, token)


async def test_without_a_log_only_a_quiet_time_is_told(cache: Cache) -> None:
    with running(person("one") + person("two"), changes="") as directory:
        async with connected(directory) as adapter:
            mirror = Mirror(cache, adapter)
            assert await mirror.read() == "there was no token"
            assert await mirror.read() == ""
            directory.remove(f"uid=one,{PEOPLE}")
            assert "session log" in await mirror.read()
            assert mirror.known() == await mirror.true()
            assert await mirror.read() == ""


async def test_more_changes_than_are_told_at_once_are_listed_page_by_page(cache: Cache) -> None:
    with running(person("one"), changes=LOG, most=3) as directory:
        async with connected(directory, page_size=2) as adapter:
            mirror = Mirror(cache, adapter)
            await mirror.read()
            directory.add("".join(person(f"more{number}") for number in range(3)))
            assert await mirror.read() == ""
            directory.add("".join(person(f"most{number}") for number in range(4)))
            why = await mirror.read()
            assert "size limit" in why
            assert "size=unlimited" in why
            assert mirror.known() == await mirror.true()


async def test_a_server_that_gives_its_own_number_keeps_nothing_back(cache: Cache) -> None:
    tree = "".join(person(f"one{number}") for number in range(3))
    with running(tree, changes=LOG, first="serverID 1\n") as directory:
        async with connected(directory) as adapter:
            mirror = Mirror(cache, adapter)
            await mirror.read()
            for number in range(3):
                directory.remove(f"uid=one{number},{PEOPLE}")
                directory.add(person(f"two{number}"))
                assert await mirror.read() == ""
                assert mirror.known() == await mirror.true()


@pytest.mark.parametrize("end", ["end", "stop"])
async def test_a_server_that_was_started_anew_loses_no_deletion(cache: Cache, end: str) -> None:
    with running(person("one") + person("two"), changes=LOG) as directory:
        directory.end()
        directory.start()
        async with connected(directory) as adapter:
            mirror = Mirror(cache, adapter)
            await mirror.read()
            directory.remove(f"uid=one,{PEOPLE}")
            await asyncio.sleep(1.1)  # the server tells when it was started by the second
            getattr(directory, end)()
            directory.start()
            directory.add(set_to(f"uid=two,{PEOPLE}", "displayName", "Changed"))
            assert "was started anew" in await mirror.read()
            assert mirror.known() == await mirror.true()
            assert await mirror.read() == ""


async def test_what_lies_under_an_entry_that_moved_is_not_overlooked(telling: Slapd, cache: Cache) -> None:
    word = fresh("unit")
    unit, away = f"ou={word},{PEOPLE}", f"ou={word},ou=services,{SUFFIX}"
    telling.add(f"dn: {unit}\nobjectClass: organizationalUnit\nou: {word}\n\n" + person(f"{word}-a", under=unit))
    async with connected(telling, settle_seconds=0.02) as adapter:
        mirror = Mirror(cache, adapter)
        await mirror.read()
        telling.add(renamed(unit, f"ou={word}", f"ou=services,{SUFFIX}"))
        assert "may have moved with it" in await mirror.read()
        assert mirror.known() == await mirror.true()
        telling.add(set_to(PEOPLE, "description", "Everybody"))
        telling.add(renamed(away, f"ou={word}", PEOPLE))
        assert "may have moved with it" in await mirror.read()
        assert mirror.known() == await mirror.true()
        telling.add(set_to(PEOPLE, "description", "All of us"))
        assert await mirror.read() == ""


async def test_very_many_memberships_are_listed_rather_than_told_anew(
    telling: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jmltui_ldap.holdings.MOST_TOLD", 20)
    word = fresh("crowd")
    telling.add(server.group(word))
    async with connected(telling, settle_seconds=0) as adapter:
        token = await token_of(adapter)
        telling.add(members(word, *(f"uid=here{number},{PEOPLE}" for number in range(21))))
        with pytest.raises(ResyncNeeded, match="as much as listing all"):
            _ = [page async for page in adapter.grants(Query(since=with_groups(token)))]
        telling.add(members(word, *(f"uid=here{number},{PEOPLE}" for number in range(7))))
        pages = [page async for page in adapter.grants(Query(since=with_groups(token), page_size=3))]
    named = {grant.account_id for page in pages for grant in page.items if page.deleted or pages}
    assert len(named) == 7
    assert [bool(page.deleted) for page in pages] == [True, False, False]
    assert [bool(page.delta) for page in pages] == [False, False, True]


@pytest.mark.parametrize("most_nested", [0, 200])
async def test_who_was_in_a_group_by_one_that_is_deleted_is_in_it_no_more(
    telling: Slapd, cache: Cache, monkeypatch: pytest.MonkeyPatch, most_nested: int
) -> None:
    monkeypatch.setattr("jmltui_ldap.holdings._MOST_NESTED", most_nested)
    word = started(telling, fresh("nest"))
    async with connected(telling, settle_seconds=0) as adapter:
        mirror = Mirror(cache, adapter)
        await mirror.read()
        telling.remove(f"cn={word}-in,{GROUPS}")
        assert await mirror.read() == ""
        assert mirror.known() == await mirror.true()


async def test_a_name_that_the_server_is_about_to_mend_is_waited_for(
    telling: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    word = fresh("late")
    telling.add(person(word) + server.group(word, [f"uid={word},{PEOPLE}", f"uid={word}-old,{PEOPLE}"]))
    async with connected(telling, settle_seconds=9) as adapter:
        waited = []

        async def mended(seconds: float) -> None:
            waited.append(seconds)
            telling.add(person(f"{word}-old"))

        token = await token_of(adapter)
        telling.add(set_to(f"cn={word},{GROUPS}", "description", "Changed"))
        monkeypatch.setattr("jmltui_ldap.holdings.asyncio.sleep", mended)
        (page,) = [page async for page in adapter.grants(Query(since=with_groups(token)))]
    assert waited == [9]
    assert page.deleted


async def test_a_server_that_tells_no_changes_is_listed_each_time(slapd: Slapd, telling: Slapd) -> None:
    async with connected(telling) as adapter:
        token = await token_of(adapter)
    async with connected(slapd) as adapter:
        assert Cap.DELTA not in adapter.capabilities()
        assert (await adapter.check())["changes"] == "not told; everything is listed each time"
        for listing in (adapter.accounts, adapter.entitlements, adapter.grants):
            assert [page.delta async for page in listing(Query())][-1] is None
        assert "does not tell its changes" in await after(adapter, token)


async def test_who_may_not_see_the_whole_database_is_told_no_changes() -> None:
    hidden = (f'dn.base="{SUFFIX}"', 'dn.subtree="cn=Monitor"')
    rules = "".join(f'access to {what} by dn.exact="{LIMITED}" none by * break\n' for what in hidden)
    with running(person("one"), changes=LOG, rules=rules) as directory:
        async with connected(directory) as adapter:
            assert Cap.DELTA in adapter.capabilities()
            assert (await adapter.check())["changes"] == "told (syncrepl)"
        async with connected(directory, user=LIMITED) as adapter:
            assert Cap.DELTA not in adapter.capabilities()
            assert (await adapter.check())["changes"].startswith("not told")


@pytest.mark.parametrize("monitor", ["", f'database monitor\naccess to * by dn.exact="{LIMITED}" read by * none\n'])
async def test_a_server_that_does_not_show_when_it_was_started_is_listed_each_time(monitor: str) -> None:
    with running(person("one"), changes=LOG, monitor=monitor) as directory:
        async with connected(directory) as adapter:
            assert Cap.DELTA not in adapter.capabilities()
            assert (await adapter.check())["changes"].endswith("the monitor does not show when the server was started")
            assert [page.delta async for page in adapter.accounts(Query())][-1] is None
