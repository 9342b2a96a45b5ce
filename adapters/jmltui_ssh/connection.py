"""The connection to one host: kept open, made again when it is gone, and each exchange within a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import asyncssh

from jmltui.adapter_api import AdapterError, AuthFailed, OutcomeUnknown, RateLimited, Unavailable, Unsupported

from .options import Place
from .trust import HostKeys, Witness

MAX_ANSWER: Final = 32 * 1024 * 1024
CHANNELS: Final = 4
"""How many exchanges share a connection; sshd allows 10 (MaxSessions), and counts some that have just ended."""
KEEP_ALIVE_SECONDS: Final = 15


@dataclass(frozen=True, slots=True)
class Access:
    """How hosts are entered."""

    system: str
    keys: Sequence[asyncssh.SSHKeyPair]
    host_keys: HostKeys
    seconds: float
    agent: asyncssh.SSHAgentClient | None = None

    async def close(self) -> None:
        """Let go of the agent."""
        if self.agent is not None:
            self.agent.close()
            await self.agent.wait_closed()


@dataclass(slots=True)
class Exchange:
    """How far one exchange came: `sent` when it may have been acted upon; `status` is the exit status, if one came."""

    output: bytes = b""
    sent: bool = False
    whole: bool = False
    status: int | None = None


class Connection:
    """One host, perhaps through another one."""

    def __init__(self, place: Place, access: Access, jump: Connection | None = None) -> None:
        self.place = place
        self._access = access
        self._jump = jump
        self._link: asyncssh.SSHClientConnection | None = None
        self._opening = asyncio.Lock()
        self._channels = asyncio.Semaphore(CHANNELS)

    async def close(self) -> None:
        """Let go."""
        link, self._link = self._link, None
        if link is not None:
            link.abort()
            with suppress(Exception):
                await link.wait_closed()

    async def run(self, command: str, request: bytes, *, writes: bool) -> Exchange:
        """Run a command, give it the request, collect what it prints.

        Raises Unavailable and its kin when nothing was sent, OutcomeUnknown when a write was sent and no answer came.
        """
        done = Exchange()
        try:
            async with asyncio.timeout(self._access.seconds), self._channels:
                process = await self._started(command)
                try:
                    await self._talk(process, request, done)
                finally:
                    process.close()
        except TimeoutError:
            self._drop()
            raise self._lost(done, writes, f"does not answer within {self._access.seconds:g} seconds") from None
        except asyncssh.ChannelOpenError as error:
            raise self._full(error) from error
        except (asyncssh.Error, OSError) as error:
            self._drop()
            raise self._lost(done, writes, f"lost the connection ({_told(error)})") from error
        return done

    async def link(self) -> asyncssh.SSHClientConnection:
        """The open connection. Raises Unavailable, AuthFailed, Untrusted, Unsupported."""
        async with self._opening:
            if self._link is None or self._link.is_closed():
                self._link = await self._opened()
            return self._link

    async def _started(self, command: str) -> asyncssh.SSHClientProcess[bytes]:
        """A process of this command. A kept connection may have died unseen: then one more is made."""
        kept = self._link is not None
        link = await self.link()
        try:
            return await link.create_process(command, encoding=None, stderr=asyncssh.STDOUT)
        except (asyncssh.Error, OSError):
            if not kept or not link.is_closed():
                raise
        return await (await self.link()).create_process(command, encoding=None, stderr=asyncssh.STDOUT)

    async def _talk(self, process: asyncssh.SSHClientProcess[bytes], request: bytes, done: Exchange) -> None:
        # What refuses to run the helper ends at once, and its words are read below. The helper acts on a request that
        # is whole, so from here on it may have acted.
        with suppress(BrokenPipeError):
            process.stdin.write(request)
            done.sent = True
            process.stdin.write_eof()
        parts, size = [], 0
        while part := await process.stdout.read(1 << 16):
            parts.append(part)
            size += len(part)
            if size > MAX_ANSWER:
                done.output = b"".join(parts)
                return
        done.output, done.whole = b"".join(parts), True
        await process.wait_closed()
        done.status = process.exit_status

    async def _opened(self) -> asyncssh.SSHClientConnection:
        place, access = self.place, self._access
        witness = Witness(access.host_keys, place)
        tunnel = await self._jump.link() if self._jump is not None else None
        try:
            return await asyncssh.connect(
                place.address,
                place.port,
                tunnel=tunnel,
                config=None,
                client_factory=lambda: witness,
                known_hosts=lambda *_: access.host_keys.known(place),
                server_host_key_algs=access.host_keys.algorithms(place),
                x509_trusted_certs=None,
                username=place.user,
                client_keys=list(access.keys),
                agent_path=None,
                preferred_auth="publickey",
                gss_host=None,
                keepalive_interval=KEEP_ALIVE_SECONDS,
            )
        except asyncssh.HostKeyNotVerifiable as error:
            raise access.host_keys.refusal(place, witness.offered, _told(error)) from None
        except asyncssh.KeyExchangeFailed as error:
            raise Unsupported(f"{place.name} and jmltui have no cipher in common.", system=access.system) from error
        except asyncssh.PermissionDenied as error:
            raise AuthFailed(
                f"{place.name} refuses the key of {place.user}.", system=access.system, operation="connect"
            ) from error
        except (asyncssh.Error, OSError) as error:
            raise Unavailable(
                f"{place.name} cannot be reached ({_told(error)}).", system=access.system, operation="connect"
            ) from error

    def _drop(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.abort()

    def _lost(self, done: Exchange, writes: bool, why: str) -> AdapterError:
        if done.sent and writes:
            return OutcomeUnknown(
                f"{self.place.name} was sent the change and {why}; it may have been done.", system=self._access.system
            )
        return Unavailable(f"{self.place.name} {why}.", system=self._access.system)

    def _full(self, error: asyncssh.ChannelOpenError) -> AdapterError:
        if self._link is None or self._link.is_closed():
            return Unavailable(f"{self.place.name} lost the connection.", system=self._access.system)
        return RateLimited(f"{self.place.name} opens no more sessions ({_told(error)}).", system=self._access.system)


def _told(error: Exception) -> str:
    text = error.reason if isinstance(error, asyncssh.Error) else getattr(error, "strerror", "") or str(error)
    text = " ".join(text.split())
    return text[:120].rstrip(".") or type(error).__name__
