"""The management interface: one short conversation per call, since it takes one client at a time.

Protocol: doc/management-notes.txt of OpenVPN 2.6. Lines that begin with `>` are news that come unasked; the greeting is
one of them.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from jmltui.adapter_api import AdapterError, AuthFailed, ContractBroken, OutcomeUnknown, Unavailable

from .options import VpnOptions
from .status import Status, read_status

GREETING: Final = ">INFO:OpenVPN Management Interface Version"
PROMPT: Final = b"ENTER PASSWORD:"
MAX_LINES: Final = 200_000
_LONGEST_LINE: Final = 1 << 16
_PLAIN: Final = re.compile(r"[^\x00-\x1f\x7f:\"\\]+")
"""Names that `kill` takes as a name: with a colon it reads an address."""


class Conversation:
    """What can be asked while the interface is ours. `has_written` once a command was sent that changes something."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, system: str) -> None:
        self._reader = reader
        self._writer = writer
        self._system = system
        self.has_written = False

    async def greet(self, password: Callable[[], str]) -> None:
        """Answer the prompt if there is one, and wait for the greeting. Raises AuthFailed, ContractBroken."""
        first = await self._beginning()
        if first == PROMPT:
            secret = password()
            if not secret or set(secret) & {"\r", "\n"}:
                raise AuthFailed(
                    f"The management interface of {self._system} asks for a password; set “management_password”.",
                    system=self._system,
                )
            self._writer.write(f"{secret}\n".encode())
            # A wrong password is answered by the prompt again.
            begun = await self._beginning()
            told = "ERROR:" if begun == PROMPT else begun.decode("utf-8", "replace") + await self._line()
            if told.startswith("ERROR:"):
                raise AuthFailed(
                    f"The management interface of {self._system} refuses the password.", system=self._system
                )
            if not told.startswith("SUCCESS:"):
                raise self._strange(told)
            greeting = await self._line()
        else:
            greeting = first.decode("utf-8", "replace") + await self._line()
        if not greeting.startswith(GREETING):
            raise self._strange(greeting)

    async def status(self) -> Status:
        """Who is connected. Raises ContractBroken."""
        return read_status(await self._listed("status 3"), self._system)

    async def version(self) -> str:
        """What the server calls itself."""
        lines = await self._listed("version")
        return next((line.partition(": ")[2] for line in lines if line.startswith("OpenVPN Version: ")), "")[:80]

    async def kill(self, name: str, clients: list[int], *, at_once: bool) -> None:
        """End tunnels: `at_once` all of a name, without a word to them; otherwise these, asking each to go.

        One that is gone already is as good. Raises ContractBroken for an answer that is none.
        """
        if at_once and _PLAIN.fullmatch(name):
            await self._told(f'kill "{name}"')
            return
        for client in clients:
            await self._told(f"client-kill {client}")

    async def leave(self) -> None:
        """Let somebody else have the interface."""
        with suppress(OSError):
            self._writer.write(b"quit\n")
            await self._writer.drain()

    async def _told(self, command: str) -> None:
        self.has_written = True
        self._writer.write(f"{command}\n".encode())
        answer = await self._news_apart()
        if not answer.startswith(("SUCCESS:", "ERROR:")):
            raise self._strange(answer)

    async def _listed(self, command: str) -> list[str]:
        self._writer.write(f"{command}\n".encode())
        lines: list[str] = []
        while (line := await self._news_apart()) != "END":
            if line.startswith("ERROR:") or len(lines) >= MAX_LINES:
                raise self._strange(line)
            lines.append(line)
        return lines

    async def _news_apart(self) -> str:
        while (line := await self._line()).startswith(">"):
            pass
        return line

    async def _beginning(self) -> bytes:
        """As much as the prompt is long: it ends with no line. A greeting is longer than that."""
        try:
            return await self._reader.readexactly(len(PROMPT))
        except asyncio.IncompleteReadError as error:
            if not error.partial:
                raise ConnectionResetError("closed at once") from None
            raise self._strange(error.partial.decode("utf-8", "replace")) from None

    async def _line(self) -> str:
        try:
            line = await self._reader.readuntil(b"\n")
        except asyncio.IncompleteReadError:
            raise ConnectionResetError("closed in the middle") from None
        except asyncio.LimitOverrunError:
            raise ContractBroken(f"{self._system} answers with a line without end.", system=self._system) from None
        return line.rstrip(b"\r\n").decode("utf-8", "replace")

    def _strange(self, told: str) -> ContractBroken:
        shown = " ".join(told.split())[:60]
        return ContractBroken(
            f"The management interface of {self._system} answers with “{shown}”, as OpenVPN does not.",
            system=self._system,
        )


class Management:
    """Where the management interface is, and how it is entered."""

    def __init__(self, options: VpnOptions, system: str, password: Callable[[], str]) -> None:
        self._options = options
        self._system = system
        self._password = password
        self._alone = asyncio.Lock()

    @asynccontextmanager
    async def talk(self) -> AsyncIterator[Conversation]:
        """The interface for one conversation.

        Raises Unavailable and its kin before anything was changed, OutcomeUnknown when it was lost after a command that
        changes something.
        """
        conversation: Conversation | None = None
        writer: asyncio.StreamWriter | None = None
        entered = False
        try:
            async with asyncio.timeout(self._options.seconds), self._alone:
                reader, writer = await self._connected()
                conversation = Conversation(reader, writer, self._system)
                await conversation.greet(self._password)
                entered = True
                yield conversation
                await conversation.leave()
        except TimeoutError:
            raise self._lost(conversation, self._late(writer is not None and not entered)) from None
        except OSError as error:
            why = "cannot be reached" if conversation is None else "ended the conversation"
            raise self._lost(conversation, f"{why} ({_told(error)})") from error
        except ContractBroken as error:
            if conversation is not None and conversation.has_written:
                raise OutcomeUnknown(error.message, system=self._system) from error
            raise
        finally:
            if writer is not None:
                writer.close()

    async def status(self) -> Status:
        """Who is connected now."""
        async with self.talk() as conversation:
            return await conversation.status()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._options.socket:
            return await asyncio.open_unix_connection(self._options.socket, limit=_LONGEST_LINE)
        return await asyncio.open_connection(self._options.host, self._options.port, limit=_LONGEST_LINE)

    def _late(self, silent: bool) -> str:
        told = f"does not answer within {self._options.seconds:g} seconds"
        return f"{told}; it takes one client at a time, and another may hold it" if silent else told

    def _lost(self, conversation: Conversation | None, why: str) -> AdapterError:
        told = f"The management interface of {self._system} {why}."
        if conversation is not None and conversation.has_written:
            return OutcomeUnknown(f"{told} Tunnels may have been ended.", system=self._system)
        return Unavailable(told, system=self._system, operation="management")


def _told(error: OSError) -> str:
    text = error.strerror or str(error) or type(error).__name__
    return " ".join(text.split())[:120].rstrip(".")
