"""What the LDAP adapter does to a real OpenLDAP, looked at with OpenLDAP's own tools."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest

from jmltui.adapter_api import (
    Account,
    AccountState,
    Cap,
    Conflict,
    Entitlement,
    Forbidden,
    Grant,
    Invalid,
    NotFound,
    Outcome,
    Proof,
    Query,
    ResyncNeeded,
    Setup,
    Stale,
    Step,
    Unsupported,
    Verdict,
)
from jmltui_ldap import LdapAdapter
from jmltui_ldap.filters import is_under, rdn, same_name
from tests.servers import slapd as server
from tests.servers.slapd import GROUPS, LEAVERS, PEOPLE, PLACEHOLDER, Slapd

# Other modules import this one under another name, on the same server: each begins elsewhere.
numbers = count(1000 * secrets.randbelow(1_000_000))
HOSTILE = 'Smith, John+x="y"<#;>\\*)(uid=*'
KEYS = ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOne ana@work", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAITwo ana@home")


@asynccontextmanager
async def connected(slapd: Slapd, **options: Any) -> AsyncIterator[LdapAdapter]:
    given = {
        "url": slapd.secure_url,
        "ca_file": str(slapd.certificate),
        "user": server.SERVICE,
        "password": "file:x",
        "base": server.SUFFIX,
        "accounts_base": PEOPLE,
        "groups_base": GROUPS,
        "placeholder": PLACEHOLDER,
        "settle_seconds": 0,
        "exchange_seconds": 5,
        **options,
    }
    adapter = LdapAdapter(
        Setup("directory", given, lambda _: server.PASSWORD, lambda: datetime(2026, 6, 1, tzinfo=UTC))
    )
    await adapter.open()
    try:
        yield adapter
    finally:
        await adapter.close()


def fresh(word: str) -> str:
    """A name that nobody has yet."""
    return f"{word}{next(numbers)}"


def wanted(login: str, **facts: Any) -> Account:
    return Account("", login, AccountState.ACTIVE, external_id=f"K-{login}", **facts)


async def made(adapter: LdapAdapter, login: str = "", **facts: Any) -> Account:
    account, _ = await adapter.create(wanted(login or fresh("ana"), **facts), key="k")
    return account


async def group(adapter: LdapAdapter, name: str) -> Entitlement:
    found = [one async for page in adapter.entitlements(Query()) for one in page.items if one.name == name]
    assert len(found) == 1, f"{len(found)} groups are called {name}"
    return found[0]


async def held(adapter: LdapAdapter, account: Account) -> list[tuple[str, bool, tuple[str, ...]]]:
    """What an account holds, by the listing of everything; the same as asked for by itself."""
    names = {one.id: one.name async for page in adapter.entitlements(Query()) for one in page.items}
    listed = [g async for page in adapter.grants(Query()) for g in page.items if g.account_id == account.id]
    alone = await adapter.grants_of(account.id)

    def told(grants: Any) -> list[tuple[str, bool, tuple[str, ...]]]:
        return sorted((names[grant.entitlement_id], grant.direct, grant.via) for grant in grants)

    assert told(listed) == told(alone)
    return told(alone)


async def says(adapter: LdapAdapter, cap: Cap, account: Account, target: str | None = None) -> Verdict:
    return (await adapter.verify(Step(cap, account.id, target, login=account.login))).verdict


def dn_of(account: Account) -> str:
    return str(account.raw["dn"])


def with_password(slapd: Slapd, account: Account, password: str) -> str:
    slapd.add(f"dn: {dn_of(account)}\nchangetype: modify\nreplace: userPassword\nuserPassword: {password}\n")
    return dn_of(account)


# ---- who may sign in


async def test_a_disabled_account_cannot_sign_in_and_the_servers_refusal_is_the_proof(slapd: Slapd) -> None:
    async with connected(slapd) as adapter:
        account = await made(adapter)
        dn = with_password(slapd, account, "ana's own")
        assert slapd.signs_in(dn, "ana's own")
        assert (await adapter.disable(account.id)).outcome is Outcome.CHANGED
        assert not slapd.signs_in(dn, "ana's own")
        evidence = await adapter.verify(Step(Cap.DISABLE, account.id))
        assert (evidence.verdict, evidence.proof) == (Verdict.CONFIRMED, Proof.PROBE)
        assert (await adapter.enable(account.id)).outcome is Outcome.CHANGED
        assert slapd.signs_in(dn, "ana's own")


async def test_a_lock_that_the_policy_of_the_account_ignores_is_not_taken_for_a_disable(slapd: Slapd) -> None:
    async with connected(slapd) as adapter:
        account = await made(adapter)
        dn = with_password(slapd, account, "ana's own")
        policy = f"cn=unlocking,ou=policies,{server.SUFFIX}"
        slapd.add(f"dn: {dn}\nchangetype: modify\nreplace: pwdPolicySubentry\npwdPolicySubentry: {policy}\n")
        await adapter.disable(account.id)
        assert slapd.signs_in(dn, "ana's own"), "the policy was meant to let ana in all the same"
        assert await says(adapter, Cap.DISABLE, account) is Verdict.CONTRADICTED


async def test_a_probe_does_nothing_to_an_account_that_is_not_locked(slapd: Slapd) -> None:
    async with connected(slapd) as adapter:
        account = await made(adapter)
        assert await says(adapter, Cap.DISABLE, account) is Verdict.CONTRADICTED
        assert "pwdFailureTime" not in slapd.found(dn_of(account), "(objectClass=*)", "+")


async def test_a_new_account_has_a_password_that_nobody_was_told(slapd: Slapd) -> None:
    async with connected(slapd) as adapter:
        account, receipt = await adapter.create(wanted(fresh("ana")), key="k")
        entry = slapd.found(dn_of(account), "(objectClass=*)", "userPassword")
        assert "userPassword:: e1NTSEF9" in entry, "the server was meant to hash it"
        assert "assword" not in f"{account}{receipt}"
    async with connected(slapd, first_secret="none") as adapter:
        account = await made(adapter)
        assert "userPassword" not in slapd.found(dn_of(account), "(objectClass=*)", "userPassword")


async def test_leavers_are_moved_and_their_groups_follow(slapd: Slapd) -> None:
    names = [fresh("named"), fresh("unique"), fresh("unix")]
    slapd.add(server.group(names[0]) + "\n" + server.group(names[1], object_class="groupOfUniqueNames"))
    slapd.add(server.group(names[2], (), "posixGroup") + "gidNumber: 6001\n")
    async with connected(slapd, leavers_base=LEAVERS) as adapter:
        account = await made(adapter, fresh("leaver, the "))
        for name in names:
            await adapter.grant(account.id, (await group(adapter, name)).id)
        receipt = await adapter.disable(account.id)
        moved = await adapter.read(account.id)
        assert dn_of(moved).endswith(LEAVERS)
        assert receipt.before["dn"] == dn_of(account)
        assert await held(adapter, moved) == sorted((name, True, ()) for name in names)
        assert dn_of(account) not in slapd.found(GROUPS, "(objectClass=*)", "member", "uniqueMember")
        assert await says(adapter, Cap.DISABLE, account) is Verdict.CONFIRMED
        assert (await adapter.disable(account.id)).outcome is Outcome.ALREADY
        await adapter.enable(account.id)
        assert dn_of(await adapter.read(account.id)).endswith(PEOPLE)
        assert account.id in [one.id async for page in adapter.accounts(Query()) for one in page.items]


# ---- names


async def test_a_hostile_name_is_a_name_in_everything_that_is_done(slapd: Slapd) -> None:
    name = fresh("hostile")
    slapd.add(server.group(name, object_class="groupOfUniqueNames"))
    async with connected(slapd) as adapter:
        account = await made(adapter, HOSTILE, display="Łukasz (王), #1 *")
        found = await adapter.find(HOSTILE)
        assert found is not None
        assert (found.id, found.display) == (account.id, "Łukasz (王), #1 *")
        target = (await group(adapter, name)).id
        assert (await adapter.grant(account.id, target)).outcome is Outcome.CHANGED
        assert await held(adapter, account) == [(name, True, ())]
        assert (await adapter.revoke(account.id, target)).outcome is Outcome.CHANGED
        await adapter.disable(account.id)
        assert await says(adapter, Cap.DISABLE, account) is Verdict.CONFIRMED
        await adapter.delete(account.id)
        assert await adapter.find(HOSTILE) is None


@pytest.mark.parametrize("login", ["", " ana", "ana ", "a\0b", "a\nb", "a\ud800", "x" * 300])
async def test_what_can_be_no_login_is_refused_before_anything_is_sent(slapd: Slapd, login: str) -> None:
    async with connected(slapd) as adapter:
        with pytest.raises(Invalid):
            await adapter.create(wanted(login), key="k")


@pytest.mark.parametrize(
    "login", ["#a", "a#b", "a b", "a+b", "a,b", "a;b", 'a"b', "a\\b", "a\\,b", "a<b>", "a=b", "é", "ß", "İ", "王, 美"]
)
async def test_a_name_as_the_server_writes_it_is_the_same_as_ours(slapd: Slapd, login: str) -> None:
    async with connected(slapd) as adapter:
        account = await made(adapter, login)
        listed = [one async for page in adapter.accounts(Query()) for one in page.items if one.id == account.id]
        assert listed[0].login == login
        assert same_name(dn_of(listed[0])) == same_name(f"{rdn('uid', login)},{PEOPLE}")
        assert is_under(dn_of(listed[0]), PEOPLE)


@pytest.mark.parametrize("named_by", ["uid", "employeeNumber"])
async def test_a_renamed_login_keeps_its_id_and_its_groups(slapd: Slapd, named_by: str) -> None:
    names = [fresh("named"), fresh("unix")]
    slapd.add(server.group(names[0]) + "\n" + server.group(names[1], (), "posixGroup") + "gidNumber: 6002\n")
    async with connected(slapd, name_attribute=named_by) as adapter:
        account, login = await made(adapter), fresh("married")
        for name in names:
            await adapter.grant(account.id, (await group(adapter, name)).id)
        assert (await adapter.update(account.id, {"login": login})).outcome is Outcome.CHANGED
        after = await adapter.read(account.id)
        assert (after.login, after.id) == (login, account.id)
        assert dn_of(after).startswith(f"{named_by}=")
        assert await held(adapter, after) == sorted((name, True, ()) for name in names)
        assert (await adapter.update(account.id, {"login": login})).outcome is Outcome.ALREADY


async def test_a_new_account_does_not_inherit_what_groups_still_give_to_an_old_one(slapd: Slapd) -> None:
    login, name = fresh("back"), fresh("unix")
    slapd.add(server.group(name, (login,), "posixGroup") + "gidNumber: 6003\n")
    async with connected(slapd) as adapter:
        with pytest.raises(Conflict, match=f"{name} of directory still names a former “{login}”"):
            await adapter.create(wanted(login), key="k")
        assert await adapter.find(login) is None


async def test_a_name_that_another_entry_has_is_a_conflict(slapd: Slapd) -> None:
    login = fresh("taken")
    slapd.add(f"dn: uid={login},ou=services,{server.SUFFIX}\nobjectClass: account\nuid: {login}\n")
    async with connected(slapd) as adapter:
        with pytest.raises(Conflict):
            await adapter.create(wanted(login), key="k")


# ---- groups


async def test_the_last_member_can_go_only_where_something_stays_in_its_place(slapd: Slapd) -> None:
    name = fresh("named")
    async with connected(slapd, placeholder="") as adapter:
        account = await made(adapter)
        slapd.add(server.group(name, (dn_of(account),)))
        target = (await group(adapter, name)).id
        with pytest.raises(Conflict, match="placeholder"):
            await adapter.revoke(account.id, target)
        with pytest.raises(Conflict, match="placeholder"):
            await adapter.delete(account.id)
    async with connected(slapd) as adapter:
        assert (await adapter.revoke(account.id, target)).outcome is Outcome.CHANGED
        assert f"member: {PLACEHOLDER}" in slapd.found(f"cn={name},{GROUPS}", "(objectClass=*)", "member")
        assert await held(adapter, account) == []


async def test_what_comes_through_another_group_says_through_which(slapd: Slapd) -> None:
    inner, middle, outer = fresh("inner"), fresh("middle"), fresh("outer")
    slapd.add(server.group(inner))
    slapd.add(server.group(middle, (f"cn={inner},{GROUPS}",)))
    slapd.add(server.group(outer, (f"CN={middle}, {GROUPS}",)))
    async with connected(slapd, privileged=[outer]) as adapter:
        account = await made(adapter)
        await adapter.grant(account.id, (await group(adapter, inner)).id)
        assert await held(adapter, account) == sorted(
            [(inner, True, ()), (middle, False, (inner,)), (outer, False, (inner, middle))]
        )
        assert (await group(adapter, inner)).privileged, "a group that leads to a privileged one is privileged"
        assert await says(adapter, Cap.GRANT, account, (await group(adapter, middle)).id) is Verdict.CONTRADICTED


async def test_groups_that_name_each_other_end(slapd: Slapd) -> None:
    one, other = fresh("one"), fresh("other")
    slapd.add(server.group(one, (f"cn={other},{GROUPS}",)) + "\n" + server.group(other, (f"cn={one},{GROUPS}",)))
    async with connected(slapd) as adapter:
        account = await made(adapter)
        await adapter.grant(account.id, (await group(adapter, one)).id)
        assert await held(adapter, account) == sorted([(one, True, ()), (other, False, (one,))])


async def test_a_group_that_finds_its_members_itself_is_shown_and_never_granted(slapd: Slapd) -> None:
    name, title = fresh("found"), fresh("title")
    url = f"ldap:///{PEOPLE}??sub?(title={title})"
    slapd.add(f"dn: cn={name},{GROUPS}\nobjectClass: groupOfURLs\ncn: {name}\nmemberURL: {url}\n")
    async with connected(slapd) as adapter:
        account = await made(adapter, raw={"title": title})
        found = await group(adapter, name)
        assert not found.grantable
        listed = [g async for page in adapter.grants(Query()) for g in page.items if g.account_id == account.id]
        assert listed == [Grant(account.id, found.id, False, ("a search of the group's own",))]
        with pytest.raises(Unsupported):
            await adapter.grant(account.id, found.id)
        with pytest.raises(Unsupported):
            await adapter.revoke(account.id, found.id)


async def test_a_protected_group_is_never_changed(slapd: Slapd) -> None:
    name = fresh("admins")
    slapd.add(server.group(name))
    async with connected(slapd, protected=["ADMINS*"]) as adapter:
        account, found = await made(adapter), await group(adapter, name)
        assert not found.grantable
        for write in (adapter.grant, adapter.revoke):
            with pytest.raises(Forbidden, match="protect"):
                await write(account.id, found.id)
        slapd.add(f"dn: cn={name},{GROUPS}\nchangetype: modify\nadd: member\nmember: {dn_of(account)}\n")
        with pytest.raises(Forbidden, match="by hand first"):
            await adapter.delete(account.id)
        assert await held(adapter, account) == [(name, True, ())]


async def test_a_primary_group_is_held_and_cannot_be_taken(slapd: Slapd) -> None:
    name = fresh("unix")
    slapd.add(server.group(name, (), "posixGroup") + "gidNumber: 6004\n")
    async with connected(slapd) as adapter:
        login = fresh("ana")
        slapd.add(
            f"dn: uid={login},{PEOPLE}\nobjectClass: inetOrgPerson\nobjectClass: posixAccount\nuid: {login}\ncn: a\n"
            f"sn: a\nuidNumber: 7001\ngidNumber: 6004\nhomeDirectory: /home/{login}\n"
        )
        account = await adapter.find(login)
        assert account is not None
        assert await held(adapter, account) == [(name, False, ("primary group",))]
        target = (await group(adapter, name)).id
        with pytest.raises(Unsupported, match="primary group"):
            await adapter.revoke(account.id, target)
        assert await says(adapter, Cap.REVOKE, account, target) is Verdict.CONTRADICTED


async def test_two_groups_of_one_name_are_told_apart(slapd: Slapd) -> None:
    name, place = fresh("twice"), fresh("place")
    slapd.add(f"dn: ou={place},{GROUPS}\nobjectClass: organizationalUnit\nou: {place}\n\n" + server.group(name))
    slapd.add(server.group(name).replace(f",{GROUPS}", f",ou={place},{GROUPS}", 1))
    async with connected(slapd) as adapter:
        names = [one.name async for page in adapter.entitlements(Query()) for one in page.items if name in one.name]
    assert sorted(names) == sorted([f"cn={name},{GROUPS}", f"cn={name},ou={place},{GROUPS}"])


# ---- the end of an account


async def test_a_deleted_account_is_in_no_group_any_more(slapd: Slapd) -> None:
    names = [fresh("named"), fresh("unix")]
    slapd.add(server.group(names[0]) + "\n" + server.group(names[1], (), "posixGroup") + "gidNumber: 6005\n")
    async with connected(slapd) as adapter:
        account = await made(adapter)
        for name in names:
            await adapter.grant(account.id, (await group(adapter, name)).id)
        receipt = await adapter.delete(account.id)
        assert (receipt.outcome, receipt.before["groups"]) == (Outcome.CHANGED, sorted(names))
        assert account.login not in slapd.found(GROUPS, "(objectClass=*)", "member", "memberUid")
        assert await says(adapter, Cap.DELETE, account) is Verdict.CONFIRMED
        assert await says(adapter, Cap.REVOKE, account, (await group(adapter, names[0])).id) is Verdict.CONFIRMED


async def test_an_entry_that_holds_others_is_not_deleted(slapd: Slapd) -> None:
    async with connected(slapd) as adapter:
        account = await made(adapter)
        slapd.add(f"dn: cn=phone,{dn_of(account)}\nobjectClass: device\ncn: phone\n")
        with pytest.raises(Conflict):
            await adapter.delete(account.id)
        assert await says(adapter, Cap.DELETE, account) is Verdict.CONTRADICTED


async def test_our_own_entry_and_excluded_ones_are_never_touched(slapd: Slapd) -> None:
    login, own = fresh("kept"), fresh("operator")
    slapd.add(f"dn: uid={login},{PEOPLE}\nobjectClass: inetOrgPerson\nuid: {login}\ncn: k\nsn: k\n")
    async with connected(slapd) as adapter:
        found = await adapter.find(login)
        account = await made(adapter, own)
        dn = with_password(slapd, account, server.PASSWORD)
    assert found is not None
    async with connected(slapd, exclude=["KEPT*"]) as adapter:
        assert await adapter.find(login) is None
        assert found.id not in [one.id async for page in adapter.accounts(Query()) for one in page.items]
        for write in (adapter.read, adapter.disable, adapter.delete, adapter.revoke_credential):
            with pytest.raises(Forbidden, match="keep"):
                await write(found.id)
    slapd.add(f"dn: {dn}\nchangetype: modify\nreplace: description\ndescription: ours\n")
    async with connected(slapd, user=dn) as adapter:
        for write in (adapter.disable, adapter.delete):
            with pytest.raises(Forbidden, match="jmltui itself"):
                await write(account.id)


# ---- attributes, versions, credentials


async def test_attributes_are_made_so_and_those_that_give_power_are_refused(slapd: Slapd) -> None:
    async with connected(slapd) as adapter:
        account = await made(adapter, raw={"title": "Engineer", "departmentNumber": "7"})
        changes = {"title": "Lead", "emails": ["a@example.test", "b@example.test"], "departmentNumber": None}
        assert (await adapter.update(account.id, changes)).outcome is Outcome.CHANGED
        entry = slapd.found(dn_of(account))
        assert "title: Lead" in entry
        assert "departmentNumber" not in entry
        assert (await adapter.update(account.id, changes)).outcome is Outcome.ALREADY
        proof = await adapter.verify(Step(Cap.UPDATE, account.id, wanted={"title": "Lead"}))
        assert proof.verdict is Verdict.CONFIRMED
        proof = await adapter.verify(Step(Cap.UPDATE, account.id, wanted={"title": "Engineer"}))
        assert proof.verdict is Verdict.CONTRADICTED
        assert (await adapter.read(account.id)).emails == ("a@example.test", "b@example.test")
        for name in ("userPassword", "objectClass", "pwdReset", "uidNumber", "memberOf", "no name"):
            with pytest.raises(Invalid):
                await adapter.update(account.id, {name: "x"})
        with pytest.raises(Invalid):
            await adapter.update(account.id, {"noSuchAttribute": "x"})
        with pytest.raises(Invalid):
            await adapter.update(account.id, {"email": "zoë@example.test"})


async def test_an_account_expires_only_where_its_class_has_a_day_for_that(slapd: Slapd) -> None:
    at = datetime(2026, 6, 30, 18, tzinfo=UTC)
    async with connected(slapd) as adapter:
        with pytest.raises(Unsupported, match="shadowAccount"):
            await adapter.update((await made(adapter)).id, {"expires": at})
    async with connected(slapd, object_classes=["inetOrgPerson", "shadowAccount"]) as adapter:
        account = await made(adapter, expires=at)
        assert account.expires == datetime(2026, 7, 1, tzinfo=UTC)
        assert (await adapter.update(account.id, {"expires": at})).outcome is Outcome.ALREADY
        await adapter.update(account.id, {"expires": None})
        assert (await adapter.read(account.id)).expires is None


async def test_a_change_between_read_and_write_is_noticed_by_the_server_itself(slapd: Slapd) -> None:
    from jmltui_ldap.accounts import ASSERTION, equality_filter
    from jmltui_ldap.entry import Change, Control, Op

    async with connected(slapd) as adapter:
        account = await made(adapter)
        await adapter.update(account.id, {"display": "Changed Meanwhile"})
        late = Control(ASSERTION, True, equality_filter("entryCSN", str(account.version)))
        async with adapter._open.directory.link("update") as link:
            with pytest.raises(Stale):
                await link.modify(dn_of(account), [Change(Op.REPLACE, "title", ("x",))], controls=[late])
        with pytest.raises(Stale):
            await adapter.update(account.id, {"title": "x"}, if_version=account.version)


async def test_passwords_and_keys_are_told_by_name_and_taken_one_by_one(slapd: Slapd) -> None:
    async with connected(slapd) as adapter:
        account = await made(adapter)
        dn = with_password(slapd, account, "ana's own")
        keys = "".join(f"sshPublicKey: {key}\n" for key in KEYS)
        slapd.add(
            f"dn: {dn}\nchangetype: modify\nadd: objectClass\nobjectClass: ldapPublicKey\n-\nadd: sshPublicKey\n{keys}"
        )
        found = await adapter.credentials(account.id)
        assert [one.kind for one in found] == ["password", "ssh-key", "ssh-key"]
        assert "SSHA" not in repr(found)
        assert "AAAA" not in repr(found)
        await adapter.revoke_credential(account.id, found[1].id)
        assert [one.id for one in await adapter.credentials(account.id)] == ["password", found[2].id]
        assert (await adapter.revoke_credential(account.id, found[1].id)).outcome is Outcome.ALREADY
        assert (await adapter.revoke_credential(account.id)).outcome is Outcome.CHANGED
        assert not slapd.signs_in(dn, "ana's own")
        assert await says(adapter, Cap.REVOKE_CREDENTIALS, account) is Verdict.CONFIRMED
        with pytest.raises(NotFound):
            await adapter.revoke_credential(account.id, "no-such")


async def test_where_passwords_cannot_be_seen_they_are_not_listed_and_not_taken_for_absent(slapd: Slapd) -> None:
    async with connected(slapd, user=server.LIMITED, page_size=3) as adapter:
        assert Cap.LIST_CREDENTIALS not in adapter.capabilities()
        assert adapter.capabilities()[Cap.REVOKE_CREDENTIALS].proof is Proof.NONE
        step = Step(Cap.REVOKE_CREDENTIALS, "00000000-0000-0000-0000-000000000000")
        assert (await adapter.verify(step)).verdict is Verdict.UNVERIFIABLE
        with pytest.raises(Unsupported):
            await adapter.credentials("00000000-0000-0000-0000-000000000000")


# ---- listings


async def test_a_listing_goes_on_only_where_it_begins_as_it_began(slapd: Slapd) -> None:
    async with connected(slapd, page_size=3) as adapter:
        accounts = [await made(adapter) for _ in range(5)]
        pages = [page async for page in adapter.accounts(Query(page_size=2))]
        whole = [one.id for page in pages for one in page.items]
        rest = [one.id async for page in adapter.accounts(Query(2, pages[0].cursor)) for one in page.items]
        assert rest == whole[2:]
        await adapter.delete(whole[0])
        with pytest.raises(ResyncNeeded):
            [page async for page in adapter.accounts(Query(2, pages[0].cursor))]
        assert {one.id for one in accounts} <= set(whole)


async def test_only_what_the_filter_of_the_settings_lets_through_is_an_account(slapd: Slapd) -> None:
    kind = fresh("kind")
    async with connected(slapd) as adapter:
        inside, outside = await made(adapter, raw={"employeeType": kind}), await made(adapter)
    async with connected(slapd, account_filter=f"employeeType={kind}", services=["ana*"]) as adapter:
        found = [one async for page in adapter.accounts(Query()) for one in page.items]
        assert [(one.id, one.kind) for one in found] == [(inside.id, "service")]
        with pytest.raises(NotFound):
            await adapter.read(outside.id)


async def test_the_server_says_what_it_is(slapd: Slapd) -> None:
    async with connected(slapd, url=slapd.url, encryption="starttls") as adapter:
        facts = await adapter.check()
    assert facts["link"] == "StartTLS, verified"
    assert facts["locks accounts"] == "yes"
