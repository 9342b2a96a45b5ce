"""Whether an effect stands, by another call than the one that made it.

Revoked sessions show as `signInSessionsValidFromDateTime`: learn.microsoft.com/graph/api/user-revokesigninsessions.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from jmltui.adapter_api import Cap, Clock, Evidence, NotFound, Proof, Step, Verdict
from jmltui.exchange import instant

from .chosen import Holding, Standing
from .credentials import Credentials
from .devices import Devices
from .directory import GROUP, LICENCE, ROLE, Directory, user_path
from .users import seen

RECENT: Final = timedelta(hours=1)
"""Sessions count as ended where the tenant says that it was since then."""


class Proofs:
    """Reads effects back."""

    def __init__(self, directory: Directory, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock

    async def of(self, step: Step) -> Evidence:
        """The evidence for one step. Never writes."""
        if step.cap in (Cap.GRANT, Cap.REVOKE) and step.target:
            return await self._held(step, step.target)
        if step.cap is Cap.END_SESSIONS:
            return await self._sessions(step)
        devices = next((one for one in self._directory.holdings if isinstance(one, Devices)), None)
        if step.cap is Cap.WIPE_DEVICE and step.target and devices is not None:
            return await devices.evidence(step, self._clock())
        if step.cap is Cap.REVOKE_CREDENTIALS:
            return await self._credentials(step)
        if step.cap in (Cap.CREATE, Cap.DELETE, Cap.ENABLE, Cap.DISABLE):
            return await self._account(step)
        return Evidence(Verdict.UNVERIFIABLE, Proof.NONE, {}, self._clock(), "nothing tells of it")

    async def _account(self, step: Step) -> Evidence:
        row: Mapping[str, Any] | None
        source = f"GET /{user_path(step.account_id or step.login)}"
        if step.account_id:
            try:
                row = await self._directory.user(step.account_id)
            except NotFound:
                row = None
        else:
            row = await self._directory.named(step.login)
        enabled = row.get("accountEnabled") if row else None
        right = {
            Cap.CREATE: row is not None and _ours(row, step),
            Cap.DELETE: row is None,
            Cap.ENABLE: enabled is True,
            Cap.DISABLE: row is None or enabled is False,
        }[step.cap]
        return self._told(right, seen(row) if row else {"present": False}, source)

    async def _held(self, step: Step, target: str) -> Evidence:
        """A membership by the group's own list, a role by its assignments, a licence by the user's record."""
        account_id = step.account_id
        holding = self._directory.holding(target)
        if holding is not None:
            return await self._chosen(step, holding, target)
        source = f"GET /groups/{target.removeprefix(GROUP)}/members"
        try:
            if target.startswith(GROUP):
                held = account_id in await self._directory.members(target)
            elif target.startswith(ROLE):
                source = "GET /roleManagement/directory/roleAssignments"
                role = target.removeprefix(ROLE)
                rows = await self._directory.assignments(f"roleDefinitionId eq '{role}'")
                held = any(r.get("principalId") == account_id and r.get("roleDefinitionId") == role for r in rows)
            else:
                source = f"GET /{user_path(account_id)}: licenseAssignmentStates"
                held = target in {one.entitlement_id for one in await self._directory.licences_of(account_id)}
        except NotFound:
            held = False
        known = target.startswith((GROUP, ROLE, LICENCE))
        return self._told(known and held is (step.cap is Cap.GRANT), {"target": target, "held": held}, source)

    async def _chosen(self, step: Step, holding: Holding, target: str) -> Evidence:
        try:
            found = await holding.standing(step.account_id, target)
        except NotFound:
            found = Standing(False, f"GET /{user_path(step.account_id)}")
        observed = {"target": target, "held": found.held, **found.more}
        return self._told(found.held is (step.cap is Cap.GRANT), observed, found.source)

    async def _sessions(self, step: Step) -> Evidence:
        fields = "id,signInSessionsValidFromDateTime"
        source = f"GET /{user_path(step.account_id)}: signInSessionsValidFromDateTime"
        try:
            row = await self._directory.graph.one(user_path(step.account_id), {"$select": fields})
        except NotFound:
            return self._told(True, {"present": False}, source)
        since = instant(row.get("signInSessionsValidFromDateTime"))
        right = since is not None and since >= self._clock() - RECENT
        return self._told(right, {"sessions valid from": since.isoformat() if since else None}, source)

    async def _credentials(self, step: Step) -> Evidence:
        source = f"GET /{user_path(step.account_id)}/authentication/methods"
        try:
            found = [one.id for one in await Credentials(self._directory).of(step.account_id)]
        except NotFound:
            found = []
        left = [one for one in found if step.target in (None, one)]
        return self._told(not left, {"methods left": [one.partition(":")[0] for one in left]}, source)

    def _told(self, right: bool, observed: Mapping[str, object], source: str) -> Evidence:
        verdict = Verdict.CONFIRMED if right else Verdict.CONTRADICTED
        return Evidence(verdict, Proof.READ_BACK, observed, self._clock(), source)


def _ours(row: Mapping[str, Any], step: Step) -> bool:
    wanted = step.wanted.get("external_id") or None
    return wanted is None or (row.get("employeeId") or None) == wanted
