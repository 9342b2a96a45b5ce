"""emulate: Okta as far as users and groups go; and a proxy that adds what it lacks, from Okta's published interface.

It needs a Node.js of 22.15 or later: npm's package `node` brings one.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

import httpx
import pytest

from jmltui.adapter_api.conformance import Disturbance
from tests.servers.played import Asked, Played, Reply

from .postgres import missing
from .scim2 import free_port, wait_for

PACKAGES: Final = Path(__file__).parents[2] / ".cache" / "servers" / "emulate" / "node_modules"
TOKEN: Final = "00example"
CLIENT: Final = httpx.Client(timeout=30, trust_env=False, headers={"Authorization": f"SSWS {TOKEN}"})
FACTOR: Final = {
    "factorType": "token:software:totp",
    "provider": "GOOGLE",
    "status": "ACTIVE",
    "created": "2026-05-01T08:00:00.000Z",
}


@dataclass(frozen=True)
class Emulated:
    """Where it listens."""

    url: str

    def get(self, path: str) -> Any:
        """What another administrator reads."""
        return CLIENT.get(self.url + path).json()

    def post(self, path: str, body: object = None) -> Any:
        """What another administrator makes."""
        return CLIENT.post(self.url + path, json=body).json()


@pytest.fixture(scope="session")
def okta_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulated]:
    """One server for all tests; each test uses names of its own."""
    node, program = PACKAGES / "node" / "bin" / "node", PACKAGES / "emulate" / "dist" / "index.js"
    if not PACKAGES.with_name(".complete").exists():
        missing("emulate")
    folder, port = tmp_path_factory.mktemp("emulate"), free_port()
    (folder / "seed.json").write_text(json.dumps({"okta": {"users": []}}))
    log = folder / "emulate.log"
    command = [str(node), str(program), "start", "--service", "okta", "--port", str(port), "--host", "127.0.0.1"]
    with log.open("wb") as out:
        process = subprocess.Popen([*command, "--seed", str(folder / "seed.json")], stdout=out, stderr=out, cwd=folder)
    try:
        wait_for(port, process, log)
        yield Emulated(f"http://127.0.0.1:{port}")
    finally:
        CLIENT.close()
        process.kill()
        process.wait()


@dataclass
class OktaProxy:
    """Before emulate: passes on, pages as Okta does, and has sessions, factors and rules. It is a FaultInjector.

    `factors` are those of each user; `ended` the users whose sessions were ended; `size` bounds a page, as Okta may;
    `over` are answers by method and path that stand in place of emulate's.
    """

    upstream: Emulated
    size: int = 200
    factors: dict[str, list[str]] = field(default_factory=dict)
    rules: list[dict[str, Any]] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    over: dict[tuple[str, str], Reply] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.server = _Passing(self)
        twists = self.server.twists
        twists[Disturbance.OTHER_USER] = _other_user
        twists[Disturbance.EMPTY_LISTING] = _nobody
        twists[Disturbance.ENDLESS_LISTING] = self._endless
        twists[Disturbance.IGNORE_FILTER] = self._everybody

    def _endless(self, asked: Asked, reply: Reply) -> Reply:
        if asked.path != "/api/v1/users":
            return reply
        first = json.dumps(self.upstream.get("/api/v1/users")[:1]).encode()
        return Reply(200, first, {"Link": f'<{self.server.url}/api/v1/users?after=more>; rel="next"'})

    def _everybody(self, asked: Asked, reply: Reply) -> Reply:
        if asked.path != "/api/v1/users" or "search" not in asked.query:
            return reply
        return Reply(200, self.upstream.get("/api/v1/users"))


class _Passing(Played):
    """Forwards to emulate."""

    def __init__(self, proxy: OktaProxy) -> None:
        super().__init__()
        self._proxy = proxy
        users = "/api/v1/users/([^/]+)"
        self.on("DELETE", f"{users}/sessions", self._end_sessions)
        self.on("GET", f"{users}/factors", self._list_factors)
        self.on("DELETE", f"{users}/factors/([^/]+)", self._delete_factor)
        self.on("GET", "/api/v1/groups/rules", lambda asked: self._paged(asked, self._proxy.rules))

    def _answer(self, asked: Asked) -> Reply:
        if asked.headers.get("authorization") != f"SSWS {TOKEN}":
            return Reply(401, {"errorCode": "E0000011", "errorSummary": "Invalid token provided"})
        instead = self._proxy.over.get((asked.method, asked.path))
        if instead is not None:
            return instead
        if any(method == asked.method and pattern.fullmatch(asked.path) for method, pattern, _ in self._routes):
            return super()._answer(asked)
        query = {name: value for name, value in asked.query.items() if name not in ("limit", "after")}
        if asked.method == "GET" and asked.path.endswith(("/users", "/groups")):
            return self._paged(asked, self._whole(asked.path, query))
        return self._forward(asked.method, asked.path, query, asked.body)

    def _whole(self, path: str, query: dict[str, str]) -> list[Any] | Reply:
        """All rows of a listing, whose pages emulate numbers. It searches by substring, where Okta compares."""
        search = query.pop("search", "")
        rows: list[Any] = []
        for number in range(1, 1000):
            reply = self._forward("GET", path, {**query, "page": str(number), "per_page": "100"}, b"")
            if reply.status != 200:
                return reply
            page = [row for row in json.loads(reply.raw()) if row not in rows]
            rows += page
            if not page:
                break
        if search:
            login = json.loads(search.removeprefix("profile.login eq "))
            rows = [row for row in rows if row["profile"]["login"] == login]
        return rows

    def _paged(self, asked: Asked, rows: list[Any] | Reply) -> Reply:
        """Okta API reference, “Pagination”: an opaque `after`, and a Link header with the next address."""
        if isinstance(rows, Reply):
            return rows
        after = asked.query.get("after", "")
        start, size = (
            int(after) if after.isdecimal() else 0,
            min(int(asked.query.get("limit", "200")), self._proxy.size),
        )
        headers = {"X-Rate-Limit-Remaining": "599"}
        if start + size < len(rows):
            query = urlencode({**asked.query, "after": str(start + size)})
            headers["Link"] = f'<{self.url}{asked.path}?{query}>; rel="next"'
        return Reply(200, rows[start : start + size], headers)

    def _forward(self, method: str, path: str, query: dict[str, str], body: bytes) -> Reply:
        address = f"{self._proxy.upstream.url}{quote(path)}"
        sent = {"Content-Type": "application/json"} if body else {}
        real = CLIENT.request(method, address, params=query, content=body or None, headers=sent)
        return Reply(real.status_code, real.content)

    def _known(self, reference: str) -> bool:
        return self._forward("GET", f"/api/v1/users/{reference}", {}, b"").status == 200

    def _end_sessions(self, asked: Asked, user: str) -> Reply:
        assert asked.query == {"oauthTokens": "true"}
        if not self._known(user):
            return Reply(404, {"errorCode": "E0000007", "errorSummary": "Not found: user"})
        self._proxy.ended.append(user)
        return Reply(204)

    def _list_factors(self, asked: Asked, user: str) -> Reply:
        if not self._known(user):
            return Reply(404, {"errorCode": "E0000007", "errorSummary": "Not found: user"})
        return Reply(200, [{"id": one, **FACTOR} for one in self._proxy.factors.get(user, [])])

    def _delete_factor(self, asked: Asked, user: str, factor: str) -> Reply:
        if factor not in self._proxy.factors.get(user, []):
            return Reply(404, {"errorCode": "E0000007", "errorSummary": "Not found: factor"})
        self._proxy.factors[user].remove(factor)
        return Reply(204)


def limited(now: datetime) -> Reply:
    """Okta API reference, “Rate limits”: 429 E0000047, and the epoch second at which it ends."""
    reset = int((now.astimezone(UTC) + timedelta(seconds=9)).timestamp())
    body = {"errorCode": "E0000047", "errorSummary": "API call exceeded rate limit due to too many requests."}
    return Reply(
        429, body, {"X-Rate-Limit-Limit": "600", "X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": str(reset)}
    )


def _other_user(asked: Asked, reply: Reply) -> Reply:
    found = json.loads(reply.raw())
    return Reply(200, {**found, "id": "00uelse"}) if isinstance(found, dict) and "profile" in found else reply


def _nobody(asked: Asked, reply: Reply) -> Reply:
    return Reply(200, []) if asked.path == "/api/v1/users" else reply
