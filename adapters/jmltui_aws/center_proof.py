"""Whether an effect stands in IAM Identity Center, by other calls than those that made it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jmltui.adapter_api import Cap, Evidence, NotFound, Proof, Query, Step, Verdict

from .center_reading import GROUP, CenterReading, role_of


class CenterProof:
    """Reads effects back."""

    def __init__(self, reading: CenterReading) -> None:
        self._reading, self._clock = reading, reading.link.clock

    async def verify(self, step: Step) -> Evidence:
        """The evidence for one step. Never writes."""
        if step.cap is Cap.CREATE:
            found = await self._reading.find(step.login)
            made = found is not None and found.external_id == (step.wanted.get("external_id") or None)
            observed = {"present": found is not None, "number": found.external_id if found else None}
            return self._said(made, observed, f"GetUserId and DescribeUser {step.login}")
        if step.cap is Cap.DELETE:
            return await self._deleted(step)
        if step.cap in (Cap.GRANT, Cap.REVOKE) and step.target:
            return await self._held(step, step.target)
        return Evidence(Verdict.UNVERIFIABLE, Proof.NONE, {}, self._clock(), "nothing tells of it")

    async def _deleted(self, step: Step) -> Evidence:
        """Gone when DescribeUser says so; nothing else is needed, for it asks by id."""
        try:
            found = await self._reading.read(step.account_id)
        except NotFound:
            return self._said(True, {"present": False}, "DescribeUser: ResourceNotFoundException")
        return self._said(False, {"present": True, "login": found.login}, "DescribeUser")

    async def _held(self, step: Step, target: str) -> Evidence:
        """A membership by the group's list, an assignment by the account's: not those that the write looks at."""
        try:
            if target.startswith(GROUP):
                source = "ListGroupMemberships"
                held = step.account_id in await self._reading.memberships(target.removeprefix(GROUP))
            else:
                source = "ListAccountAssignments"
                held = ("USER", step.account_id) in await self._reading.assignments(*role_of(target))
        except NotFound:
            held, source = False, "ResourceNotFoundException"
        return self._said(held is (step.cap is Cap.GRANT), {"target": target, "held": held}, source)

    def _said(self, stands: bool, observed: Mapping[str, Any], source: str) -> Evidence:
        verdict = Verdict.CONFIRMED if stands else Verdict.CONTRADICTED
        return Evidence(verdict, Proof.READ_BACK, observed, self._clock(), source)


async def first_page(reading: CenterReading) -> None:
    """Ask for a single user, to see that users may be read."""
    async for _ in reading.accounts(Query(page_size=1)):
        return
