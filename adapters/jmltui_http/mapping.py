"""Records of a system as accounts, entitlements, grants and sessions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from jmltui.adapter_api import Account, AccountState, ContractBroken, Entitlement, Grant, Session
from jmltui.exchange import instant

from .lists import Columns
from .sections import EntitlementsShape
from .template import text_of

LIMIT: Final = 1000
_OWN: Final = frozenset(
    {"id", "login", "state", "emails", "external_id", "display", "kind", "last_seen", "expires", "version"}
)


def row(columns: Columns, record: Any) -> dict[str, Any]:
    """The columns of a record, as the system gives them. Raises CannotTell."""
    return {name: expression.of(record) for name, expression in columns.columns.items()}


def account_of(system: str, columns: Columns, record: Any) -> Account:
    """A record as an account. Raises ContractBroken for one without id or login."""
    found = row(columns, record)
    emails = found.get("emails")
    listed = emails if isinstance(emails, list) else [emails]
    return Account(
        id=_needed(system, found, "id"),
        login=_needed(system, found, "login"),
        state=state_of(columns, found.get("state")),
        emails=tuple(text for text in map(_text, listed) if text),
        external_id=_text(found.get("external_id")) or None,
        display=_text(found.get("display")),
        kind=columns.word("kind", _text(found.get("kind"))) or "person",
        last_seen=moment(found.get("last_seen")),
        expires=moment(found.get("expires")),
        version=_text(found.get("version")) or None,
        raw={name: value for name, value in found.items() if name not in _OWN and value is not None},
    )


def state_of(columns: Columns, told: Any) -> AccountState:
    """The state that a word of the system means; UNKNOWN for one that the description does not name."""
    try:
        return AccountState(columns.word("state", _text(told)).casefold())
    except ValueError:
        return AccountState.UNKNOWN


def entitlement_of(system: str, shape: EntitlementsShape, record: Any) -> Entitlement:
    """A record as an entitlement. Raises ContractBroken for one without id or name."""
    found = row(shape.columns, record)
    return Entitlement(
        id=_needed(system, found, "id"),
        kind=shape.columns.word("kind", _text(found.get("kind"))) or shape.kind,
        name=_needed(system, found, "name"),
        privileged=found.get("privileged") is True,
        grantable=found.get("grantable", True) is True,
    )


def grant_of(system: str, columns: Columns, record: Any, given: Mapping[str, str]) -> Grant:
    """A record as a grant; `given` are the account or entitlement that the call was about."""
    found = {**row(columns, record)}
    for name, value in given.items():
        found[name] = found.get(name) or value
    via = found.get("via")
    listed = via if isinstance(via, list) else [via]
    return Grant(
        _needed(system, found, "account"),
        _needed(system, found, "entitlement"),
        direct=found.get("direct", True) is not False,
        via=tuple(text for text in map(_text, listed) if text),
        expires=moment(found.get("expires")),
    )


def session_of(system: str, columns: Columns, record: Any, account_id: str) -> Session:
    """A record as a live session."""
    found = row(columns, record)
    return Session(_needed(system, found, "id"), account_id, moment(found.get("started")), _text(found.get("where")))


def moment(told: Any) -> datetime | None:
    """An instant: RFC 3339, or seconds or milliseconds since 1970."""
    if isinstance(told, bool) or told is None:
        return None
    if isinstance(told, int | float):
        try:
            return datetime.fromtimestamp(told / 1000 if abs(told) > 1e11 else told, UTC)
        except (ValueError, OverflowError, OSError):
            return None
    return instant(told)


def _text(value: Any) -> str:
    return "" if value is None or isinstance(value, dict) else text_of(value)[:LIMIT]


def _needed(system: str, found: Mapping[str, Any], name: str) -> str:
    value = _text(found.get(name))
    if not value:
        raise ContractBroken(f"{system} names something without {name}; the answer is not used.", system=system)
    return value
