"""What a directory says, as the errors of the contract. Result codes: RFC 4511, appendix A, and RFC 4528 (122)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from jmltui.adapter_api import (
    AdapterError,
    AuthFailed,
    Conflict,
    ContractBroken,
    Forbidden,
    Invalid,
    NotFound,
    RateLimited,
    ResyncNeeded,
    Stale,
    Unavailable,
    Unsupported,
    Untrusted,
)

from . import active_directory_refusals

LONGEST: Final = 200

NO_SUCH_OBJECT: Final = 32
ALREADY_EXISTS: Final = 68
VALUE_EXISTS: Final = 20
NO_SUCH_VALUE: Final = 16
INVALID_CREDENTIALS: Final = 49
ASSERTION_FAILED: Final = 122
SIZE_LIMIT: Final = 4
REFERRAL: Final = 10

_CODES: Final[Mapping[int, type[AdapterError]]] = {
    1: ContractBroken,
    2: ContractBroken,
    3: Unavailable,
    SIZE_LIMIT: ContractBroken,
    7: AuthFailed,
    8: AuthFailed,
    REFERRAL: ContractBroken,
    11: RateLimited,
    12: Unsupported,
    13: Untrusted,
    NO_SUCH_VALUE: Invalid,
    17: Invalid,
    18: Invalid,
    19: Conflict,
    VALUE_EXISTS: Conflict,
    21: Invalid,
    NO_SUCH_OBJECT: NotFound,
    34: Invalid,
    48: AuthFailed,
    INVALID_CREDENTIALS: AuthFailed,
    50: Forbidden,
    51: Unavailable,
    52: Unavailable,
    53: Unsupported,
    64: Invalid,
    65: Invalid,
    66: Conflict,
    67: Invalid,
    ALREADY_EXISTS: Conflict,
    69: Invalid,
    71: Unsupported,
    80: Unavailable,
    ASSERTION_FAILED: Stale,
    123: Forbidden,
    4096: ResyncNeeded,
}
_WHY: Final[Mapping[int, str]] = {
    3: "it took longer than the server allows",
    SIZE_LIMIT: (
        "the answer breaks off at the server's size limit; give the account of jmltui `size.prtotal=unlimited` "
        "(389: `nsSizeLimit: -1`)"
    ),
    REFERRAL: "it sends us to another server; name the one that holds the data in the settings",
    11: "a limit of the account of jmltui; raise it (389: `nsLookThroughLimit: -1`), or lower `page_size`",
    13: "it wants an encrypted link",
    ASSERTION_FAILED: "the entry changed since it was read",
}

Refusal = Callable[[int, str], "type[AdapterError] | None"]


def judged(code: int, said: str, system: str, operation: str, refusal: Refusal | None = None) -> AdapterError:
    """The error of a result code and the server's own words; `refusal` is the dialect's view, which comes first."""
    kind = (refusal(code, said) if refusal is not None else None) or _CODES.get(code, ContractBroken)
    own = in_words(said)
    why = _WHY.get(code, "")
    told = ": ".join(filter(None, (own, why))) or f"result code {code}"
    return kind(f"{system} refuses {operation}: {told}.", system=system, operation=operation, code=str(code))


def in_words(said: str) -> str:
    """What the server said: in plain words where it is a number of Windows', else its own."""
    return active_directory_refusals.in_words(said) or short(said)


def short(said: str) -> str:
    """The server's own words, as data: one line, no control characters, length-limited, without a final full stop."""
    text = "".join(sign if sign.isprintable() else " " for sign in said)
    return " ".join(text.split())[:LONGEST].rstrip(". ")
