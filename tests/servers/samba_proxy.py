"""Between the adapter and a Samba domain: messages of LDAP (RFC 4511) held back, cut short or changed on their way."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator
from typing import ClassVar, Final

from jmltui.adapter_api.conformance import Disturbance

from .samba import SambaDomain

WRITES: Final = frozenset({0x66, 0x68, 0x4A, 0x6C})
"""Modify, add, delete and rename."""
SEARCH: Final = 0x63
WEB_PAGE: Final = b"HTTP/1.1 400 Bad Request\r\n\r\n<!DOCTYPE html><title>Sign in</title>" + b" " * 200


class SambaProxy:
    """One proxy with the domain's own certificate. `part` is how many members it lets through at once, as Windows does
    with 1,500; 0 for all.
    """

    losing: ClassVar = (Disturbance.LOSE_WRITE_ANSWER, Disturbance.TIMEOUT_AFTER_WRITE, Disturbance.CUT_WRITE_ANSWER)
    supports = frozenset({*losing, Disturbance.REFUSE, Disturbance.CUT_ANSWER, Disturbance.WEB_PAGE})

    def __init__(self, domain: SambaDomain) -> None:
        self._upstream = domain.port
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(domain.certificate, domain.certificate.with_suffix(".key"))
        self._what: Disturbance | None = None
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.part = 0
        self.withholds_the_rest = False

    @property
    def url(self) -> str:
        """Where it is, as settings name it."""
        return f"ldaps://127.0.0.1:{self.port}"

    async def listen(self) -> None:
        """Take connections."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Take none any more, and end those that there are."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.sleep(0.05)

    async def disturb(self, what: Disturbance) -> None:
        """From now on, until `calm`."""
        if what not in self.losing:
            await self.close()
        if what is not Disturbance.REFUSE and self._server is None:
            await self.listen()
        self._what = what

    async def calm(self) -> None:
        """Let everything pass again."""
        self._what = None
        if self._server is None:
            await self.listen()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        lost: list[Disturbance] = []
        trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
        upstream: asyncio.StreamWriter | None = None
        answers: asyncio.Task[None] | None = None
        try:
            if self._what is Disturbance.WEB_PAGE:
                await message(reader)
                writer.write(WEB_PAGE)
                await writer.drain()
                return
            back, upstream = await asyncio.open_connection("127.0.0.1", self._upstream, ssl=trusting)
            answers = asyncio.create_task(self._answer(back, writer, lost))
            while True:
                asked = await message(reader)
                (_, number), (kind, body), *controls = elements(elements(asked)[0][1])
                if kind in WRITES and self._what in self.losing:
                    lost.append(self._what)
                    self._what = None
                if kind == SEARCH and self.part:
                    asked = element(0x30, b"".join(
                        element(*one) for one in [(0x02, number), (kind, self._in_parts(body)), *controls]
                    ))  # fmt: skip
                upstream.write(asked)
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            self._writers.discard(writer)
            for one in filter(None, (writer, upstream)):
                one.close()
                with contextlib.suppress(OSError, ssl.SSLError, asyncio.TimeoutError):
                    await asyncio.wait_for(one.wait_closed(), 1)
            if answers is not None:
                answers.cancel()
                await asyncio.wait([answers])

    async def _answer(self, back: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: list[Disturbance]) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            while True:
                told = await message(back)
                what = lost[0] if lost else (None if self._what in self.losing else self._what)
                if what is Disturbance.TIMEOUT_AFTER_WRITE:
                    continue
                if what in (Disturbance.CUT_WRITE_ANSWER, Disturbance.CUT_ANSWER):
                    writer.write(told[: len(told) // 2])
                    await writer.drain()
                if what in (*self.losing, Disturbance.CUT_ANSWER):
                    break
                writer.write(told)
        writer.close()

    def _in_parts(self, body: bytes) -> bytes:
        """A search that asks for members asks for a part of them."""
        *first, (kind, wanted) = elements(body)
        names = [(tag, self._ranged(name)) for tag, name in elements(wanted)]
        return b"".join(element(*one) for one in [*first, (kind, b"".join(element(*one) for one in names))])

    def _ranged(self, name: bytes) -> bytes:
        match = re.fullmatch(rb"member(?:;range=([0-9]+)-\*)?", name)
        if match is None:
            return name
        start = int(match[1] or 0)
        if start and self.withholds_the_rest:
            return b"description"
        return b"member;range=%d-%d" % (start, start + self.part - 1)


@contextlib.asynccontextmanager
async def samba_proxy(domain: SambaDomain) -> AsyncIterator[SambaProxy]:
    """A proxy that listens."""
    proxy = SambaProxy(domain)
    await proxy.listen()
    try:
        yield proxy
    finally:
        await proxy.close()


async def message(reader: asyncio.StreamReader) -> bytes:
    """One message as it came."""
    head = await reader.readexactly(2)
    if head[1] < 0x80:
        return head + await reader.readexactly(head[1])
    length = await reader.readexactly(head[1] & 0x7F)
    return head + length + await reader.readexactly(int.from_bytes(length, "big"))


def elements(content: bytes) -> list[tuple[int, bytes]]:
    """The elements of a piece of BER: tags of one byte and contents."""
    found = []
    at = 0
    while at < len(content):
        tag, size = content[at], content[at + 1]
        at += 2
        if size >= 0x80:
            digits = size & 0x7F
            size = int.from_bytes(content[at : at + digits], "big")
            at += digits
        found.append((tag, content[at : at + size]))
        at += size
    return found


def element(tag: int, content: bytes) -> bytes:
    """One element of BER."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(digits))) + digits + content
