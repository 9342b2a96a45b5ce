"""emulate: GitHub as far as members and teams go; and a proxy that adds what it lacks, from GitHub's REST reference.

It lacks invitations, outside collaborators, users by id, what is said of nested teams, groups of identity providers and
credentials; it removes members by another path, and has a team of its own making with all members in it.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx
import pytest

from jmltui.adapter_api.conformance import Disturbance
from jmltui.adapter_api.conformance.accounts import UNICODE_NAMES
from tests.servers.played import Asked, Played, Reply

from .postgres import missing
from .scim2 import free_port, wait_for

PACKAGES: Final = Path(__file__).parents[2] / ".cache" / "servers" / "emulate" / "node_modules"
TOKEN: Final = "ghp_example"
KEEPER: Final = "keeper"
LEAVER: Final = "farewell"
"""Somebody of no organization yet, who is known by this login everywhere."""
ORGANIZATIONS: Final = tuple(f"{kind}{number:02d}" for kind in "kdu" for number in range(70))
CLIENT: Final = httpx.Client(timeout=30, trust_env=False, headers={"Authorization": f"Bearer {TOKEN}"})
MISSING: Final = Reply(404, {"message": "Not Found"})
OWN_TEAM: Final = "members"


@dataclass
class EmulatedGithub:
    """Where it listens. `logins` are all users by id, `fresh` the organizations that no test used yet."""

    url: str
    logins: dict[int, str] = field(default_factory=dict)
    fresh: list[str] = field(default_factory=lambda: [one for one in ORGANIZATIONS if one.startswith("u")])

    def call(self, method: str, path: str, body: object = None) -> Any:
        """What another owner does or reads."""
        real = CLIENT.request(method, self.url + path, json=body)
        assert real.status_code < 300, f"{method} {path}: {real.status_code} {real.text}"
        return real.json() if real.content else None

    def team(self, organization: str, name: str) -> str:
        """A team that another owner made; its short name."""
        return str(self.call("POST", f"/orgs/{organization}/teams", {"name": name})["slug"])


def seed() -> dict[str, Any]:
    """Many organizations with one owner each, and users who are in none of them yet."""
    people = [
        {"login": f"{one}{number:04d}", "name": UNICODE_NAMES[(number - 1) % len(UNICODE_NAMES)]}
        for one in ORGANIZATIONS
        for number in range(1, 13)
    ]
    people.append({"login": LEAVER, "name": "Zoe Leaver"})
    keeper = [{"login": KEEPER, "role": "admin"}]
    organizations = [{"login": one, "members": keeper} for one in ORGANIZATIONS]
    return {
        "tokens": {TOKEN: {"login": KEEPER, "scopes": ["admin:org"]}},
        "github": {"users": [{"login": KEEPER}, *people], "orgs": organizations},
    }


@pytest.fixture(scope="session")
def github_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedGithub]:
    """One server for all tests; each test uses an organization of its own."""
    node, program = PACKAGES / "node" / "bin" / "node", PACKAGES / "emulate" / "dist" / "index.js"
    if not PACKAGES.with_name(".complete").exists():
        missing("emulate")
    folder, port = tmp_path_factory.mktemp("emulate-github"), free_port()
    (folder / "seed.json").write_text(json.dumps(seed()))
    log = folder / "emulate.log"
    command = [str(node), str(program), "start", "--service", "github", "--port", str(port), "--host", "127.0.0.1"]
    with log.open("wb") as out:
        process = subprocess.Popen([*command, "--seed", str(folder / "seed.json")], stdout=out, stderr=out, cwd=folder)
    try:
        wait_for(port, process, log)
        server, since = EmulatedGithub(f"http://127.0.0.1:{port}"), 0
        while rows := server.call("GET", f"/users?per_page=100&since={since}"):
            server.logins.update({row["id"]: row["login"] for row in rows})
            since = rows[-1]["id"]
        yield server
    finally:
        CLIENT.close()
        process.kill()
        process.wait()


@dataclass
class GithubProxy:
    """Before emulate, for one organization: passes on, and plays what it lacks. It is a FaultInjector's server.

    `accepts`: whoever is invited is a member at once, as on an own server. `pending` and `pending_teams` are who was
    invited, `addresses` those invited by address. `parents` puts teams into teams; `groups` are those of an identity
    provider by team (None: no synchronization); `authorized` the credentials of each login (None: no single sign-on).
    """

    upstream: EmulatedGithub
    organization: str
    accepts: bool = True
    size: int = 100
    pending: dict[str, str] = field(default_factory=dict)
    pending_teams: dict[str, list[str]] = field(default_factory=dict)
    addresses: dict[int, str] = field(default_factory=dict)
    outside: list[str] = field(default_factory=list)
    parents: dict[str, str] = field(default_factory=dict)
    groups: dict[str, list[str]] | None = None
    authorized: dict[str, list[int]] | None = None
    over: dict[tuple[str, str], Reply] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.server = _Passing(self)
        self.server.twists[Disturbance.OTHER_USER] = _other_user
        self.server.twists[Disturbance.EMPTY_LISTING] = lambda _, reply: _as_list(reply, [])
        self.server.twists[Disturbance.ENDLESS_LISTING] = self._endless

    @property
    def base(self) -> str:
        """Where the organization is."""
        return f"/orgs/{self.organization}"

    def _endless(self, asked: Asked, reply: Reply) -> Reply:
        if asked.path != f"{self.base}/members":
            return reply
        first = json.loads(reply.raw())[:1]
        return Reply(200, first, {"Link": f'<{self.server.url}{asked.path}?per_page=1&page=9>; rel="next"'})


class _Passing(Played):
    """Forwards to emulate."""

    def __init__(self, proxy: GithubProxy) -> None:
        super().__init__()
        self._proxy = proxy
        base, login, team = proxy.base, "([^/]+)", "([^/]+)"
        self.on("GET", "/user/([0-9]+)", self._user)
        self.on("GET", f"{base}/invitations", self._invitations)
        self.on("DELETE", f"{base}/invitations/([0-9]+)", self._cancel)
        self.on("GET", f"{base}/outside_collaborators", self._outside)
        self.on("DELETE", f"{base}/outside_collaborators/{login}", self._end_outside)
        self.on("GET", f"{base}/memberships/{login}", self._membership)
        self.on("PUT", f"{base}/memberships/{login}", self._invite)
        self.on("DELETE", f"{base}/memberships/{login}", self._remove)
        self.on("GET", f"{base}/teams", self._teams)
        self.on("GET", f"{base}/teams/{team}/teams", self._children)
        self.on("GET", f"{base}/teams/{team}/members", self._team_members)
        self.on("GET", f"{base}/teams/{team}/invitations", self._team_invitations)
        self.on("GET", f"{base}/teams/{team}/memberships/{login}", self._team_membership)
        self.on("PUT", f"{base}/teams/{team}/memberships/{login}", self._join)
        self.on("DELETE", f"{base}/teams/{team}/memberships/{login}", self._leave)
        self.on("GET", f"{base}/credential-authorizations", self._authorizations)
        self.on("DELETE", f"{base}/credential-authorizations/([0-9]+)", self._deauthorize)
        self.on("GET", f"{base}/external-groups", self._external)
        self.on("GET", f"{base}/team-sync/groups", lambda _: MISSING)
        self.on("GET", f"{base}/teams/{team}/external-groups", self._team_groups)

    def _answer(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return Reply(401, {"message": "Bad credentials"})
        assert asked.headers.get("user-agent") == "jmltui"
        assert asked.headers.get("x-github-api-version") == "2022-11-28"
        instead = self._proxy.over.get((asked.method, asked.path))
        if instead is not None:
            return instead
        if any(method == asked.method and pattern.fullmatch(asked.path) for method, pattern, _ in self._routes):
            return super()._answer(asked)
        if asked.method == "GET" and asked.path == f"{self._proxy.base}/members":
            return self._paged(asked, self._whole(asked.path, {k: v for k, v in asked.query.items() if k == "role"}))
        return self._forward(asked.method, asked.path, asked.query, asked.body)

    # ---- passing on

    def _forward(self, method: str, path: str, query: Any, body: bytes = b"") -> Reply:
        sent = {"Content-Type": "application/json"} if body else {}
        address = f"{self._proxy.upstream.url}{quote(path)}"
        real = CLIENT.request(method, address, params=dict(query), content=body or None, headers=sent)
        return Reply(real.status_code, real.content or None)

    def _whole(self, path: str, query: dict[str, str] | None = None) -> list[Any]:
        rows: list[Any] = []
        while True:
            page = {**(query or {}), "per_page": "100", "page": str(len(rows) // 100 + 1)}
            found = json.loads(self._forward("GET", path, page).raw())
            rows += found
            if len(found) < 100:
                return rows

    def _paged(self, asked: Asked, rows: list[Any], within: str = "") -> Reply:
        """“Using pagination in the REST API”: numbered pages, and a Link header with the next one among others."""
        page, size = int(asked.query.get("page", "1")), min(int(asked.query["per_page"]), self._proxy.size)
        shown, headers = rows[(page - 1) * size : page * size], {"X-RateLimit-Remaining": "4999"}
        if page * size < len(rows):
            address = f"{self.url}{asked.path}?"
            following = urlencode({**asked.query, "page": str(page + 1)})
            last = urlencode({**asked.query, "page": str(-(-len(rows) // size))})
            headers["Link"] = f'<{address}{following}>; rel="next", <{address}{last}>; rel="last"'
        return Reply(200, {within: shown} if within else shown, headers)

    # ---- people

    def _by_login(self, login: str) -> dict[str, Any] | None:
        reply = self._forward("GET", f"/users/{login}", {})
        return json.loads(reply.raw()) if reply.status == 200 else None

    def _user(self, asked: Asked, user_id: str) -> Reply:
        login = self._proxy.upstream.logins.get(int(user_id))
        return Reply(200, self._by_login(login)) if login else MISSING

    def _invitations(self, asked: Asked) -> Reply:
        roles = {"admin": "admin", "member": "direct_member"}
        by_login = [
            {"id": 9000 + number, "login": login, "email": None, "role": roles[role]}
            for number, (login, role) in enumerate(self._proxy.pending.items())
        ]
        by_address = [
            {"id": one, "login": None, "email": address, "role": "direct_member"}
            for one, address in self._proxy.addresses.items()
        ]
        return self._paged(asked, [*by_login, *by_address])

    def _cancel(self, asked: Asked, invitation: str) -> Reply:
        return Reply(204) if self._proxy.addresses.pop(int(invitation), None) else MISSING

    def _outside(self, asked: Asked) -> Reply:
        return self._paged(asked, [self._by_login(login) for login in self._proxy.outside])

    def _end_outside(self, asked: Asked, login: str) -> Reply:
        if login in self._proxy.outside:
            self._proxy.outside.remove(login)
        return Reply(204)

    def _membership(self, asked: Asked, login: str) -> Reply:
        if login in self._proxy.pending:
            user = self._by_login(login)
            return Reply(200, {"state": "pending", "role": self._proxy.pending[login], "user": user})
        return self._forward("GET", asked.path, {})

    def _invite(self, asked: Asked, login: str) -> Reply:
        is_member = self._forward("GET", asked.path, {}).status == 200
        if self._proxy.accepts or is_member or self._by_login(login) is None:
            return self._forward("PUT", asked.path, {}, asked.body)
        self._proxy.pending[login] = asked.json()["role"]
        return self._membership(asked, login)

    def _remove(self, asked: Asked, login: str) -> Reply:
        if self._proxy.pending.pop(login, None):
            return Reply(204)
        if self._forward("GET", asked.path, {}).status != 200:
            return MISSING
        return self._forward("DELETE", f"{self._proxy.base}/members/{login}", {})

    # ---- teams

    def _told(self) -> list[Any]:
        """“List teams”: each says in which team it is."""
        rows = {row["slug"]: row for row in self._whole(f"{self._proxy.base}/teams") if row["slug"] != OWN_TEAM}
        for slug, row in rows.items():
            above = self._proxy.parents.get(slug)
            row["parent"] = {"slug": above, "id": rows[above]["id"]} if above else None
        return list(rows.values())

    def _teams(self, asked: Asked) -> Reply:
        return self._paged(asked, self._told())

    def _children(self, asked: Asked, slug: str) -> Reply:
        return self._paged(asked, [row for row in self._told() if self._proxy.parents.get(row["slug"]) == slug])

    def _inside(self, slug: str) -> dict[int, Any]:
        """“Team members will include the members of child teams.”"""
        found = {row["id"]: row for row in self._whole(f"{self._proxy.base}/teams/{slug}/members")}
        for child, above in self._proxy.parents.items():
            if above == slug:
                found |= self._inside(child)
        return found

    def _team_members(self, asked: Asked, slug: str) -> Reply:
        if self._forward("GET", f"{self._proxy.base}/teams/{slug}", {}).status != 200:
            return MISSING
        return self._paged(asked, list(self._inside(slug).values()))

    def _team_invitations(self, asked: Asked, slug: str) -> Reply:
        waiting = self._proxy.pending_teams.get(slug, [])
        return self._paged(asked, [{"id": 7000 + n, "login": login} for n, login in enumerate(waiting)])

    def _team_membership(self, asked: Asked, slug: str, login: str) -> Reply:
        if login in self._proxy.pending_teams.get(slug, []):
            return Reply(200, {"state": "pending", "role": "member"})
        if any(row["login"] == login for row in self._inside(slug).values()):
            return Reply(200, {"state": "active", "role": "member"})
        return MISSING

    def _join(self, asked: Asked, slug: str, login: str) -> Reply:
        if login not in self._proxy.pending:
            return self._forward("PUT", asked.path, {}, asked.body)
        self._proxy.pending_teams.setdefault(slug, []).append(login)
        return Reply(200, {"state": "pending", "role": "member"})

    def _leave(self, asked: Asked, slug: str, login: str) -> Reply:
        if login in self._proxy.pending_teams.get(slug, []):
            self._proxy.pending_teams[slug].remove(login)
            return Reply(204)
        return self._forward("DELETE", asked.path, {})

    def _external(self, asked: Asked) -> Reply:
        if self._proxy.groups is None:
            return Reply(400, {"message": "This organization is not part of externally managed enterprise."})
        return self._paged(asked, [{"group_id": 1, "group_name": "Engineering"}], "groups")

    def _team_groups(self, asked: Asked, slug: str) -> Reply:
        names = (self._proxy.groups or {}).get(slug, [])
        return self._paged(asked, [{"group_id": n + 1, "group_name": name} for n, name in enumerate(names)], "groups")

    # ---- credentials

    def _authorizations(self, asked: Asked) -> Reply:
        if self._proxy.authorized is None:
            return MISSING
        rows = [
            {"login": login, "credential_id": one, "credential_authorized_at": "2026-05-01T08:00:00Z", **KINDS[one % 2]}
            for login, ids in self._proxy.authorized.items()
            for one in ids
            if asked.query.get("login", login) == login
        ]
        return self._paged(asked, rows)

    def _deauthorize(self, asked: Asked, credential: str) -> Reply:
        for ids in (self._proxy.authorized or {}).values():
            if int(credential) in ids:
                ids.remove(int(credential))
                return Reply(204)
        return MISSING


KINDS: Final = (
    {"credential_type": "personal access token", "token_last_eight": "12345678"},
    {"credential_type": "SSH key", "fingerprint": "jklmnop12345678"},
)


def _other_user(asked: Asked, reply: Reply) -> Reply:
    found = json.loads(reply.raw())
    return Reply(200, {**found, "id": 1}) if isinstance(found, dict) and "login" in found else reply


def _as_list(reply: Reply, rows: list[Any]) -> Reply:
    return Reply(200, rows) if isinstance(json.loads(reply.raw()), list) else reply
