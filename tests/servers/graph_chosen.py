"""A tenant with what the Entra adapter reads only where it is asked to: Intune's devices, app roles, role schedules.

A device is reached `reach` after it was told to go, and `fails` names those that then say that it did not work.
`after` are answers that take the place of the one to a write that was done.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from jmltui.adapter_api import Setup
from jmltui_entra import EntraAdapter
from tests.conftest import StandingClock
from tests.servers.graph_tenant import CLIENT, ROLE, SECRET, TENANT, Tenant, missing, refused
from tests.servers.played import Asked, Reply, playing

NO_ROLE: Final = "00000000-0000-0000-0000-000000000000"
ENTERPRISE: Final = "WindowsAzureActiveDirectoryIntegratedApp"
ROLES: Final = "roleManagement/directory"
PRESENT: Final = "Permission being assigned already exists on the object"


def of_intune(status: int, code: str, message: str) -> Reply:
    """An error as Intune words them: JSON inside the message."""
    told = {"_version": 3, "Message": f"{message} - Operation ID (for customer support): 0 - Activity ID: 0"}
    return refused(status, code, json.dumps(told))


@asynccontextmanager
async def connected(played: Tenant, clock: StandingClock, **options: Any) -> AsyncIterator[EntraAdapter]:
    """The adapter, open, on this tenant."""
    async with playing(played.server) as server:

        class Here(EntraAdapter):
            CLOUDS = {"global": (server.url, server.url)}  # noqa: RUF012

        values = {"tenant": TENANT, "client_id": CLIENT, "client_secret": "x", "exchange_seconds": 1, **options}
        adapter = Here(Setup("entra", values, lambda _: SECRET, clock))
        try:
            await adapter.open()
            yield adapter
        finally:
            await adapter.close()


@dataclass
class ChosenTenant(Tenant):
    """The same tenant, with more in it."""

    devices: dict[str, dict[str, Any]] = field(default_factory=dict)
    orders: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    reach: timedelta = timedelta(seconds=30)
    fails: set[str] = field(default_factory=set)
    page: int = 2
    applications: dict[str, dict[str, Any]] = field(default_factory=dict)
    assigned: dict[str, dict[str, Any]] = field(default_factory=dict)
    eligible: list[dict[str, Any]] = field(default_factory=list)
    status: str = ""
    after: dict[str, Reply] = field(default_factory=dict)
    refusing: dict[str, Reply] = field(default_factory=dict)
    ends: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        routes: dict[tuple[str, str], Any] = {
            ("GET", "deviceManagement/managedDevices"): self._devices,
            ("GET", "deviceManagement/managedDevices/([^/]+)"): self._device,
            ("POST", "deviceManagement/managedDevices/([^/]+)/(retire|wipe)"): self._order,
            ("GET", "servicePrincipals"): self._principals,
            ("GET", "servicePrincipals/([^/]+)"): lambda asked, one: self._found(self.applications, one),
            ("GET", "servicePrincipals/([^/]+)/appRoleAssignedTo"): self._assigned_to,
            ("POST", "servicePrincipals/([^/]+)/appRoleAssignedTo"): self._give,
            ("DELETE", "servicePrincipals/([^/]+)/appRoleAssignedTo/([^/]+)"): self._take,
            ("GET", "users/([^/]+)/appRoleAssignments"): self._of_user,
            ("GET", f"{ROLES}/roleEligibilityScheduleInstances"): lambda asked: self._schedules(asked, self.eligible),
            ("GET", f"{ROLES}/roleAssignmentScheduleInstances"): lambda asked: self._schedules(asked, self._active()),
            ("POST", f"{ROLES}/roleEligibilityScheduleRequests"): self._ask_eligible,
            ("POST", f"{ROLES}/roleAssignmentScheduleRequests"): self._ask_active,
        }
        for (method, path), handler in routes.items():
            self.server.on(method, f"/v1.0/{path}", self._guarded(path, self._told(path, handler)))

    def _told(self, path: str, handler: Any) -> Any:
        def told(asked: Asked, *groups: str) -> Reply:
            if path in self.refusing:
                return self.refusing[path]
            reply: Reply = handler(asked, *groups)
            return self.after.pop(path, reply) if asked.method != "GET" else reply

        return told

    # ---- what stands in it

    def device(self, name: str, owner: str, **more: Any) -> str:
        """A device of a user, as Intune has it."""
        device_id = f"d-{name}"
        self.devices[device_id] = {
            "id": device_id,
            "userId": owner,
            "deviceName": f"{name}_Android",
            "manufacturer": "Google",
            "model": "Pixel 8",
            "operatingSystem": "Android",
            "serialNumber": f"SN-{name}",
            "imei": "",
            "managementState": "managed",
            "lastSyncDateTime": "2026-11-24T08:00:00Z",
            **more,
        }
        return f"device:{device_id}"

    def application(self, name: str, *roles: str, **more: Any) -> str:
        """An application with roles for users, and one for other applications."""
        app_id = f"sp-{name}"
        declared = [
            {"id": f"r-{role}", "displayName": role.title(), "allowedMemberTypes": ["User"], "isEnabled": True}
            for role in roles
        ]
        machine = {
            "id": "r-machine",
            "displayName": "Read all",
            "allowedMemberTypes": ["Application"],
            "isEnabled": True,
        }
        self.applications[app_id] = {
            "id": app_id,
            "appId": f"{len(self.applications):08x}-0000-4000-8000-000000000000",
            "displayName": name.title(),
            "appRoles": [*declared, machine],
            "tags": [ENTERPRISE],
            **more,
        }
        return app_id

    def assign(self, app_id: str, role_id: str, principal_id: str, kind: str = "User") -> str:
        """Give somebody a role of an application."""
        one = f"as-{len(self.assigned)}"
        self.assigned[one] = {
            "id": one,
            "appRoleId": role_id,
            "principalId": principal_id,
            "principalType": kind,
            "resourceId": app_id,
        }
        return one

    def make_eligible(self, account_id: str, **more: Any) -> None:
        """Let somebody activate a role."""
        self.eligible.append(
            {
                "id": f"e-{len(self.eligible)}-{account_id}",
                "principalId": account_id,
                "roleDefinitionId": ROLE,
                "directoryScopeId": "/",
                "appScopeId": None,
                "memberType": "Direct",
                "endDateTime": None,
                **more,
            }
        )

    # ---- devices

    def _reached(self) -> None:
        for device_id, (at, action) in list(self.orders.items()):
            row = self.devices[device_id]
            if self.now() < at + self.reach:
                continue
            del self.orders[device_id]
            if device_id in self.fails:
                row["managementState"] = f"{action}Failed"
            else:
                del self.devices[device_id]

    def _devices(self, asked: Asked) -> Reply:
        self._reached()
        rows = list(self.devices.values())
        match = re.fullmatch(r"userId eq '((?:[^']|'')*)'", asked.query.get("$filter", "userId eq ''"))
        assert match is not None, asked.query
        if match[1]:
            rows = [row for row in rows if row["userId"] == match[1].replace("''", "'")]
        start = int(asked.query.get("$skiptoken", "0"))
        body: dict[str, Any] = {"value": rows[start : start + self.page]}
        if start + self.page < len(rows):
            kept = f"$filter={asked.query['$filter']}&" if "$filter" in asked.query else ""
            base = f"{self.server.url}/v1.0/deviceManagement/managedDevices"
            body["@odata.nextLink"] = f"{base}?{kept}$skiptoken={start + self.page}".replace(" ", "%20")
        return Reply(200, body)

    def _device(self, asked: Asked, one: str) -> Reply:
        self._reached()
        assert "managementState" in asked.query["$select"]
        return self._found(self.devices, one)

    def _order(self, asked: Asked, one: str, action: str) -> Reply:
        self._reached()
        if one not in self.devices:
            return missing(one)
        if action == "retire":
            assert asked.body == b""
        else:
            assert asked.json() == {"keepEnrollmentData": False, "keepUserData": False}
        self.devices[one]["managementState"] = f"{action}Pending"
        self.orders[one] = (self.now(), action)
        return Reply(204)

    # ---- applications

    def _principals(self, asked: Asked) -> Reply:
        rows, question = list(self.applications.values()), asked.query["$filter"]
        match = re.fullmatch(r"(appId|displayName) eq '((?:[^']|'')*)'", question)
        if match:
            wanted = match[2].replace("''", "'").casefold()
            rows = [row for row in rows if row[match[1]].casefold() == wanted]
        else:
            assert question == f"tags/any(t:t eq '{ENTERPRISE}')", question
            rows = [row for row in rows if ENTERPRISE in row["tags"]]
        return Reply(200, {"value": rows})

    def _assigned_to(self, asked: Asked, one: str) -> Reply:
        if one not in self.applications:
            return missing(one)
        rows = [row for row in self.assigned.values() if row["resourceId"] == one]
        return self._page(asked, rows, f"servicePrincipals/{one}/appRoleAssignedTo")

    def _of_user(self, asked: Asked, one: str) -> Reply:
        if one not in self.users:
            return missing(one)
        groups = {group for group, inside in self.members.items() if one in inside}
        rows = [row for row in self.assigned.values() if row["principalId"] in {one, *groups}]
        return self._page(asked, rows, f"users/{one}/appRoleAssignments")

    def _give(self, asked: Asked, one: str) -> Reply:
        body = asked.json()
        assert body["resourceId"] == one
        roles = {role["id"] for role in self.applications[one]["appRoles"]} | {NO_ROLE}
        if body["appRoleId"] not in roles or body["principalId"] not in self.users:
            return refused(400, "Request_BadRequest", "Not a valid reference update.")
        same = [row for row in self.assigned.values() if all(row[name] == value for name, value in body.items())]
        if same:
            return refused(400, "Request_BadRequest", PRESENT)
        return Reply(201, self.assigned[self.assign(one, body["appRoleId"], body["principalId"])])

    def _take(self, asked: Asked, one: str, assignment: str) -> Reply:
        found = self.assigned.get(assignment)
        if found is None or found["resourceId"] != one:
            return missing(assignment)
        del self.assigned[assignment]
        return Reply(204)

    # ---- schedules

    def _active(self) -> list[dict[str, Any]]:
        """Every assignment is active; those in `ends` are activated, and end."""
        return [
            {
                **{name: row[name] for name in ("principalId", "roleDefinitionId", "directoryScopeId")},
                "id": f"i-{one}",
                "roleAssignmentOriginId": one,
                "memberType": "Direct",
                "assignmentType": "Activated" if one in self.ends else "Assigned",
                "endDateTime": self.ends.get(one),
            }
            for one, row in self.assignments.items()
        ]

    def _schedules(self, asked: Asked, rows: list[dict[str, Any]]) -> Reply:
        match = re.fullmatch(r"(principalId|roleDefinitionId) eq '([^']*)'", asked.query.get("$filter", ""))
        if match:
            rows = [row for row in rows if row[match[1]] == match[2]]
        return Reply(200, {"value": rows})

    def _same(self, row: dict[str, Any], body: dict[str, Any]) -> bool:
        names = ("principalId", "roleDefinitionId", "directoryScopeId")
        return all(row.get(name) == body.get(name) for name in names)

    def _ask_eligible(self, asked: Asked) -> Reply:
        body = asked.json()
        present = [row for row in self.eligible if self._same(row, body)]
        if body["action"] == "adminRemove":
            if not present:
                return refused(400, "RoleAssignmentDoesNotExist", "The Role assignment does not exist.")
            if self.status not in ("Denied", "PendingProvisioning"):
                self.eligible.remove(present[0])
            return Reply(201, {"id": "q", **body, "status": self.status or "Revoked"})
        assert body["action"] == "adminAssign"
        assert body["scheduleInfo"]["startDateTime"].endswith("Z")
        if present:
            return refused(400, "RoleAssignmentExists", "The Role assignment already exists.")
        end = body["scheduleInfo"]["expiration"].get("endDateTime")
        self.make_eligible(body["principalId"], endDateTime=end)
        return Reply(201, {"id": "q", **body, "status": self.status or "Provisioned"})

    def _ask_active(self, asked: Asked) -> Reply:
        body = asked.json()
        assert body["action"] == "adminRemove"
        for one, row in list(self.assignments.items()):
            if self._same(row, body):
                del self.assignments[one]
                return Reply(201, {"id": "q", **body, "status": "Revoked"})
        return refused(400, "RoleAssignmentDoesNotExist", "The Role assignment does not exist.")
