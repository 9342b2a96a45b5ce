"""Connections to one directory: signed in, over a verified link, each exchange with a deadline and a typed error.

A listing has its connection for itself: servers keep the state of a paged search (RFC 2696) in the connection, and
another search would end it.
"""

from __future__ import annotations

import select
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Final

from jmltui.adapter_api import AdapterError, AuthFailed, Invalid, Untrusted

from .entry import Control
from .judgement import INVALID_CREDENTIALS, Refusal, in_words, judged, short
from .link import Answer, Link, lost
from .target import NONE, Target
from .wire import Distrusted, Lost, Nonsense, Refused, Trust, Unspeakable, Wire, trust_of

__all__ = ["Answer", "Directory", "Link", "SignIn"]

MOST_IDLE: Final = 2
LONGEST_IDLE: Final = 60.0
"""Seconds after which an unused connection is not trusted to be there still."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """The server's answer to a sign-in: its result code (0: let in), its words, and the controls of the answer."""

    code: int
    said: str
    controls: Mapping[str, object]


class Directory:
    """The connections to one server; a few are kept between calls. `refusal` is the dialect's view of result codes."""

    def __init__(self, target: Target, secret: Callable[[str], str], refusal: Refusal | None = None) -> None:
        self._target = target
        self._secret = secret
        self._refusal = refusal
        self._trust: Trust | None = None
        self._idle: list[tuple[float, Wire]] = []

    @property
    def system(self) -> str:
        """The operator's name of the server."""
        return self._target.system

    @property
    def user(self) -> str:
        """The name of the entry that we sign in as."""
        return self._target.user

    @asynccontextmanager
    async def link(self, operation: str) -> AsyncIterator[Link]:
        """A connection for one call, signed in. Raises Unavailable, AuthFailed, Untrusted, ContractBroken."""
        wire = await self._waiting() or await self._signed_in(operation)
        link = Link(wire, self.system, operation, self._refusal)
        keep = False
        try:
            yield link
            keep = True
        except AdapterError:
            keep = True
            raise
        finally:
            if keep and link.reusable and wire.stands and len(self._idle) < MOST_IDLE:
                self._idle.append((monotonic(), wire))
            else:
                await wire.close()

    async def sign_in(self, user: str, password: str, controls: Sequence[Control] = ()) -> SignIn:
        """How the server answers this name and password; the connection ends at once. Raises as `link` does, but not
        for a refusal.
        """
        wire = Wire(self._target, self._trusted())
        try:
            await self._open(wire, user, password, "sign in", controls)
        except Refused as error:
            return SignIn(error.code, error.said, {oid: told.get("value") for oid, told in error.controls.items()})
        finally:
            await wire.close()
        return SignIn(0, "", {})

    async def close(self) -> None:
        """Let go of all connections."""
        idle, self._idle = self._idle, []
        for _, wire in idle:
            await wire.close()

    async def _waiting(self) -> Wire | None:
        """A connection kept from an earlier call that, as far as can be seen from here, still stands."""
        while self._idle:
            since, wire = self._idle.pop()
            if wire.stands and monotonic() - since < LONGEST_IDLE and _is_quiet(wire):
                return wire
            wire.stands = False
            await wire.close()
        return None

    async def _signed_in(self, operation: str) -> Wire:
        password = self._secret(self._target.password)
        if not password:
            raise AuthFailed(f"The password for {self.system} is empty; a directory takes that for nobody.")
        wire = Wire(self._target, self._trusted())
        try:
            await self._open(wire, self._target.user, password, operation, ())
        except Refused as error:
            await wire.close()
            facts = {"system": self.system, "operation": operation, "code": str(error.code)}
            if error.code == INVALID_CREDENTIALS:
                told = in_words(error.said)
                raise AuthFailed(
                    f"{self.system} refuses the sign-in of jmltui{f': {told}' if told else ''}.", **facts
                ) from error
            raise judged(error.code, error.said, self.system, "the sign-in of jmltui", self._refusal) from error
        except BaseException:
            await wire.close()
            raise
        return wire

    async def _open(self, wire: Wire, user: str, password: str, operation: str, controls: Sequence[Control]) -> None:
        facts = {"system": self.system, "operation": operation}
        try:
            await wire.open(user, password, controls)
        except Distrusted as error:
            raise Untrusted(
                f"{self.system} cannot be verified: {short(str(error))}. If its certificate is of your own authority, "
                "name the file of that as ca_file; if it carries another name, as server_name in the settings.",
                **facts,
            ) from error
        except Unspeakable as error:
            raise Invalid(f"{self.system}: the sign-in cannot be asked: {short(str(error))}.", **facts) from error
        except (Lost, Nonsense) as error:
            raise lost(error, self.system, operation, writing=False) from error

    def _trusted(self) -> Trust | None:
        if self._target.encryption == NONE:
            return None
        if self._trust is None:
            try:
                self._trust = trust_of(self._target)
            except (ssl.SSLError, OSError) as error:
                raise Invalid(f"{self.system}: {self._target.ca_file} holds no certificate authority.") from error
        return self._trust


def _is_quiet(wire: Wire) -> bool:
    """Whether nothing came while it was idle: that would be its end, seen here without asking the server."""
    number = wire.fileno()
    if number < 0:
        return False
    line = select.poll()
    line.register(number)
    return not any(event & ~select.POLLOUT for _, event in line.poll(0))
