"""What the server and libpq say, as the errors of the contract.

SQLSTATE codes: PostgreSQL documentation, appendix A. A failed connection has none (libpq hands on the text alone), so
there the text is read; what is not recognised is Unavailable, with the text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import psycopg

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
    Stale,
    Unavailable,
    Unsupported,
    Untrusted,
)

_LONGEST: Final = 200
_LOST: Final = frozenset({"57P01", "57P02", "57P03", "57P04", "57P05", "25P03", "25P04"})
"""The server ends the connection: shutdown, crash, start-up, dropped database, time-outs of an idle session."""

_CODES: Final[Mapping[str, type[AdapterError]]] = {
    "0A000": Unsupported,
    "0LP01": Invalid,
    "23505": Unavailable,
    "25006": Unavailable,
    "2BP01": Conflict,
    "3D000": NotFound,
    "40001": Stale,
    "40P01": Unavailable,
    "42501": Forbidden,
    "42704": NotFound,
    "42710": Conflict,
    "53300": RateLimited,
    "55006": Conflict,
    "55P03": Unavailable,
    "57014": Unavailable,
    "XX000": Unavailable,
}
_CLASSES: Final[Mapping[str, type[AdapterError]]] = {
    "22": Invalid,
    "28": AuthFailed,
    "42": Invalid,
    "53": Unavailable,
    "54": Invalid,
    "55": Unavailable,
    "57": Unavailable,
    "58": Unavailable,
}
_WHY: Final[Mapping[str, str]] = {
    "23505": "somebody else changed the same role at that moment; nothing was changed here",
    "25006": "it is read-only now, as a standby is; nothing was changed",
    "55P03": "somebody else holds a lock; nothing was changed",
    "57014": "it took too long and was undone; nothing was changed",
    "XX000": "it failed and was undone, as when somebody else changes the same role at that moment",
}

_TEXTS: Final[tuple[tuple[re.Pattern[str], type[AdapterError]], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (r"certificate verify failed|does not match host name|certificate could not be|no certificate", Untrusted),
        (r"server does not support SSL|SSL error|tlsv1 alert|unsupported protocol|root certificate", Untrusted),
        (r"invalid response to SSL negotiation|expected authentication request", ContractBroken),
        (r"authentication failed|no password supplied|no pg_hba\.conf entry|pg_hba\.conf rejects", AuthFailed),
        (r"role .* does not exist|is not permitted to log in|password .*expired|SASL|SCRAM", AuthFailed),
        (r"authentication method .* not supported|channel binding", AuthFailed),
        (r"too many (clients|connections)|remaining connection slots", RateLimited),
        (r"database .* does not exist|not currently accepting connections", Invalid),
        (r"permission denied for database", Forbidden),
    )
)


def refused(error: psycopg.Error, system: str, operation: str) -> AdapterError:
    """The error of a connection that was not made; nothing was changed."""
    said = _said(error)
    kind = next((kind for pattern, kind in _TEXTS if pattern.search(str(error))), Unavailable)
    facts = {"system": system, "operation": operation, "code": error.sqlstate or ""}
    if kind is Untrusted:
        return Untrusted(
            f"{system} cannot be verified: {said}. "
            "If its certificate is of your own authority, name the file of that as ca_file in the settings.",
            **facts,
        )
    if kind is AuthFailed:
        return AuthFailed(f"{system} refuses our role: {said}.", **facts)
    if kind is ContractBroken:
        return ContractBroken(f"What answers in the place of {system} is no PostgreSQL: {said}.", **facts)
    if kind is Unavailable:
        return Unavailable(f"{system} cannot be reached: {said}.", **facts)
    return kind(f"{system} refuses the connection: {said}.", **facts)


def judged(error: psycopg.Error, system: str, operation: str, *, writing: bool, late: bool) -> AdapterError:
    """The error of a statement. `writing` when a write was sent whose answer nobody has; `late` at the deadline."""
    code = error.sqlstate or ""
    facts = {"system": system, "operation": operation, "code": code}
    if is_lost(error) or late:
        why = "no answer came in time" if late else "the connection was lost"
        if writing:
            return OutcomeUnknown(f"{system}: {operation} was sent and {why}; it may have been done.", **facts)
        return Unavailable(f"{system}: {why} ({operation}).", **facts)
    kind = _CODES.get(code) or _CLASSES.get(code[:2], ContractBroken)
    why = _WHY.get(code, "")
    return kind(f"{system} refuses {operation}: {_said(error)}{f' ({why})' if why else ''}.", **facts)


def is_lost(error: psycopg.Error) -> bool:
    """Whether the connection is gone, so that nobody knows what came of the statement."""
    code = error.sqlstate or ""
    if code:
        return code in _LOST or code.startswith("08")
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)


def _said(error: psycopg.Error) -> str:
    """The server's or libpq's own sentence, short."""
    detail = error.diag.message_detail or ""
    text = error.diag.message_primary or re.sub(r"^.*(FATAL|failed|bad):\s+", "", str(error).partition("\n")[0])
    return (f"{text.rstrip('.')}: {detail}" if detail else text)[:_LONGEST].strip().rstrip(".")
