"""A user of Graph as an account, and an account as a user.

Properties of a user, required ones of a new one, and that a password is given and never answered:
learn.microsoft.com/graph/api/resources/user and …/api/user-post-users. That a user mastered on premises cannot be
changed in the cloud: the property `onPremisesSyncEnabled` there, and Graph's answer “Unable to update the specified
properties for on-premises mastered Directory Sync objects”.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any, Final

from jmltui.adapter_api import Account, AccountState, ContractBroken, Forbidden, Invalid

FIELDS: Final = "id,userPrincipalName,displayName,mail,accountEnabled,employeeId,userType,onPremisesSyncEnabled"
PROFILE: Final = frozenset(
    {
        *("givenName", "surname", "jobTitle", "department", "companyName", "officeLocation"),
        *("usageLocation", "city", "country", "mobilePhone", "preferredLanguage", "employeeType"),
    }
)
"""Properties that a policy may set under Graph's own names."""
NAMES: Final[Mapping[str, str]] = {
    "login": "userPrincipalName",
    "display": "displayName",
    "external_id": "employeeId",
    "email": "mail",
}


def account(row: Mapping[str, Any], system: str) -> Account:
    """A user as an account. Raises ContractBroken for one without an id or a name."""
    account_id, login = row.get("id"), row.get("userPrincipalName")
    if not isinstance(account_id, str) or not account_id or not isinstance(login, str) or not login:
        raise ContractBroken(f"{system} tells of a user without an id or a name.", system=system)
    enabled, mail = row.get("accountEnabled"), row.get("mail")
    states = {True: AccountState.ACTIVE, False: AccountState.DISABLED}
    return Account(
        account_id,
        login,
        states.get(enabled, AccountState.UNKNOWN) if isinstance(enabled, bool) else AccountState.UNKNOWN,
        (mail,) if isinstance(mail, str) and mail else (),
        row.get("employeeId") or None,
        str(row.get("displayName") or ""),
        raw={"guest": row.get("userType") == "Guest", "synced": row.get("onPremisesSyncEnabled") is True},
    )


def seen(row: Mapping[str, Any]) -> dict[str, object]:
    """What goes into evidence about a user."""
    return {"id": row.get("id"), "login": row.get("userPrincipalName"), "enabled": row.get("accountEnabled")}


def body_of(wanted: Account) -> dict[str, Any]:
    """The user to create. The password is random, must be changed at once, and is kept nowhere. Raises Invalid."""
    nickname = re.sub(r"[^A-Za-z0-9._-]", "", wanted.login.partition("@")[0])[:64]
    body: dict[str, Any] = {
        "accountEnabled": True,
        "displayName": wanted.display or wanted.login,
        "mailNickname": nickname or "user",
        "userPrincipalName": wanted.login,
        "passwordProfile": {"forceChangePasswordNextSignIn": True, "password": f"aA1!{secrets.token_urlsafe(32)}"},
    }
    if wanted.external_id:
        body["employeeId"] = wanted.external_id
    if wanted.emails:
        body["mail"] = wanted.emails[0]
    for name, value in wanted.raw.items():
        if value in (None, ""):
            continue
        if name not in PROFILE:
            raise Invalid(f"“{name[:60]}” of a user cannot be set through Graph here.")
        body[name] = value
    return body


def properties(changes: Mapping[str, object]) -> list[str]:
    """Graph's names of what these changes are about. Raises Invalid for an unknown one."""
    for name in changes:
        if name not in NAMES and name not in PROFILE:
            raise Invalid(f"“{name[:60]}” of a user cannot be changed through Graph; {', '.join(NAMES)} can.")
    return [NAMES.get(name, name) for name in changes]


def differing(row: Mapping[str, Any], changes: Mapping[str, object]) -> dict[str, object]:
    """Which properties have another value than these changes want. Raises Invalid for an unknown one."""
    wanted = dict(zip(properties(changes), changes.values(), strict=True))
    return {name: value or None for name, value in wanted.items() if (row.get(name) or None) != (value or None)}


def refuse_synced(row: Mapping[str, Any], system: str) -> None:
    """Raises Forbidden for a user whom Active Directory is the master of."""
    if row.get("onPremisesSyncEnabled") is True:
        raise Forbidden(
            f"{row.get('userPrincipalName')} of {system} is synchronised from Active Directory on premises and can "
            "only be changed there; change it in that directory and let it synchronise.",
            system=system,
        )
