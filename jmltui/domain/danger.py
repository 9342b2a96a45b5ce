"""How bad a mistake would be, and what has to be typed to go on."""

from __future__ import annotations

from enum import IntEnum

from .operation import Cap


class Danger(IntEnum):
    """Grades, in rising order. The worst grade asks for the person's login to be typed."""

    SAFE = 0
    CAREFUL = 1
    DANGEROUS = 2
    DESTRUCTIVE = 3

    @property
    def word(self) -> str:
        """The word shown on screens; never colour alone."""
        return ("safe", "careful", "dangerous", "destructive")[self]


def grade(operation: Cap, *, privileged: bool = False, reversible: bool = True) -> Danger:
    """The danger of one action: what takes access away or cannot be undone weighs more, privilege adds one."""
    base = {
        Cap.GRANT: Danger.SAFE,
        Cap.CREATE: Danger.SAFE,
        Cap.UPDATE: Danger.SAFE,
        Cap.ENABLE: Danger.CAREFUL,
        Cap.REVOKE: Danger.CAREFUL,
        Cap.END_SESSIONS: Danger.CAREFUL,
        Cap.REVOKE_CREDENTIALS: Danger.DANGEROUS,
        Cap.DISABLE: Danger.DANGEROUS,
        Cap.TRANSFER: Danger.DANGEROUS,
        Cap.DELETE: Danger.DESTRUCTIVE,
        Cap.WIPE_DEVICE: Danger.DESTRUCTIVE,
    }.get(operation, Danger.SAFE)
    if privileged and operation in (Cap.GRANT, Cap.ENABLE, Cap.CREATE):
        base = Danger(min(base + 1, Danger.DESTRUCTIVE))
    if not reversible and base >= Danger.DANGEROUS:
        return Danger.DESTRUCTIVE
    return base
