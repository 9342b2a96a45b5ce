"""Procedures: the documented standard procedure of a case kind, as a policy states it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Do(StrEnum):
    """What a step does. Automatic ones turn into adapter actions, the others are for people."""

    ACCOUNT_CREATE = "account.create"
    ACCOUNT_ENABLE = "account.enable"
    ACCOUNT_DISABLE = "account.disable"
    ACCOUNT_DELETE = "account.delete"
    GRANTS_ADD = "entitlements.apply"
    GRANTS_REMOVE = "entitlements.remove"
    GRANTS_REMOVE_ALL = "group.remove_all"
    SESSIONS_END = "session.revoke"
    CREDENTIALS_REVOKE = "token.revoke"
    APPROVAL = "approval.collect"
    MANUAL = "manual"
    VERIFY = "access.verify"
    EVIDENCE = "evidence.pack"

    @property
    def is_automatic(self) -> bool:
        """Whether the worker carries the step out by adapter actions."""
        return self not in (Do.APPROVAL, Do.MANUAL, Do.VERIFY, Do.EVIDENCE)


@dataclass(frozen=True, slots=True)
class StepTemplate:
    """One line of a procedure.

    `on` narrows the systems or entitlements (`all`, `system:NAME`, `remote_access`).
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


@dataclass(frozen=True, slots=True)
class Procedure:
    """The checklist of one case kind. `target` is how long the whole case may take from its due instant."""

    id: str
    title: str
    owner: str
    fallback_owner: str
    target: timedelta
    steps: tuple[StepTemplate, ...]
    together: bool = False
    place: str = ""
