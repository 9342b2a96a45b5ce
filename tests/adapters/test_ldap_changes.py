"""What a real OpenLDAP tells of its changes: the mirror comes to what a whole listing comes to, or is listed anew."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from jmltui.adapter_api import Query, ResyncNeeded
from jmltui.cache.changes import SystemChanges
from jmltui.cache.engine import Cache, open_cache
from jmltui.cache.staging import staged
from jmltui.cache.tables import AccountRow, EntitlementRow, HeldRow
from jmltui.domain.diff import target_of
from jmltui.lifecycle.listing import Listing
from jmltui_ldap import LdapAdapter
from tests.adapters.test_ldap_system import connected, fresh
from tests.servers import slapd as server
from tests.servers.slapd import GROUPS, LEAVERS, PEOPLE, PLACEHOLDER, SUFFIX, Slapd

NOW = datetime(2026, 6, 1, tzinfo=UTC)
POSIX = "objectClass: posixAccount\nuidNumber: 7\nhomeDirectory: /\ngidNumber: "


def person(login: str, *, under: str = PEOPLE, more: str = "") -> str:
    """Somebody as LDIF."""
    lines = f"dn: uid={login},{under}\nobjectClass: inetOrgPerson\nuid: {login}\ncn: {login}\nsn: {login}\n"
    return f"{lines}displayName: {login}\n{more}\n"


def set_to(dn: str, attribute: str, *values: str) -> str:
    """A change as LDIF."""
    lines = "".join(f"{attribute}: {value}\n" for value in values)
    return f"dn: {dn}\nchangetype: modify\nreplace: {attribute}\n{lines}\n"


def renamed(dn: str, name: str, parent: str) -> str:
    """A move as LDIF."""
    return f"dn: {dn}\nchangetype: modrdn\nnewrdn: {name}\ndeleteoldrdn: 1\nnewsuperior: {parent}\n\n"


def members(name: str, *values: str) -> str:
    return set_to(f"cn={name},{GROUPS}", "member", PLACEHOLDER, *values)


@dataclass
class Mirror:
    """What jmltui knows of the directory, kept as its engine keeps it: by changes, and in full where it must."""

    cache: Cache
    adapter: LdapAdapter
    tokens: Mapping[str, str] = field(default_factory=dict)

    async def read(self) -> str:
        """Bring it up to date; why everything had to be listed, "" where changes were enough."""
        listing = Listing(self.adapter, timedelta(seconds=20), None, lambda: NOW, lambda _: None)
        why = "" if self.tokens else "there was no token"
        if self.tokens:
            changes = SystemChanges("directory")
            try:
                tokens = await listing.read(changes, self.tokens)
            except ResyncNeeded as error:
                why = error.message
            else:
                with self.cache.write() as session:
                    changes.apply(session, NOW)
                assert changes.dropped == 0
                self.tokens = tokens
                return ""
        with staged(self.cache, "directory") as stage:
            self.tokens = await listing.read(stage)
            with stage.write() as session:
                stage.swap(session, NOW)
        return why

    def known(self) -> tuple[object, object, object]:
        with self.cache.read() as session:
            people = {
                (row.account_id, row.login, row.state, row.display) for row in session.scalars(select(AccountRow))
            }
            groups = {
                (row.entitlement_id, row.target, row.privileged) for row in session.scalars(select(EntitlementRow))
            }
            held = session.execute(
                select(col(AccountRow.account_id), col(EntitlementRow.entitlement_id), HeldRow.direct, HeldRow.via)
                .join(HeldRow, col(HeldRow.account) == col(AccountRow.id))
                .join(EntitlementRow, col(EntitlementRow.id) == col(HeldRow.entitlement))
            )
            return people, groups, {tuple(row) for row in held}

    async def true(self) -> tuple[object, object, object]:
        """What a whole listing says at this moment."""
        adapter = self.adapter
        accounts = [one async for page in adapter.accounts(Query()) for one in page.items]
        groups = [one async for page in adapter.entitlements(Query()) for one in page.items]
        grants = [one async for page in adapter.grants(Query()) for one in page.items]
        return (
            {(one.id, one.login, one.state.value, one.display) for one in accounts},
            {(one.id, target_of(one), one.privileged) for one in groups},
            {
                (one.account_id, one.entitlement_id, one.direct, json.dumps(one.via) if one.via else "")
                for one in grants
            },
        )


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    opened = open_cache(str(tmp_path / "cache.sqlite"), clock=lambda: NOW)
    yield opened
    opened.close()


def started(directory: Slapd, word: str) -> str:
    """Two people and three groups of one word: the first is in one group that is in another."""
    directory.add(
        person(f"{word}-a", more=f"{POSIX}7001\n") + person(f"{word}-b", more=f"{POSIX}7001\n")
        + server.group(f"{word}-in", [f"uid={word}-a,{PEOPLE}"]) + "\n"
        + server.group(f"{word}-above", [f"cn={word}-in,{GROUPS}", PLACEHOLDER]) + "\n"
        + server.group(f"{word}-posix", [f"{word}-a"], "posixGroup") + f"gidNumber: {word[4:]}\n\n"
    )  # fmt: skip
    return word


DELETE = "delete "
ELSEWHERE = f"ou=services,{SUFFIX}"
STEPS: Mapping[str, Callable[[str], str]] = {
    "somebody new": lambda w: person(f"{w}-c"),
    "somebody new whom a group names already": lambda w: members(f"{w}-in", f"uid={w}-c,{PEOPLE}") + person(f"{w}-c"),
    "another display name": lambda w: set_to(f"uid={w}-a,{PEOPLE}", "displayName", "Another"),
    "disabled": lambda w: set_to(f"uid={w}-a,{PEOPLE}", "pwdAccountLockedTime", "000001010000Z"),
    "renamed, and groups follow without a trace": lambda w: renamed(f"uid={w}-a,{PEOPLE}", f"uid={w}-x", PEOPLE),
    "renamed, and another comes by the old name": lambda w: (
        renamed(f"uid={w}-a,{PEOPLE}", f"uid={w}-x", PEOPLE) + person(f"{w}-a")
    ),
    "moved among the leavers": lambda w: renamed(f"uid={w}-a,{PEOPLE}", f"uid={w}-a", LEAVERS),
    "moved where accounts are not ours": lambda w: renamed(f"uid={w}-a,{PEOPLE}", f"uid={w}-a", ELSEWHERE),
    "kept out by the settings from now on": lambda w: renamed(f"uid={w}-a,{PEOPLE}", f"uid=hidden-{w}", PEOPLE),
    "deleted": lambda w: f"{DELETE}uid={w}-a,{PEOPLE}",
    "another primary group": lambda w: set_to(f"uid={w}-b,{PEOPLE}", "gidNumber", w[4:]),
    "a member more": lambda w: members(f"{w}-in", f"uid={w}-a,{PEOPLE}", f"uid={w}-b,{PEOPLE}"),
    "a member less": lambda w: members(f"{w}-in"),
    "a member by login less": lambda w: set_to(f"cn={w}-posix,{GROUPS}", "memberUid"),
    "a group out of another": lambda w: members(f"{w}-above"),
    "a group renamed": lambda w: renamed(f"cn={w}-in,{GROUPS}", f"cn={w}-other", GROUPS),
    "a group of a name that there is": lambda w: (
        f"dn: cn={w}-in,ou=further,{GROUPS}\nobjectClass: groupOfNames\ncn: {w}-in\nmember: {PLACEHOLDER}\n\n"
    ),
    "a group deleted": lambda w: f"{DELETE}cn={w}-in,{GROUPS}",
    "a group that finds its members, and one more to be found": lambda w: (
        f"dn: cn={w}-found,{GROUPS}\nobjectClass: groupOfURLs\ncn: {w}-found\n"
        f"memberURL: ldap:///{PEOPLE}??one?(employeeType={w})\n\n" + set_to(f"uid={w}-b,{PEOPLE}", "employeeType", w)
    ),
}  # fmt: skip


def done(directory: Slapd, change: str) -> None:
    if change.startswith(DELETE):
        directory.remove(change.removeprefix(DELETE))
    else:
        directory.add(change)


@pytest.mark.parametrize("step", STEPS)
async def test_changes_come_to_what_a_whole_listing_comes_to(telling: Slapd, cache: Cache, step: str) -> None:
    word = started(telling, fresh("word"))
    async with connected(telling, leavers_base=LEAVERS, exclude=["hidden-*"], settle_seconds=0.02) as adapter:
        mirror = Mirror(cache, adapter)
        await mirror.read()
        before = mirror.known()
        assert before == await mirror.true()
        done(telling, STEPS[step](word))
        assert await mirror.read() == ""
        after = mirror.known()
        assert after == await mirror.true()
        assert after != before or step == "moved among the leavers"
        assert await mirror.read() == ""
        assert mirror.known() == after


WORDS = ("ann", "bob", "cay", "deb")
NAMES = st.sampled_from(WORDS)
ACTIONS = st.one_of(
    st.tuples(st.just("come"), NAMES, NAMES),
    st.tuples(st.just("leave"), NAMES, NAMES),
    st.tuples(st.just("rename"), NAMES, NAMES),
    st.tuples(st.just("lock"), NAMES, NAMES),
    st.tuples(st.just("group"), NAMES, NAMES),
    st.tuples(st.just("ungroup"), NAMES, NAMES),
    st.tuples(st.just("name"), NAMES, st.sampled_from((*WORDS, "nobody"))),
    st.tuples(st.just("nest"), NAMES, NAMES),
)


def act(directory: Slapd, what: str, one: str, other: str) -> None:
    """What is asked for, where it can be: a directory refuses what is there already, or is not there."""
    base, groups = f"ou=played,{PEOPLE}", f"ou=played,{GROUPS}"
    dn, group = f"uid={one},{base}", f"cn={one},{groups}"
    directory.tries(
        {
            "come": person(one, under=base),
            "leave": f"dn: {dn}\nchangetype: delete\n",
            "rename": renamed(dn, f"uid={other}", base),
            "lock": set_to(dn, "pwdAccountLockedTime", "000001010000Z"),
            "group": f"dn: {group}\nobjectClass: groupOfNames\ncn: {one}\nmember: {PLACEHOLDER}\n",
            "ungroup": f"dn: {group}\nchangetype: delete\n",
            "name": set_to(group, "member", PLACEHOLDER, f"uid={other},{base}"),
            "nest": set_to(group, "member", PLACEHOLDER, f"cn={other},{groups}"),
        }[what]
    )


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rounds=st.lists(st.lists(ACTIONS, min_size=1, max_size=4), min_size=2, max_size=5))
async def test_whatever_happens_the_mirror_is_the_directory(
    telling: Slapd, tmp_path: Path, rounds: list[list[tuple[str, str, str]]]
) -> None:
    cache = open_cache(str(tmp_path / f"{fresh('cache')}.sqlite"), clock=lambda: NOW)
    bases = {"accounts_base": f"ou=played,{PEOPLE}", "groups_base": f"ou=played,{GROUPS}"}
    async with connected(telling, **bases, settle_seconds=0.02) as adapter:
        mirror = Mirror(cache, adapter)
        await mirror.read()
        for actions in rounds:
            for action in actions:
                act(telling, *action)
            assert await mirror.read() == ""
            assert mirror.known() == await mirror.true()
    cache.close()
