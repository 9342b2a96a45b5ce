"""The kinds of groups that OpenLDAP and its kin have (RFC 4519, RFC 2307 and their successors)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from .entry import Entry
from .filters import any_of, equals

_OPTIONAL_UID: Final = re.compile(r"#'[01]*'B$")


@dataclass(frozen=True, slots=True)
class GroupKind:
    """One object class of groups: its attribute of members, whether that holds logins, and whether it may be empty."""

    object_class: str
    attribute: str
    by_login: bool = False
    may_be_empty: bool = True


KINDS: Final = (
    GroupKind("groupOfNames", "member", may_be_empty=False),
    GroupKind("groupOfUniqueNames", "uniqueMember", may_be_empty=False),
    GroupKind("groupOfMembers", "member"),
    GroupKind("groupOfEntries", "member"),
    GroupKind("posixGroup", "memberUid", by_login=True),
)
"""In the order in which they count where an entry has several, as a posixGroup that is a groupOfMembers too."""

DYNAMIC: Final = "groupOfURLs"
URL_ATTRIBUTE: Final = "memberURL"

FILTER: Final = any_of(*(equals("objectClass", kind.object_class) for kind in KINDS), equals("objectClass", DYNAMIC))
ATTRIBUTES: Final = ("cn", "objectClass", "gidNumber", URL_ATTRIBUTE)
MEMBER_ATTRIBUTES: Final = ("member", "uniqueMember")
LOGIN_MEMBER_ATTRIBUTES: Final = ("memberUid",)


def kind_of(group: Entry) -> GroupKind | None:
    """The kind of a group; None for a dynamic one and for an unknown one."""
    classes = group.classes()
    if is_dynamic(group):
        return None
    return next((kind for kind in KINDS if kind.object_class.lower() in classes), None)


def is_dynamic(group: Entry) -> bool:
    """Whether a search says who is a member, rather than a list."""
    return DYNAMIC.lower() in group.classes() or group.has(URL_ATTRIBUTE)


def named(value: str) -> str:
    """The name of an entry in a value of uniqueMember, which may carry a bit string after it (RFC 4517, 3.3.21)."""
    return _OPTIONAL_UID.sub("", value)
