"""Procedures: the documented standard procedure of a case kind, as a policy states it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .trigger import Trigger
    from .working_time import WorkingTime


class Do(StrEnum):
    """What a step does. Automatic ones turn into adapter actions, the others are for people."""

    ACCOUNT_CREATE = "account.create"
    ACCOUNT_ENABLE = "account.enable"
    ACCOUNT_DISABLE = "account.disable"
    ACCOUNT_DELETE = "account.delete"
    GRANTS_ADD = "entitlements.apply"
    GRANTS_REMOVE = "entitlements.remove"
    GRANTS_REMOVE_ALL = "group.remove_all"
    GRANTS_EXPIRE = "entitlements.expire"
    REMOTE_REMOVE = "remote_access.remove"
    SESSIONS_END = "session.revoke"
    CREDENTIALS_REVOKE = "token.revoke"
    FACTORS_RESET = "mfa.reset"
    KEYS_REVOKE = "apikey.revoke"
    LICENCES_RECLAIM = "licence.reclaim"
    TRANSFER = "mailbox.transfer"
    DEVICES = "device.recover_or_wipe"
    GRANTS_REVIEW = "entitlements.review"
    OWNED_REASSIGN = "service_account.reassign"
    OWNED_ROTATE = "secret.rotate"
    ROLE_IDENTIFY = "role.identify"
    FIRST_SECRET = "first_secret.deliver"
    APPROVAL = "approval.collect"
    MANUAL = "manual"
    VERIFY = "access.verify"
    EVIDENCE = "evidence.pack"
    HAND_OVER = "accounts.hand_over"
    DEVICE_WIPE = "device.wipe"

    @property
    def is_automatic(self) -> bool:
        """Whether the worker carries the step out by adapter actions."""
        return self not in _BY_PEOPLE and self not in (Do.APPROVAL, Do.GRANTS_EXPIRE, Do.VERIFY, Do.EVIDENCE)

    @property
    def is_manual(self) -> bool:
        """Whether a person does the step and attests it."""
        return self in _BY_PEOPLE

    @property
    def is_by_itself(self) -> bool:
        """Whether the step is done by itself once everything else is settled; nobody can state that it was."""
        return self in (Do.VERIFY, Do.EVIDENCE, Do.GRANTS_EXPIRE)

    @property
    def is_decided(self) -> bool:
        """Whether a person decides each time if the worker does it, or attests that it was done otherwise."""
        return self in DECIDED


_BY_PEOPLE = frozenset(
    {
        Do.MANUAL,
        Do.GRANTS_REVIEW,
        Do.ROLE_IDENTIFY,
        Do.FIRST_SECRET,
        Do.TRANSFER,
        Do.DEVICES,
        Do.LICENCES_RECLAIM,
    }
)


DECIDED = frozenset({Do.HAND_OVER, Do.DEVICE_WIPE})
"""What planning adds to a procedure for what systems can do of its steps for people; no policy states it."""

CHANGING_ACCESS = frozenset({Do.GRANTS_ADD, Do.GRANTS_REMOVE})
"""The steps that a procedure may ask to happen together or not at all."""


@dataclass(frozen=True, slots=True)
class StepTemplate:
    """One line of a procedure.

    `on` narrows what the step is about: `all`, `birthright`, `elevated`, `newly_due`, `no_longer_due`, `requested`,
    `remote_access`, `licensed`, `privileged`, `devices`, `owned:service`, `owned:shared`, `owned:all`, `system:NAME` or
    `entitlement:ID`; in steps that planning adds also `licences` and `device:SYSTEM:ID:ACCOUNT`. `verify` is
    `no_active_sessions` or "". `approval_path` names a path of the policy; "" with `approval` means anybody else.
    """

    id: str
    do: Do
    title: str
    on: str = "all"
    needs: tuple[str, ...] = ()
    owner: str = ""
    fallback_owner: str = ""
    target: timedelta | None = None
    approval: bool = False
    text: str = ""
    approval_path: str = ""
    verify: str = ""


@dataclass(frozen=True, slots=True)
class Urgent:
    """People for whom `condition` (a `when` of the policy, `policy.model.Condition`) is true are dealt with at once.

    Whom the source itself calls urgent is so anyway.
    """

    condition: Any
    target: timedelta


@dataclass(frozen=True, slots=True)
class Overlap:
    """A mover may keep what the old place gave for `longest`, once the approval path agreed ("" is anybody else)."""

    longest: timedelta
    approval_path: str


@dataclass(frozen=True, slots=True)
class Procedure:
    """The checklist of one case kind. `target` is how long the whole case may take from its due instant.

    Without `working_time` the clock runs day and night.
    """

    id: str
    title: str
    owner: str
    fallback_owner: str
    target: timedelta
    steps: tuple[StepTemplate, ...]
    together: bool = False
    place: str = ""
    trigger: Trigger | None = None
    urgent: Urgent | None = None
    working_time: WorkingTime | None = None
    overlap: Overlap | None = None
