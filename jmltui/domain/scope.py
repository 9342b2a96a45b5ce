"""What of a person's difference a case is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

WINDOW: Final = "window"
"""The reason of the scope of a case that a window opened: the worker carries it out by itself."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The part of the world that a case may change; an empty scope is everything of the person.

    `entitlements` are ids of the policy: only lines about them, and the accounts that they need. `revoke` are
    (system, account id, target) that a reviewer takes away, `disable` (system, account id) that are switched off,
    whoever's they are. `exceptions` are the numbers of what was asked for; `approval_path` names a path of the policy
    that agrees to it instead of the procedure's own.
    """

    entitlements: tuple[str, ...] = ()
    revoke: tuple[tuple[str, str, str], ...] = ()
    disable: tuple[tuple[str, str], ...] = ()
    exceptions: tuple[int, ...] = ()
    reason: str = ""
    approval_path: str = ""

    @property
    def is_everything(self) -> bool:
        """Whether the case is about the whole difference."""
        return not (self.entitlements or self.revoke or self.disable or self.exceptions)

    @property
    def is_window(self) -> bool:
        """Whether a window opened the case."""
        return self.reason == WINDOW

    def as_json(self) -> dict[str, Any]:
        """Plain values; {} for everything."""
        if self == Scope():
            return {}
        return {
            "entitlements": list(self.entitlements),
            "revoke": [list(each) for each in self.revoke],
            "disable": [list(each) for each in self.disable],
            "exceptions": list(self.exceptions),
            "reason": self.reason,
            "approval_path": self.approval_path,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Scope:
        """What `as_json` wrote."""
        return cls(
            entitlements=tuple(value.get("entitlements", ())),
            revoke=tuple((str(s), str(a), str(t)) for s, a, t in value.get("revoke", ())),
            disable=tuple((str(s), str(a)) for s, a in value.get("disable", ())),
            exceptions=tuple(value.get("exceptions", ())),
            reason=str(value.get("reason", "")),
            approval_path=str(value.get("approval_path", "")),
        )
