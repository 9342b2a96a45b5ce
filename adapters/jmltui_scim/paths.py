"""Attribute paths (RFC 7644 section 3.10): where a value of a user stands, to write it there or to read it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from jmltui.adapter_api import Invalid

USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"

_PATH: Final = re.compile(
    r"""(?:(?P<schema>urn:[A-Za-z0-9_.:-]+):)?
        (?P<name>[A-Za-z$][\w$-]*)
        (?:\[type\ eq\ "(?P<type>[^"\\]+)"\])?
        (?:\.(?P<sub>[A-Za-z$][\w$-]*))?""",
    re.VERBOSE,
)
"""The part of an attribute path that names one value of a user."""


def put(body: dict[str, Any], path: str, value: object) -> None:
    """Set one value of a User resource. Raises Invalid for what is no path to one value."""
    found = _match(path)
    if found["schema"] and found["schema"] != USER:
        if found["schema"] not in body["schemas"]:
            body["schemas"].append(found["schema"])
        body = body.setdefault(found["schema"], {})
    name, sub = found["name"], found["sub"]
    if found["type"]:
        entries = body.setdefault(name, [])
        entry = next((entry for entry in entries if entry.get("type") == found["type"]), None)
        if entry is None:
            entry = {"type": found["type"]}
            entries.append(entry)
        entry[sub] = value
    elif sub:
        body.setdefault(name, {})[sub] = value
    else:
        body[name] = value


def value_at(body: Mapping[str, Any], path: str) -> str:
    """One value of a User resource as text, "" where there is none. Raises Invalid for what is no path.

    Of several values without a type asked for it is the primary one, else the first (RFC 7643 section 2.4).
    """
    found = _match(path)
    holder: Any = body
    if found["schema"] and found["schema"] != USER:
        holder = _member(body, found["schema"])
    value = _member(holder, found["name"])
    if isinstance(value, list):
        value = _one_of(value, found["type"])
    if isinstance(value, Mapping):
        value = _member(value, found["sub"] or "value")
    elif found["sub"]:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else ""


def check(path: str) -> None:
    """Raise Invalid for what is no path to one value of a user."""
    _match(path)


def _match(path: str) -> re.Match[str]:
    found = _PATH.fullmatch(path)
    if found is None or (found["type"] and not found["sub"]):
        raise Invalid(
            f"“{path[:100]}” is no attribute of a SCIM user. Write it as title, name.familyName, "
            'phoneNumbers[type eq "work"].value or urn:…:User:department in the settings.'
        )
    return found


def _member(holder: object, name: str) -> Any:
    """By name in any case (RFC 7643 section 2.1)."""
    if not isinstance(holder, Mapping):
        return None
    if name in holder:
        return holder[name]
    return next((value for key, value in holder.items() if str(key).casefold() == name.casefold()), None)


def _one_of(values: list[Any], kind: str | None) -> Any:
    if kind is not None:
        return next((v for v in values if str(_member(v, "type") or "").casefold() == kind.casefold()), None)
    return next((v for v in values if _member(v, "primary") is True), values[0] if values else None)
