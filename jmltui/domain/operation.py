"""What can be done to a system, and how it can be proved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final


class Cap(StrEnum):
    """A capability of an adapter; the writing ones are also the operations of planned actions."""

    LIST_ACCOUNTS = "list-accounts"
    LIST_ENTITLEMENTS = "list-entitlements"
    LIST_GRANTS = "list-grants"
    DELTA = "delta"
    FIND = "find"
    CREATE = "create"
    UPDATE = "update"
    ENABLE = "enable"
    DISABLE = "disable"
    DELETE = "delete"
    GRANT = "grant"
    REVOKE = "revoke"
    LIST_SESSIONS = "list-sessions"
    END_SESSIONS = "end-sessions"
    LIST_CREDENTIALS = "list-credentials"
    REVOKE_CREDENTIALS = "revoke-credentials"
    TRANSFER = "transfer"
    WIPE_DEVICE = "wipe-device"
    TICKET = "ticket"


class Proof(StrEnum):
    """How the effect of a capability can be known."""

    READ_BACK = "read-back"
    PROBE = "probe"
    AUDIT = "audit"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Support:
    """How well a capability is supported; `settle` is how long a read-back may lag behind a write."""

    proof: Proof
    reversible: bool
    settle: timedelta = timedelta(0)
    note: str = ""


Capabilities = Mapping[Cap, Support]
"""What an adapter offers; an absent key means not supported."""

INVERSE: Final[Mapping[Cap, Cap]] = {
    Cap.GRANT: Cap.REVOKE,
    Cap.REVOKE: Cap.GRANT,
    Cap.ENABLE: Cap.DISABLE,
    Cap.DISABLE: Cap.ENABLE,
    Cap.CREATE: Cap.DISABLE,
}
"""What takes an operation back. A created account is disabled, never deleted, by an undo."""
