"""389 Directory Server: like OpenLDAP, but accounts are locked by nsAccountLock and ids are nsUniqueId."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from jmltui.adapter_api import AdapterError, Conflict, ContractBroken, Evidence, Verdict

from .entry import Change, Entry, Op
from .judgement import INVALID_CREDENTIALS
from .openldap import OpenLdap

if TYPE_CHECKING:
    from .connection import Directory

LOCK: Final = "nsAccountLock"
_UNIQUE_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{8}){3}", re.ASCII)
_UNWILLING: Final = 53
_LIMIT: Final = 11
_CONSTRAINT: Final = 19
_TAKEN: Final = "same attribute value already exists"
_INACTIVATED: Final = "inactivated"
_SIGN_IN: Final = "lastLoginTime"
"""Where the account policy plugin notes the last sign-in, if it is switched on; that is no change of the account."""


class Ds389(OpenLdap):
    """What 389 Directory Server is like (Administration Guide, “Inactivating users and roles”)."""

    name: str = "389ds"
    id_attribute: str = "nsUniqueId"
    version_attribute: str = "modifyTimestamp"
    synchronizes: ClassVar[bool] = False
    lock_attribute: ClassVar[str] = LOCK
    ssh_attributes: ClassVar[tuple[str, ...]] = ("sshPublicKey", "nsSshPublicKey")
    id_pattern: ClassVar[re.Pattern[str]] = _UNIQUE_ID
    state_attributes: ClassVar[tuple[str, ...]] = (LOCK, _SIGN_IN)
    seen_attributes: ClassVar[tuple[str, ...]] = (_SIGN_IN,)

    def _can_lock(self, root: Entry) -> bool:
        return True

    def refusal(self, code: int, said: str) -> type[AdapterError] | None:
        """As in OpenLDAP, but the plugin of unique attributes has words of its own, and no limit passes by itself."""
        if code == _LIMIT:
            return ContractBroken
        if code == _CONSTRAINT and _TAKEN in said.casefold():
            return Conflict
        return super().refusal(code, said)

    def version_of(self, entry: Entry) -> str:
        """Its time of change, which is by the second, and a digest of what it says."""
        digest = hashlib.sha256()
        for name in sorted({one.lower() for one in self.account_attributes} - {_SIGN_IN.lower()}):
            for value in (name.encode(), *sorted(entry.raw(name))):
                digest.update(len(value).to_bytes(4, "big") + value)
        return f"{entry.text(self.version_attribute)}-{digest.hexdigest()[:16]}"

    def is_disabled(self, entry: Entry) -> bool:
        """Whether it is inactivated, by itself or by a role."""
        return entry.text(LOCK).casefold() == "true"

    def disabling(self, entry: Entry) -> Sequence[Change]:
        """Inactivated."""
        return [] if self.is_disabled(entry) else [Change(Op.REPLACE, LOCK, ("true",))]

    def enabling(self, entry: Entry) -> Sequence[Change]:
        """Not inactivated."""
        return [Change(Op.REPLACE, LOCK)] if self.is_disabled(entry) else []

    async def probe(self, directory: Directory, entry: Entry) -> Evidence | None:
        """A sign-in with an impossible password: an inactivated account is refused as such, whatever the password is.

        A server that has said so once always does; one that signs people in by others (PAM pass-through) may not.
        """
        answer = await directory.sign_in(entry.dn, secrets.token_urlsafe(32))
        if answer.code == _UNWILLING and _INACTIVATED in answer.said.casefold():
            self._says_why = True
            return self._probed(Verdict.CONFIRMED, entry, "refused: account inactivated")
        if answer.code == 0 or (answer.code == INVALID_CREDENTIALS and self._says_why):
            return self._probed(Verdict.CONTRADICTED, entry, "not refused for the lock")
        return None
