"""All hosts at once: who answered what, and what that means for the whole."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from jmltui.adapter_api import (
    AdapterError,
    AuthFailed,
    Conflict,
    ContractBroken,
    Forbidden,
    Invalid,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Unavailable,
    Unsupported,
    Untrusted,
)

from .answers import read_answer
from .connection import Access, Connection
from .options import FleetOptions

T = TypeVar("T")
NAMED: Final = 8
"""How many hosts a sentence names before it counts the rest."""
_WORST: Final = (
    Untrusted, AuthFailed, OutcomeUnknown, ContractBroken, Forbidden, Conflict, Invalid, Unsupported, RateLimited,
    Unavailable,
)  # fmt: skip
"""What decides for the whole fleet when its hosts fail in different ways: a person's decision before a repetition."""


@dataclass(frozen=True, slots=True)
class Gathered(Generic[T]):
    """What each host answered, in the order of the settings. `absent` hosts said that the thing is not there."""

    system: str
    answers: Mapping[str, T]
    absent: Mapping[str, NotFound]
    failed: Mapping[str, AdapterError]

    @property
    def hosts(self) -> int:
        """How many were asked."""
        return len(self.answers) + len(self.absent) + len(self.failed)

    def whole(self) -> None:
        """Raise what the failed hosts mean for something that needs every host."""
        if self.failed:
            raise self._summed(_worst(self.failed.values()), ())

    def none_left(self) -> None:
        """Raise when no host has an answer: NotFound only when every host said so."""
        if not self.answers:
            self.whole()
            raise next(iter(self.absent.values()), Unavailable(f"{self.system} has no host.", system=self.system))

    def written(self, changed: Sequence[str]) -> None:
        """Raise what the failed hosts mean for a write that changed these hosts.

        Where something was changed, a host that was not reached makes the whole unknown: it is read back, and what is
        missing is done later on that host alone.
        """
        if not self.failed:
            return
        kind = _worst(self.failed.values())
        if changed and issubclass(kind, Unavailable | RateLimited):
            kind = OutcomeUnknown
        raise self._summed(kind, changed)

    def _summed(self, kind: type[AdapterError], changed: Sequence[str]) -> AdapterError:
        first = next((error for error in self.failed.values() if isinstance(error, kind)), None)
        told = [(first or next(iter(self.failed.values()))).message]
        if len(self.failed) > 1:
            told.append(f"{len(self.failed)} of {self.hosts} hosts failed: {listed(self.failed)}.")
        if changed:
            told.append(f"Done on {listed(changed)}.")
        return kind(" ".join(told), system=self.system)


class Fleet:
    """The hosts of one system."""

    def __init__(self, options: FleetOptions, access: Access) -> None:
        self.options = options
        self.system = access.system
        self._access = access
        jump = Connection(options.jump, access) if options.jump is not None else None
        self._jump = jump
        self._connections = {place.name: Connection(place, access, jump) for place in options.places}
        self._room = asyncio.Semaphore(options.hosts_at_once)
        self._command = options.helper if options.user == "root" else f"LC_ALL=C exec sudo -n {options.helper}"

    async def close(self) -> None:
        """Let go of all connections."""
        await asyncio.gather(*(connection.close() for connection in self._connections.values()))
        if self._jump is not None:
            await self._jump.close()
        await self._access.close()

    async def ask(
        self, request: Mapping[str, object], kind: type[T], *, writes: bool = False, only: Iterable[str] | None = None
    ) -> Gathered[T]:
        """Ask all hosts, or `only` some. Raises nothing: each host's error is told beside the answers of the others."""
        asked = list(self._connections) if only is None else [host for host in self._connections if host in set(only)]
        answers = await asyncio.gather(*(self._asked(host, request, kind, writes) for host in asked))
        found = dict(zip(asked, answers, strict=True))
        return Gathered(
            self.system,
            {host: each for host, each in found.items() if not isinstance(each, AdapterError)},
            {host: each for host, each in found.items() if isinstance(each, NotFound)},
            {host: e for host, e in found.items() if isinstance(e, AdapterError) and not isinstance(e, NotFound)},
        )

    async def _asked(self, host: str, request: Mapping[str, object], kind: type[T], writes: bool) -> T | AdapterError:
        asked = {**request, "min_uid": self.options.min_uid, "nonce": secrets.token_hex(8)}
        try:
            async with self._room:
                done = await self._connections[host].run(self._command, json.dumps(asked).encode(), writes=writes)
            return read_answer(host, done, asked, kind, writes=writes)
        except AdapterError as error:
            error.system = self.system
            return error


def listed(hosts: Iterable[str]) -> str:
    """Hosts as a sentence names them."""
    names = list(hosts)
    if len(names) <= NAMED:
        return ", ".join(names)
    return f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"


def _worst(errors: Iterable[AdapterError]) -> type[AdapterError]:
    kinds = list(errors)
    return next(kind for kind in (*_WORST, AdapterError) if any(isinstance(error, kind) for error in kinds))
