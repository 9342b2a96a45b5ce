"""389 Directory Server: like OpenLDAP, but accounts are locked by nsAccountLock and ids are nsUniqueId."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from jmltui.adapter_api import Evidence, Proof, Support

from .entry import Change, Entry, Op
from .openldap import OpenLdap

if TYPE_CHECKING:
    from .connection import Directory

LOCK: Final = "nsAccountLock"
_UNIQUE_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{8}){3}", re.ASCII)


class Ds389(OpenLdap):
    """What 389 Directory Server is like (Administration Guide, “Inactivating users and roles”)."""

    name: str = "389ds"
    id_attribute: str = "nsUniqueId"
    version_attribute: str = "modifyTimestamp"
    id_pattern: ClassVar[re.Pattern[str]] = _UNIQUE_ID
    state_attributes: ClassVar[tuple[str, ...]] = (LOCK, "lastLoginTime")
    seen_attributes: ClassVar[tuple[str, ...]] = ("lastLoginTime",)

    def _can_lock(self, root: Entry) -> bool:
        return True

    def _disable_support(self) -> Support:
        return Support(Proof.READ_BACK, reversible=True, note="who is signed in somewhere stays so")

    def is_disabled(self, entry: Entry) -> bool:
        """Whether it is inactivated."""
        return entry.text(LOCK).casefold() == "true"

    def disabling(self, entry: Entry) -> Sequence[Change]:
        """Inactivated."""
        return [] if self.is_disabled(entry) else [Change(Op.REPLACE, LOCK, ("true",))]

    def enabling(self, entry: Entry) -> Sequence[Change]:
        """Not inactivated."""
        return [Change(Op.REPLACE, LOCK)] if self.is_disabled(entry) else []

    async def probe(self, directory: Directory, entry: Entry) -> Evidence | None:
        """None: the answer to a wrong password does not tell whether the account is inactivated."""
        del directory, entry
        return None
