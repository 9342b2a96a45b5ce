"""What the contract says of grants, sessions and credentials: each one exactly, nobody else's, and once."""

from __future__ import annotations

from collections.abc import Mapping

from jmltui.adapter_api.protocol import Outcome, Query, Receipt, Step, Verdict
from jmltui.domain.access import Grant
from jmltui.domain.operation import Cap

from .bench import Bench, Missing, collected, expect


async def grant_and_revoke_twice(bench: Bench) -> None:
    """Grant and revoke, each asked twice, each read back."""
    bench.needs(Cap.CREATE, Cap.GRANT, Cap.REVOKE)
    account, held = await bench.account(), bench.entitlement()
    step = Step(Cap.GRANT, account.id, held, login=account.login)
    await bench.twice(Cap.GRANT, lambda: bench.grants.grant(account.id, held), step)
    found = [grant.entitlement_id for grant in await bench.reader.grants_of(account.id)]
    expect(found == [held], f"the account holds {found} after one grant")
    step = Step(Cap.REVOKE, account.id, held, login=account.login)
    await bench.twice(Cap.REVOKE, lambda: bench.grants.revoke(account.id, held), step)
    expect(not await bench.reader.grants_of(account.id), "the account still holds something after the revoke")


async def one_group_many_members(bench: Bench) -> None:
    """A group with many members lists each once, and losing one keeps the others."""
    bench.needs(Cap.CREATE, Cap.GRANT, Cap.REVOKE, Cap.LIST_GRANTS)
    held = bench.entitlement()
    ids = [(await bench.account()).id for _ in range(bench.world.many)]
    for account_id in ids:
        await bench.grants.grant(account_id, held)
    listed = await _members(bench, held)
    expect(len(listed) == len(set(listed)), "the listing of grants has doubles")
    expect(set(ids) <= set(listed), f"{len(set(ids) - set(listed))} of {len(ids)} members are not listed")
    await bench.grants.revoke(ids[0], held)
    expect(set(ids) & set(await _members(bench, held)) == set(ids[1:]), "one revoke changed other members")


async def _members(bench: Bench, held: str) -> list[str]:
    grants: list[Grant] = await collected(bench.reader.grants(Query(page_size=7)))
    return [grant.account_id for grant in grants if grant.entitlement_id == held]


async def one_account_many_groups(bench: Bench) -> None:
    """An account holds all that was granted, and loses what was revoked."""
    bench.needs(Cap.CREATE, Cap.GRANT, Cap.REVOKE)
    bench.entitlement(1)
    account, ids = await bench.account(), list(bench.world.entitlement_ids)
    for held in ids:
        await bench.grants.grant(account.id, held)
    expect({g.entitlement_id for g in await bench.reader.grants_of(account.id)} == set(ids), "not all grants are there")
    await bench.grants.revoke(account.id, ids[0])
    rest = {g.entitlement_id for g in await bench.reader.grants_of(account.id)}
    expect(rest == set(ids[1:]), "one revoke changed other grants")


async def many_at_once(bench: Bench) -> None:
    """One call for many says of each what it did, is proved for each in order, and touches nobody else."""
    bench.needs(Cap.CREATE, Cap.GRANT, Cap.REVOKE)
    if not all(hasattr(bench.adapter, name) for name in ("grant_many", "revoke_many", "verify_many")):
        raise Missing("the adapter does not change many at once")
    held, blind = bench.entitlement(), bench.blind(Cap.GRANT)
    ids = [(await bench.account()).id for _ in range(4)]
    outsider = (await bench.account()).id
    for account_id in (ids[0], outsider):
        await bench.grants.grant(account_id, held)
    for cap, call in ((Cap.GRANT, bench.bulk.grant_many), (Cap.REVOKE, bench.bulk.revoke_many)):
        first = _outcomes(await call(held, [*ids, ids[1]]))
        already = Outcome.ALREADY if cap is Cap.GRANT else Outcome.CHANGED
        wanted = {ids[0]: already, **dict.fromkeys(ids[1:], Outcome.CHANGED)}
        expect(first == wanted, f"{cap.value} of many said {sorted(set(first.values()))} of {len(first)}")
        await bench.settled(cap)
        steps = [Step(cap, account_id, held) for account_id in ids]
        opposite = Step(Cap.REVOKE if cap is Cap.GRANT else Cap.GRANT, ids[2], held)
        verdicts = [evidence.verdict for evidence in await bench.bulk.verify_many([*steps, opposite])]
        right = [Verdict.UNVERIFIABLE] * 5 if blind else [*[Verdict.CONFIRMED] * 4, Verdict.CONTRADICTED]
        expect(verdicts == right, f"verify of {cap.value} of many said {[verdict.value for verdict in verdicts]}")
        again = _outcomes(await call(held, ids))
        expect(set(again.values()) == {Outcome.ALREADY}, f"{cap.value} of many, asked twice, changed something")
    expect(
        [g.entitlement_id for g in await bench.reader.grants_of(outsider)] == [held], "somebody else lost it as well"
    )


def _outcomes(answers: Mapping[str, Receipt | Exception]) -> dict[str, Outcome]:
    """The outcome for each account. Raises the error that stands in place of one."""
    found = {}
    for account_id, answer in answers.items():
        if isinstance(answer, Exception):
            raise answer
        found[account_id] = answer.outcome
    return found


async def sessions_end(bench: Bench) -> None:
    """Ending the sessions of an account without one is ALREADY."""
    bench.needs(Cap.CREATE, Cap.LIST_SESSIONS, Cap.END_SESSIONS)
    account, control = await bench.account(), bench.session_control
    expect(not await control.sessions(account.id), "a fresh account has live sessions")
    receipt = await control.end_sessions(account.id)
    expect(receipt.outcome is Outcome.ALREADY, f"ending no session said {receipt.outcome.value}")


async def credentials_end(bench: Bench) -> None:
    """Credentials are listed, revoked once and for all, and revoking none is ALREADY."""
    bench.needs(Cap.CREATE, Cap.LIST_CREDENTIALS, Cap.REVOKE_CREDENTIALS)
    control = bench.credential_control
    account = await bench.account()
    expect(not [c for c in await control.credentials(account.id) if c.active], "a fresh account has credentials")
    receipt = await control.revoke_credential(account.id)
    expect(receipt.outcome is Outcome.ALREADY, f"revoking no credential said {receipt.outcome.value}")
    if not bench.world.with_credentials:
        return
    owner = bench.world.with_credentials
    one, *others = [credential.id for credential in await control.credentials(owner) if credential.active]
    receipt = await control.revoke_credential(owner, one)
    expect(receipt.outcome is Outcome.CHANGED, f"revoking one credential said {receipt.outcome.value}")
    left = [credential.id for credential in await control.credentials(owner) if credential.active]
    expect(left == others, "revoking one credential changed others")
    await bench.twice(
        Cap.REVOKE_CREDENTIALS, lambda: control.revoke_credential(owner), Step(Cap.REVOKE_CREDENTIALS, owner)
    )
