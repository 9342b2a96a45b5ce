"""Whether an effect stands in Okta, by other calls than those that made it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jmltui.adapter_api import Cap, Evidence, NotFound, Proof, Step, Verdict

from .reading import OktaReading
from .records import GROUP, SHUT


class OktaProof:
    """Reads effects back."""

    def __init__(self, reading: OktaReading) -> None:
        self._reading, self._clock = reading, reading.http.clock

    async def verify(self, step: Step) -> Evidence:
        """The evidence for one step. Never writes. That sessions have ended cannot be proved, and is never said."""
        if step.cap is Cap.CREATE:
            found = await self._reading.find(step.login)
            made = found is not None and found.external_id == (step.wanted.get("external_id") or None)
            observed = {"present": found is not None, "number": found.external_id if found else None}
            return self._said(made, observed, "GET /api/v1/users/{login}")
        if step.cap in (Cap.DELETE, Cap.ENABLE, Cap.DISABLE):
            return await self._status(step)
        if step.cap in (Cap.GRANT, Cap.REVOKE) and step.target:
            return await self._held(step, step.target)
        if step.cap is Cap.REVOKE_CREDENTIALS:
            left = [one.id for one in await self._reading.factors(step.account_id) if step.target in (None, one.id)]
            return self._said(not left, {"left": left}, f"GET /api/v1/users/{step.account_id}/factors")
        return Evidence(Verdict.UNVERIFIABLE, Proof.NONE, {}, self._clock(), "nothing tells of it")

    async def _status(self, step: Step) -> Evidence:
        source = f"GET /api/v1/users/{step.account_id}"
        try:
            found = await self._reading.read(step.account_id)
        except NotFound:
            return self._said(step.cap is Cap.DELETE, {"present": False}, f"{source}: 404")
        observed = {"present": True, **found.raw}
        if found.raw["becoming"]:
            return Evidence(Verdict.PENDING, Proof.READ_BACK, observed, self._clock(), source)
        shut = found.raw["status"] in SHUT
        stands = {Cap.DISABLE: shut, Cap.ENABLE: not shut}.get(step.cap, False)
        return self._said(stands, observed, source)

    async def _held(self, step: Step, target: str) -> Evidence:
        """A membership by the group's own list; the write looks at the user's."""
        group_id = target.removeprefix(GROUP)
        try:
            held = step.account_id in await self._reading.members(group_id)
        except NotFound:
            held = False
        source = f"GET /api/v1/groups/{group_id}/users"
        return self._said(held is (step.cap is Cap.GRANT), {"target": target, "held": held}, source)

    def _said(self, stands: bool, observed: Mapping[str, Any], source: str) -> Evidence:
        verdict = Verdict.CONFIRMED if stands else Verdict.CONTRADICTED
        return Evidence(verdict, Proof.READ_BACK, observed, self._clock(), source)
