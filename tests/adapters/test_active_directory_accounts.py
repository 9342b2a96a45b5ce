"""People's accounts in a real Samba domain: what the domain itself shows of them after each operation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import ldap3
import pytest

from jmltui.adapter_api import (
    Account,
    AccountState,
    Cap,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Outcome,
    Query,
    Step,
    Unsupported,
    Verdict,
)
from jmltui.adapter_api.conformance.bench import collected
from tests.conftest import StandingClock
from tests.servers.samba import DOMAIN, GROUPS, LEAVERS, PEOPLE, SambaDomain, connected

PASSWORD = "Pa55-word-of-a-person"
NEVER_EXPIRES = 0x10000


def wanted(login: str, **more: object) -> Account:
    return Account("", login, AccountState.ACTIVE, (f"{login}@example.test",), f"N-{login}", f"Name of {login}", **more)  # type: ignore[arg-type]


async def test_a_new_account_is_whole_and_its_password_has_to_be_changed(
    samba_domain: SambaDomain, clock: StandingClock
) -> None:
    end = datetime(2031, 3, 1, 17, 30, tzinfo=UTC)
    async with connected(samba_domain, clock, create_attributes={"company": "Example", "info": "{login}!"}) as adapter:
        made, receipt = await adapter.create(wanted("newcomer", expires=end), key="k")
        shown = await adapter.credentials(made.id)
    there = samba_domain.values(made.raw["dn"], "*", "msDS-User-Account-Control-Computed")  # type: ignore[arg-type]
    assert there["userAccountControl"] == [b"512"]
    assert there["pwdLastSet"] == [b"0"]
    assert there["userPrincipalName"] == [b"newcomer@ad.example.test"]
    assert (there["displayName"], there["sn"], there["givenName"]) == (
        [b"Name of newcomer"],
        [b"newcomer"],
        [b"Name of"],
    )
    assert (there["company"], there["info"]) == ([b"Example"], [b"newcomer!"])
    assert datetime(1601, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(there["accountExpires"][0]) // 10) == end
    assert made.expires == end
    assert made.state is AccountState.ACTIVE
    assert not shown, "a password that nobody has and that has to be changed first is no credential"
    assert "unicodePwd" not in str(receipt)
    assert "password" not in str(receipt).casefold()


async def test_a_password_that_the_policy_refuses_leaves_nothing_behind(
    samba_domain: SambaDomain, clock: StandingClock
) -> None:
    samba_domain.change(DOMAIN, minPwdLength="120")
    try:
        async with connected(samba_domain, clock) as adapter:
            with pytest.raises(
                Invalid, match=r"password policy of the domain does not accept the password \(0000052D\)"
            ):
                await adapter.create(wanted("refused"), key="k")
            assert await adapter.find("refused") is None
    finally:
        samba_domain.change(DOMAIN, minPwdLength="7")


async def test_without_a_first_password_a_new_account_stays_shut(
    samba_domain: SambaDomain, clock: StandingClock
) -> None:
    async with connected(samba_domain, clock, first_secret="none") as adapter:
        made, _ = await adapter.create(wanted("shut"), key="k")
    assert made.state is AccountState.DISABLED


async def test_a_disable_keeps_the_other_flags_and_the_person_out(
    samba_domain: SambaDomain, clock: StandingClock
) -> None:
    dn = samba_domain.person("leaver", PASSWORD)
    samba_domain.change(dn, userAccountControl=str(512 | NEVER_EXPIRES))
    assert samba_domain.lets_in("leaver", PASSWORD)
    async with connected(samba_domain, clock) as adapter:
        found = await adapter.find("leaver")
        assert found is not None
        step = Step(Cap.DISABLE, found.id, login="leaver")
        assert (await adapter.verify(step)).verdict is Verdict.CONTRADICTED
        await adapter.disable(found.id)
        assert not samba_domain.lets_in("leaver", PASSWORD)
        assert (await adapter.verify(step)).verdict is Verdict.CONFIRMED
        assert samba_domain.values(dn, "userAccountControl")["userAccountControl"] == [b"66050"]
        await adapter.enable(found.id)
    assert samba_domain.lets_in("leaver", PASSWORD)
    assert samba_domain.values(dn, "userAccountControl")["userAccountControl"] == [b"66048"]


async def test_an_account_whose_end_is_past_is_shut_and_an_enable_takes_the_end_away(
    samba_domain: SambaDomain, clock: StandingClock
) -> None:
    samba_domain.person("contractor", PASSWORD)
    past = datetime(2020, 1, 1, tzinfo=UTC)
    async with connected(samba_domain, clock) as adapter:
        found = await adapter.find("contractor")
        assert found is not None
        assert found.expires is None
        await adapter.update(found.id, {"expires": past})
        read = await adapter.read(found.id)
        assert (read.state, read.expires) == (AccountState.DISABLED, past)
        assert not samba_domain.lets_in("contractor", PASSWORD)
        assert (await adapter.disable(found.id)).outcome is Outcome.CHANGED, "an end can be moved; a disable stays"
        await adapter.enable(found.id)
        assert (await adapter.read(found.id)).expires is None
        assert samba_domain.lets_in("contractor", PASSWORD)
        far = past.replace(year=2099)
        await adapter.update(found.id, {"expires": far.isoformat()})
        assert (await adapter.update(found.id, {"expires": far})).outcome is Outcome.ALREADY
        assert (await adapter.read(found.id)).state is AccountState.ACTIVE
        await adapter.update(found.id, {"expires": None})
        assert (await adapter.read(found.id)).expires is None


async def test_the_domain_says_what_time_it_is(samba_domain: SambaDomain, clock: StandingClock) -> None:
    dn = samba_domain.person("soon", PASSWORD)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    ticks = (tomorrow - datetime(1601, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 10
    samba_domain.change(dn, accountExpires=str(ticks))
    async with connected(samba_domain, clock) as adapter:
        found = await adapter.find("soon")
        assert found is not None
        assert found.state is AccountState.ACTIVE
        clock.forward(timedelta(days=2))
        assert (await adapter.read(found.id)).state is AccountState.DISABLED


async def test_a_lockout_is_no_disable_and_an_enable_ends_it(samba_domain: SambaDomain, clock: StandingClock) -> None:
    samba_domain.person("locked", PASSWORD)
    samba_domain.change(DOMAIN, lockoutThreshold="2")
    try:
        for _ in range(3):
            assert not samba_domain.lets_in("locked", "wrong")
        assert not samba_domain.lets_in("locked", PASSWORD)
        async with connected(samba_domain, clock) as adapter:
            found = await adapter.find("locked")
            assert found is not None
            assert (found.state, found.raw["locked_out"]) == (AccountState.ACTIVE, True)
            assert (await adapter.enable(found.id)).outcome is Outcome.CHANGED
            assert "locked_out" not in (await adapter.read(found.id)).raw
    finally:
        samba_domain.change(DOMAIN, lockoutThreshold="0")
    assert samba_domain.lets_in("locked", PASSWORD)


async def test_a_leaver_moves_and_keeps_id_and_groups(samba_domain: SambaDomain, clock: StandingClock) -> None:
    group = samba_domain.group("moving-along", samba_domain.person("mover", PASSWORD))
    async with connected(samba_domain, clock, leavers_base=LEAVERS) as adapter:
        found = await adapter.find("mover")
        assert found is not None
        before = await adapter.grants_of(found.id)
        await adapter.disable(found.id)
        moved = await adapter.read(found.id)
        assert moved.raw["dn"] == f"CN=mover,{LEAVERS}"
        assert (await adapter.verify(Step(Cap.DISABLE, found.id))).verdict is Verdict.CONFIRMED
        assert await adapter.grants_of(found.id) == before
        assert before
        assert found.id in {one.id for one in await collected(adapter.accounts(Query()))}
        assert samba_domain.values(group, "member")["member"] == [f"CN=mover,{LEAVERS}".encode()]
        await adapter.enable(found.id)
        assert (await adapter.read(found.id)).raw["dn"] == f"CN=mover,{PEOPLE}"


async def test_the_rights_that_the_documentation_names_are_enough_for_a_leaver(
    samba_domain: SambaDomain, clock: StandingClock
) -> None:
    samba_domain.group("left-behind", samba_domain.person("delegated-leaver", PASSWORD))
    user = samba_domain.delegate("svc-leavers", PASSWORD)
    async with connected(samba_domain, clock, leavers_base=LEAVERS, user=user, password=PASSWORD) as adapter:
        found = await adapter.find("delegated-leaver")
        assert found is not None
        await adapter.disable(found.id)
        await adapter.revoke_credential(found.id)
        for grant in await adapter.grants_of(found.id):
            await adapter.revoke(found.id, grant.entitlement_id)
        assert not await adapter.grants_of(found.id)
        await adapter.enable(found.id)
        assert (await adapter.read(found.id)).raw["dn"] == f"CN=delegated-leaver,{PEOPLE}"
        assert not samba_domain.lets_in("delegated-leaver", PASSWORD)
        assert (await adapter.delete(found.id)).outcome is Outcome.CHANGED


async def test_a_deleted_account_is_a_tombstone_and_its_login_is_free(
    samba_domain: SambaDomain, clock: StandingClock
) -> None:
    async with connected(samba_domain, clock) as adapter:
        first, _ = await adapter.create(wanted("gone"), key="k")
        await adapter.delete(first.id)
        assert (await adapter.delete(first.id)).outcome is Outcome.ALREADY
        with samba_domain.administrator() as link:
            link.search(
                f"CN=Deleted Objects,{DOMAIN}",
                "(cn=gone*)",
                attributes=["isDeleted"],
                controls=[("1.2.840.113556.1.4.417", True, None)],
            )
            assert link.response[0]["raw_attributes"]["isDeleted"] == [b"TRUE"]
        with pytest.raises(NotFound):
            await adapter.read(first.id)
        second, receipt = await adapter.create(wanted("gone"), key="k")
        assert receipt.outcome is Outcome.CHANGED
        assert second.id != first.id


async def test_a_new_login_takes_the_principal_name_along(samba_domain: SambaDomain, clock: StandingClock) -> None:
    samba_domain.person("maiden", PASSWORD)
    samba_domain.person("free", userPrincipalName="somebody@example.test")
    async with connected(samba_domain, clock) as adapter:
        found, free = await adapter.find("maiden"), await adapter.find("free")
        assert found is not None
        assert free is not None
        await adapter.update(found.id, {"login": "married"})
        await adapter.update(free.id, {"login": "freed"})
        assert (await adapter.read(found.id)).login == "married"
        assert await adapter.find("maiden") is None
        with pytest.raises(Conflict):
            await adapter.update(found.id, {"login": "freed"})
    assert samba_domain.lets_in("married", PASSWORD)
    there = samba_domain.values(f"CN=married,{PEOPLE}", "userPrincipalName")
    assert there["userPrincipalName"] == [b"married@ad.example.test"]
    assert samba_domain.values(f"CN=freed,{PEOPLE}", "userPrincipalName")["userPrincipalName"] == [
        b"somebody@example.test"
    ]


NO_LOGINS = ("", "a" * 21, "a/b", "a\\b", "a@b", 'a"b', "a:b", "a;b", "a*", " a", "a.", "a\nb", "a,b", "a+b", "a=b")
GUARDED = (
    "unicodePwd",
    "userAccountControl",
    "memberOf",
    "servicePrincipalName",
    "sIDHistory",
    "primaryGroupID",
    "OBJECTSID",
    "nTSecurityDescriptor",
    "altSecurityIdentities;binary",
)


async def test_what_windows_takes_for_no_login_is_refused(samba_domain: SambaDomain, clock: StandingClock) -> None:
    async with connected(samba_domain, clock) as adapter:
        for login in NO_LOGINS:
            with pytest.raises(Invalid):
                await adapter.create(wanted(login), key="k")


async def test_an_update_gives_no_power(samba_domain: SambaDomain, clock: StandingClock) -> None:
    async with connected(samba_domain, clock) as adapter:
        made, _ = await adapter.create(wanted("bystander"), key="k")
        for attribute in GUARDED:
            with pytest.raises(Invalid):
                await adapter.update(made.id, {attribute: "1"})
            with pytest.raises(Invalid):
                await adapter.create(wanted("never", raw={attribute: "1"}), key="k")


async def test_further_addresses_are_read_and_left_to_the_mail_server(
    samba_domain: SambaDomain, clock: StandingClock
) -> None:
    dn = samba_domain.person("mailed", mail="a@example.test")
    samba_domain.change(dn, proxyAddresses=["SMTP:A@example.test", "smtp:b@example.test", "x500:/o=c"])
    async with connected(samba_domain, clock) as adapter:
        found = await adapter.find("mailed")
        assert found is not None
        assert found.emails == ("a@example.test", "b@example.test")
        receipt = await adapter.update(found.id, {"emails": ("a@example.test", "b@example.test")})
        assert receipt.outcome is Outcome.ALREADY
        with pytest.raises(Unsupported):
            await adapter.update(found.id, {"emails": ("a@example.test", "new@example.test")})
        await adapter.update(found.id, {"emails": ("c@example.test",)})
    assert samba_domain.values(dn, "mail")["mail"] == [b"c@example.test"]


async def test_a_password_and_mapped_keys_are_listed_and_revoked(
    samba_domain: SambaDomain, clock: StandingClock
) -> None:
    dn = samba_domain.person("keyed", PASSWORD)
    mapped = ["X509:<I>CN=Example CA<S>CN=keyed", "SSHKey:AAAAC3Nz"]
    samba_domain.change(dn, altSecurityIdentities=mapped)
    async with connected(samba_domain, clock) as adapter:
        found = await adapter.find("keyed")
        assert found is not None
        listed = await adapter.credentials(found.id)
        assert sorted(one.kind for one in listed) == ["certificate", "password", "ssh-key"]
        assert not any(value in str(listed) for value in mapped)
        key = next(one.id for one in listed if one.kind == "ssh-key")
        await adapter.revoke_credential(found.id, key)
        assert samba_domain.values(dn, "altSecurityIdentities")["altSecurityIdentities"] == [mapped[0].encode()]
        assert samba_domain.lets_in("keyed", PASSWORD)
        await adapter.revoke_credential(found.id)
        assert not samba_domain.lets_in("keyed", PASSWORD)
        assert (await adapter.verify(Step(Cap.REVOKE_CREDENTIALS, found.id))).verdict is Verdict.CONFIRMED
        assert (await adapter.revoke_credential(found.id)).outcome is Outcome.ALREADY
        samba_domain.change(dn, pwdLastSet="-1")
        assert not samba_domain.lets_in("keyed", PASSWORD), "the password itself is another one"


async def test_who_belongs_to_the_domain_rather_than_to_anybody_is_no_account(
    samba_domain: SambaDomain, clock: StandingClock
) -> None:
    machine = f"CN=desk-1,{PEOPLE}"
    with samba_domain.administrator() as link:
        link.add(machine, ["computer"], {"sAMAccountName": "desk-1$", "userAccountControl": "4096"})
    samba_domain.person("svc-backup")
    own = f"CN=Users,{DOMAIN}"
    samba_domain.person("svc-jmltui", PASSWORD, place=own)
    async with connected(samba_domain, clock, accounts_base=DOMAIN, create_base=PEOPLE, services=["svc-*"]) as adapter:
        listed = {one.login: one.kind for one in await collected(adapter.accounts(Query()))}
    assert not {"Administrator", "Guest", "krbtgt", "desk-1$"} & listed.keys()
    assert (listed["svc-backup"], listed["svc-jmltui"]) == ("service", "service")


@pytest.mark.parametrize("form", ["itself@ad.example.test", "ADTEST\\itself", f"CN=itself,{PEOPLE}"])
async def test_it_does_not_touch_what_it_signs_in_as(
    samba_domain: SambaDomain, clock: StandingClock, form: str
) -> None:
    with samba_domain.administrator() as link:
        if not link.search(PEOPLE, "(sAMAccountName=itself)"):
            samba_domain.person("itself", PASSWORD)
            link.modify(
                f"CN=Domain Admins,CN=Users,{DOMAIN}", {"member": [(ldap3.MODIFY_ADD, [f"CN=itself,{PEOPLE}"])]}
            )
    async with connected(samba_domain, clock, user=form, password=PASSWORD) as adapter:
        found = await adapter.find("itself")
        assert found is not None
        for call in (adapter.disable, adapter.delete, adapter.revoke_credential):
            with pytest.raises(Forbidden, match="what jmltui itself signs in as"):
                await call(found.id)
    assert samba_domain.lets_in("itself", PASSWORD)


async def test_the_last_sign_in_is_what_controllers_share(samba_domain: SambaDomain, clock: StandingClock) -> None:
    samba_domain.person("present", PASSWORD)
    assert samba_domain.lets_in("present", PASSWORD)
    async with connected(samba_domain, clock, groups_base=GROUPS) as adapter:
        found = await adapter.find("present")
    assert found is not None
    assert found.last_seen is not None
    assert abs(found.last_seen - datetime.now(UTC)) < timedelta(days=15)
