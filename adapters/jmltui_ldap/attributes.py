"""Attributes of people as changes of an entry: what is wanted against what is there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from jmltui.adapter_api import Account, Invalid, Unsupported

from .entry import Change, Entry, Op
from .filters import checked_attribute, encoded

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
SHADOW_EXPIRE: Final = "shadowExpire"
OURS: Final = frozenset({"login", "display", "email", "emails", "external_id", "expires"})
"""What the contract calls an account's own; every other name is an attribute of the directory."""
_REFUSED: Final = frozenset(
    {
        "objectclass",
        "userpassword",
        "unicodepwd",
        "memberof",
        "entryuuid",
        "entrydn",
        "entrycsn",
        "nsuniqueid",
        "nsaccountlock",
        "nsroledn",
        "sshpublickey",
        "nssshpublickey",
        "authpassword",
        "sambantpassword",
        "krbprincipalkey",
        "uidnumber",
        "aci",
    }
)
"""Attributes that make up who an entry is, what it may do, or how it signs in: nothing that an update may set."""


def values_of(value: object) -> tuple[str, ...]:
    """The values that are wanted of an attribute. Raises Invalid for text that cannot be stored."""
    given = value if isinstance(value, Sequence) and not isinstance(value, str | bytes) else [value]
    found = tuple(str(one) for one in given if one is not None and str(one) != "")
    for one in found:
        encoded(one)
    return found


def change(entry: Entry, attribute: str, wanted: Sequence[str]) -> list[Change]:
    """What makes an attribute hold exactly these; nothing when it does."""
    if sorted(entry.texts(attribute)) == sorted(wanted):
        return []
    return [Change(Op.REPLACE, attribute, tuple(wanted))]


def further_attribute(name: str) -> str:
    """A name of an attribute that may be set. Raises Invalid."""
    checked = checked_attribute(name)
    plain = checked.partition(";")[0].lower()
    if plain in _REFUSED or plain.startswith("pwd"):
        raise Invalid(f"“{checked[:40]}” is nothing that jmltui sets as an attribute of a person.")
    return checked


def expiry_changes(entry: Entry, value: object) -> list[Change]:
    """The day from which an account is expired to the hosts that read it. Raises Invalid, Unsupported."""
    at = instant(value)
    wanted = "" if at is None else str(math.ceil((at - EPOCH) / timedelta(days=1)))
    if at is None and not entry.has(SHADOW_EXPIRE):
        return []
    if "shadowaccount" not in entry.classes():
        raise Unsupported("This account cannot expire: only one of the class shadowAccount has a day for that.")
    return change(entry, SHADOW_EXPIRE, (wanted,) if wanted else ())


def expiry_of(entry: Entry) -> datetime | None:
    """The start of the day from which an account is expired; 0 and less mean never (shadow(5))."""
    text = entry.text(SHADOW_EXPIRE)
    try:
        days = int(text) if text else 0
        return EPOCH + timedelta(days=days) if days > 0 else None
    except (ValueError, OverflowError):
        return None


def instant(value: object) -> datetime | None:
    """A point in time; None for none. Raises Invalid."""
    if value in (None, ""):
        return None
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise Invalid(f"“{str(value)[:40]}” is no date and time such as 2026-06-30T18:00:00+00:00.") from None
    if found.tzinfo is None:
        raise Invalid(f"“{str(value)[:40]}” must be a time with its offset from UTC.")
    return found.astimezone(UTC)


def checked_login(login: str) -> str:
    """A login that a directory keeps as it is. Raises Invalid for spaces around it and for control characters."""
    if not login or login != login.strip() or "  " in login or len(login) > 256 or not login.isprintable():
        raise Invalid(f"“{login[:60]}” can be no login: at most 256 signs, without spaces around it.")
    encoded(login)
    return login


def person_attributes(wanted: Account) -> Mapping[str, Sequence[str]]:
    """Given name and surname, which inetOrgPerson wants, out of the display name: the last word is the surname."""
    display = " ".join((wanted.display or wanted.login).split())
    given, _, surname = display.rpartition(" ")
    return {"cn": [display], "sn": [surname], **({"givenName": [given]} if given else {})}
