"""Groups of a real Samba domain: nested, primary, powerful and very long ones."""

from __future__ import annotations

import ldap3
import pytest

from jmltui.adapter_api import (
    Account,
    AccountState,
    Cap,
    ContractBroken,
    Entitlement,
    Forbidden,
    Outcome,
    Query,
    Step,
    Unsupported,
    Verdict,
)
from jmltui.adapter_api.conformance.bench import collected
from jmltui_ldap import LdapAdapter
from tests.conftest import StandingClock
from tests.servers.samba import DOMAIN, GROUPS, PEOPLE, SambaDomain, connected
from tests.servers.samba_proxy import samba_proxy

ADMINS = f"CN=Domain Admins,CN=Users,{DOMAIN}"


async def named(adapter: LdapAdapter) -> dict[str, Entitlement]:
    """All groups by name."""
    return {one.name: one for one in await collected(adapter.entitlements(Query()))}


async def account(adapter: LdapAdapter, login: str) -> Account:
    """The account of this login."""
    found = await adapter.find(login)
    assert found is not None
    return found


async def test_groups_in_groups_say_through_what_they_are_held(samba_domain: SambaDomain, clock: StandingClock) -> None:
    inner = samba_domain.group("nested-inner", samba_domain.person("nested"))
    middle = samba_domain.group("nested-middle", inner)
    outer = samba_domain.group("nested-outer", middle)
    samba_domain.change(inner, member=[f"CN=nested,{PEOPLE}", outer])
    async with connected(samba_domain, clock) as adapter:
        groups, person = await named(adapter), await account(adapter, "nested")
        held = {one.entitlement_id: one for one in await adapter.grants_of(person.id)}
        listed = {
            one.entitlement_id: one for one in await collected(adapter.grants(Query())) if one.account_id == person.id
        }
        assert held == listed
        assert [held[groups[name].id].direct for name in ("nested-inner", "nested-middle", "nested-outer")] == [
            True,
            False,
            False,
        ]
        assert held[groups["nested-outer"].id].via == ("nested-inner", "nested-middle")
        with samba_domain.administrator() as link:
            link.search(GROUPS, f"(member:1.2.840.113556.1.4.1941:=CN=nested,{PEOPLE})", attributes=["cn"])
            by_rule = {entry["attributes"]["cn"][0] for entry in link.response if entry["type"] == "searchResEntry"}
        assert by_rule == {name for name, one in groups.items() if one.id in held}
        await adapter.revoke(person.id, groups["nested-outer"].id)
        evidence = await adapter.verify(Step(Cap.REVOKE, person.id, groups["nested-inner"].id))
        assert evidence.verdict is Verdict.CONTRADICTED


async def test_the_primary_group_is_shown_and_cannot_be_taken_away(
    samba_domain: SambaDomain, clock: StandingClock
) -> None:
    samba_domain.person("everybody")
    async with connected(samba_domain, clock, groups_base=DOMAIN) as adapter:
        groups, person = await named(adapter), await account(adapter, "everybody")
        users = groups["Domain Users"]
        assert (users.grantable, users.privileged) == (False, False)
        (held, further) = sorted(await adapter.grants_of(person.id), key=lambda one: len(one.via))
        assert (held.entitlement_id, held.direct, held.via) == (users.id, False, ("primary group",))
        assert (further.entitlement_id, further.via) == (groups["Users"].id, ("primary group", "Domain Users"))
        with pytest.raises(Unsupported, match="primary group"):
            await adapter.revoke(person.id, users.id)


async def test_what_gives_power_is_privileged_and_not_given_unless_the_settings_say_so(
    samba_domain: SambaDomain, clock: StandingClock
) -> None:
    ladder = samba_domain.group("ladder", samba_domain.group("ladder-below"))
    person_dn = samba_domain.person("ambitious")
    with samba_domain.administrator() as link:
        link.modify(ADMINS, {"member": [(ldap3.MODIFY_ADD, [ladder])]})
    samba_domain.group("guarded")
    samba_domain.change(f"CN=guarded,{GROUPS}", adminCount="1")
    samba_domain.group("harmless")
    try:
        async with connected(samba_domain, clock, groups_base=DOMAIN, grantable=["ladder-*", "Remote*"]) as adapter:
            groups, person = await named(adapter), await account(adapter, "ambitious")
            powerful = {name for name, one in groups.items() if one.privileged}
            assert powerful >= {"Domain Admins", "Enterprise Admins", "Schema Admins", "Administrators", "DnsAdmins"}
            assert powerful >= {"Group Policy Creator Owners", "Account Operators", "Backup Operators"}
            assert powerful >= {"ladder", "ladder-below", "guarded"}
            assert not powerful & {"harmless", "Domain Users", "Users", "Guests"}
            grantable = {name for name, one in groups.items() if one.grantable}
            assert not grantable & {"Domain Admins", "ladder", "guarded", "DnsAdmins", "Guests", "Domain Guests"}
            assert grantable >= {"harmless", "ladder-below", "Remote Desktop Users"}
            for name in ("Domain Admins", "ladder", "guarded"):
                with pytest.raises(Forbidden, match="grantable"):
                    await adapter.grant(person.id, groups[name].id)
            assert "member" not in samba_domain.values(ladder, "memberOf")
            await adapter.grant(person.id, groups["ladder-below"].id)
            by_hand = {"member": [(ldap3.MODIFY_ADD, [person_dn])]}
            with samba_domain.administrator() as link:
                link.modify(ADMINS, by_hand)
            receipt = await adapter.revoke(person.id, groups["Domain Admins"].id)
            assert receipt.outcome is Outcome.CHANGED, "power may always be taken away"
            assert person_dn.encode() not in samba_domain.values(ADMINS, "member")["member"]
    finally:
        with samba_domain.administrator() as link:
            link.modify(ADMINS, {"member": [(ldap3.MODIFY_DELETE, [ladder])]})


@pytest.mark.parametrize("part", [1, 2, 3, 7, 100])
async def test_a_long_group_is_read_to_its_end(samba_domain: SambaDomain, clock: StandingClock, part: int) -> None:
    group = f"CN=long,{GROUPS}"
    with samba_domain.administrator() as link:
        if not link.search(GROUPS, "(cn=long)"):
            samba_domain.group("long", *(samba_domain.person(f"long-{number}") for number in range(7)))
    async with samba_proxy(samba_domain) as proxy, connected(samba_domain, clock, url=proxy.url) as adapter:
        proxy.part = part
        groups = await named(adapter)
        held = [one for one in await collected(adapter.grants(Query())) if one.entitlement_id == groups["long"].id]
        logins = {one.id: one.login for one in await collected(adapter.accounts(Query()))}
    assert sorted(logins[one.account_id] for one in held) == [f"long-{number}" for number in range(7)]
    assert len(samba_domain.values(group, "member")["member"]) == 7


async def test_a_long_group_whose_end_does_not_come_is_not_believed(
    samba_domain: SambaDomain, clock: StandingClock
) -> None:
    samba_domain.group("endless", *(samba_domain.person(f"endless-{number}") for number in range(3)))
    async with samba_proxy(samba_domain) as proxy, connected(samba_domain, clock, url=proxy.url) as adapter:
        proxy.part = 2
        proxy.withholds_the_rest = True
        with pytest.raises(ContractBroken, match="not the rest"):
            await collected(adapter.grants(Query()))


async def test_many_become_members_at_once(samba_domain: SambaDomain, clock: StandingClock) -> None:
    group = samba_domain.group("crowd")
    with samba_domain.administrator() as link:
        for number in range(40):
            link.add(f"CN=crowd-{number},{PEOPLE}", ["user"], {"sAMAccountName": f"crowd-{number}"})
    async with connected(samba_domain, clock) as adapter:
        groups = await named(adapter)
        ids = [one.id for one in await collected(adapter.accounts(Query())) if one.login.startswith("crowd-")]
        answers = await adapter.grant_many(groups["crowd"].id, ids)
        assert {getattr(one, "outcome", one) for one in answers.values()} == {Outcome.CHANGED}
        assert len(samba_domain.values(group, "member")["member"]) == 40
        for one in ids[:3]:
            assert (await adapter.read(one)).state is AccountState.DISABLED
