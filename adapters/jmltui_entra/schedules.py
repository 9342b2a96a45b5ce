"""Schedules of directory roles (Privileged Identity Management): who may activate one, until when an active one lasts.

Who is eligible now: learn.microsoft.com/graph/api/rbacapplication-list-roleeligibilityscheduleinstances; what is active
now: …-list-roleassignmentscheduleinstances (`roleAssignmentOriginId` is the assignment in the directory). Both change
by a request: …-post-roleeligibilityschedulerequests and -post-roleassignmentschedulerequests, `adminAssign` and
`adminRemove`; its states: …/resources/request. Without Entra ID P2 or Governance: AadPremiumLicenseRequired.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from jmltui.adapter_api import Invalid, Outcome
from jmltui.exchange import instant

from .chosen import explained
from .graph import Graph, literal

PLACE: Final = "roleManagement/directory"
ELIGIBILITY: Final = f"{PLACE}/roleEligibilityScheduleInstances"
ACTIVE: Final = f"{PLACE}/roleAssignmentScheduleInstances"
ELIGIBILITY_REQUESTS: Final = f"{PLACE}/roleEligibilityScheduleRequests"
ACTIVE_REQUESTS: Final = f"{PLACE}/roleAssignmentScheduleRequests"
WHAT: Final = "role schedules"
LICENCE: Final = "Privileged Identity Management (Entra ID P2 or Governance)"
READING: Final = "RoleEligibilitySchedule.Read.Directory (and RoleAssignmentSchedule.Read.Directory)"
WRITING: Final = "RoleEligibilitySchedule.ReadWrite.Directory (and RoleAssignmentSchedule.ReadWrite.Directory)"
REFUSED: Final = frozenset({"Denied", "Failed", "Canceled"})
WAITING: Final = frozenset(
    {"PendingAdminDecision", "PendingApproval", "PendingProvisioning", "PendingScheduleCreation"}
)
REASON: Final = "jmltui"


class Schedules:
    """The schedules of one tenant's directory roles."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.system = graph.system

    async def eligible(self, question: str = "") -> list[dict[str, Any]]:
        """Who may activate what now, all or those that the filter names."""
        return await self._rows(ELIGIBILITY, question)

    async def ends(self, question: str = "") -> dict[tuple[str, str], datetime]:
        """Until when an active role lasts, by principal and role; one without end, in any scope, is not told."""
        found: dict[tuple[str, str], datetime | None] = {}
        for row in await self._rows(ACTIVE, question):
            key = (str(row.get("principalId")), str(row.get("roleDefinitionId")))
            found[key] = later(found[key], end_of(row)) if key in found else end_of(row)
        return {key: end for key, end in found.items() if end is not None}

    async def scheduled(self, account_id: str) -> dict[str, dict[str, Any]]:
        """Active roles of one user that were activated or have an end, by the id of the assignment that they are."""
        rows = await self._rows(ACTIVE, f"principalId eq {literal(account_id)}")
        return {
            str(row["roleAssignmentOriginId"]): row
            for row in rows
            if row.get("principalId") == account_id
            and row.get("roleAssignmentOriginId")
            and (row.get("assignmentType") == "Activated" or end_of(row) is not None)
        }

    async def end(self, row: Mapping[str, Any]) -> None:
        """End an active role that has a schedule; deleted as an assignment alone its schedule would stay."""
        await self.ask(ACTIVE_REQUESTS, {"action": "adminRemove", **target_of(row)})

    async def ask(self, path: str, body: Mapping[str, Any]) -> Outcome:
        """Send a request. Raises Invalid for one that the role's own rules refuse."""
        with explained(self.system, WHAT, WRITING, LICENCE):
            told = await self.graph.write("POST", path, {"justification": REASON, **body})
        status = str(told.get("status") or "")
        if status in REFUSED:
            raise Invalid(
                f"{self.system} took the request and did not follow it ({status}); look at it in Privileged Identity "
                "Management.",
                system=self.system,
            )
        return Outcome.PENDING if status in WAITING else Outcome.CHANGED

    async def _rows(self, path: str, question: str) -> list[dict[str, Any]]:
        with explained(self.system, WHAT, READING, LICENCE):
            return await self.graph.rows(path, {"$filter": question} if question else None)


def target_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Whom, what and where: a request names the scope of what it is about."""
    app, names = row.get("appScopeId"), ("principalId", "roleDefinitionId")
    scope = (
        {"appScopeId": app}
        if app and not row.get("directoryScopeId")
        else {"directoryScopeId": row.get("directoryScopeId") or "/"}
    )
    return {**{name: row.get(name) for name in names}, **scope}


def end_of(row: Mapping[str, Any]) -> datetime | None:
    return instant(row.get("endDateTime"))


def later(one: datetime | None, other: datetime | None) -> datetime | None:
    return None if one is None or other is None else max(one, other)
