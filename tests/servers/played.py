"""A small HTTP server that plays a system that has no server to run here, as its published interface tells of it.

What the vendor's reference says of method, path, body and answer is a route with a handler; what is written is kept,
so that it can be read back. A request that no route knows is 404 and is remembered as `unexpected`. It is the
FaultInjector of the conformance suite for what every connection can suffer; lies that are of one protocol are added as
`twists`.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from jmltui.adapter_api.conformance import Disturbance

HUGE: Final = 40 * 1024 * 1024
LOSING: Final = (Disturbance.LOSE_WRITE_ANSWER, Disturbance.TIMEOUT_AFTER_WRITE, Disturbance.CUT_WRITE_ANSWER)
WAIT: Final = {"Retry-After": "7"}


@dataclass(frozen=True)
class Asked:
    """One request as it came in, its path decoded."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, which must say that it is JSON."""
        assert self.headers.get("content-type", "").startswith("application/json"), self.headers
        return json.loads(self.body)

    def form(self) -> dict[str, str]:
        """The body, which must say that it is a form."""
        assert self.headers.get("content-type") == "application/x-www-form-urlencoded", self.headers
        return dict(parse_qsl(self.body.decode()))


@dataclass
class Reply:
    """One answer; a body that is not bytes is sent as JSON."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def raw(self) -> bytes:
        """The body as it is sent."""
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


INSTEAD: Final = {
    Disturbance.THROTTLE: Reply(429, {"error": {"message": "Too many requests"}}, WAIT),
    Disturbance.BUSY: Reply(503, None, WAIT),
    Disturbance.FLAKY: Reply(503, b"<h1>Service Unavailable</h1>"),
    Disturbance.WEB_PAGE: Reply(200, b"<!DOCTYPE html><title>Sign in</title>", {"Content-Type": "text/html"}),
    Disturbance.REDIRECT: Reply(307, None, {"Location": "http://127.0.0.1:9/"}),
    Disturbance.HUGE_ANSWER: Reply(200, b'{"value": [' + b" " * HUGE),
}
GENERAL: Final = frozenset(
    {*LOSING, *INSTEAD, Disturbance.REFUSE, Disturbance.CUT_ANSWER, Disturbance.HALF_ANSWER},
)


class Played:
    """The server. `asked` tells what came in, `is_token` which calls only fetch a token and are left undisturbed.

    `instead` are answers to the next requests, whatever they are.
    """

    def __init__(self, is_token: Callable[[Asked], bool] = lambda _: False) -> None:
        self.asked: list[Asked] = []
        self.unexpected: list[str] = []
        self.twists: dict[Disturbance, Callable[[Asked, Reply], Reply]] = {}
        self.instead: list[Reply] = []
        self.failures: list[BaseException] = []
        self.port = 0
        self._is_token = is_token
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., Reply]]] = []
        self._what: Disturbance | None = None
        self._server: asyncio.Server | None = None
        self._closing = asyncio.Event()
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def supports(self) -> frozenset[Disturbance]:
        """What it can do to its own answers."""
        return GENERAL | frozenset(self.twists)

    def on(self, method: str, pattern: str, handler: Callable[..., Reply]) -> None:
        """Answer this: the handler gets the request and the groups of the pattern."""
        self._routes.append((method, re.compile(pattern), handler))

    def calls(self, method: str = "") -> list[str]:
        """What was asked, `METHOD /path`, tokens left out."""
        return [f"{a.method} {a.path}" for a in self.asked if method in ("", a.method) and not self._is_token(a)]

    async def disturb(self, what: Disturbance) -> None:
        """From now on, until `calm`; a lost answer to a write once."""
        self._what = what
        if what is Disturbance.REFUSE:
            self._stop()

    async def calm(self) -> None:
        """Let everything pass again."""
        self._what = None
        if self._server is None:
            await self.listen()

    async def listen(self) -> None:
        """Take connections."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Take none any more and let go of those that hang."""
        self._stop()
        self._closing.set()
        for writer in self._open.values():
            writer.transport.abort()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        try:
            await self._exchange(await _request(reader), writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.transport.abort()
        except Exception as failure:  # a request that is not as published: told at the end of the test
            self.failures.append(failure)
        finally:
            del self._open[task]
            writer.close()

    async def _exchange(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        self.asked.append(asked)
        token = self._is_token(asked)
        what = None if token else self._what
        if what in INSTEAD:
            writer.write(_bytes(INSTEAD[what]))
        elif self.instead and not token:
            writer.write(_bytes(self.instead.pop(0)))
        elif what in LOSING and asked.method != "GET":
            await self._lose(what, self._answer(asked), writer)
        else:
            writer.write(self._sent(asked, what))

    def _sent(self, asked: Asked, what: Disturbance | None) -> bytes:
        reply = self._answer(asked)
        if what in self.twists and reply.status == 200:
            reply = self.twists[what](asked, reply)
        whole, body = _bytes(reply), reply.raw()
        if what is Disturbance.CUT_ANSWER:
            return whole[: len(whole) - max(len(body) // 2, 1)]
        if what is Disturbance.HALF_ANSWER:
            return _bytes(Reply(reply.status, body[: len(body) // 2], reply.headers))
        return whole

    async def _lose(self, what: Disturbance, reply: Reply, writer: asyncio.StreamWriter) -> None:
        """The answer to this write goes astray, and no other."""
        self._what = None
        if what is Disturbance.TIMEOUT_AFTER_WRITE:
            await self._closing.wait()
        if what is Disturbance.CUT_WRITE_ANSWER:
            whole = _bytes(reply)
            writer.write(whole[: len(whole) - max(len(reply.raw()) // 2, 10)])

    def _answer(self, asked: Asked) -> Reply:
        for method, pattern, handler in self._routes:
            match = pattern.fullmatch(asked.path)
            if method == asked.method and match:
                return handler(asked, *match.groups())
        self.unexpected.append(f"{asked.method} {asked.path}")
        return Reply(404, {"error": {"code": "UnknownPath", "message": "this call is not published"}})


@asynccontextmanager
async def playing(server: Played) -> AsyncIterator[Played]:
    """The server while it listens; afterwards nothing may have been asked that is not as published."""
    await server.listen()
    try:
        yield server
    finally:
        await server.close()
    assert not server.unexpected, server.unexpected
    for failure in server.failures:
        raise failure


async def _request(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    path, _, query = target.partition("?")
    return Asked(method, unquote(path), dict(parse_qsl(query, keep_blank_values=True)), headers, body)


def _bytes(reply: Reply) -> bytes:
    body = reply.raw()
    headers = {"Content-Type": "application/json", **reply.headers, "Connection": "close"}
    if reply.status != 204:
        headers["Content-Length"] = str(len(body))
    lines = [f"HTTP/1.1 {reply.status} -", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
