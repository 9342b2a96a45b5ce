"""What a server says of its password policy in the answer to a sign-in (draft-behera-ldap-password-policy, 6.2)."""

from __future__ import annotations

from typing import Final

PASSWORD_POLICY: Final = "1.3.6.1.4.1.42.2.27.8.5.1"
ACCOUNT_LOCKED: Final = 1


def policy_error(value: object) -> int | None:
    """The error of a password policy answer: SEQUENCE { warning [0] OPTIONAL, error [1] ENUMERATED OPTIONAL }."""
    if not isinstance(value, bytes) or value[:1] != b"\x30":
        return None
    at = 2
    while at + 2 < len(value):
        tag, length = value[at], value[at + 1]
        if tag == 0x81 and length == 1:
            return value[at + 2]
        at += 2 + length
    return None
