"""The Teleport adapter with a `tctl` that answers in the published forms and keeps what was changed."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from jmltui.adapter_api import (
    AdapterError,
    AuthFailed,
    Cap,
    Conflict,
    ContractBroken,
    Forbidden,
    Invalid,
    NotFound,
    Outcome,
    OutcomeUnknown,
    Query,
    Setup,
    Step,
    Unavailable,
    Untrusted,
    Verdict,
)
from jmltui.adapter_api.conformance import CHECKS, Result, World, run_check
from jmltui_teleport import TeleportAdapter
from tests.conftest import StandingClock

PROGRAM = Path(__file__).resolve().parents[1] / "servers" / "tctl_program.py"
NEVER = "0001-01-01T00:00:00Z"


def user(name: str, *roles: str, **more: Any) -> dict[str, Any]:
    """A user as `users ls --format=json` writes one."""
    spec = {"roles": list(roles), "traits": {"logins": [name]}, "status": {"is_locked": False, "lock_expires": NEVER}}
    made = {"time": NEVER, "user": {"name": "builtin-Admin"}}
    metadata = {"name": name, "revision": "4a0ed655"}
    return {"kind": "user", "version": "v2", "metadata": metadata, "spec": {**spec, "created_by": made, **more}}


def role(name: str, *rules: dict[str, Any]) -> dict[str, Any]:
    """A role as `get roles --format=json` writes one."""
    spec = {"allow": {"logins": ["root"], "rules": list(rules)}, "deny": {}}
    return {"kind": "role", "version": "v7", "metadata": {"name": name}, "spec": spec}


def lock(name: str, target: dict[str, str], **more: Any) -> dict[str, Any]:
    """A lock as `get locks --format=json` writes one."""
    return {"kind": "lock", "version": "v2", "metadata": {"name": name}, "spec": {"target": target, **more}}


class Cluster:
    """What the played `tctl` knows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        program = folder / "tctl"
        program.write_text(f"#!{sys.executable} -IS\n{PROGRAM.read_text()}")
        program.chmod(0o700)
        (folder / "identity").write_text("-----BEGIN RSA PRIVATE KEY-----\n")
        (folder / "identity").chmod(0o600)
        by_sso = {"created_by": {"connector": {"type": "saml", "id": "okta", "identity": "eve"}}}
        editor = {"resources": ["role", "user"], "verbs": ["list", "create", "read", "update", "delete"]}
        self.set(
            users=[user("ana", "access"), user("ben", "access", "editor"), user("eve", "access", **by_sso)],
            roles=[role("access"), role("editor", editor), role("auditor")],
            locks=[],
        )

    @property
    def state(self) -> dict[str, Any]:
        """Everything."""
        found: dict[str, Any] = json.loads((self.folder / "state.json").read_text())
        return found

    def set(self, **changes: Any) -> None:
        """Change some of it."""
        file = self.folder / "state.json"
        before = self.state if file.exists() else {}
        file.write_text(json.dumps({**before, **changes}))

    def writes(self) -> list[list[str]]:
        """The commands that were run and were not to read."""
        runs = [json.loads(line) for line in (self.folder / "runs.jsonl").read_text().splitlines()]
        return [run for run in runs if run[0] != "get" and run[1] != "ls"]


@pytest.fixture
def cluster(private: Path) -> Cluster:
    """Three users, one of them by single sign-on; three roles, one of which may change roles."""
    return Cluster(private)


@asynccontextmanager
async def connected(cluster: Cluster, clock: StandingClock, **options: Any) -> AsyncIterator[TeleportAdapter]:
    values = {"auth_server": "teleport.example.com:443", "identity": str(cluster.folder / "identity"), **options}
    adapter = TeleportAdapter(Setup("teleport", {"program": str(cluster.folder / "tctl"), **values}, str, clock))
    await adapter.open()
    yield adapter
    await adapter.close()


async def test_users_roles_and_who_is_locked_are_told(cluster: Cluster, clock: StandingClock) -> None:
    cluster.set(
        locks=[
            lock("l1", {"user": "ben"}, expires="2026-06-02T00:00:00Z"),
            lock("l2", {"user": "ana"}, expires="2026-05-31T00:00:00Z"),
            lock("l3", {"user": "ana", "server_id": "s1"}),
            lock("l4", {"role": "access"}),
        ]
    )
    async with connected(cluster, clock) as teleport:
        states = {a.login: a.state.value async for p in teleport.accounts(Query()) for a in p.items}
        roles = {e.name: e.privileged async for p in teleport.entitlements(Query()) for e in p.items}
        grants = {(g.account_id, g.entitlement_id) async for p in teleport.grants(Query()) for g in p.items}
    assert states == {"ana": "active", "ben": "disabled", "eve": "active"}
    assert roles == {"access": False, "editor": True, "auditor": False}
    assert ("ben", "role:editor") in grants


async def test_a_lock_is_set_once_proved_by_the_locks_and_taken_back(cluster: Cluster, clock: StandingClock) -> None:
    async with connected(cluster, clock) as teleport:
        for write, cap in ((teleport.disable, Cap.DISABLE), (teleport.enable, Cap.ENABLE)):
            step = Step(cap, "ana")
            assert (await teleport.verify(step)).verdict is Verdict.CONTRADICTED
            assert (await write("ana")).outcome is Outcome.CHANGED
            found = await teleport.verify(step)
            assert (found.verdict, found.source) == (Verdict.CONFIRMED, "tctl get locks")
            assert (await write("ana")).outcome is Outcome.ALREADY
    first, second = cluster.writes()
    assert first == ["lock", "--user=ana", "--message=Locked by jmltui."]
    assert second[0] == "rm"


async def test_somebody_elses_lock_is_not_removed_and_does_not_replace_ours(
    cluster: Cluster, clock: StandingClock
) -> None:
    cluster.set(locks=[lock("incident", {"user": "ana"}, message="Incident 7", expires="2026-06-01T09:00:00Z")])
    async with connected(cluster, clock) as teleport:
        assert (await teleport.disable("ana")).outcome is Outcome.CHANGED
        with pytest.raises(Conflict, match="a lock of somebody else"):
            await teleport.enable("ana")
    assert [one["metadata"]["name"] for one in cluster.state["locks"]] == ["incident"]


async def test_roles_are_added_and_taken_beside_the_others(cluster: Cluster, clock: StandingClock) -> None:
    async with connected(cluster, clock) as teleport:
        step = Step(Cap.GRANT, "ben", "role:auditor")
        assert (await teleport.grant("ben", "role:auditor")).outcome is Outcome.CHANGED
        assert (await teleport.verify(step)).verdict is Verdict.CONFIRMED
        assert (await teleport.grant("ben", "role:auditor")).outcome is Outcome.ALREADY
        assert (await teleport.revoke("ben", "role:editor")).outcome is Outcome.CHANGED
        assert (await teleport.verify(Step(Cap.REVOKE, "ben", "role:editor"))).verdict is Verdict.CONFIRMED
        assert {g.entitlement_id for g in await teleport.grants_of("ben")} == {"role:access", "role:auditor"}
        with pytest.raises(Invalid, match="is the last role"):
            await teleport.revoke("ana", "role:access")
        with pytest.raises(NotFound):
            await teleport.grant("ana", "role:king")
        with pytest.raises(Conflict, match="comes by single sign-on"):
            await teleport.grant("eve", "role:auditor")


async def test_a_user_is_removed_once(cluster: Cluster, clock: StandingClock) -> None:
    async with connected(cluster, clock) as teleport:
        assert (await teleport.delete("ana")).outcome is Outcome.CHANGED
        assert (await teleport.verify(Step(Cap.DELETE, "ana"))).verdict is Verdict.CONFIRMED
        assert (await teleport.delete("ana")).outcome is Outcome.ALREADY
    assert cluster.writes() == [["users", "rm", "ana"]]


@pytest.mark.parametrize("name", ["ana,ben", "--force", "-h"])
async def test_a_name_that_would_be_more_than_a_name_is_not_handed_over(
    cluster: Cluster, clock: StandingClock, name: str
) -> None:
    cluster.set(users=[*cluster.state["users"], user(name, "access")])
    async with connected(cluster, clock) as teleport:
        with pytest.raises(Invalid, match="do this by hand"):
            await teleport.delete(name)
        assert (await teleport.disable(name)).outcome is Outcome.CHANGED
    assert cluster.writes() == [["lock", f"--user={name}", "--message=Locked by jmltui."]]


@pytest.mark.parametrize(
    ("says", "kind"),
    [
        ('access denied to perform action "create" on "lock"', Forbidden),
        ("x509: certificate signed by unknown authority", Untrusted),
        ("the identity file has expired, please renew it", AuthFailed),
        ("dial tcp 10.0.0.1:443: connect: connection refused", Unavailable),
        ("rpc error: code = Unavailable desc = transport is closing", OutcomeUnknown),
        ("something that nobody has seen before", OutcomeUnknown),
    ],
)
async def test_what_tctl_says_of_a_write_is_told_apart(
    cluster: Cluster, clock: StandingClock, says: str, kind: type[AdapterError]
) -> None:
    async with connected(cluster, clock) as teleport:
        cluster.set(says=says, only_writes=True)
        with pytest.raises(kind):
            await teleport.disable("ana")


async def test_a_lock_whose_answer_was_lost_is_found(cluster: Cluster, clock: StandingClock) -> None:
    async with connected(cluster, clock, exchange_seconds=1) as teleport:
        cluster.set(hangs=True)
        with pytest.raises(OutcomeUnknown, match="no answer came in time"):
            await teleport.disable("ana")
        assert (await teleport.verify(Step(Cap.DISABLE, "ana"))).verdict is Verdict.CONFIRMED
        assert (await teleport.disable("ana")).outcome is Outcome.ALREADY


async def test_answers_that_are_no_list_are_not_believed(cluster: Cluster, clock: StandingClock) -> None:
    async with connected(cluster, clock) as teleport:
        cluster.set(users=["ana"])
        with pytest.raises(ContractBroken):
            await teleport.read("ana")
        cluster.set(users=[{"kind": "user", "spec": {}}])
        with pytest.raises(ContractBroken, match="without a name"):
            await teleport.read("ana")
        cluster.set(users=[user("ana", "access")], locks=[{"kind": "lock", "metadata": {"name": "l"}, "spec": {}}])
        with pytest.raises(ContractBroken, match="without a target"):
            await teleport.verify(Step(Cap.DISABLE, "ana"))


async def test_settings_that_cannot_be_right_are_refused(cluster: Cluster, clock: StandingClock) -> None:
    with pytest.raises(Invalid, match="must be HOST:PORT"):
        async with connected(cluster, clock, auth_server="--insecure"):
            pass
    with pytest.raises(Invalid, match="cannot be run"):
        async with connected(cluster, clock, program=str(cluster.folder / "no-such-tctl")):
            pass
    (cluster.folder / "identity").chmod(0o644)
    with pytest.raises(Invalid, match="Others can read"):
        async with connected(cluster, clock):
            pass


@pytest.mark.parametrize("check", CHECKS)
async def test_the_contract_is_kept_where_it_applies(cluster: Cluster, clock: StandingClock, check: str) -> None:
    """Nobody can be made here, so only what needs no new account applies."""
    async with connected(cluster, clock) as teleport:
        result = await run_check(check, teleport, World("t"))
    applies = {"unknown_is_not_found", "page_sizes_agree", "capabilities_are_honest"}
    assert result.result is (Result.PASSED if check in applies else Result.SKIPPED), result.told
