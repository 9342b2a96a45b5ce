"""A proxy between an adapter and a real SCIM server that does to the real answers what networks and servers do."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

from jmltui.adapter_api.conformance import Disturbance

PASSED_ON: Final = ("authorization", "content-type", "accept", "if-match", "x-requested-with", "origin")
LISTING: Final = re.compile(r"/(Users|Groups)(/\.search)?$")
HUGE: Final = 40 * 1024 * 1024
WEB_PAGE: Final = b"<!DOCTYPE html><title>Sign in</title><p>Please sign in to this network."


class Fault(StrEnum):
    """What the proxy can do."""

    THROTTLE = "429 with Retry-After in seconds"
    THROTTLE_UNTIL = "429 with Retry-After as an HTTP date"
    BUSY = "503 with Retry-After as an HTTP date"
    FLAKY = "503 without Retry-After"
    REFUSE = "refuse connections"
    LOSE_ANSWER = "let the request through and cut the connection"
    HANG = "let the request through and never answer"
    CUT_ANSWER = "let the request through and cut its answer in half"
    HALF_ANSWER = "let the request through and pass half of its answer off as the whole"
    WEB_PAGE = "answer with a sign-in page"
    REDIRECT = "redirect to another host"
    HUGE = "answer without end"
    COMPRESSED = "answer compressed, though that was not asked for"
    OTHER_USER = "answer with another user"
    SHORT_LISTING = "leave an item out of each page and keep the count"
    ENDLESS_LISTING = "answer every page with the first"
    EMPTY_LISTING = "list nobody"
    IGNORE_FILTER = "forward without the filter"
    SMALL_TOTAL = "count too few"
    LARGE_TOTAL = "count too many"
    NO_LISTING_BY_GET = "refuse to list by GET"


class Only(StrEnum):
    """Which requests a fault is for."""

    ANY = "any"
    READ = "read"
    WRITE = "write"
    LISTING = "listing"


@dataclass
class Switch:
    """A fault that is on: for which requests, and how often still (None: until it is switched off)."""

    fault: Fault
    only: Only = Only.ANY
    times: int | None = None
    status: int = 405


@dataclass(frozen=True)
class Request:
    """One request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def listing(self) -> bool:
        """Whether many resources are asked for."""
        by_get = self.method == "GET" and LISTING.search(self.path) is not None
        return by_get or (self.method == "POST" and self.path.endswith("/.search"))

    @property
    def kind(self) -> Only:
        """What it asks for."""
        if self.listing:
            return Only.LISTING
        return Only.READ if self.method == "GET" else Only.WRITE


@dataclass(frozen=True)
class Exchange:
    """One request as it went: `status` is the real server's, None where the request did not reach it."""

    method: str
    path: str
    status: int | None
    fault: Fault | None


@dataclass
class Answer:
    """What the real server said."""

    status: int
    headers: dict[str, str]
    body: bytes


class Cut(Exception):
    """The connection is cut, after these bytes."""

    def __init__(self, sent: bytes = b"") -> None:
        super().__init__()
        self.sent = sent


@dataclass
class FaultProxy:
    """The proxy. `switch` turns a fault on, `calm` all off; `exchanges` tells what went through.

    It is the FaultInjector of the conformance suite.
    """

    upstream: str = ""
    elsewhere: str = "http://127.0.0.1:9/"
    wait: int = 7
    exchanges: list[Exchange] = field(default_factory=list)
    switches: list[Switch] = field(default_factory=list)
    port: int = 0
    supports: ClassVar[frozenset[Disturbance]] = frozenset(Disturbance)

    def __post_init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._closing = asyncio.Event()
        self._client = httpx.AsyncClient(timeout=60, trust_env=False)

    # ---- switching

    def in_front_of(self, url: str) -> str:
        """Forward to this address from now on; the answer is the address of the proxy."""
        self.upstream = url
        return f"http://127.0.0.1:{self.port}{urlsplit(url).path}"

    async def switch(self, fault: Fault, only: Only = Only.ANY, times: int | None = None, status: int = 405) -> None:
        """Turn a fault on."""
        self.switches.append(Switch(fault, only, times, status))
        if fault is Fault.REFUSE:
            self._stop_listening()

    async def calm(self) -> None:
        """Let everything pass."""
        self.switches.clear()
        if self._server is None:
            await self.listen()

    async def disturb(self, what: Disturbance) -> None:
        """Turn on what the conformance suite asks for."""
        await self.switch(*DISTURBANCES[what])

    def writes(self, status: range = range(200, 300)) -> list[tuple[str, str]]:
        """The writes that the real server carried out."""
        done = [e for e in self.exchanges if e.status in status and e.method != "GET"]
        return [(e.method, e.path) for e in done if not e.path.endswith("/.search")]

    # ---- serving

    async def listen(self) -> None:
        """Take connections."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Take none any more and let go of those that hang."""
        self._stop_listening()
        self._closing.set()
        for writer in self._open.values():
            writer.transport.abort()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._client.aclose()

    def _stop_listening(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        try:
            writer.write(await self._exchange(await _request(reader)))
            await writer.drain()
        except Cut as cut:
            writer.write(cut.sent)
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.transport.abort()
        finally:
            del self._open[task]
            writer.close()

    async def _exchange(self, request: Request) -> bytes:
        switch = self._due(request)
        fault = switch.fault if switch else None
        instead = self._instead(switch, request) if switch else None
        if instead is not None:
            self._tell(request, None, fault)
            return instead
        answer = await self._forward(request, fault)
        self._tell(request, answer.status, fault)
        if fault is Fault.HANG:
            await self._closing.wait()
        if fault in (Fault.LOSE_ANSWER, Fault.HANG):
            raise Cut
        if fault is Fault.CUT_ANSWER:
            whole = _bytes(answer)
            raise Cut(whole[: len(whole) - max(len(answer.body) // 2, 1)])
        if fault is Fault.HALF_ANSWER:
            answer.body = answer.body[: len(answer.body) // 2]
        elif fault is not None and answer.status == 200:
            await self._falsify(fault, request, answer)
        return _bytes(answer)

    def _due(self, request: Request) -> Switch | None:
        for switch in self.switches:
            if _concerns(switch, request) and (switch.times is None or switch.times > 0):
                if switch.times is not None:
                    switch.times -= 1
                return switch
        return None

    def _tell(self, request: Request, status: int | None, fault: Fault | None) -> None:
        self.exchanges.append(Exchange(request.method, request.path, status, fault))

    def _instead(self, switch: Switch, request: Request) -> bytes | None:
        """The answer to a request that does not reach the server."""
        until = format_datetime(datetime.now(UTC) + timedelta(seconds=self.wait), usegmt=True)
        page = {"Content-Type": "text/html"}
        answers: dict[Fault, Callable[[], Answer]] = {
            Fault.THROTTLE: lambda: Answer(429, {"Retry-After": str(self.wait)}, b""),
            Fault.THROTTLE_UNTIL: lambda: Answer(429, {"Retry-After": until}, b""),
            Fault.BUSY: lambda: Answer(503, {"Retry-After": until}, b""),
            Fault.FLAKY: lambda: Answer(503, page, b"<h1>Service Unavailable</h1>"),
            Fault.WEB_PAGE: lambda: Answer(200, page, WEB_PAGE),
            Fault.REDIRECT: lambda: Answer(307, {"Location": self.elsewhere + request.path.lstrip("/")}, b""),
            Fault.HUGE: lambda: Answer(200, {}, b'{"totalResults": 1, "Resources": [' + b" " * HUGE),
            Fault.COMPRESSED: lambda: Answer(200, {"Content-Encoding": "gzip"}, b"\x1f\x8b" + b"\0" * 64),
            Fault.NO_LISTING_BY_GET: lambda: Answer(switch.status, {}, b""),
        }
        make = answers.get(switch.fault)
        return _bytes(make()) if make else None

    async def _forward(self, request: Request, fault: Fault | None) -> Answer:
        query, body = dict(request.query), request.body
        drop = {
            Fault.IGNORE_FILTER: ("filter",),
            Fault.ENDLESS_LISTING: ("startIndex", "cursor"),
            Fault.SMALL_TOTAL: (),
        }.get(fault or Fault.SMALL_TOTAL, ())
        for name in drop:
            query.pop(name, None)
        if fault is Fault.ENDLESS_LISTING and "cursor" in request.query:
            query["cursor"] = ""
        if drop and request.method == "POST":
            body = json.dumps({k: v for k, v in json.loads(body).items() if k not in drop}).encode()
        target = urlsplit(self.upstream)
        url = f"{target.scheme}://{target.netloc}{request.path}{'?' + urlencode(query) if query else ''}"
        headers = {name: value for name, value in request.headers.items() if name in PASSED_ON}
        real = await self._client.request(request.method, url, content=body or None, headers=headers)
        kept = {name: value for name, value in real.headers.items() if name.lower() in ("content-type", "etag")}
        return Answer(real.status_code, kept, real.content)

    async def _falsify(self, fault: Fault, request: Request, answer: Answer) -> None:
        found: dict[str, Any] = json.loads(answer.body)
        if fault is Fault.OTHER_USER:
            everybody = await self._client.get(
                f"{self.upstream}/Users", headers={"Authorization": request.headers["authorization"]}
            )
            found = next(user for user in everybody.json()["Resources"] if user["id"] != found["id"])
        if fault is Fault.SHORT_LISTING:
            found["Resources"] = found.get("Resources", [])[1:]
        if fault is Fault.EMPTY_LISTING:
            found = {"schemas": found["schemas"], "totalResults": 0, "Resources": []}
        if fault is Fault.SMALL_TOTAL:
            found["totalResults"] = 1
        if fault is Fault.LARGE_TOTAL:
            found["totalResults"] += 3
        answer.body = json.dumps(found).encode()


DISTURBANCES: Final[dict[Disturbance, tuple[Fault, Only, int | None]]] = {
    Disturbance.LOSE_WRITE_ANSWER: (Fault.LOSE_ANSWER, Only.WRITE, 1),
    Disturbance.TIMEOUT_AFTER_WRITE: (Fault.HANG, Only.WRITE, 1),
    Disturbance.CUT_WRITE_ANSWER: (Fault.CUT_ANSWER, Only.WRITE, 1),
    Disturbance.REFUSE: (Fault.REFUSE, Only.ANY, None),
    Disturbance.THROTTLE: (Fault.THROTTLE, Only.ANY, None),
    Disturbance.BUSY: (Fault.BUSY, Only.ANY, None),
    Disturbance.FLAKY: (Fault.FLAKY, Only.ANY, None),
    Disturbance.CUT_ANSWER: (Fault.CUT_ANSWER, Only.ANY, None),
    Disturbance.HALF_ANSWER: (Fault.HALF_ANSWER, Only.ANY, None),
    Disturbance.WEB_PAGE: (Fault.WEB_PAGE, Only.ANY, None),
    Disturbance.REDIRECT: (Fault.REDIRECT, Only.ANY, None),
    Disturbance.HUGE_ANSWER: (Fault.HUGE, Only.ANY, None),
    Disturbance.OTHER_USER: (Fault.OTHER_USER, Only.READ, None),
    Disturbance.SHORT_LISTING: (Fault.SHORT_LISTING, Only.LISTING, None),
    Disturbance.ENDLESS_LISTING: (Fault.ENDLESS_LISTING, Only.LISTING, None),
    Disturbance.EMPTY_LISTING: (Fault.EMPTY_LISTING, Only.LISTING, None),
    Disturbance.SMALL_TOTAL: (Fault.SMALL_TOTAL, Only.LISTING, None),
    Disturbance.LARGE_TOTAL: (Fault.LARGE_TOTAL, Only.LISTING, None),
    Disturbance.IGNORE_FILTER: (Fault.IGNORE_FILTER, Only.LISTING, None),
}


@asynccontextmanager
async def fault_proxy(url: str = "") -> AsyncIterator[FaultProxy]:
    """A proxy in front of this address, on a free port."""
    proxy = FaultProxy(url)
    await proxy.listen()
    try:
        yield proxy
    finally:
        await proxy.close()


def _concerns(switch: Switch, request: Request) -> bool:
    if switch.fault is Fault.NO_LISTING_BY_GET:
        return request.listing and request.method == "GET"
    if switch.fault is Fault.OTHER_USER and not re.search(r"/Users/[^/]+$", request.path):
        return False
    reads = (Only.READ, Only.LISTING)
    return switch.only in (Only.ANY, request.kind) or (switch.only is Only.READ and request.kind in reads)


async def _request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, target, _ = head[0].split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    path, _, query = target.partition("?")
    return Request(method, path, dict(parse_qsl(query, keep_blank_values=True)), headers, body)


def _bytes(answer: Answer) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} -", f"Content-Length: {len(answer.body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in answer.headers.items() if name.lower() != "content-length"]
    if answer.status == 204:
        lines.remove("Content-Length: 0")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + answer.body
