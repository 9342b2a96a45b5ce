"""Users, groups and factors of Okta as jmltui tells them, and what its errors mean.

Status values and what each allows: Okta Users API reference and “User lifecycle”; error codes: “Okta API error codes”.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, Final

from jmltui.adapter_api import (
    Account,
    AccountState,
    AdapterError,
    Conflict,
    ContractBroken,
    Credential,
    Entitlement,
)
from jmltui.exchange import Answer, instant, standard_judgement

GROUP: Final = "group:"
STATES: Final[Mapping[str, AccountState]] = {
    "ACTIVE": AccountState.ACTIVE,
    "PASSWORD_EXPIRED": AccountState.ACTIVE,
    "RECOVERY": AccountState.ACTIVE,
    "LOCKED_OUT": AccountState.ACTIVE,
    "STAGED": AccountState.INVITED,
    "PROVISIONED": AccountState.INVITED,
    "SUSPENDED": AccountState.DISABLED,
    "DEPROVISIONED": AccountState.DISABLED,
}
"""A locked or expired user comes in again without an administrator, so is active."""
SHUT: Final = ("SUSPENDED", "DEPROVISIONED")
DEPROVISIONED: Final = "DEPROVISIONED"


def account(user: object, number_in: str, system: str) -> Account:
    """A user of an answer. Raises ContractBroken."""
    profile = user.get("profile") if isinstance(user, dict) else None
    user_id = user.get("id") if isinstance(user, dict) else None
    login = profile.get("login") if isinstance(profile, dict) else None
    if not isinstance(user, dict) or not isinstance(profile, dict) or not _filled(user_id) or not _filled(login):
        raise ContractBroken(f"{system} tells of a user without an id or login.", system=system)
    emails = tuple(str(profile[name]) for name in ("email", "secondEmail") if profile.get(name))
    name = f"{profile.get('firstName') or ''} {profile.get('lastName') or ''}".strip()
    status = str(user.get("status") or "")
    return Account(
        str(user_id),
        str(login),
        STATES.get(status, AccountState.UNKNOWN),
        emails,
        str(profile.get(number_in) or "") or None,
        str(profile.get("displayName") or name or login),
        last_seen=instant(user.get("lastLogin")),
        version=str(user.get("lastUpdated") or "") or None,
        raw={"status": status, "becoming": str(user.get("transitioningToStatus") or "")},
    )


def group(found: object, by_rule: Mapping[str, Sequence[str]], privileged: Sequence[str], system: str) -> Entitlement:
    """A group of an answer. Raises ContractBroken.

    Only Okta's own groups can be joined by hand, and of them those that no rule fills.
    """
    group_id = found.get("id") if isinstance(found, dict) else None
    if not isinstance(found, dict) or not _filled(group_id):
        raise ContractBroken(f"{system} lists a group without an id.", system=system)
    name = str((found.get("profile") or {}).get("name") or group_id)[:200]
    grantable = found.get("type", "OKTA_GROUP") == "OKTA_GROUP" and group_id not in by_rule
    is_strong = any(fnmatchcase(name, pattern) for pattern in privileged)
    return Entitlement(f"{GROUP}{group_id}", "group", name, is_strong, grantable)


def factor(found: object, account_id: str, system: str) -> Credential:
    """A factor of an answer. Raises ContractBroken."""
    if not isinstance(found, dict) or not _filled(found.get("id")):
        raise ContractBroken(f"{system} lists a factor without an id.", system=system)
    created, used = instant(found.get("created")), instant(found.get("lastVerified"))
    active = str(found.get("status") or "ACTIVE") not in ("INACTIVE", "NOT_SETUP")
    return Credential(str(found["id"]), account_id, "mfa", created, used, active)


def judged(answer: Answer, is_read: bool, now: datetime) -> AdapterError | None:
    """The error of an answer. A login or address that is taken is 400 E0000001, as other refused values are."""
    error = standard_judgement(answer, is_read, now)
    if error is None or answer.status != 400:
        return error
    try:
        found: Any = json.loads(answer.body)
    except ValueError:
        return error
    if not isinstance(found, dict) or found.get("errorCode") != "E0000001":
        return error
    causes = [str(one.get("errorSummary")) for one in found.get("errorCauses") or () if isinstance(one, dict)]
    told = "; ".join([str(found.get("errorSummary") or ""), *causes])[:200]
    text = f"{answer.system} refused {answer.operation}: {told.strip().rstrip('.')}."
    kind = Conflict if "already exists" in told else type(error)
    return kind(text, system=answer.system, operation=answer.operation, code="E0000001")


def _filled(value: object) -> bool:
    return isinstance(value, str) and value != ""
