"""A RealVNC team as its interface's OpenAPI file tells of one: members, groups, computers, audit events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.servers.played import Asked, Played, Reply

KEY = {"accessKeyId": "eU6ATzL5tE5Nk45gjYL", "accessKey": "FAsFaztTmKie8akRtXZ9", "expiry": "PT30M"}
TOKEN = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9"
ALL = frozenset(
    {
        *("LIST_TEAM_MEMBERS", "UPDATE_TEAM_MEMBER_ROLES", "REMOVE_TEAM_MEMBER", "LIST_USER_GROUPS"),
        *("UPDATE_USER_GROUP", "LIST_ENTRIES", "LIST_AUDIT_EVENTS", "LIST_PRESENCE"),
    }
)


@dataclass
class Team:
    """One team. `keeps_removed`: a removed member stays readable with the role DELETED."""

    size: int = 2
    keeps_removed: bool = False
    permissions: frozenset[str] = ALL
    members: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, tuple[str, set[str]]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.server = Played(lambda asked: asked.path == "/1.0/sessions")
        on = self.server.on
        on("POST", "/1.0/sessions", self._session)
        on("GET", "/1.0/members", self._may("LIST_TEAM_MEMBERS", self._list))
        on("GET", "/1.0/members/([^/]+)", self._may("LIST_TEAM_MEMBERS", self._read))
        on("PATCH", "/1.0/members/([^/]+)", self._may("UPDATE_TEAM_MEMBER_ROLES", self._patch))
        on("DELETE", "/1.0/members/([^/]+)", self._may("REMOVE_TEAM_MEMBER", self._remove))
        on("GET", "/1.0/members/([^/]+)/groups", self._may("LIST_USER_GROUPS", self._groups_of))
        on("PUT", "/1.0/members/([^/]+)/groups/([^/]+)", self._may("UPDATE_USER_GROUP", self._put))
        on("DELETE", "/1.0/members/([^/]+)/groups/([^/]+)", self._may("UPDATE_USER_GROUP", self._take))
        on("GET", "/1.0/userGroups", self._may("LIST_USER_GROUPS", self._groups))
        on("GET", "/1.0/userGroups/([^/]+)", self._may("LIST_USER_GROUPS", self._group))
        on("GET", "/1.0/entries", self._may("LIST_ENTRIES", self._entries))
        on("GET", "/1.0/presence", self._may("LIST_PRESENCE", self._presence))
        on("GET", "/1.0/audit", self._may("LIST_AUDIT_EVENTS", self._audit))

    def add(self, name: str, *roles: str, state: str = "JOINED") -> str:
        """A member; the answer is the id."""
        account_id = f"id-{name}"
        email = f"{name}@example.com"
        self.members[account_id] = {
            "id": account_id,
            "email": email,
            "idpUserDisplayId": email,
            "state": state,
            "roles": list(roles or ("USER",)),
            "etag": '"1"',
        }
        return account_id

    def event(self, kind: str, account_id: str, server: str, viewer: str, at: int) -> None:
        """One audit event; `at` in milliseconds."""
        self.events.append(
            {
                "id": f"event{len(self.events)}",
                "eventType": kind,
                "eventCategory": "SESSION_LOG",
                "userId": account_id,
                "serverId": server,
                "serverName": f"The {server}",
                "viewerId": viewer,
                "timestamp": at,
                "eventBody": {"serverIp": "10.100.2.4"},
            }
        )

    def _session(self, asked: Asked) -> Reply:
        if asked.json() != KEY:
            return Reply(401)
        return Reply(201, {"token": TOKEN, "expiresIn": 1800})

    def _may(self, permission: str, handler: Any) -> Any:
        def guarded(asked: Asked, *groups: str) -> Reply:
            if asked.headers.get("authorization") != f"Bearer {TOKEN}":
                return Reply(401)
            if permission not in self.permissions:
                return Reply(403)
            reply: Reply = handler(asked, *groups)
            return reply

        return guarded

    def _list(self, asked: Asked) -> Reply:
        state = asked.query.get("state", "JOINED")
        found = sorted(
            (m for m in self.members.values() if m["state"] == state and m["id"] not in self.hidden),
            key=lambda member: member["email"],
        )
        found = [m for m in found if "DELETED" not in m["roles"] and m["email"] >= asked.query.get("from", "")]
        page, rest = found[: self.size], found[self.size :]
        link = {"Link": f'</1.0/members?from={quote(rest[0]["email"])}>; rel="next"'} if rest else {}
        return Reply(200, {"members": page}, link)

    def _read(self, asked: Asked, account_id: str) -> Reply:
        found = self.members.get(account_id)
        return Reply(200, found, {"ETag": found["etag"]}) if found else Reply(404)

    def _patch(self, asked: Asked, account_id: str) -> Reply:
        found = self.members.get(account_id)
        if found is None:
            return Reply(404)
        if "if-match" not in asked.headers:
            return Reply(428)
        if asked.headers["if-match"] != found["etag"]:
            return Reply(412)
        wanted = asked.json()["roles"]
        if {"ADMIN", "OWNER"} & {*wanted, *found["roles"]}:
            return Reply(403)
        if not wanted:
            return Reply(400)
        found |= {"roles": wanted, "etag": f'"{int(found["etag"][1:-1]) + 1}"'}
        return Reply(204, None, {"ETag": found["etag"]})

    def _remove(self, asked: Asked, account_id: str) -> Reply:
        found = self.members.get(account_id)
        if found is None or "DELETED" in found["roles"]:
            return Reply(404)
        if {"ADMIN", "OWNER"} & set(found["roles"]):
            return Reply(403)
        if self.keeps_removed:
            found["roles"] = ["DELETED"]
        else:
            del self.members[account_id]
        for _, inside in self.groups.values():
            inside.discard(account_id)
        return Reply(204)

    def _told(self, group_id: str) -> dict[str, Any]:
        name, inside = self.groups[group_id]
        return {"id": group_id, "name": name, "etag": '"1"', "lastModifiedAt": 1640995200123, "members": sorted(inside)}

    def _groups(self, asked: Asked) -> Reply:
        return Reply(200, {"groups": [self._told(one) for one in self.groups]})

    def _group(self, asked: Asked, group_id: str) -> Reply:
        if group_id not in self.groups:
            return Reply(404)
        name, inside = self.groups[group_id]
        return Reply(200, {"name": name, "members": [{"id": one, "email": f"{one}@x"} for one in sorted(inside)]})

    def _groups_of(self, asked: Asked, account_id: str) -> Reply:
        if account_id not in self.members:
            return Reply(404)
        return Reply(200, {"groups": [self._told(g) for g, (_, inside) in self.groups.items() if account_id in inside]})

    def _put(self, asked: Asked, account_id: str, group_id: str) -> Reply:
        if account_id not in self.members or group_id not in self.groups:
            return Reply(404)
        self.groups[group_id][1].add(account_id)
        return Reply(204)

    def _take(self, asked: Asked, account_id: str, group_id: str) -> Reply:
        if account_id not in self.members or group_id not in self.groups:
            return Reply(404)
        self.groups[group_id][1].discard(account_id)
        return Reply(204)

    def _entries(self, asked: Asked) -> Reply:
        if "from" in asked.query:
            return Reply(200, {"entries": [{"entryId": "e3", "name": "C"}]})
        link = {"Link": "</1.0/entries?from=C>; rel=next"}
        return Reply(200, {"entries": [{"entryId": "e1", "name": "A"}, {"entryId": "e2", "name": "B"}]}, link)

    def _presence(self, asked: Asked) -> Reply:
        assert asked.query["status"] == "ONLINE"
        return Reply(200, {"events": [{"serverId": "s1", "status": "ONLINE"}]})

    def _audit(self, asked: Asked) -> Reply:
        since, until = int(asked.query["from"]), int(asked.query["to"])
        found = [e for e in self.events if since <= e["timestamp"] <= until]
        if asked.query.get("order") == "DESC":
            found.reverse()
        page, rest = found[: self.size], found[self.size :]
        link = {}
        if rest:
            follow = f"/1.0/audit?from={rest[0]['timestamp']}&to={until}&order=ASC"
            link = {"Link": f'<{follow}>; rel="next"'}
        return Reply(200, {"events": page}, link)
