"""One ldap3 connection and the thread that it lives in; nothing but this module knows ldap3.

ldap3 blocks, so each connection has one thread of its own and is touched by no other. What ldap3 leaves to its callers
is done here: certificates are verified by Python's own TLS against the name that is expected, referrals are never
followed, and result codes that ldap3 lets pass even with `raise_exceptions` (a size limit, a time limit, a referral)
are looked at by the caller.
"""

from __future__ import annotations

import asyncio
import math
import os
import socket
import ssl
import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from .entry import Control, Entry, Op
from .target import START_TLS, TLS, Target

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # of names that pyasn1 has changed since ldap3 was released
    import ldap3
    from ldap3.core.exceptions import (
        LDAPCommunicationError,
        LDAPExceptionError,
        LDAPOperationResult,
        LDAPResponseTimeoutError,
        LDAPSocketOpenError,
    )

T = TypeVar("T")

OPERATIONS: Final = {Op.ADD: ldap3.MODIFY_ADD, Op.DELETE: ldap3.MODIFY_DELETE, Op.REPLACE: ldap3.MODIFY_REPLACE}
SCOPES: Final = {"base": ldap3.BASE, "one": ldap3.LEVEL, "subtree": ldap3.SUBTREE}
ENTRY: Final = "searchResEntry"
REFERENCE: Final = "searchResRef"
INTERMEDIATE: Final = "intermediateResponse"
CONTROLS: Final = "controls"
ALIASES_FOLLOWED: Final = ldap3.DEREF_ALWAYS
ALIASES_LEFT: Final = ldap3.DEREF_NEVER
_SEARCH_RESULT_ENTRY: Final = 4
_NO_START_TLS: Final = frozenset({1, 2, 12, 53})
"""What a server answers that knows no StartTLS, or was given no certificate (RFC 4511, section 4.14.2)."""
_AFTER_CUT: Final = 2.0
"""Seconds in which a thread ends after its socket was shut under it."""


class Refused(Exception):
    """The server answered with a result code that is no success; `controls` are those of its answer."""

    def __init__(self, code: int, said: str, controls: dict[str, Any]) -> None:
        super().__init__(code)
        self.code = code
        self.said = said
        self.controls = controls


class Lost(Exception):
    """No answer: `sent` when something may have reached the server, `late` when the deadline came first."""

    def __init__(self, why: str, *, sent: bool = True, late: bool = False) -> None:
        super().__init__(why)
        self.sent = sent
        self.late = late


class Distrusted(Exception):
    """The TLS handshake failed: the certificate is not the expected one, or what answers speaks no TLS."""


class Nonsense(Exception):
    """What came is no answer of a directory."""


class Unspeakable(Exception):
    """ldap3 refuses to send the request; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Trust:
    """How the certificate is verified."""

    context: ssl.SSLContext
    name: str


def trust_of(target: Target) -> Trust:
    """Python's own verification, by the authorities of the settings or of this machine. Raises SSLError, OSError."""
    return Trust(ssl.create_default_context(cafile=target.ca_file or None), target.server_name)


class _VerifiedTls(ldap3.Tls):
    """TLS that verifies the name by Python's own rules rather than ldap3's, and remembers why it failed."""

    def __init__(self, trust: Trust) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._trust = trust
        self.failure: Exception | None = None

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:
        del do_handshake
        try:
            connection.socket = self._trust.context.wrap_socket(connection.socket, server_hostname=self._trust.name)
        except (ssl.SSLError, OSError, ValueError) as error:
            self.failure = error
            raise


class Wire:
    """One connection in one thread. `stands` is False once it may not be used any more."""

    def __init__(self, target: Target, trust: Trust | None) -> None:
        self._target = target
        self._tls = _VerifiedTls(trust) if trust is not None else None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"ldap {target.system}")
        self._connection: Any = None
        self.stands = False

    async def open(self, user: str, password: str, controls: Sequence[Control] = ()) -> None:
        """Connect, encrypt and sign in. Raises Refused, Lost, Distrusted, Nonsense, Unspeakable."""
        await self.do(lambda: self._open(user, password, controls))
        self.stands = True

    def _open(self, user: str, password: str, controls: Sequence[Control]) -> None:
        target = self._target
        server = ldap3.Server(
            target.host,
            port=target.port,
            use_ssl=target.encryption == TLS,
            tls=self._tls,
            get_info=ldap3.NONE,
            connect_timeout=max(1, math.ceil(target.deadline)),
        )
        self._connection = ldap3.Connection(
            server,
            user=user,
            password=password,
            authentication=ldap3.SIMPLE,
            client_strategy=ldap3.SYNC,
            auto_bind=ldap3.AUTO_BIND_NONE,
            auto_referrals=False,
            auto_range=False,
            auto_encode=False,
            auto_escape=False,
            check_names=False,
            raise_exceptions=True,
            return_empty_attributes=False,
            receive_timeout=max(1, math.ceil(target.deadline)),
        )
        _decode_entries(self._connection.strategy)
        try:
            self._connection.open(read_server_info=False)
            if target.encryption == START_TLS:
                self._connection.start_tls(read_server_info=False)
        except LDAPOperationResult as error:
            if int(error.result) in _NO_START_TLS:
                raise Distrusted("it does not offer to encrypt the link by StartTLS") from error
            raise
        except LDAPExceptionError as error:
            failure = self._tls.failure if self._tls is not None else None
            if isinstance(failure, ssl.SSLError) and not isinstance(failure, ssl.SSLEOFError | ssl.SSLZeroReturnError):
                raise Distrusted(_why(failure)) from error
            raise Lost(str(failure or error), sent=False) from error
        if target.encryption == START_TLS and not self._connection.tls_started:
            raise Distrusted("it does not begin to encrypt the link")
        self._connection.bind(read_server_info=False, controls=controls_of(controls))

    async def do(self, call: Callable[[], T]) -> T:
        """Run a call in the thread, for as long as the deadline allows. Raises Refused, Lost, Distrusted, Nonsense,
        Unspeakable.
        """
        sent = self.stands
        future = asyncio.get_running_loop().run_in_executor(self._thread, self._translated, call)
        try:
            done, _ = await asyncio.wait({future}, timeout=self._target.deadline)
        except asyncio.CancelledError:
            await self._cut(future)
            raise
        if done:
            return future.result()
        await self._cut(future)
        if future.done() and future.exception() is None:
            return future.result()
        raise Lost("no answer came in time", sent=sent, late=True)

    async def _cut(self, future: asyncio.Future[T]) -> None:
        """End the connection under the thread, and let the thread end."""
        self.stands = False
        with suppress(OSError, AttributeError, ValueError), self._line() as line:
            line.shutdown(socket.SHUT_RDWR)
        await asyncio.wait({future}, timeout=_AFTER_CUT)
        if future.done():
            future.exception()

    def _line(self) -> socket.socket:
        return socket.socket(fileno=os.dup(self._connection.socket.fileno()))

    def _translated(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except Refused:
            raise
        except LDAPOperationResult as error:
            raise Refused(int(error.result), str(error.message or ""), self._answered()) from error
        except LDAPSocketOpenError as error:
            self.stands = False
            raise Lost(str(error), sent=False) from error
        except (LDAPCommunicationError, LDAPResponseTimeoutError, OSError) as error:
            self.stands = False
            raise Lost(str(error)) from error
        except (Lost, Distrusted, Nonsense):
            self.stands = False
            raise
        except LDAPExceptionError as error:
            raise Unspeakable(str(error)) from error
        except Exception as error:  # ldap3 decodes whatever came, and fails with whatever that leads to
            self.stands = False
            raise Nonsense(type(error).__name__) from error

    def _answered(self) -> dict[str, Any]:
        """The controls of the newest answer."""
        result = self._connection.result if self._connection is not None else None
        return dict((result or {}).get("controls") or {})

    async def close(self) -> None:
        """Sign off if it stands, and end the thread. Never raises."""
        if self._connection is not None:
            with suppress(Refused, Lost, Distrusted, Nonsense, Unspeakable):
                await self.do(self._leave)
        self._connection = None
        self.stands = False
        self._thread.shutdown(wait=False)

    def _leave(self) -> None:
        if self.stands:
            self._connection.unbind()
        # ldap3 forgets the socket of a connection that was never made.
        line = self._connection.socket
        if line is not None:
            line.close()

    @property
    def connection(self) -> Any:
        """ldap3's connection, to be used inside `do` alone."""
        return self._connection

    def fileno(self) -> int:
        """The socket, or -1 when it is gone."""
        line = getattr(self._connection, "socket", None)
        return int(line.fileno()) if line is not None else -1


def _decode_entries(strategy: Any) -> None:
    """Let entries be decoded here, once and as they came, rather than twice by ldap3, which takes as long as all else.

    ldap3's fast decoder gives tuples of which the last member is the value (`ldap3.utils.asn1.decode_sequence`); of a
    search result entry (RFC 4511, section 4.5.2) those are its name and its attributes.
    """
    others = strategy.decode_response_fast

    def decoded(message: dict[str, Any]) -> dict[str, Any]:
        if message["protocolOp"] != _SEARCH_RESULT_ENTRY:
            told: dict[str, Any] = others(message)
            return told
        name, attributes = (part[3] for part in message["payload"])
        values = {one[3][0][3].decode().lower(): [value[3] for value in one[3][1][3]] for one in attributes}
        entry = {"type": ENTRY, ENTRY: Entry(name.decode(), values)}
        if message["controls"]:
            entry[CONTROLS] = dict(_control(one[3]) for one in message["controls"])
        return entry

    strategy.decode_response_fast = decoded


def _control(parts: Sequence[Any]) -> tuple[str, bytes]:
    """The OID and value of a control: what follows its OID may be whether it is critical (RFC 4511, section 4.1.11)."""
    value = parts[-1][3] if len(parts) > 1 else b""
    return parts[0][3].decode(), value if isinstance(value, bytes) else b""


def controls_of(controls: Sequence[Control]) -> list[tuple[str, bool, bytes | None]] | None:
    """Controls as ldap3 takes them."""
    return [(one.oid, one.critical, one.value) for one in controls] or None


def _why(failure: ssl.SSLError) -> str:
    if isinstance(failure, ssl.SSLCertVerificationError):
        return failure.verify_message or str(failure)
    return failure.reason or str(failure)
