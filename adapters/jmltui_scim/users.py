"""A SCIM user as an account, and an account as a SCIM user."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from jmltui.adapter_api import Account, AccountState, Invalid

from .listing import User
from .paths import USER, put

_ACTIVE: Final = AccountState.ACTIVE
_DISABLED: Final = AccountState.DISABLED


def is_active(user: User) -> bool:
    """Whether a user may sign in; absent means yes (RFC 7643 leaves it open), text is accepted."""
    active = user.active
    return active is True or (active.casefold() != "false" if isinstance(active, str) else active is not False)


def seen(user: User) -> dict[str, object]:
    """What goes into evidence about a user."""
    return {"id": user.id, "login": user.userName, "active": is_active(user)}


def account(user: User) -> Account:
    """A SCIM user as an account."""
    emails = user.emails
    return Account(
        user.id,
        user.userName,
        _ACTIVE if is_active(user) else _DISABLED,
        tuple([email.value for email in emails if email.value]) if emails else (),
        user.externalId,
        user.displayName or "",
        version=user.meta.version if user.meta else None,
    )


def resource(wanted: Account) -> dict[str, Any]:
    """The User resource to create (RFC 7643 section 4.1).

    Further attributes of the account are put where their names say: `title`, `name.familyName`,
    `phoneNumbers[type eq "work"].value`, `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department`.
    Raises Invalid for a name that is no such path.
    """
    body: dict[str, Any] = {"schemas": [USER], "userName": wanted.login, "active": True}
    if wanted.external_id:
        body["externalId"] = wanted.external_id
    if wanted.display:
        body["displayName"] = wanted.display
        body["name"] = {"formatted": wanted.display}
    if wanted.emails:
        body["emails"] = [{"value": value, "primary": index == 0} for index, value in enumerate(wanted.emails)]
    for path, value in wanted.raw.items():
        if value not in (None, ""):
            put(body, path, value)
    return body


def differing(user: User, changes: Mapping[str, object]) -> dict[str, object]:
    """Which attributes have another value than these changes want, by their SCIM path.

    Raises Invalid for an attribute that is not one of an account.
    """
    found = account(user)
    now: dict[str, tuple[str, object]] = {
        "login": ("userName", found.login),
        "display": ("displayName", found.display),
        "external_id": ("externalId", found.external_id),
        "email": ("emails", found.emails[:1]),
    }
    todo: dict[str, object] = {}
    for name, value in changes.items():
        if name not in now:
            raise Invalid(f"“{name}” of an account cannot be changed through SCIM; only {', '.join(now)} can.")
        path, is_now = now[name]
        if is_now != ((value,) if name == "email" else value):
            todo[path] = [{"value": value}] if name == "email" else value
    return todo
