"""What is sent to a host is a name of the allowed form, or nothing is sent."""

from __future__ import annotations

import re
from typing import Final

from jmltui.adapter_api import Invalid

NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}", re.ASCII)
"""Logins and groups: what useradd(8) takes everywhere, so no leading `-`, no path, no sign of a shell."""
RULE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", re.ASCII)
"""Files in sudoers.d; sudoers(5) leaves names with a dot out."""
FINGERPRINT: Final = re.compile(r"SHA256:[A-Za-z0-9+/]{43}", re.ASCII)
GROUP: Final = "group:"
PERMISSION: Final = "permission:"
_UNFIT: Final = re.compile(r"[,:\x00-\x1f\x7f]+")


def is_name(text: str) -> bool:
    """Whether a login or group can be called this."""
    return NAME.fullmatch(text) is not None


def checked_login(text: str, system: str) -> str:
    """The login. Raises Invalid before anything is sent."""
    if not is_name(text):
        raise Invalid(
            f"“{text[:60]}” is no login of a Linux host: at most 32 letters, digits, “.”, “_”, “-”, a letter first.",
            system=system,
        )
    return text


def full_name(text: str) -> str:
    """A name as the first part of passwd(5)'s field can hold it: commas and colons end parts and become spaces."""
    return " ".join(_UNFIT.sub(" ", text).split())
