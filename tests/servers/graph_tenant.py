"""A tenant as Microsoft Graph's reference tells of one: users, groups, roles, licences, sign-in methods, deltas.

Two things are more lenient than Graph: a userPrincipalName needs no domain, and an id need not be a GUID.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from jmltui.adapter_api.conformance import Disturbance
from tests.servers.played import Asked, Played, Reply

TENANT: Final = "contoso.example"
CLIENT: Final = "6731de76-14a6-49ae-97bc-6eba6914391e"
SECRET: Final = "qWgdYAmab0YSkuL1qKv5bPX"
TOKEN: Final = "eyJ0eXAiOiJKV1Qi"
NAME: Final = re.compile(r"[A-Za-z0-9'._!#^~-]+(@[A-Za-z0-9.-]+)?")
ROLE: Final = "62e90394-69f5-4237-9190-012177145e10"


def refused(status: int, code: str, message: str, detail: str = "") -> Reply:
    """An error as Graph words them."""
    error: dict[str, Any] = {"code": code, "message": message, "innerError": {"request-id": "0", "date": "0"}}
    if detail:
        error["details"] = [{"code": detail, "message": message}]
    return Reply(status, {"error": error})


def missing(what: str) -> Reply:
    """What Graph says of an unknown id."""
    told = f"Resource '{what}' does not exist or one of its queried reference-property objects are not present."
    return refused(404, "Request_ResourceNotFound", told)


@dataclass
class Tenant:
    """One tenant; `now` is what it thinks the time is."""

    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    members: dict[str, list[str]] = field(default_factory=dict)
    assignments: dict[str, dict[str, Any]] = field(default_factory=dict)
    methods: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    forbidden: set[str] = field(default_factory=set)
    log: list[tuple[str, str, bool]] = field(default_factory=list)
    oldest: int = 0
    spent: Reply = field(default_factory=lambda: refused(410, "resyncRequired", "Resync is required."))

    def __post_init__(self) -> None:
        self.server = Played(lambda asked: asked.path.endswith("/oauth2/v2.0/token"))
        self.server.on("POST", f"/{TENANT}/oauth2/v2.0/token", self._token)
        routes: dict[tuple[str, str], Any] = {
            ("GET", "users"): self._list_users,
            ("POST", "users"): self._post,
            ("GET", r"users/\$count"): self._count,
            ("GET", "users/delta"): lambda asked: self._delta(asked, "users", self.users),
            ("GET", "users/([^/]+)"): self._read,
            ("PATCH", "users/([^/]+)"): self._patch,
            ("DELETE", "users/([^/]+)"): self._delete,
            ("GET", "users/([^/]+)/memberOf"): self._member_of,
            ("POST", "users/([^/]+)/revokeSignInSessions"): self._revoke,
            ("POST", "users/([^/]+)/assignLicense"): self._licence,
            ("GET", "users/([^/]+)/authentication/methods"): self._methods,
            ("DELETE", "users/([^/]+)/authentication/([a-zA-Z0-9]+)Methods/([^/]+)"): self._drop_method,
            ("GET", "groups"): lambda asked: self._page(asked, list(self.groups.values()), "groups"),
            ("GET", "groups/delta"): lambda asked: self._delta(asked, "groups", self.groups),
            ("GET", "groups/([^/]+)"): lambda asked, one: self._found(self.groups, one),
            ("GET", "groups/([^/]+)/members"): self._members,
            ("POST", r"groups/([^/]+)/members/\$ref"): self._add_member,
            ("DELETE", r"groups/([^/]+)/members/([^/]+)/\$ref"): self._drop_member,
            ("GET", "roleManagement/directory/roleDefinitions"): lambda asked: Reply(
                200, {"value": [{"id": ROLE, "displayName": "Global Administrator", "isEnabled": True}]}
            ),
            ("GET", "roleManagement/directory/roleAssignments"): self._assignments,
            ("POST", "roleManagement/directory/roleAssignments"): self._assign,
            ("DELETE", "roleManagement/directory/roleAssignments/([^/]+)"): self._unassign,
            ("GET", "subscribedSkus"): lambda asked: Reply(
                200,
                {"value": [{"id": f"t_{s}", "skuId": s, "skuPartNumber": s.upper()} for s in ("sku-e5", "sku-visio")]},
            ),
            ("GET", "organization"): lambda asked: Reply(200, {"value": [{"id": "t", "displayName": "Contoso"}]}),
        }
        for (method, path), handler in routes.items():
            self.server.on(method, f"/v1.0/{path}", self._guarded(path, handler))
        self.server.twists |= {
            Disturbance.SHORT_LISTING: lambda asked, reply: self._listed(asked, reply, lambda rows: rows[1:]),
            Disturbance.EMPTY_LISTING: lambda asked, reply: self._listed(asked, reply, lambda rows: []),
            Disturbance.ENDLESS_LISTING: self._again,
            Disturbance.SMALL_TOTAL: lambda asked, reply: self._counted(asked, reply, -10_000),
            Disturbance.LARGE_TOTAL: lambda asked, reply: self._counted(asked, reply, 3),
            Disturbance.OTHER_USER: self._other,
            Disturbance.IGNORE_FILTER: lambda asked, reply: (
                Reply(200, {"value": list(self.users.values())}) if "$filter" in asked.query else reply
            ),
        }

    # ---- what stands in it

    def user(self, name: str, **more: Any) -> str:
        """A user who is there."""
        account_id = f"u-{name}"
        self.users[account_id] = {
            "id": account_id,
            "userPrincipalName": f"{name}@contoso.example",
            "displayName": name.title(),
            "mail": f"{name}@contoso.example",
            "accountEnabled": True,
            "employeeId": f"K-{name}",
            "userType": "Member",
            "onPremisesSyncEnabled": None,
            "usageLocation": "NL",
            "licenseAssignmentStates": [],
            "signInSessionsValidFromDateTime": "2020-01-01T00:00:00Z",
            **more,
        }
        self.methods[account_id] = [{"@odata.type": "#microsoft.graph.passwordAuthenticationMethod", "id": "28c10230"}]
        self.log.append(("users", account_id, False))
        return account_id

    def group(self, name: str, **more: Any) -> str:
        """A group that is there."""
        group_id = f"g-{name}"
        self.groups[group_id] = {
            "id": group_id,
            "displayName": name.title(),
            "groupTypes": [],
            "mailEnabled": False,
            "securityEnabled": True,
            "isAssignableToRole": None,
            "onPremisesSyncEnabled": None,
            "assignedLicenses": [],
            **more,
        }
        self.members[group_id] = []
        self.log.append(("groups", group_id, False))
        return group_id

    # ---- answering

    def _token(self, asked: Asked) -> Reply:
        form = asked.form()
        assert form["grant_type"] == "client_credentials"
        assert form["scope"] == f"{self.server.url}/.default"
        if (form["client_id"], form["client_secret"]) != (CLIENT, SECRET):
            told = "AADSTS7000215: Invalid client secret provided."
            return Reply(401, {"error": "invalid_client", "error_description": told})
        return Reply(200, {"token_type": "Bearer", "expires_in": 3599, "access_token": TOKEN})

    def _guarded(self, path: str, handler: Any) -> Any:
        def guarded(asked: Asked, *groups: str) -> Reply:
            if asked.headers.get("authorization") != f"Bearer {TOKEN}":
                return refused(401, "InvalidAuthenticationToken", "Access token is empty.")
            if path in self.forbidden:
                told = "Insufficient privileges to complete the operation."
                return refused(403, "Authorization_RequestDenied", told)
            reply: Reply = handler(asked, *groups)
            return reply

        return guarded

    def _page(self, asked: Asked, rows: list[dict[str, Any]], path: str) -> Reply:
        size, start = int(asked.query.get("$top", "100")), int(asked.query.get("$skiptoken", "0"))
        body: dict[str, Any] = {"value": rows[start : start + size]}
        if start + size < len(rows):
            follow = f"$top={size}&$skiptoken={start + size}"
            body["@odata.nextLink"] = f"{self.server.url}/v1.0/{path}?{follow}"
        return Reply(200, body)

    def _found(self, table: dict[str, dict[str, Any]], one: str) -> Reply:
        return Reply(200, table[one]) if one in table else missing(one)

    def _list_users(self, asked: Asked) -> Reply:
        rows = list(self.users.values())
        if "$filter" in asked.query:
            match = re.fullmatch(r"userPrincipalName eq '((?:[^']|'')*)'", asked.query["$filter"])
            if match is None:
                return refused(400, "Request_BadRequest", "Invalid filter clause")
            wanted = match[1].replace("''", "'").casefold()
            rows = [row for row in rows if row["userPrincipalName"].casefold() == wanted]
        return self._page(asked, rows, "users")

    def _count(self, asked: Asked) -> Reply:
        if asked.headers.get("consistencylevel") != "eventual":
            return refused(400, "Request_BadRequest", "$count is not currently supported.")
        return Reply(200, str(len(self.users)).encode(), {"Content-Type": "text/plain"})

    def _delta(self, asked: Asked, kind: str, table: dict[str, dict[str, Any]]) -> Reply:
        token = asked.query["$deltatoken"]
        link = f"{self.server.url}/v1.0/{kind}/delta?$deltatoken={len(self.log)}"
        if token == "latest":
            return Reply(200, {"value": [], "@odata.deltaLink": link})
        if int(token) < self.oldest:
            return self.spent
        rows: dict[str, dict[str, Any]] = {}
        for what, one, gone in self.log[int(token) :]:
            if what == kind:
                rows[one] = {"id": one, "@removed": {"reason": "changed"}} if gone else table.get(one, {"id": one})
        return Reply(200, {"value": list(rows.values()), "@odata.deltaLink": link})

    def _read(self, asked: Asked, one: str) -> Reply:
        by_name = {row["userPrincipalName"].casefold(): row for row in self.users.values()}
        found = self.users.get(one) or by_name.get(one.casefold())
        return Reply(200, found) if found else missing(one)

    def _post(self, asked: Asked) -> Reply:
        body = asked.json()
        login = body["userPrincipalName"]
        assert body["passwordProfile"]["forceChangePasswordNextSignIn"] is True
        assert len(body["passwordProfile"]["password"]) > 30
        assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", body["mailNickname"])
        if not NAME.fullmatch(login):
            told = "Property userPrincipalName is invalid."
            return refused(400, "Request_BadRequest", told, "InvalidValue")
        if login.casefold() in {row["userPrincipalName"].casefold() for row in self.users.values()}:
            told = "Another object with the same value for property userPrincipalName already exists."
            return refused(400, "Request_BadRequest", told, "ObjectConflict")
        account_id = self.user(f"{len(self.log)}-{body['mailNickname']}")
        kept = {name: value for name, value in body.items() if name != "passwordProfile"}
        self.users[account_id] |= {"employeeId": None, "mail": None, **kept}
        return Reply(201, self.users[account_id])

    def _patch(self, asked: Asked, one: str) -> Reply:
        if one not in self.users:
            return missing(one)
        if self.users[one]["onPremisesSyncEnabled"]:
            told = "Unable to update the specified properties for on-premises mastered Directory Sync objects."
            return refused(400, "Request_BadRequest", told)
        self.users[one] |= asked.json()
        self.log.append(("users", one, False))
        return Reply(204)

    def _delete(self, asked: Asked, one: str) -> Reply:
        if self.users.pop(one, None) is None:
            return missing(one)
        for inside in self.members.values():
            if one in inside:
                inside.remove(one)
        self.log.append(("users", one, True))
        return Reply(204)

    def _revoke(self, asked: Asked, one: str) -> Reply:
        if one not in self.users:
            return missing(one)
        self.users[one]["signInSessionsValidFromDateTime"] = self.now().isoformat().replace("+00:00", "Z")
        return Reply(200, {"value": True})

    def _licence(self, asked: Asked, one: str) -> Reply:
        body, states = asked.json(), self.users[one]["licenseAssignmentStates"]
        for sku in body["removeLicenses"]:
            if any(s["skuId"] == sku and s["assignedByGroup"] for s in states):
                told = "User license is inherited from a group membership and it cannot be removed directly."
                return refused(400, "Request_BadRequest", told)
        left = [s for s in states if s["skuId"] not in body["removeLicenses"]]
        added = [{"skuId": s["skuId"], "assignedByGroup": None, "state": "Active"} for s in body["addLicenses"]]
        self.users[one]["licenseAssignmentStates"] = [*left, *added]
        return Reply(200, self.users[one])

    def _methods(self, asked: Asked, one: str) -> Reply:
        return Reply(200, {"value": self.methods[one]}) if one in self.users else missing(one)

    def _drop_method(self, asked: Asked, one: str, kind: str, method_id: str) -> Reply:
        wanted = f"#microsoft.graph.{kind}AuthenticationMethod"
        hits = [m for m in self.methods[one] if m["id"] == method_id and m["@odata.type"] == wanted]
        if not hits:
            return missing(method_id)
        others = [m for m in self.methods[one] if m is not hits[0] and "password" not in m["@odata.type"]]
        if hits[0].get("isDefault") and others:
            return refused(400, "badRequest", "The default method cannot be deleted before the others.")
        self.methods[one].remove(hits[0])
        return Reply(204)

    def _member_of(self, asked: Asked, one: str) -> Reply:
        if one not in self.users:
            return missing(one)
        rows = [
            {"@odata.type": "#microsoft.graph.group", "id": g} for g, inside in self.members.items() if one in inside
        ]
        return Reply(200, {"value": [*rows, {"@odata.type": "#microsoft.graph.directoryRole", "id": "activated-role"}]})

    def _members(self, asked: Asked, one: str) -> Reply:
        if one not in self.groups:
            return missing(one)
        rows = [{"@odata.type": "#microsoft.graph.user", "id": member} for member in self.members[one]]
        device: dict[str, Any] = {"@odata.type": "#microsoft.graph.device", "id": "a-device"}
        return self._page(asked, [*rows, device], f"groups/{one}/members")

    def _add_member(self, asked: Asked, one: str) -> Reply:
        if one not in self.groups:
            return missing(one)
        reference = asked.json()["@odata.id"]
        assert reference.startswith(f"{self.server.url}/v1.0/directoryObjects/")
        account_id = reference.rsplit("/", 1)[1]
        if account_id in self.members[one]:
            told = "One or more added object references already exist for the following modified properties: 'members'."
            return refused(400, "Request_BadRequest", told)
        self.members[one].append(account_id)
        self.log.append(("groups", one, False))
        return Reply(204)

    def _drop_member(self, asked: Asked, one: str, account_id: str) -> Reply:
        if account_id not in self.members.get(one, []):
            return missing(account_id)
        self.members[one].remove(account_id)
        self.log.append(("groups", one, False))
        return Reply(204)

    def _assignments(self, asked: Asked) -> Reply:
        rows = list(self.assignments.values())
        match = re.fullmatch(r"(principalId|roleDefinitionId) eq '([^']*)'", asked.query.get("$filter", ""))
        if match:
            rows = [row for row in rows if row[match[1]] == match[2]]
        return Reply(200, {"value": rows})

    def _assign(self, asked: Asked) -> Reply:
        body = asked.json()
        assert body["@odata.type"] == "#microsoft.graph.unifiedRoleAssignment"
        one = f"a{len(self.assignments)}"
        self.assignments[one] = {"id": one, **body}
        return Reply(201, self.assignments[one])

    def _unassign(self, asked: Asked, one: str) -> Reply:
        return Reply(204) if self.assignments.pop(one, None) else missing(one)

    # ---- lying

    def _listed(self, asked: Asked, reply: Reply, change: Any) -> Reply:
        if asked.path == "/v1.0/users":
            return Reply(200, {**reply.body, "value": change(reply.body["value"])})
        return reply

    def _again(self, asked: Asked, reply: Reply) -> Reply:
        if asked.path != "/v1.0/users":
            return reply
        follow = f"{self.server.url}/v1.0/users?$skiptoken={quote('1')}&$top=1"
        return Reply(200, {"value": list(self.users.values())[:1], "@odata.nextLink": follow})

    def _counted(self, asked: Asked, reply: Reply, more: int) -> Reply:
        if not asked.path.endswith("/$count"):
            return reply
        return Reply(200, str(max(int(reply.raw()) + more, 0)).encode(), reply.headers)

    def _other(self, asked: Asked, reply: Reply) -> Reply:
        if not re.fullmatch(r"/v1\.0/users/[^/$]+", asked.path):
            return reply
        return Reply(200, next(row for row in self.users.values() if row["id"] != reply.body["id"]))
