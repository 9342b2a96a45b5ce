"""A front before a real SCIM server that takes only OAuth tokens, and gives them: they last a while, or end early."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl

from tests.servers.fault_proxy import Answer, Exchange, FaultProxy, Request, _bytes

GIVES = "/oauth/token"


@dataclass
class TokenFront(FaultProxy):
    """The front. It knows one client; a new token ends the one before. `form` is what has to be told for one.

    `good_for`: how many calls a token is taken for. `slow`: no token is given while it is set. `refuses`: the answer
    to a client that it does not know. `takes`: whether it takes the tokens that it gave.
    """

    real_token: str = "secret"
    client: str = "app"
    secret: str = "right horse"
    form: Mapping[str, str] = field(default_factory=lambda: {"grant_type": "client_credentials"})
    lasts: int = 3600
    good_for: int | None = None
    slow: bool = False
    takes: bool = True
    refuses: tuple[int, dict[str, str]] = (401, {"error": "invalid_client", "error_description": "Unknown client"})
    given: list[str] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    calls: int = 0
    refused: int = 0

    @property
    def token_url(self) -> str:
        """Where it gives tokens."""
        return f"http://127.0.0.1:{self.port}{GIVES}"

    async def _exchange(self, request: Request) -> bytes:
        if request.path == GIVES:
            return await self._give(request)
        if not request.path.startswith("/v2/"):
            return _json(404, {"detail": "Nothing is here"})
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not self.takes or not self.given or token != self.given[-1] or self.calls == self.good_for:
            self.refused += 1
            self.exchanges.append(Exchange(request.method, request.path, None, None))
            return _json(401, {"detail": "The token is not valid"})
        self.calls += 1
        real = {**request.headers, "authorization": f"Bearer {self.real_token}"}
        return await super()._exchange(replace(request, headers=real))

    async def _give(self, request: Request) -> bytes:
        if self.slow:
            await self._closing.wait()
        form = dict(parse_qsl(request.body.decode()))
        self.asked.append(dict(form))
        pair = base64.b64encode(f"{self.client}:{self.secret}".encode()).decode()
        by_body = (form.pop("client_id", ""), form.pop("client_secret", "")) == (self.client, self.secret)
        if not by_body and request.headers.get("authorization") != f"Basic {pair}":
            return _json(*self.refuses)
        if form != dict(self.form):
            return _json(400, {"error": "invalid_request", "reason": "Bad form"})
        await asyncio.sleep(0)
        self.given.append(f"token-{len(self.given) + 1}")
        self.calls = 0
        return _json(200, {"access_token": self.given[-1], "token_type": "bearer", "expires_in": self.lasts})


def _json(status: int, body: Mapping[str, object]) -> bytes:
    return _bytes(Answer(status, {"Content-Type": "application/json"}, json.dumps(body).encode()))


@asynccontextmanager
async def token_front(url: str, real_token: str) -> AsyncIterator[TokenFront]:
    """A front before this address, on a free port."""
    front = TokenFront(real_token=real_token)
    await front.listen()
    front.in_front_of(url)
    try:
        yield front
    finally:
        await front.close()
