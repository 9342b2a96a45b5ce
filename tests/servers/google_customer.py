"""A Google Workspace customer as the Admin SDK's reference tells of one, and the token exchange that checks signatures.

One thing is more lenient than Google: a primaryEmail needs no domain.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from jmltui.adapter_api.conformance import Disturbance
from tests.servers.played import Asked, Played, Reply

ADMIN: Final = "admin@example.com"
ACCOUNT: Final = "jmltui@project.iam.gserviceaccount.com"
TOKEN: Final = "1/8xbJqaOZXSUZbHLl5EOtu1pxz3fmmetKx9W8CV4t79M"
ADDRESS: Final = re.compile(r"[A-Za-z0-9'._-]+(@[A-Za-z0-9.-]+)?")
BASE: Final = "/admin/directory/v1"
PRODUCT: Final = "Google-Apps"


@cache
def key() -> RSAPrivateKey:
    """The service account's key, made once."""
    return generate_private_key(65537, 2048)


@cache
def key_file() -> str:
    """The JSON key file as the Cloud console gives it out."""
    pem = key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    facts = {"type": "service_account", "private_key_id": "k1", "private_key": pem, "client_email": ACCOUNT}
    return json.dumps({**facts, "token_uri": "https://evil.example/token"})


def refused(status: int, reason: str, message: str) -> Reply:
    """An error as Google words them."""
    errors = [{"domain": "global", "reason": reason, "message": message}]
    return Reply(status, {"error": {"code": status, "message": message, "errors": errors}})


def missing(what: str) -> Reply:
    """What Google says of an unknown key."""
    return refused(404, "notFound", f"Resource Not Found: {what}")


@dataclass
class Customer:
    """One customer."""

    now: Any = field(default=lambda: datetime.now(UTC))
    users: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    members: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    credentials: dict[str, dict[str, list[dict[str, Any]]]] = field(default_factory=dict)
    licences: list[tuple[str, str]] = field(default_factory=list)
    dynamic: set[str] = field(default_factory=set)
    subjects: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server = Played(lambda asked: asked.path == "/token")
        self.server.on("POST", "/token", self._token)
        one = "([^/]+)"
        licence = f"/apps/licensing/v1/product/{PRODUCT}"
        routes: dict[tuple[str, str], Any] = {
            ("GET", f"{BASE}/users"): self._list_users,
            ("POST", f"{BASE}/users"): self._post,
            ("GET", f"{BASE}/users/{one}"): self._read,
            ("PATCH", f"{BASE}/users/{one}"): self._patch,
            ("DELETE", f"{BASE}/users/{one}"): self._delete,
            ("POST", f"{BASE}/users/{one}/signOut"): lambda asked, who: self._if_known(who, Reply(204)),
            ("GET", f"{BASE}/users/{one}/(tokens|asps)"): self._credentials,
            ("DELETE", f"{BASE}/users/{one}/(tokens|asps)/{one}"): self._revoke,
            ("GET", f"{BASE}/groups"): self._list_groups,
            ("GET", f"{BASE}/groups/{one}/members"): self._list_members,
            ("POST", f"{BASE}/groups/{one}/members"): self._add,
            ("GET", f"{BASE}/groups/{one}/members/{one}"): self._member,
            ("DELETE", f"{BASE}/groups/{one}/members/{one}"): self._remove,
            ("GET", "/v1/groups"): self._identity,
            ("GET", f"{licence}/users"): self._licences,
            ("GET", f"{licence}/sku/{one}/user/{one}"): self._licence,
            ("POST", f"{licence}/sku/{one}/user"): self._give,
            ("DELETE", f"{licence}/sku/{one}/user/{one}"): self._take,
        }
        for (method, path), handler in routes.items():
            self.server.on(method, path, self._guarded(handler))
        self.server.twists |= {
            Disturbance.ENDLESS_LISTING: lambda asked, reply: (
                Reply(200, {**reply.body, "users": reply.body["users"][:1], "nextPageToken": "1"})
                if asked.path == f"{BASE}/users"
                else reply
            ),
            Disturbance.EMPTY_LISTING: lambda asked, reply: (
                Reply(200, {"kind": "admin#directory#users"}) if asked.path == f"{BASE}/users" else reply
            ),
            Disturbance.OTHER_USER: lambda asked, reply: (
                Reply(200, next(row for row in self.users.values() if row["id"] != reply.body["id"]))
                if re.fullmatch(rf"{BASE}/users/[^/]+", asked.path)
                else reply
            ),
        }

    # ---- what stands in it

    def user(self, name: str, **more: Any) -> str:
        """A user who is there."""
        account_id = str(1000 + len(self.credentials))
        self.users[account_id] = {
            "id": account_id,
            "primaryEmail": f"{name}@example.com",
            "name": {"givenName": name, "familyName": "Doe", "fullName": f"{name} Doe"},
            "suspended": False,
            "archived": False,
            "customerId": "C03az79cb",
            "externalIds": [{"type": "custom", "customType": "old", "value": "7"}],
            "etag": '"1"',
            "lastLoginTime": "1970-01-01T00:00:00.000Z",
            **more,
        }
        self.credentials[account_id] = {"tokens": [], "asps": []}
        return account_id

    def group(self, name: str) -> str:
        """A group that is there."""
        group_id = f"0{len(self.groups)}{name}"
        self.groups[group_id] = {"id": group_id, "email": f"{name}@example.com", "name": name.title()}
        self.members[group_id] = []
        return group_id

    def join(self, group_id: str, account_id: str) -> None:
        """Somebody is a member."""
        self.members[group_id].append({"id": account_id, "type": "USER", "role": "MEMBER", "status": "ACTIVE"})

    # ---- answering

    def _token(self, asked: Asked) -> Reply:
        form = asked.form()
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        head, body, signature = form["assertion"].split(".")
        key().public_key().verify(_decoded(signature), f"{head}.{body}".encode(), PKCS1v15(), SHA256())
        assert json.loads(_decoded(head)) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
        claims = json.loads(_decoded(body))
        assert (claims["iss"], claims["aud"]) == (ACCOUNT, "https://oauth2.googleapis.com/token")
        assert 0 < claims["exp"] - claims["iat"] <= 3600
        assert claims["iat"] == int(self.now().timestamp())
        self.subjects.append(claims)
        if claims["sub"] != ADMIN:
            told = "Client is unauthorized to retrieve access tokens using this method."
            return Reply(401, {"error": "unauthorized_client", "error_description": told})
        return Reply(200, {"access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer"})

    def _guarded(self, handler: Any) -> Any:
        def guarded(asked: Asked, *groups: str) -> Reply:
            if asked.headers.get("authorization") != f"Bearer {TOKEN}":
                return refused(401, "authError", "Invalid Credentials")
            reply: Reply = handler(asked, *groups)
            return reply

        return guarded

    def _page(self, asked: Asked, name: str, rows: list[dict[str, Any]]) -> Reply:
        size, start = int(asked.query.get("maxResults", "100")), int(asked.query.get("pageToken", "0"))
        more = {"nextPageToken": str(start + size)} if start + size < len(rows) else {}
        page = rows[start : start + size]
        return Reply(200, {"kind": "admin#directory", **({name: page} if page else {}), **more})

    def _key(self, who: str) -> dict[str, Any] | None:
        names = {row["primaryEmail"].casefold(): row for row in self.users.values()}
        names |= {alias.casefold(): row for row in self.users.values() for alias in row.get("aliases", [])}
        return self.users.get(who) or names.get(who.casefold())

    def _if_known(self, who: str, reply: Reply) -> Reply:
        return reply if self._key(who) else missing("userKey")

    def _list_users(self, asked: Asked) -> Reply:
        assert asked.query["customer"] == "my_customer"
        return self._page(asked, "users", sorted(self.users.values(), key=lambda row: row["primaryEmail"]))

    def _read(self, asked: Asked, who: str) -> Reply:
        return Reply(200, self._key(who)) if self._key(who) else missing("userKey")

    def _post(self, asked: Asked) -> Reply:
        body = asked.json()
        assert 8 <= len(body["password"]) <= 100
        assert body["changePasswordAtNextLogin"] is True
        assert 0 < len(body["name"]["givenName"]) <= 60
        assert 0 < len(body["name"]["familyName"]) <= 60
        if not ADDRESS.fullmatch(body["primaryEmail"]):
            return refused(400, "invalid", "Invalid Input: primary_user_email")
        if self._key(body["primaryEmail"]):
            return refused(409, "duplicate", "Entity already exists.")
        account_id = self.user(body["primaryEmail"])
        kept = {name: value for name, value in body.items() if name not in ("password", "changePasswordAtNextLogin")}
        self.users[account_id] |= {"externalIds": [], **kept}
        return Reply(200, self.users[account_id])

    def _patch(self, asked: Asked, who: str) -> Reply:
        row = self._key(who)
        if row is None:
            return missing("userKey")
        body = asked.json()
        name = {**row["name"], **body.pop("name", {})}
        row |= {**body, "name": name, "etag": f'"{int(row["etag"][1:-1]) + 1}"'}
        return Reply(200, row)

    def _delete(self, asked: Asked, who: str) -> Reply:
        if self.users.pop(who, None) is None:
            return missing("userKey")
        for group_id in self.members:
            self.members[group_id] = [one for one in self.members[group_id] if one["id"] != who]
        return Reply(204)

    def _credentials(self, asked: Asked, who: str, kind: str) -> Reply:
        found = self.credentials.get(who, {}).get(kind, [])
        return self._if_known(who, Reply(200, {"kind": kind, **({"items": found} if found else {})}))

    def _revoke(self, asked: Asked, who: str, kind: str, which: str) -> Reply:
        name = "clientId" if kind == "tokens" else "codeId"
        before = self.credentials[who][kind]
        self.credentials[who][kind] = [one for one in before if str(one[name]) != which]
        return Reply(204) if len(self.credentials[who][kind]) < len(before) else missing("credential")

    def _list_groups(self, asked: Asked) -> Reply:
        rows = list(self.groups.values())
        if "userKey" in asked.query:
            who = asked.query["userKey"]
            if not self._key(who):
                return missing("userKey")
            rows = [row for row in rows if any(m["id"] == who for m in self.members[row["id"]])]
        else:
            assert asked.query["customer"] == "my_customer"
        return self._page(asked, "groups", rows)

    def _list_members(self, asked: Asked, group_id: str) -> Reply:
        if group_id not in self.groups:
            return missing("groupKey")
        outside = {"id": "99", "type": "USER", "email": "guest@elsewhere.example", "role": "MEMBER"}
        nested = {"id": "0nested", "type": "GROUP", "role": "MEMBER"}
        return self._page(asked, "members", [*self.members[group_id], outside, nested])

    def _add(self, asked: Asked, group_id: str) -> Reply:
        body = asked.json()
        assert body["role"] == "MEMBER"
        if group_id not in self.groups:
            return missing("groupKey")
        if any(one["id"] == body["id"] for one in self.members[group_id]):
            return refused(409, "duplicate", "Member already exists.")
        self.join(group_id, body["id"])
        return Reply(200, self.members[group_id][-1])

    def _member(self, asked: Asked, group_id: str, who: str) -> Reply:
        hits = [one for one in self.members.get(group_id, []) if one["id"] == who]
        return Reply(200, hits[0]) if hits else missing("memberKey")

    def _remove(self, asked: Asked, group_id: str, who: str) -> Reply:
        hits = [one for one in self.members.get(group_id, []) if one["id"] == who]
        if not hits:
            return missing("memberKey")
        self.members[group_id].remove(hits[0])
        return Reply(204)

    def _identity(self, asked: Asked) -> Reply:
        assert (asked.query["parent"], asked.query["view"]) == ("customers/C03az79cb", "FULL")
        rows = [
            {
                "name": f"groups/{row['id']}",
                "groupKey": {"id": row["email"]},
                **({"dynamicGroupMetadata": {"queries": []}} if row["id"] in self.dynamic else {}),
            }
            for row in self.groups.values()
        ]
        return Reply(200, {"groups": rows})

    def _told(self, login: str, sku: str) -> dict[str, Any]:
        return {"userId": login, "productId": PRODUCT, "skuId": sku, "skuName": f"Name of {sku}"}

    def _licences(self, asked: Asked) -> Reply:
        assert asked.query["customerId"] == "C03az79cb"
        return self._page(asked, "items", [self._told(*one) for one in self.licences])

    def _licence(self, asked: Asked, sku: str, login: str) -> Reply:
        return Reply(200, self._told(login, sku)) if (login, sku) in self.licences else missing("licence")

    def _give(self, asked: Asked, sku: str) -> Reply:
        self.licences.append((asked.json()["userId"], sku))
        return Reply(200, self._told(*self.licences[-1]))

    def _take(self, asked: Asked, sku: str, login: str) -> Reply:
        if (login, sku) not in self.licences:
            return missing("licence")
        self.licences.remove((login, sku))
        return Reply(200, {})


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
