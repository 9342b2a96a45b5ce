"""A user of the Directory API as an account, and an account as a user.

Fields: developers.google.com/workspace/admin/directory/reference/rest/v1/users (`primaryEmail`, `suspended`,
`archived`, `externalIds` of the type organization, `name.displayName`, `etag`; names of at most 60 characters).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from jmltui.adapter_api import Account, AccountState, ContractBroken, Invalid
from jmltui.exchange import instant


def account(row: Mapping[str, Any], system: str) -> Account:
    """A user as an account. Raises ContractBroken for one without an id or an address."""
    account_id, login = row.get("id"), row.get("primaryEmail")
    if not isinstance(account_id, str) or not account_id or not isinstance(login, str) or not login:
        raise ContractBroken(f"{system} tells of a user without an id or an address.", system=system)
    off = row.get("suspended") is True or row.get("archived") is True
    seen_at = instant(row.get("lastLoginTime"))
    return Account(
        account_id,
        login,
        AccountState.DISABLED if off else AccountState.ACTIVE,
        (login,),
        number(row),
        _display(row),
        last_seen=seen_at if seen_at is not None and seen_at.year > 1970 else None,
        version=row.get("etag") or None,
        raw={"admin": row.get("isAdmin") is True, "archived": row.get("archived") is True},
    )


def number(row: Mapping[str, Any]) -> str | None:
    """The person's number: the external id of the type organization."""
    ids = row.get("externalIds")
    for one in ids if isinstance(ids, list) else []:
        if isinstance(one, dict) and one.get("type") == "organization" and one.get("value"):
            return str(one["value"])
    return None


def addresses(row: Mapping[str, Any]) -> set[str]:
    """The addresses that are the user's own within the customer, in small letters: the primary one and aliases."""
    listed = [row.get("primaryEmail"), *(row.get("aliases") or []), *(row.get("nonEditableAliases") or [])]
    return {str(one).casefold() for one in listed if one}


def _display(row: Mapping[str, Any]) -> str:
    name = row.get("name")
    return str(name.get("displayName") or name.get("fullName") or "") if isinstance(name, dict) else ""


def seen(row: Mapping[str, Any]) -> dict[str, object]:
    """What goes into evidence about a user."""
    return {"id": row.get("id"), "login": row.get("primaryEmail"), "suspended": row.get("suspended") is True}


def body_of(wanted: Account) -> dict[str, Any]:
    """The user to create. The password is random, must be changed at once, and is kept nowhere. Raises Invalid."""
    first, _, last = (wanted.display or wanted.login).partition(" ")
    name = {"givenName": first[:60], "familyName": (last or first)[:60], "displayName": wanted.display or wanted.login}
    body: dict[str, Any] = {
        "primaryEmail": wanted.login,
        "name": name,
        "password": secrets.token_urlsafe(48),
        "changePasswordAtNextLogin": True,
    }
    if wanted.external_id:
        body["externalIds"] = [{"type": "organization", "value": wanted.external_id}]
    for key, value in wanted.raw.items():
        if value in (None, ""):
            continue
        if key in ("givenName", "familyName"):
            name[key] = str(value)[:60]
        elif key == "orgUnitPath":
            body[key] = value
        else:
            raise Invalid(f"“{key[:60]}” of a user cannot be set here; givenName, familyName and orgUnitPath can.")
    return body


def differing(row: Mapping[str, Any], changes: Mapping[str, object]) -> dict[str, Any]:
    """The part of a user that these changes want otherwise. Raises Invalid for what cannot be changed."""
    known = {"login": row.get("primaryEmail"), "display": _display(row), "external_id": number(row)}
    known["orgUnitPath"] = row.get("orgUnitPath")
    todo: dict[str, Any] = {}
    for name, value in changes.items():
        if name not in known:
            raise Invalid(f"“{name[:60]}” of a user cannot be changed here; {', '.join(known)} can.")
        if (known[name] or None) == (value or None):
            continue
        if name == "login":
            todo["primaryEmail"] = value
        elif name == "display":
            todo["name"] = {"displayName": value}
        elif name == "orgUnitPath":
            todo["orgUnitPath"] = value
        else:
            todo["externalIds"] = _numbered(row, value)
    return todo


def _numbered(row: Mapping[str, Any], value: object) -> list[dict[str, Any]]:
    """All external ids with another number: the list is replaced as a whole."""
    ids = row.get("externalIds")
    kept = [one for one in ids if one.get("type") != "organization"] if isinstance(ids, list) else []
    return [*kept, {"type": "organization", "value": value}] if value else kept
