"""A played Google Workspace customer with transfers, devices and roles, as the references tell of them.

Data Transfer API v1, Directory API v1 (mobiledevices, chromeosdevices, customer.devices.chromeos, roles,
roleAssignments). A token opens what its scopes say; a scope that is not delegated refuses the whole token.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from tests.servers.google_customer import BASE, Customer, missing, refused
from tests.servers.played import Asked, Reply

AUTH: Final = "https://www.googleapis.com/auth/"
HERE: Final = f"{BASE}/customer/C03az79cb"
DRIVE, CALENDAR = "55656082996", "435070579839"
NEEDS: Final = {
    "/admin/datatransfer/": "admin.datatransfer",
    f"{HERE}/devices/mobile": "admin.directory.device.mobile.action",
    f"{HERE}/devices/chromeos": "admin.directory.device.chromeos",
    f"{HERE}/role": "admin.directory.rolemanagement",
}
UNAUTHORIZED: Final = (
    "Client is unauthorized to retrieve access tokens using this method, or client not authorized for any of the "
    "scopes requested."
)


@dataclass
class Estate(Customer):
    """One customer. `undelegated` are scopes that the Admin console does not give to the service account."""

    undelegated: set[str] = field(default_factory=set)
    tokens: dict[str, set[str]] = field(default_factory=dict)
    applications: list[tuple[str, str]] = field(
        default_factory=lambda: [(DRIVE, "Drive and Docs"), (CALENDAR, "Calendar")]
    )
    transfers: list[dict[str, Any]] = field(default_factory=list)
    mobiles: dict[str, dict[str, Any]] = field(default_factory=dict)
    chromes: dict[str, dict[str, Any]] = field(default_factory=dict)
    commands: dict[str, dict[str, Any]] = field(default_factory=dict)
    roles: dict[str, dict[str, Any]] = field(default_factory=dict)
    assignments: list[dict[str, Any]] = field(default_factory=list)
    planned: dict[tuple[str, str], Reply] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        one, transfer = "([^/]+)", "/admin/datatransfer/v1"
        chrome = f"{HERE}/devices/chromeos"
        routes: dict[tuple[str, str], Any] = {
            ("GET", f"{transfer}/applications"): self._list_applications,
            ("GET", f"{transfer}/transfers"): self._list_transfers,
            ("POST", f"{transfer}/transfers"): self._insert,
            ("GET", f"{HERE}/devices/mobile"): self._list_mobiles,
            ("GET", f"{HERE}/devices/mobile/{one}"): lambda _, key: _found(self.mobiles, key, "resourceId"),
            ("POST", f"{HERE}/devices/mobile/{one}/action"): self._act,
            ("GET", chrome): self._list_chromes,
            ("GET", f"{chrome}/{one}"): lambda _, key: _found(self.chromes, key, "deviceId"),
            ("POST", f"{chrome}/{one}:issueCommand"): self._command,
            ("GET", f"{chrome}/{one}/commands/{one}"): lambda _, key, which: _found(self.commands, which, "commandId"),
            ("GET", f"{HERE}/roles"): lambda asked: self._page(asked, "items", list(self.roles.values())),
            ("GET", f"{HERE}/roles/{one}"): lambda _, key: _found(self.roles, key, "roleId"),
            ("GET", f"{HERE}/roleassignments"): self._list_assignments,
            ("POST", f"{HERE}/roleassignments"): self._assign,
            ("DELETE", f"{HERE}/roleassignments/{one}"): self._unassign,
        }
        for (method, path), handler in routes.items():
            self.server.on(method, path, self._guarded(handler))

    # ---- what stands in it

    def mobile(self, key: str, *emails: str, **more: Any) -> dict[str, Any]:
        """A mobile device of whoever has these addresses."""
        self.mobiles[key] = {
            "kind": "admin#directory#mobiledevice",
            "resourceId": key,
            "email": list(emails),
            "model": "Pixel 8",
            "type": "ANDROID",
            "serialNumber": f"S-{key}",
            "status": "APPROVED",
            **more,
        }
        return self.mobiles[key]

    def chrome(self, key: str, noted: str = "", *recent: str, **more: Any) -> dict[str, Any]:
        """A ChromeOS device."""
        users = [{"type": "USER_TYPE_MANAGED", "email": one} for one in recent]
        row = {"deviceId": key, "model": "Chromebook 14", "serialNumber": f"C-{key}", "status": "ACTIVE"}
        self.chromes[key] = {**row, "annotatedUser": noted, **({"recentUsers": users} if users else {}), **more}
        return self.chromes[key]

    def role(self, name: str, system: bool = True, highest: bool = False) -> str:
        """A role of administrators."""
        key = str(5000 + len(self.roles))
        self.roles[key] = {"roleId": key, "roleName": name, "isSystemRole": system, "isSuperAdminRole": highest}
        return key

    def assigned(self, role: str, who: str, kind: str = "user", **more: Any) -> None:
        """Somebody, or a group, has a role."""
        key = str(max((int(row["roleAssignmentId"]) for row in self.assignments), default=9000) + 1)
        row = {"roleAssignmentId": key, "roleId": role, "assignedTo": who, "assigneeType": kind}
        self.assignments.append({**row, "scopeType": "CUSTOMER", **more})

    def transferred(self, state: str, requested: str, *applications: str, levels: str = "PRIVATE,SHARED") -> None:
        """A transfer from the first user to the second that somebody asked for."""
        params = [{"key": "PRIVACY_LEVEL", "value": levels.split(",")}]
        self.transfers.append(
            {
                "id": f"T{len(self.transfers) + 1}",
                "oldOwnerUserId": "1000",
                "newOwnerUserId": "1001",
                "overallTransferStatusCode": state,
                "requestTime": requested,
                "applicationDataTransfers": [
                    {
                        "applicationId": one,
                        "applicationTransferParams": params if one == DRIVE else [],
                        "applicationTransferStatus": state,
                    }
                    for one in applications
                ],
            }
        )

    def proceed(self, state: str, *applications: str) -> None:
        """Google goes on with its last transfer, or with some applications of it."""
        row = self.transfers[-1]
        for one in row["applicationDataTransfers"]:
            if not applications or one["applicationId"] in applications:
                one["applicationTransferStatus"] = state
        row["overallTransferStatusCode"] = state

    def reach_devices(self) -> None:
        """All devices were online and did what they were told."""
        done = {"ACCOUNT_WIPING": "ACCOUNT_WIPED", "WIPING": "WIPED"}
        for row in self.mobiles.values():
            row["status"] = done.get(row["status"], row["status"])
        for row in self.commands.values():
            row |= {"state": "EXECUTED_BY_CLIENT", "commandResult": {"result": "SUCCESS"}}

    def answer_next(self, method: str, path: str, reply: Reply) -> None:
        """The next such call is answered like this, and nothing is done."""
        self.planned[method, path] = reply

    # ---- answering

    def _token(self, asked: Asked) -> Reply:
        reply = super()._token(asked)
        scopes = {one.removeprefix(AUTH) for one in self.subjects[-1]["scope"].split()}
        if scopes & self.undelegated:
            return Reply(401, {"error": "unauthorized_client", "error_description": UNAUTHORIZED})
        token = f"ya29.{len(self.tokens)}"
        self.tokens[token] = scopes
        return Reply(reply.status, {**reply.body, "access_token": token}) if reply.status == 200 else reply

    def _guarded(self, handler: Any) -> Any:
        def guarded(asked: Asked, *groups: str) -> Reply:
            scopes = self.tokens.get(asked.headers.get("authorization", "").removeprefix("Bearer "))
            if scopes is None:
                return refused(401, "authError", "Invalid Credentials")
            needed = next((scope for path, scope in NEEDS.items() if asked.path.startswith(path)), "")
            if needed and needed not in scopes:
                return refused(403, "insufficientPermissions", "Request had insufficient authentication scopes.")
            planned = self.planned.pop((asked.method, asked.path), None)
            reply: Reply = planned or handler(asked, *groups)
            return reply

        return guarded

    def _list_applications(self, asked: Asked) -> Reply:
        return self._page(asked, "applications", [{"id": key, "name": name} for key, name in self.applications])

    def _list_transfers(self, asked: Asked) -> Reply:
        assert asked.query["customerId"] == "C03az79cb"
        names = ("oldOwnerUserId", "newOwnerUserId")
        rows = [row for row in self.transfers if all(row[name] == asked.query[name] for name in names)]
        return self._page(asked, "dataTransfers", rows)

    def _insert(self, asked: Asked) -> Reply:
        body = asked.json()
        for name in ("oldOwnerUserId", "newOwnerUserId"):
            assert body[name] in self.users
        row = {**body, "id": f"T{len(self.transfers) + 1}", "requestTime": f"{self.now():%Y-%m-%dT%H:%M:%S.000Z}"}
        self.transfers.append(row)
        self.proceed("new")
        return Reply(200, row)

    def _list_mobiles(self, asked: Asked) -> Reply:
        assert asked.query["projection"] == "FULL"
        assert int(asked.query["maxResults"]) <= 100
        name, _, value = asked.query.get("query", "").partition(":")
        rows = list(self.mobiles.values())
        if name == "email":  # a search finds more than it was asked for
            rows = [row for row in rows if any(value.split("@")[0] in one.casefold() for one in row["email"])]
        elif name == "serial":
            rows = [row for row in rows if row.get("serialNumber", "").startswith(value)]
        return self._page(asked, "mobiledevices", rows)

    def _act(self, asked: Asked, key: str) -> Reply:
        action = asked.json()["action"]
        if key not in self.mobiles:
            return missing("resourceId")
        if action == "admin_remote_wipe" and self.mobiles[key].get("privilege") == "basic":
            return refused(400, "invalid", "Invalid Input: action")
        self.mobiles[key]["status"] = {"admin_account_wipe": "ACCOUNT_WIPING", "admin_remote_wipe": "WIPING"}[action]
        return Reply(204)

    def _list_chromes(self, asked: Asked) -> Reply:
        assert asked.query["projection"] == "FULL"
        assert int(asked.query["maxResults"]) <= 300
        return self._page(asked, "chromeosdevices", list(self.chromes.values()))

    def _command(self, asked: Asked, key: str) -> Reply:
        if key not in self.chromes:
            return missing("deviceId")
        kind = asked.json()["commandType"]
        assert kind in ("WIPE_USERS", "REMOTE_POWERWASH")
        command = str(700 + len(self.commands))
        self.commands[command] = {"commandId": command, "type": kind, "state": "PENDING"}
        return Reply(200, {"commandId": command})

    def _list_assignments(self, asked: Asked) -> Reply:
        rows, who = self.assignments, asked.query.get("userKey", "")
        if who:
            if not self._key(who):
                return missing("userKey")
            indirect = asked.query.get("includeIndirectRoleAssignments") == "true"
            groups = {key for key, found in self.members.items() if indirect and any(one["id"] == who for one in found)}
            rows = [row for row in rows if row["assignedTo"] in {who, *groups}]
        if "roleId" in asked.query:
            rows = [row for row in rows if row["roleId"] == asked.query["roleId"]]
        return self._page(asked, "items", rows)

    def _assign(self, asked: Asked) -> Reply:
        body = asked.json()
        assert body["scopeType"] == "CUSTOMER"
        assert body["roleId"] in self.roles
        assert body["assignedTo"] in self.users
        if any((row["roleId"], row["assignedTo"]) == (body["roleId"], body["assignedTo"]) for row in self.assignments):
            return refused(409, "duplicate", "Entity already exists.")
        self.assigned(body["roleId"], body["assignedTo"])
        return Reply(200, self.assignments[-1])

    def _unassign(self, asked: Asked, key: str) -> Reply:
        before = len(self.assignments)
        self.assignments[:] = [row for row in self.assignments if row["roleAssignmentId"] != key]
        return Reply(204) if len(self.assignments) < before else missing("roleAssignmentId")


def _found(rows: dict[str, dict[str, Any]], key: str, name: str) -> Reply:
    return Reply(200, rows[key]) if key in rows else missing(name)
