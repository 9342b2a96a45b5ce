"""Between an LDAP client and a real server: messages changed, withheld or cut on their way (RFC 4511, 4.1.1)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import ClassVar

from jmltui.adapter_api.conformance import Disturbance

SEARCH = 0x63
WRITES = frozenset({0x66, 0x68, 0x4A, 0x6C, 0x77})
"""Modify, add, delete, modify name, and extended requests."""
ANSWERS = {0x60: 0x61, SEARCH: 0x65, 0x66: 0x67, 0x68: 0x69, 0x4A: 0x6B, 0x6C: 0x6D, 0x6E: 0x6F, 0x77: 0x78}
"""The tag of the final answer to each kind of request."""
WEB_PAGE = b"HTTP/1.1 400 Bad Request\r\n\r\n<!DOCTYPE html><title>Sign in</title>" + b" " * 100
UNAVAILABLE, REFERRAL = 52, 10

Rewrite = Callable[[bytes], bytes]
"""What is asked for in place of a filter; both in BER (RFC 4511, section 4.5.1)."""


class LdapProxy:
    """Listens on `port` of the loopback and speaks with the server at `upstream`, without encryption on both sides."""

    rewrites: ClassVar[dict[Disturbance, Rewrite]] = {
        Disturbance.EMPTY_LISTING: lambda which: equal(b"objectClass", b"nothingOfTheKind"),
        Disturbance.OTHER_USER: lambda which: tlv(
            0xA1,
            tlv(0xA0, equal(b"objectClass", b"inetOrgPerson") + tlv(0xA2, which))
            + equal(b"objectClass", b"organizationalUnit"),
        ),
        Disturbance.IGNORE_FILTER: lambda which: tlv(0x87, b"objectClass"),
    }
    losing: ClassVar[tuple[Disturbance, ...]] = (
        Disturbance.LOSE_WRITE_ANSWER,
        Disturbance.TIMEOUT_AFTER_WRITE,
        Disturbance.CUT_WRITE_ANSWER,
    )
    codes: ClassVar[dict[Disturbance, int]] = {Disturbance.FLAKY: UNAVAILABLE, Disturbance.REDIRECT: REFERRAL}
    supports = frozenset(
        {
            *losing,
            *codes,
            Disturbance.REFUSE,
            Disturbance.CUT_ANSWER,
            Disturbance.WEB_PAGE,
            Disturbance.ENDLESS_LISTING,
            Disturbance.OTHER_USER,
            Disturbance.IGNORE_FILTER,
        }
    )

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self._what: Disturbance | None = None
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._astray: dict[asyncio.StreamWriter, Disturbance] = {}
        self.port = 0
        self.delay = 0.0
        self.entries_until_cut: int | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"ldap://127.0.0.1:{self.port}"

    async def listen(self) -> None:
        """Let people in."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """End everything."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.close()
        await asyncio.sleep(0.05)

    async def disturb(self, what: Disturbance) -> None:
        """From now on, until `calm`."""
        self._what = what
        if what in (Disturbance.REFUSE, Disturbance.WEB_PAGE):
            await self.close()
        if what is not Disturbance.REFUSE and self._server is None:
            await self.listen()

    async def calm(self) -> None:
        """Let everything pass again."""
        self._what = None
        if self._server is None:
            await self.listen()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        answers: asyncio.Task[None] | None = None
        upstream: asyncio.StreamWriter | None = None
        try:
            back, upstream = await asyncio.open_connection("127.0.0.1", self._upstream)
            answers = asyncio.create_task(self._answer(back, writer))
            while True:
                await self._ask(await message(reader), writer, upstream)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            self._astray.pop(writer, None)
            for one in filter(None, (writer, upstream)):
                one.close()
            if answers is not None:
                await asyncio.wait([answers], timeout=1)
                answers.cancel()

    async def _ask(self, asked: bytes, writer: asyncio.StreamWriter, upstream: asyncio.StreamWriter) -> None:
        """Pass a request on, as it is disturbed."""
        tag, what = operation(asked), self._what
        if what is Disturbance.WEB_PAGE:
            writer.write(WEB_PAGE)
            await writer.drain()
            writer.close()
            return
        if what in self.codes and tag in ANSWERS:
            writer.write(refusal(asked, ANSWERS[tag], self.codes[what]))
            return
        if what in self.losing and tag in WRITES:
            self._astray[writer] = what
            self._what = None
        if tag == SEARCH and what is not None and (what in self.rewrites or what is Disturbance.ENDLESS_LISTING):
            asked = self._rewritten(asked, what)
        upstream.write(asked)

    def _rewritten(self, asked: bytes, what: Disturbance) -> bytes:
        """A search for something else, or for its first page once more; reads of one entry stay as they are."""
        number, request, *rest = parts(parts(asked)[0][1])
        base, scope, *limits, which, attributes = parts(request[1])
        if scope[1] == b"\0":
            return asked
        if what is Disturbance.ENDLESS_LISTING:
            rest = [(tag, whole_of(first_page(value))) for tag, value in rest]
        else:
            which = parts(self.rewrites[what](tlv(*which)))[0]
        body = whole_of([base, scope, *limits, which, attributes])
        return tlv(0x30, whole_of([number, (SEARCH, body), *rest]))

    async def _answer(self, back: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                whole = await message(back)
                await asyncio.sleep(self.delay)
                astray = self._astray.get(writer)
                if astray is Disturbance.TIMEOUT_AFTER_WRITE:
                    continue
                if self.entries_until_cut is not None and operation(whole) == 0x64:
                    self.entries_until_cut -= 1
                is_over = self.entries_until_cut is not None and self.entries_until_cut < 0
                if astray is Disturbance.CUT_WRITE_ANSWER or self._what is Disturbance.CUT_ANSWER:
                    writer.write(whole[: len(whole) // 2])
                    is_over = True
                if is_over or astray is Disturbance.LOSE_WRITE_ANSWER:
                    await writer.drain()
                    writer.close()
                    return
                writer.write(whole)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


@asynccontextmanager
async def proxied(upstream: int) -> AsyncIterator[LdapProxy]:
    """A proxy that listens."""
    proxy = LdapProxy(upstream)
    await proxy.listen()
    try:
        yield proxy
    finally:
        await proxy.close()


async def message(reader: asyncio.StreamReader) -> bytes:
    """One whole message, by the length that its head says."""
    head = await reader.readexactly(2)
    length = head[1]
    if length & 0x80:
        more = await reader.readexactly(length & 0x7F)
        head, length = head + more, int.from_bytes(more, "big")
    return head + await reader.readexactly(length)


def operation(whole: bytes) -> int:
    """The tag of the operation: what follows the number of the message."""
    at = 2 + (whole[1] & 0x7F if whole[1] & 0x80 else 0)
    return whole[at + 2 + whole[at + 1]]


def refusal(asked: bytes, tag: int, code: int) -> bytes:
    """A final answer with this result code to the same message."""
    at = 2 + (asked[1] & 0x7F if asked[1] & 0x80 else 0)
    number = asked[at : at + 2 + asked[at + 1]]
    referral = b"\xa3\x15\x04\x13ldap://elsewhere/dc" if code == REFERRAL else b""
    body = bytes([0x0A, 1, code]) + b"\x04\x00\x04\x00" + referral
    answer = number + bytes([tag, len(body)]) + body
    return bytes([0x30, len(answer)]) + answer


Part = tuple[int, bytes]
"""A tag and what it holds."""


def parts(data: bytes) -> list[Part]:
    """What stands one after another."""
    found, at = [], 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            more = length & 0x7F
            length, at = int.from_bytes(data[at : at + more], "big"), at + more
        found.append((tag, data[at : at + length]))
        at += length
    return found


def whole_of(some: list[Part]) -> bytes:
    """Parts one after another."""
    return b"".join(tlv(*part) for part in some)


def tlv(tag: int, value: bytes) -> bytes:
    """One part: its tag, its length, what it holds."""
    size = len(value)
    if size < 128:
        return bytes([tag, size]) + value
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(digits)]) + digits + value


def equal(attribute: bytes, value: bytes) -> bytes:
    """The filter `(attribute=value)`."""
    return tlv(0xA3, tlv(0x04, attribute) + tlv(0x04, value))


def first_page(controls: bytes) -> list[Part]:
    """Controls that ask for the first page of two (RFC 2696), whatever page they asked for."""
    paged = tlv(0x04, b"1.2.840.113556.1.4.319") + tlv(0x04, tlv(0x30, tlv(0x02, b"\2") + tlv(0x04, b"")))
    return [(0x30, paged)] if controls else []
