"""A real OpenLDAP as a source of people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from jmltui.adapter_api import (
    BadRow,
    Cap,
    ContractBroken,
    Invalid,
    PeopleSource,
    Person,
    PersonStatus,
    PersonType,
    Unavailable,
    Unsupported,
)
from jmltui.adapter_api.conformance import Disturbance
from jmltui_ldap import LdapAdapter
from tests.adapters.test_ldap_system import connected, fresh, wanted
from tests.servers import slapd as server
from tests.servers.ldap_proxy import proxied
from tests.servers.slapd import PEOPLE, Slapd

COLUMNS = {
    "key": "employeeNumber",
    "name": "displayName",
    "email": "mail",
    "manager": "manager",
    "type": "employeeType",
    "starts": "description",
    "place": "dn",
    "location": "jpegPhoto",
}
ENTRY = """\
dn: uid={uid},{base}
objectClass: inetOrgPerson
uid: {uid}
cn: {uid}
sn: {uid}
employeeNumber: {key}
{more}
"""


@pytest.fixture(scope="module")
def base(slapd: Slapd) -> Iterator[str]:
    """A branch with people who are managed by each other."""
    place = fresh("company")
    base = f"ou={place},{PEOPLE}"
    slapd.add(f"dn: {base}\nobjectClass: organizationalUnit\nou: {place}\n")
    boss, far = f"UID=boss.{place}, {base}", f"uid=nobody,{server.SUFFIX}"
    people = (
        (f"boss.{place}", "P1", "displayName: Zoë Łukasz\nmail: zoe@example.test\nmail: second@example.test"),
        (
            f"ana.{place}",
            "P2",
            f"displayName: 王 美咲\nmanager: {boss}\nemployeeType: ext\ndescription: 20260101000000Z",
        ),
        (f"bob.{place}", "P3", f"displayName: Bob, the “=x”\nmanager: {far}\ndescription: 2026-02-03"),
        (f"nameless.{place}", "P4", "title: nothing else"),
        (f"picture.{place}", "P5", "displayName: Picture\njpegPhoto:: /w=="),
    )
    slapd.add("\n".join(ENTRY.format(uid=uid, key=key, base=base, more=more) for uid, key, more in people))
    yield base
    for uid, _, _ in people:
        slapd.remove(f"uid={uid},{base}")
    slapd.remove(base)


def options(base: str, **more: Any) -> dict[str, Any]:
    return {"accounts_base": base, "columns": COLUMNS, "values": {"type.ext": "contractor"}, **more}


async def read(adapter: LdapAdapter) -> tuple[dict[str, Person], list[BadRow]]:
    good, bad = {}, []
    async for one in adapter.people():
        if isinstance(one, BadRow):
            bad.append(one)
        else:
            good[one.key] = one
    return good, bad


async def test_entries_are_people_and_names_of_entries_are_keys(slapd: Slapd, base: str) -> None:
    async with connected(slapd, **options(base)) as adapter:
        assert isinstance(adapter, PeopleSource)
        good, bad = await read(adapter)
        facts = adapter.feed()
    assert (good["P1"].name, good["P1"].email) == ("Zoë Łukasz", "zoe@example.test")
    assert (good["P2"].manager, good["P2"].type, good["P2"].starts) == ("P1", PersonType.CONTRACTOR, date(2026, 1, 1))
    assert good["P2"].status is PersonStatus.ACTIVE
    assert good["P2"].attributes["place"].endswith(f",{base}")
    assert good["P3"].name == "Bob, the “=x”"
    assert good["P3"].starts == date(2026, 2, 3)
    assert good["P3"].manager == f"uid=nobody,{server.SUFFIX}", "a manager who is not in the feed stays as named"
    assert sorted(row.reason for row in bad)[0].startswith("The jpegPhoto of uid=picture")
    assert "the name is empty" in [row.reason for row in bad]
    assert (facts.rows, facts.complete, facts.problem) == (5, True, "")


async def test_the_digest_changes_with_the_people_alone(slapd: Slapd, base: str) -> None:
    async with connected(slapd, **options(base, page_size=2)) as adapter:
        await read(adapter)
        first = adapter.feed().digest
        await read(adapter)
        assert adapter.feed().digest == first
    async with connected(slapd, **options(base, account_filter="(employeeNumber=P1)")) as adapter:
        good, bad = await read(adapter)
        assert (list(good), bad) == (["P1"], [])
        assert adapter.feed().digest != first


async def test_a_feed_that_breaks_off_is_no_feed_and_never_fewer_people(slapd: Slapd, base: str) -> None:
    async with proxied(slapd.port) as proxy:
        way = {"url": proxy.url, "encryption": "none", "page_size": 2}
        async with connected(slapd, **options(base, **way)) as adapter:
            assert not adapter.feed().complete
            proxy.entries_until_cut = 3
            with pytest.raises(Unavailable):
                await read(adapter)
            assert not adapter.feed().complete
            proxy.entries_until_cut = None
            await proxy.disturb(Disturbance.EMPTY_LISTING)
            with pytest.raises(ContractBroken):
                await read(adapter)
            assert adapter.feed().problem
            await proxy.calm()
            good, _ = await read(adapter)
            assert (len(good), adapter.feed().complete) == (3, True)


async def test_a_source_only_lists_and_a_system_is_no_source(slapd: Slapd, base: str) -> None:
    async with connected(slapd, **options(base)) as adapter:
        assert set(adapter.capabilities()) == {Cap.LIST_ACCOUNTS}
        with pytest.raises(Unsupported):
            await adapter.create(wanted(fresh("ana")), key="k")
    async with connected(slapd, accounts_base=base) as adapter:
        with pytest.raises(Invalid, match="columns"):
            await read(adapter)
