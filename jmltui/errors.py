"""Every error that jmltui raises on purpose.

    JmltuiError
    ├── SettingsError        settings file: place, what is wrong, the nearest valid word
    ├── PolicyError          policy folder: one or many `Problem`s, each file:line:column
    ├── SecretError          a secret reference that does not answer
    ├── FeedRefused          a feed of people that must not be believed
    ├── CacheError
    │   ├── CacheTooNew      written by a newer jmltui
    │   ├── CacheUnsafe      network file system, wrong owner or mode
    │   └── CacheFull        the disk is full or the file read-only: nothing may be executed
    ├── StaleWrite           somebody else changed the record first
    ├── NotAllowed           the rule that forbids it (four eyes, guard, protected account)
    └── UsageError           the command line was used wrongly

Each carries `message`, one sentence for an operator, and `hint`, what to do next. `exit_code` is what a command ends
with. Errors of adapters live in `jmltui.adapter_api.errors`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class JmltuiError(Exception):
    """Base of all; `str()` is the message with its hint."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong at one place of a file; line and column count from 1, 0 when the whole file is meant."""

    file: str
    line: int
    column: int
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}  {self.message} {self.hint}".rstrip()


class ProblemsError(JmltuiError):
    """Several problems at once, all of them told."""

    exit_code = 2

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


class SettingsError(ProblemsError):
    """The settings file is not usable."""


class PolicyError(ProblemsError):
    """The policy folder is not usable; the policy in force stays in force."""


class SecretError(JmltuiError):
    """A secret reference does not answer. Never carries any part of a secret."""


class FeedRefused(JmltuiError):
    """The feed of a source must not be believed; nothing was changed."""

    exit_code = 3


class CacheError(JmltuiError):
    """The cache cannot be used."""

    exit_code = 4


class CacheTooNew(CacheError):
    """The cache was written by a newer jmltui."""


class CacheUnsafe(CacheError):
    """The cache stands where it must not: a network file system, or readable by others."""


class CacheFull(CacheError):
    """The journal cannot be written, so nothing is executed."""


class StaleWrite(JmltuiError):
    """Somebody else changed the record first; reload it."""

    exit_code = 5


class NotAllowed(JmltuiError):
    """A rule forbids it; the message names the rule."""

    exit_code = 6


class UsageError(JmltuiError):
    """A command was used wrongly."""

    exit_code = 2
