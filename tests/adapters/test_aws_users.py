"""What an operator notices of AWS users: moto behind a proxy that refuses as AWS does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from jmltui.adapter_api import (
    Account,
    AccountState,
    AuthFailed,
    Cap,
    Conflict,
    Entitlement,
    Forbidden,
    Invalid,
    NotFound,
    Outcome,
    OutcomeUnknown,
    Page,
    Query,
    RateLimited,
    Setup,
    Step,
    Unsupported,
    Verdict,
)
from jmltui.adapter_api.conformance import Disturbance
from jmltui_aws import AwsAdapter
from tests.conftest import StandingClock
from tests.servers.moto import AwsProxy, Moto
from tests.servers.played import playing

ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"


@pytest.fixture
async def proxy(moto_server: Moto) -> AsyncIterator[AwsProxy]:
    proxy = AwsProxy(moto_server)
    async with playing(proxy.server):
        yield proxy


def adapter_of(proxy: AwsProxy, clock: StandingClock, **options: str) -> AwsAdapter:
    given = {"access_key_id": "AKIAEXAMPLE", "secret_access_key": "secret", "endpoint_url": proxy.server.url, **options}
    return AwsAdapter(Setup("cloud", given, str, clock))


@pytest.fixture
async def iam(proxy: AwsProxy, clock: StandingClock) -> AsyncIterator[AwsAdapter]:
    adapter = adapter_of(proxy, clock)
    await adapter.open()
    yield adapter
    await adapter.close()


@pytest.fixture
async def center(proxy: AwsProxy, clock: StandingClock) -> AsyncIterator[AwsAdapter]:
    adapter = adapter_of(proxy, clock, service="identity-center")
    await adapter.open()
    yield adapter
    await adapter.close()


async def made(adapter: AwsAdapter, login: str) -> Account:
    wanted = Account("", login, AccountState.ACTIVE, (f"{login}@example.test",), f"K-{login}", login)
    return (await adapter.create(wanted, key=login))[0]


async def entitlements(adapter: AwsAdapter) -> dict[str, Entitlement]:
    pages: list[Page[Entitlement]] = [page async for page in adapter.entitlements(Query())]
    return {one.id: one for page in pages for one in page.items}


async def test_a_disable_shuts_every_way_in_and_an_enable_gives_the_keys_back(iam: AwsAdapter, proxy: AwsProxy) -> None:
    admin, account = proxy.moto.client("iam"), await made(iam, "lena")
    keys = [admin.create_access_key(UserName="lena")["AccessKey"]["AccessKeyId"] for _ in range(2)]
    admin.update_access_key(UserName="lena", AccessKeyId=keys[1], Status="Inactive")
    admin.create_login_profile(UserName="lena", Password="Long-enough-9!")

    receipt = await iam.disable(account.id)

    assert receipt.outcome is Outcome.CHANGED
    assert receipt.before == {"denied": False, "active keys": [keys[0]], "password": True}
    document = admin.get_user_policy(UserName="lena", PolicyName="jmltui-disabled")["PolicyDocument"]
    assert document["Statement"] == [{"Effect": "Deny", "Action": "*", "Resource": "*"}]
    assert {k["Status"] for k in admin.list_access_keys(UserName="lena")["AccessKeyMetadata"]} == {"Inactive"}
    assert "password" not in {one.kind for one in await iam.credentials(account.id)}
    assert (await iam.verify(Step(Cap.DISABLE, account.id))).verdict is Verdict.CONFIRMED

    await iam.enable(account.id)
    status = {k["AccessKeyId"]: k["Status"] for k in admin.list_access_keys(UserName="lena")["AccessKeyMetadata"]}
    assert status == {keys[0]: "Active", keys[1]: "Inactive"}, "a key that was inactive before stays so"
    assert (await iam.enable(account.id)).outcome is Outcome.ALREADY


async def test_a_disable_is_contradicted_by_a_new_key(iam: AwsAdapter, proxy: AwsProxy) -> None:
    account = await made(iam, "mina")
    await iam.disable(account.id)
    proxy.moto.client("iam").create_access_key(UserName="mina")
    assert (await iam.verify(Step(Cap.DISABLE, account.id))).verdict is Verdict.CONTRADICTED


async def test_earlier_sessions_are_refused_and_never_listed(
    iam: AwsAdapter, proxy: AwsProxy, clock: StandingClock
) -> None:
    account = await made(iam, "nils")
    step = Step(Cap.END_SESSIONS, account.id)
    assert (await iam.verify(step)).verdict is Verdict.CONTRADICTED
    await iam.end_sessions(account.id)
    document = proxy.moto.client("iam").get_user_policy(UserName="nils", PolicyName="jmltui-sessions-ended")
    condition = document["PolicyDocument"]["Statement"][0]["Condition"]
    assert condition == {"DateLessThan": {"aws:TokenIssueTime": "2026-06-01T08:00:00Z"}}
    assert (await iam.verify(step)).verdict is Verdict.CONFIRMED
    clock.forward(timedelta(days=1))
    assert (await iam.verify(step)).verdict is Verdict.UNVERIFIABLE, "an old refusal proves nothing of today"
    with pytest.raises(Unsupported):
        await iam.sessions(account.id)


async def test_a_delete_takes_away_first_what_stands_in_its_way(iam: AwsAdapter, proxy: AwsProxy) -> None:
    admin, account = proxy.moto.client("iam"), await made(iam, "olga")
    admin.create_group(GroupName="olga-group")
    admin.add_user_to_group(UserName="olga", GroupName="olga-group")
    admin.attach_user_policy(UserName="olga", PolicyArn=ADMIN)
    admin.create_access_key(UserName="olga")
    device = admin.create_virtual_mfa_device(VirtualMFADeviceName="olga")["VirtualMFADevice"]["SerialNumber"]
    admin.enable_mfa_device(
        UserName="olga", SerialNumber=device, AuthenticationCode1="123456", AuthenticationCode2="654321"
    )
    proxy.services["olga"] = ["ACCAEXAMPLEEXAMPLE01"]
    await iam.disable(account.id)
    before = len(proxy.server.asked)

    await iam.delete(account.id)

    asked = proxy.operations()[before:]
    order = ["DeleteAccessKey", "DeleteServiceSpecificCredential", "DeactivateMFADevice", "DeleteVirtualMFADevice"]
    order += ["DetachUserPolicy", "DeleteUserPolicy", "RemoveUserFromGroup", "DeleteUser"]
    assert [name for name in asked if name in order] == order
    assert proxy.services["olga"] == []
    with pytest.raises(NotFound):
        await iam.read(account.id)


async def test_administrators_are_privileged_by_policy_and_by_group(iam: AwsAdapter, proxy: AwsProxy) -> None:
    admin, account = proxy.moto.client("iam"), await made(iam, "paul")
    everything = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["iam:*"], "Resource": "*"}}
    little = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}}
    strong = admin.create_policy(PolicyName="paul-strong", PolicyDocument=json.dumps(everything))["Policy"]["Arn"]
    weak = admin.create_policy(PolicyName="paul-weak", PolicyDocument=json.dumps(little))["Policy"]["Arn"]
    admin.create_group(GroupName="paul-admins")
    admin.attach_group_policy(GroupName="paul-admins", PolicyArn=ADMIN)
    admin.add_user_to_group(UserName="paul", GroupName="paul-admins")

    found = await entitlements(iam)

    assert found[f"policy:{strong}"].privileged
    assert not found[f"policy:{weak}"].privileged
    assert found["group:paul-admins"].privileged
    assert found[f"policy:{ADMIN}"].privileged
    grants = {grant.entitlement_id: grant for grant in await iam.grants_of(account.id)}
    assert grants["group:paul-admins"].direct
    assert not grants[f"policy:{ADMIN}"].direct
    assert grants[f"policy:{ADMIN}"].via == ("group:paul-admins",)
    listed = [g async for page in iam.grants(Query()) for g in page.items if g.account_id == account.id]
    assert {g.entitlement_id: g for g in listed} == grants


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "AccessDenied", Forbidden),
        (403, "ExpiredToken", AuthFailed),
        (403, "InvalidClientTokenId", AuthFailed),
        (400, "Throttling", RateLimited),
        (409, "DeleteConflict", Conflict),
        (500, "ServiceFailure", OutcomeUnknown),
    ],
)
async def test_refusals_of_aws_keep_their_meaning(
    iam: AwsAdapter, proxy: AwsProxy, status: int, code: str, kind: type[Exception]
) -> None:
    account = await made(iam, f"rita{code}")
    proxy.refuse("DeleteUser", status, code)
    with pytest.raises(kind) as caught:
        await iam.delete(account.id)
    assert code in str(caught.value)
    assert "secret" not in str(caught.value)
    assert (await iam.read(account.id)).id == account.id
    assert (await iam.delete(account.id)).outcome is Outcome.CHANGED, "asked again, it goes on"


async def test_nothing_is_sent_twice_when_an_answer_is_lost(iam: AwsAdapter, proxy: AwsProxy) -> None:
    await proxy.disturb(Disturbance.LOSE_WRITE_ANSWER)
    with pytest.raises(OutcomeUnknown):
        await made(iam, "sven")
    await proxy.calm()
    assert proxy.writes() == ["CreateUser"]


async def test_a_renamed_user_is_still_the_same(iam: AwsAdapter, proxy: AwsProxy) -> None:
    admin, account = proxy.moto.client("iam"), await made(iam, "tara")
    admin.update_user(UserName="tara", NewUserName="tara-new")
    admin.create_user(UserName="tara")
    await iam.disable(account.id)
    assert (await iam.read(account.id)).login == "tara-new"
    namesake = await iam.find("tara")
    assert namesake is not None
    assert namesake.id != account.id
    assert namesake.state is AccountState.ACTIVE


async def test_a_role_is_assumed_and_nothing_of_the_environment_is_used(
    proxy: AwsProxy, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "not-there")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    adapter = adapter_of(proxy, clock, role="arn:aws:iam::123456789012:role/jmltui", external_id="x-9")
    await adapter.open()
    try:
        assert "assumed-role/jmltui" in (await adapter.check())["authenticated"]
    finally:
        await adapter.close()
    assert "ASIA" in proxy.server.asked[-1].headers["authorization"], "calls are signed with the role's own key"
    assert b"ExternalId=x-9" in proxy.server.asked[0].body


async def test_a_permission_set_is_assigned_and_taken_away(center: AwsAdapter, proxy: AwsProxy) -> None:
    admin, account = proxy.moto.client("sso-admin"), await made(center, "uma")
    instance = admin.list_instances()["Instances"][0]["InstanceArn"]
    arn = admin.create_permission_set(Name="uma-admins", InstanceArn=instance)["PermissionSet"]["PermissionSetArn"]
    admin.attach_managed_policy_to_permission_set(InstanceArn=instance, PermissionSetArn=arn, ManagedPolicyArn=ADMIN)
    admin.provision_permission_set(InstanceArn=instance, PermissionSetArn=arn, TargetType="ALL_PROVISIONED_ACCOUNTS")
    held = f"role:123456789012/{arn}"

    receipt = await center.grant(account.id, held)

    assert receipt.outcome in (Outcome.CHANGED, Outcome.PENDING)
    assert (await center.verify(Step(Cap.GRANT, account.id, held))).verdict is Verdict.CONFIRMED
    assert (await center.grant(account.id, held)).outcome is Outcome.ALREADY
    assert (await entitlements(center))[held].privileged
    assert [g.entitlement_id for g in await center.grants_of(account.id)] == [held]

    await center.delete(account.id)

    left = admin.list_account_assignments(InstanceArn=instance, AccountId="123456789012", PermissionSetArn=arn)
    assert left["AccountAssignments"] == [], "an assignment does not outlive its user"


async def test_identity_center_says_that_it_has_no_disable(center: AwsAdapter) -> None:
    assert Cap.DISABLE not in center.capabilities()
    with pytest.raises(Unsupported):
        await center.disable("any")
    assert "not in the interface" in (await center.check())["disable"]


@pytest.mark.parametrize("call", ["create", "grant", "delete"])
async def test_a_lost_answer_of_identity_center_is_unknown_and_read_back(
    center: AwsAdapter, proxy: AwsProxy, call: str
) -> None:
    login = f"vera-{call}"
    store = proxy.moto.client("sso-admin").list_instances()["Instances"][0]["IdentityStoreId"]
    group = proxy.moto.client("identitystore").create_group(IdentityStoreId=store, DisplayName=login)["GroupId"]
    account = await made(center, login) if call != "create" else None
    await proxy.disturb(Disturbance.LOSE_WRITE_ANSWER)
    with pytest.raises(OutcomeUnknown):
        if account is None:
            await made(center, login)
        elif call == "grant":
            await center.grant(account.id, f"group:{group}")
        else:
            await center.delete(account.id)
    await proxy.calm()
    steps = {
        "create": Step(Cap.CREATE, "", login=login, wanted={"external_id": f"K-{login}"}),
        "grant": Step(Cap.GRANT, account.id if account else "", f"group:{group}"),
        "delete": Step(Cap.DELETE, account.id if account else ""),
    }
    assert (await center.verify(steps[call])).verdict is Verdict.CONFIRMED
    assert len(proxy.writes()) == (1 if call == "create" else 2)


# ---- settling


def test_how_long_a_change_spreads_is_a_setting(moto_server: Moto, clock: StandingClock) -> None:
    def settles(**options: str | int) -> set[timedelta]:
        given = {"access_key_id": "a", "secret_access_key": "b", "endpoint_url": moto_server.url, **options}
        offered = AwsAdapter(Setup("cloud", given, str, clock)).capabilities()
        return {offered[cap].settle for cap in (Cap.CREATE, Cap.DISABLE, Cap.REVOKE, Cap.REVOKE_CREDENTIALS)}

    assert settles() == {timedelta(seconds=15)}
    assert settles(settle_seconds=0) == {timedelta(0)}
    with pytest.raises(Invalid, match="settle_seconds"):
        settles(settle_seconds=-1)
