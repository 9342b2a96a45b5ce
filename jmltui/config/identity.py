"""Who acts: from the kernel, never from the environment, which anybody can set."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

LOGIN_UID_FILE = Path("/proc/self/loginuid")

UNSET_LOGIN_UID = 2**32 - 1
"""What the kernel shows before a login set it (proc(5), `/proc/pid/loginuid`)."""


@dataclass(frozen=True, slots=True)
class Actor:
    """The person at the keyboard.

    `login_uid` is who logged in (kept over su and sudo), None where nobody did.
    """

    uid: int
    login: str
    login_uid: int | None
    name: str = ""

    @property
    def is_switched(self) -> bool:
        """Whether the process runs as another user than the one who logged in."""
        return self.login_uid is not None and self.login_uid != self.uid

    @property
    def label(self) -> str:
        """How the journal and the screens name the actor: the login, with the login uid where it differs."""
        return f"{self.login} (logged in as uid {self.login_uid})" if self.is_switched else self.login


def current_actor(
    *,
    uid: Callable[[], int] = os.getuid,
    account_of: Callable[[int], pwd.struct_passwd] = pwd.getpwuid,
    login_uid_file: Path = LOGIN_UID_FILE,
) -> Actor:
    """The actor of this process. A uid without an account is named by its number."""
    number = uid()
    try:
        account = account_of(number)
    except KeyError:
        return Actor(number, f"uid-{number}", _login_uid(login_uid_file))
    return Actor(number, account.pw_name, _login_uid(login_uid_file), account.pw_gecos.split(",")[0])


def _login_uid(file: Path) -> int | None:
    try:
        number = int(file.read_text("ascii").strip())
    except (OSError, ValueError):
        return None
    return None if number == UNSET_LOGIN_UID else number
