"""Whether an effect stands, by another call than the one that made it."""

from __future__ import annotations

from jmltui.adapter_api import Cap, Clock, Evidence, NotFound, Proof, Step, Verdict

from .audit import Audit
from .members import GROUP, ROLE
from .team import Team, member_path


async def proved(step: Step, team: Team, audit: Audit | None, clock: Clock) -> Evidence:
    """The evidence for one step. Never writes."""
    if step.cap is Cap.DELETE:
        return await _removed(step, team, clock)
    if step.cap in (Cap.GRANT, Cap.REVOKE) and step.target:
        return await _held(step, step.target, team, clock)
    if step.cap in (Cap.END_SESSIONS, Cap.LIST_SESSIONS) and audit is not None:
        return await _connected(step, audit, clock)
    return Evidence(Verdict.UNVERIFIABLE, Proof.NONE, {}, clock(), "nothing tells of it")


async def _removed(step: Step, team: Team, clock: Clock) -> Evidence:
    source = f"GET {member_path(step.account_id)}"
    try:
        found = await team.member(step.account_id)
    except NotFound:
        return Evidence(Verdict.CONFIRMED, Proof.READ_BACK, {"present": False}, clock(), f"{source}: 404")
    verdict = Verdict.CONFIRMED if found.gone else Verdict.CONTRADICTED
    return Evidence(verdict, Proof.READ_BACK, found.seen(), clock(), source)


async def _held(step: Step, target: str, team: Team, clock: Clock) -> Evidence:
    """A role by the member's record, a membership by the group's record; nobody and nothing holds what is not there."""
    group_id = target.removeprefix(GROUP)
    source = f"GET /1.0/userGroups/{group_id}" if target.startswith(GROUP) else f"GET {member_path(step.account_id)}"
    try:
        if target.startswith(GROUP):
            held = step.account_id in await team.in_group(group_id)
        else:
            found = await team.member(step.account_id)
            held = target.removeprefix(ROLE) in found.roles and not found.gone
    except NotFound:
        held = False
    right = held is (step.cap is Cap.GRANT)
    verdict = Verdict.CONFIRMED if right else Verdict.CONTRADICTED
    return Evidence(verdict, Proof.READ_BACK, {"target": target, "held": held}, clock(), source)


async def _connected(step: Step, audit: Audit, clock: Clock) -> Evidence:
    """A start without an end says that somebody may be connected; its absence proves nothing."""
    open_now = await audit.open_sessions(step.account_id)
    observed = {"sessions that seem open": len(open_now), "on": [one.where for one in open_now][:20]}
    verdict = Verdict.CONTRADICTED if open_now else Verdict.UNVERIFIABLE
    return Evidence(verdict, Proof.AUDIT, observed, clock(), "GET /1.0/audit: starts without an end, 30 days")
