"""What Active Directory means by a refusal: result codes alone say little there, the number in the text says the rest.

The texts are those of Windows ("80090308: LdapErr: …, data 533, …"; "0000052D: …"), which Samba writes as well. The
numbers are Windows' system error codes, in hexadecimal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from jmltui.adapter_api import AdapterError, AuthFailed, Conflict, Forbidden, Invalid

_DATA: Final = re.compile(r"AcceptSecurityContext error, data ([0-9a-f]+)\b", re.IGNORECASE)
_NUMBER: Final = re.compile(r"\s*([0-9A-F]{8}): ", re.IGNORECASE)

_SIGN_IN: Final[Mapping[str, str]] = {
    "525": "there is no such account",
    "52e": "the name or the password is wrong",
    "530": "its account may not sign in at this hour",
    "531": "its account may not sign in from this machine",
    "532": "its password has expired",
    "533": "its account is disabled",
    "701": "its account has expired",
    "773": "its password has to be changed first",
    "775": "its account is locked out after wrong passwords",
}
_PASSWORD_POLICY: Final = "0000052D"
_MEANINGS: Final[Mapping[str, tuple[type[AdapterError], str]]] = {
    _PASSWORD_POLICY: (Invalid, "the password policy of the domain does not accept the password"),
    "0000001F": (Invalid, "it takes passwords over an encrypted link alone"),
    "00000005": (Forbidden, "the account of jmltui has no right to do this"),
    "00002098": (Forbidden, "the account of jmltui has no right to do this"),
    "00000524": (Conflict, "an account of this name is there already"),
    "000021C7": (Conflict, "a service principal name is in use already"),
    "000021C8": (Conflict, "the user principal name is in use already"),
    "000004DC": (AuthFailed, "it does not know us as signed in any more"),
}
UNWILLING: Final = 53
CONSTRAINT: Final = 19


def refusal(code: int, said: str) -> type[AdapterError] | None:
    """The error of a result code and its text; None: as RFC 4511 has it."""
    known = _MEANINGS.get(_number(said))
    if known is not None and code not in (0, 32, 49):
        return known[0]
    if code == CONSTRAINT:
        return Invalid
    if code == UNWILLING and "access" in said.casefold():
        return Forbidden
    return None


def in_words(said: str) -> str:
    """What a text of the server's means; "" where it is not known."""
    data = _DATA.search(said)
    if data is not None:
        meaning = _SIGN_IN.get(data[1].casefold())
        return f"{meaning} (data {data[1]})" if meaning else ""
    number = _number(said)
    return f"{_MEANINGS[number][1]} ({number})" if number in _MEANINGS else ""


def _number(said: str) -> str:
    found = _NUMBER.match(said)
    return found[1].upper() if found is not None else ""
