"""Accounts, entitlements, grants and assignments: what can be held, what is held, what is due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final


class AccountState(StrEnum):
    """The state of an account as its system says it."""

    ACTIVE = "active"
    DISABLED = "disabled"
    INVITED = "invited"
    DELETED = "deleted"
    UNKNOWN = "unknown"


class Link(StrEnum):
    """How sure it is that an account belongs to a person. Only `confirmed` is ever acted upon."""

    CONFIRMED = "confirmed"
    PROPOSED = "proposed"
    ORPHANED = "orphaned"


class Tier(StrEnum):
    """How an entitlement is come by."""

    BIRTHRIGHT = "birthright"
    ELEVATED = "elevated"
    JIT = "jit"


@dataclass(frozen=True, slots=True)
class Account:
    """A login on a system.

    `id` is the system's immutable id; `external_id` carries the person's key where kept.
    """

    id: str
    login: str
    state: AccountState
    emails: tuple[str, ...] = ()
    external_id: str | None = None
    display: str = ""
    kind: str = "person"
    last_seen: datetime | None = None
    expires: datetime | None = None
    version: str | None = None
    raw: Mapping[str, object] = field(default_factory=dict)


DEVICE: Final = "device"
LICENCE: Final = "licence"
"""Kinds of entitlements that are dealt with in a way of their own."""


@dataclass(frozen=True, slots=True)
class Entitlement:
    """Something an account can hold: kind is group, role, licence, permission, device or key-slot.

    `grantable` is False where membership follows from something else (dynamic group, primary group).
    """

    id: str
    kind: str
    name: str
    privileged: bool = False
    grantable: bool = True


@dataclass(frozen=True, slots=True)
class Grant:
    """An account holds an entitlement now. `direct` is False when it comes through `via`."""

    account_id: str
    entitlement_id: str
    direct: bool = True
    via: tuple[str, ...] = ()
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """A live session of an account; `inferred` when only start and end events tell of it."""

    id: str
    account_id: str
    started: datetime | None
    where: str = ""
    inferred: bool = False


@dataclass(frozen=True, slots=True)
class Credential:
    """A secret of an account: kind is password, mfa, token, api-key, ssh-key or certificate."""

    id: str
    account_id: str
    kind: str
    created: datetime | None = None
    last_used: datetime | None = None
    active: bool = True


@dataclass(frozen=True, slots=True)
class Assignment:
    """The policy says that a person should hold an entitlement.

    `entitlement` is the policy's id of it; `target` is how the system names it, `account` for the bare
    account or `kind:name` (`group:Engineering`). `reason` is the sentence shown on every diff line. `exception` is the
    number of the exception that makes it due until `until`; 0 where a role does.
    """

    entitlement: str
    system: str
    target: str
    reason: str
    tier: Tier = Tier.BIRTHRIGHT
    role: str = ""
    remote_access: bool = False
    privileged: bool = False
    approval: bool = False
    approval_path: str = ""
    until: datetime | None = None
    exception: int = 0
    licensed: bool = False


ACCOUNT_TARGET = "account"
"""The target of an assignment that is the account itself."""
