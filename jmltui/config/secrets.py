"""Secret references and the values behind them. Settings hold references; a value is opened when it is
needed.

keyring:SERVICE/NAME    the desktop's keyring, by a backend class from an allow-list (see config/keyrings.py)
file:PATH               a regular file, mode 0600 or stricter, of this user or root, no symbolic link
env:NAME                an environment variable: accepted, with a warning
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from jmltui.errors import SecretError

MASK: Final = "[secret]"
KINDS: Final = ("keyring", "file", "env")
FORM: Final = "keyring:SERVICE/NAME, file:PATH or env:NAME"
MAX_BYTES: Final = 65_536

_REFERENCE: Final = re.compile(r"(keyring|file|env):(.+)", re.DOTALL)
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Secret:
    """A value that never shows itself: text, format, JSON, pickle and copies of it are `[secret]`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself; the only way to it."""
        return self._value

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, specification: str) -> str:
        return format(MASK, specification)

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return (str, (MASK,))

    def __bool__(self) -> bool:
        return bool(self._value)

    def __setattr__(self, name: str, value: object) -> None:
        if hasattr(self, "_value"):
            raise AttributeError("A secret cannot be changed.")
        object.__setattr__(self, name, value)


@dataclass(frozen=True, slots=True)
class Reference:
    """A parsed secret reference. Its text is no secret and may be shown."""

    kind: str
    rest: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.rest}"

    @property
    def service(self) -> str:
        """Of a keyring reference: the service."""
        return self.rest.partition("/")[0]

    @property
    def name(self) -> str:
        """Of a keyring reference: the name within the service."""
        return self.rest.partition("/")[2]

    @property
    def warning(self) -> str:
        """What is to be said of this kind of reference, or empty."""
        if self.kind == "env":
            return f"{self} can be read by every process of this user; prefer keyring: or file:."
        return ""


def is_reference(text: str) -> bool:
    """Whether a text has the form of a secret reference."""
    try:
        parse_reference(text)
    except SecretError:
        return False
    return True


def parse_reference(text: str) -> Reference:
    """Parse a reference.

    Raises SecretError, which never repeats the text: it may be a secret written by mistake.
    """
    match = _REFERENCE.fullmatch(text.strip())
    if match is None:
        raise SecretError(
            "This must be a reference to a secret, not the secret itself.",
            hint=f"Store the value with `jmltui secrets set`, and write {FORM} here.",
        )
    kind, rest = match[1], match[2].strip()
    if kind == "keyring" and not all(rest.partition("/")):
        raise SecretError("A keyring reference has two parts.", hint="Write keyring:SERVICE/NAME.")
    if kind == "env" and not _VARIABLE.fullmatch(rest):
        raise SecretError("An env reference names one environment variable.", hint="Write env:NAME.")
    return Reference(kind, rest)


def opener(environ: Mapping[str, str], *, base: Path | None = None) -> Callable[[str], str]:
    """What adapters open their references with; relative `file:` paths are relative to `base`.

    Raises SecretError.
    """

    def open_value(text: str) -> str:
        return read(text, environ, base=base).reveal()

    return open_value


def read(text: str, environ: Mapping[str, str], *, base: Path | None = None) -> Secret:
    """The secret behind a reference.

    Raises SecretError with the reason and the next step, never with a value.
    """
    reference = parse_reference(text)
    if reference.kind == "env":
        value = environ.get(reference.rest, "")
    elif reference.kind == "file":
        value = _read_file(file_of(reference, base))
    else:
        from .keyrings import read_keyring

        value = read_keyring(reference.service, reference.name)
    if not value:
        raise SecretError(f"Nothing is stored behind {reference}.", hint=_how_to_store(reference))
    return Secret(value)


def store(text: str, value: Secret) -> None:
    """Store a value behind a keyring reference.

    Other kinds are written by their owner. Raises SecretError.
    """
    reference = parse_reference(text)
    if reference.kind != "keyring":
        raise SecretError(f"jmltui does not write {reference.kind}: secrets.", hint=_how_to_store(reference))
    from .keyrings import write_keyring

    write_keyring(reference.service, reference.name, value.reveal())


def file_of(reference: Reference, base: Path | None) -> Path:
    """The file that a `file:` reference names."""
    path = Path(reference.rest).expanduser()
    return path if path.is_absolute() or base is None else base / path


def _how_to_store(reference: Reference) -> str:
    if reference.kind == "keyring":
        return f"Store it with: jmltui secrets set {reference}"
    if reference.kind == "env":
        return f"Set the variable {reference.rest} before jmltui is started."
    return "Write the value into the file, and give it mode 0600 (chmod 600)."


def _read_file(path: Path) -> str:
    """The one value of a secret file, without its last newline.

    The file that is checked is the file that is read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        reason = "is a symbolic link" if path.is_symlink() else f"cannot be read: {error.strerror}"
        raise SecretError(
            f"The secret file {path} {reason}.", hint="Name the regular file itself, mode 0600."
        ) from error
    try:
        _refuse_unsafe(path, os.fstat(descriptor))
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(data) > MAX_BYTES:
        raise SecretError(f"The secret file {path} is larger than {MAX_BYTES} bytes.", hint="Keep one value in it.")
    try:
        return data.decode("utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise SecretError(f"The secret file {path} is not UTF-8 text.", hint="Keep one text value in it.") from None


def _refuse_unsafe(path: Path, facts: os.stat_result) -> None:
    def refuse(what: str, hint: str) -> NoReturn:
        raise SecretError(f"The secret file {path} {what}.", hint=hint)

    if not stat.S_ISREG(facts.st_mode):
        refuse("is not a regular file", "Keep the secret in a regular file of mode 0600.")
    if facts.st_mode & 0o077:
        refuse(f"can be read by others (mode {stat.S_IMODE(facts.st_mode):04o})", f"Run: chmod 600 {path}")
    if facts.st_uid not in (os.getuid(), 0):
        refuse(f"belongs to uid {facts.st_uid}", "It must belong to you or to root.")
    folder = os.stat(path.parent)
    if folder.st_mode & 0o022 and not folder.st_mode & stat.S_ISVTX:
        refuse("stands in a folder that others can write", f"Run: chmod go-w {path.parent}")
