"""What the LDAP adapter does to a real 389 Directory Server, looked at with OpenLDAP's own tools."""

from __future__ import annotations

import asyncio
import re

import pytest

from jmltui.adapter_api import (
    Account,
    AccountState,
    Cap,
    Conflict,
    ContractBroken,
    Forbidden,
    Outcome,
    Proof,
    Query,
    Stale,
    Step,
    Verdict,
)
from jmltui_ldap import LdapAdapter
from tests.conformance.test_conformance_389ds import connected
from tests.conftest import StandingClock
from tests.servers.dirsrv import Dirsrv
from tests.servers.slapd import GROUPS, LIMITED, PEOPLE, group

PASSWORD = "Summer-of-389-practice"


def person(login: str, more: str = "") -> str:
    """Somebody with a password, as LDIF."""
    return (
        f"dn: uid={login},{PEOPLE}\nobjectClass: inetOrgPerson\nuid: {login}\ncn: {login}\nsn: {login}\n"
        f"displayName: {login}\nuserPassword: {PASSWORD}\n{more}\n"
    )


async def found(adapter: LdapAdapter, login: str) -> Account:
    account = await adapter.find(login)
    assert account is not None
    return account


async def test_an_inactivated_account_is_refused_and_the_refusal_is_the_proof(
    dirsrv: Dirsrv, clock: StandingClock
) -> None:
    dirsrv.add(person("shut"))
    dn = f"uid=shut,{PEOPLE}"
    async with connected(dirsrv, clock) as adapter:
        one = await found(adapter, "shut")
        assert dirsrv.signs_in(dn, PASSWORD) == ""
        assert (await adapter.disable(one.id)).outcome is Outcome.CHANGED
        assert "inactivated" in dirsrv.signs_in(dn, PASSWORD)
        evidence = await adapter.verify(Step(Cap.DISABLE, one.id))
        assert (evidence.verdict, evidence.proof) == (Verdict.CONFIRMED, Proof.PROBE)
        assert (await adapter.enable(one.id)).outcome is Outcome.CHANGED
        assert dirsrv.signs_in(dn, PASSWORD) == ""
        assert (await adapter.verify(Step(Cap.DISABLE, one.id))).verdict is Verdict.CONTRADICTED


async def test_a_lock_by_a_role_is_seen_and_not_said_to_be_undone(dirsrv: Dirsrv, clock: StandingClock) -> None:
    role = f"cn=shut-role,{PEOPLE}"
    dirsrv.add(
        f"dn: {role}\nobjectClass: ldapSubEntry\nobjectClass: nsRoleDefinition\nobjectClass: nsSimpleRoleDefinition\n"
        f"objectClass: nsManagedRoleDefinition\ncn: shut-role\n\n"
        f"dn: cn=lock,{PEOPLE}\nobjectClass: nsContainer\ncn: lock\n\n"
        f'dn: cn="{role}",cn=lock,{PEOPLE}\nobjectClass: extensibleObject\nobjectClass: costemplate\n'
        f'cn: "{role}"\nnsAccountLock: true\ncosPriority: 1\n\n'
        f"dn: cn=lock-by-role,{PEOPLE}\nobjectClass: ldapSubEntry\nobjectClass: cosSuperDefinition\n"
        f"objectClass: cosClassicDefinition\ncn: lock-by-role\ncosTemplateDn: cn=lock,{PEOPLE}\n"
        f"cosSpecifier: nsRole\ncosAttribute: nsAccountLock operational\n\n" + person("by-role", f"nsRoleDN: {role}\n")
    )
    async with connected(dirsrv, clock) as adapter:
        one = await found(adapter, "by-role")
        assert "inactivated" in dirsrv.signs_in(f"uid=by-role,{PEOPLE}", PASSWORD)
        assert one.state is AccountState.DISABLED
        assert (await adapter.disable(one.id)).outcome is Outcome.ALREADY
        with pytest.raises(ContractBroken, match="leaves it as it was"):
            await adapter.enable(one.id)


async def test_the_last_sign_in_is_seen_and_makes_nothing_stale(dirsrv: Dirsrv, clock: StandingClock) -> None:
    dirsrv.add(person("seen"))
    async with connected(dirsrv, clock) as adapter:
        before = await found(adapter, "seen")
        assert before.last_seen is None
        assert dirsrv.signs_in(f"uid=seen,{PEOPLE}", PASSWORD) == ""
        after = await found(adapter, "seen")
        for _ in range(60):
            if after.last_seen is not None:
                break
            await asyncio.sleep(0.05)
            after = await found(adapter, "seen")
        assert after.last_seen is not None
        assert after.version == before.version
        await adapter.update(after.id, {"title": "Seen"}, if_version=before.version)
        with pytest.raises(Stale):
            await adapter.update(after.id, {"display": "Other"}, if_version=before.version + "0")  # type: ignore[operator]


async def test_groups_follow_and_nothing_is_left_of_a_deleted_account(dirsrv: Dirsrv, clock: StandingClock) -> None:
    """The plugins memberOf and referential integrity do the same at the same time."""
    dirsrv.add(person("moves") + group("followed", [f"uid=moves,{PEOPLE}"]))
    async with connected(dirsrv, clock) as adapter:
        one = await found(adapter, "moves")
        (grant,) = await adapter.grants_of(one.id)
        assert grant.direct
        await adapter.update(one.id, {"login": "moved"})
        assert (await found(adapter, "moved")).id == one.id
        assert f"uid=moved,{PEOPLE}" in dirsrv.found(f"cn=followed,{GROUPS}", "(objectClass=*)", "member")
        assert [held.entitlement_id for held in await adapter.grants_of(one.id)] == [grant.entitlement_id]
        assert (await adapter.revoke(one.id, grant.entitlement_id)).outcome is Outcome.CHANGED
        assert "memberOf" not in dirsrv.found(f"uid=moved,{PEOPLE}", "(objectClass=*)", "memberOf")
        await adapter.grant(one.id, grant.entitlement_id)
        await adapter.delete(one.id)
    assert "uid=moved" not in dirsrv.found(f"cn=followed,{GROUPS}", "(objectClass=*)", "member")


async def test_a_login_that_another_entry_has_is_a_conflict(dirsrv: Dirsrv, clock: StandingClock) -> None:
    dirsrv.add(f"dn: uid=taken,ou=services,{PEOPLE.partition(',')[2]}\nobjectClass: account\nuid: taken\n")
    async with connected(dirsrv, clock) as adapter:
        with pytest.raises(Conflict):
            await adapter.create(Account("", "taken", AccountState.ACTIVE, external_id="K-1"), key="k")


async def test_what_may_not_be_seen_and_what_is_too_much_is_said(dirsrv: Dirsrv, clock: StandingClock) -> None:
    dirsrv.add("".join(person(f"many{number}") for number in range(4)))
    async with connected(dirsrv, clock, user=LIMITED) as adapter:
        with pytest.raises(ContractBroken, match=re.escape("nsSizeLimit: -1")):
            _ = [page async for page in adapter.accounts(Query())]
        dirsrv.add(
            f"dn: {LIMITED}\nchangetype: modify\nreplace: nsSizeLimit\nnsSizeLimit: -1\n-\n"
            "replace: nsLookThroughLimit\nnsLookThroughLimit: 4\n"
        )
    async with connected(dirsrv, clock, user=LIMITED) as adapter:
        with pytest.raises(ContractBroken, match=re.escape("nsLookThroughLimit: -1")):
            _ = [page async for page in adapter.accounts(Query())]
    dirsrv.add(f"dn: cn=blind,ou=services,{PEOPLE.partition(',')[2]}\nobjectClass: organizationalRole\n"
               f"objectClass: simpleSecurityObject\ncn: blind\nuserPassword: practice-only\n")  # fmt: skip
    with pytest.raises(Forbidden, match="nsAccountLock"):
        async with connected(dirsrv, clock, user=f"cn=blind,ou=services,{PEOPLE.partition(',')[2]}"):
            pass


async def test_it_says_what_it_is_and_that_it_tells_no_changes(dirsrv: Dirsrv, clock: StandingClock) -> None:
    async with connected(dirsrv, clock) as adapter:
        facts = await adapter.check()
        assert "389" in facts["server"]
        assert facts["changes"] == "not told; everything is listed each time"
        assert Cap.DELTA not in adapter.capabilities()
        assert Cap.DISABLE in adapter.capabilities()
