"""A team member as the interface tells it, and what follows from the roles.

Fields and roles: schema `TeamMember` of RealVNC's OpenAPI file “RealVNC Gateway Service 1.0”, read in a copy that a
third party keeps (github.com/JustinGrote/realvnc, realvnc.oa3.yml; its examples are of 2022). That Managers may make
access keys: help.realvnc.com article 6570740631197.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from jmltui.adapter_api import Account, AccountState, ContractBroken, Entitlement, Forbidden

ROLES: Final = ("USER", "TECHNICIAN", "MANAGER", "ADMIN", "OWNER")
CHANGEABLE: Final = frozenset({"USER", "TECHNICIAN", "MANAGER"})
"""Roles that the interface grants and takes; ADMIN and OWNER it neither grants, changes nor removes."""
PRIVILEGED: Final = frozenset({"MANAGER", "ADMIN", "OWNER"})
GONE: Final = "DELETED"
ROLE: Final = "role:"
GROUP: Final = "group:"


@dataclass(frozen=True, slots=True)
class Member:
    """One member. `version` is the ETag that a change of roles must name."""

    id: str
    login: str
    email: str
    invited: bool
    roles: frozenset[str]
    version: str

    @property
    def gone(self) -> bool:
        """Whether the membership has ended and only its record is left."""
        return GONE in self.roles

    @property
    def untouchable(self) -> bool:
        """Whether the interface refuses to change or remove this member."""
        return not self.roles <= CHANGEABLE and not self.gone

    def seen(self) -> dict[str, object]:
        """What goes into evidence."""
        return {"id": self.id, "login": self.login, "roles": sorted(self.roles), "invited": self.invited}


def member(found: object, system: str) -> Member:
    """A member of an answer. Raises ContractBroken for what is none."""
    record: Mapping[str, Any] = found if isinstance(found, dict) else {}
    account_id, email = record.get("id"), record.get("email") or record.get("idpUserDisplayId")
    roles = record.get("roles")
    if not isinstance(account_id, str) or not account_id or not isinstance(email, str) or not email:
        raise ContractBroken(f"{system} tells of a member without an id or an address.", system=system)
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise ContractBroken(f"{system} does not say which roles {email[:80]} has.", system=system)
    version = record.get("etag")
    return Member(
        account_id,
        email,
        str(record.get("email") or ""),
        record.get("state") == "INVITED",
        frozenset(roles),
        version if isinstance(version, str) else "",
    )


def account(found: Member) -> Account:
    """A member as an account."""
    state = AccountState.INVITED if found.invited else AccountState.ACTIVE
    return Account(
        found.id,
        found.login,
        AccountState.DELETED if found.gone else state,
        (found.email,) if found.email else (),
        version=found.version or None,
    )


def role_entitlements(sso: bool) -> list[Entitlement]:
    """The roles; where single sign-on rules, they come from the identity provider and are not granted here."""
    return [
        Entitlement(f"{ROLE}{role}", "role", role, role in PRIVILEGED, role in CHANGEABLE and not sso) for role in ROLES
    ]


def refuse_untouchable(found: Member, what: str, system: str) -> None:
    """Raises Forbidden for an Admin or Owner: the interface does not touch them, whatever the access key may do."""
    if found.untouchable:
        role = "Owner" if "OWNER" in found.roles else "Admin"
        raise Forbidden(
            f"{found.login} is {role} of the team on {system}; the interface does not let that role be {what}. "
            "An Owner of the team has to do it in the RealVNC Connect Portal, under People.",
            system=system,
        )
