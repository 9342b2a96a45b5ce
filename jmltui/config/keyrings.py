"""The operating system's keyring, by backend class from an allow-list.

`keyring.get_keyring()` is not used: any installed package and `PYTHON_KEYRING_BACKEND` can turn its choice into a file
of plain text. Every call is bounded in time, and a locked collection is an error here, not a prompt on the
screen.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from jmltui.errors import SecretError

T = TypeVar("T")

DEADLINE_SECONDS: Final = 2.0

ALLOWED: Final = {
    "linux": ("keyring.backends.SecretService", "Keyring"),
    "darwin": ("keyring.backends.macOS", "Keyring"),
    "win32": ("keyring.backends.Windows", "WinVaultKeyring"),
}
"""Platform → the one backend class that is used on it."""

_OTHER_WAY: Final = "Start or unlock the keyring, or use a file: reference (mode 0600) instead."


class Backend(Protocol):
    """What is used of a keyring backend."""

    def get_password(self, service: str, username: str) -> str | None: ...

    def set_password(self, service: str, username: str, password: str) -> None: ...


def read_keyring(service: str, name: str, *, open_backend: Callable[[], Backend] | None = None) -> str:
    """The value, or an empty text when nothing is stored. Raises SecretError within the deadline."""
    chosen = open_backend or system_backend
    return within_deadline(lambda: chosen().get_password(service, name)) or ""


def write_keyring(service: str, name: str, value: str, *, open_backend: Callable[[], Backend] | None = None) -> None:
    """Store the value. Raises SecretError within the deadline."""
    chosen = open_backend or system_backend
    within_deadline(lambda: chosen().set_password(service, name, value))


def keyring_problem() -> str:
    """Why the keyring cannot be used, as a sentence; empty when it answers and is unlocked."""
    try:
        within_deadline(system_backend)
    except SecretError as error:
        return error.message
    return ""


def degraders() -> tuple[str, ...]:
    """Installed distributions that would make other programs' keyring choice unsafe; never used by jmltui."""
    from importlib.metadata import distributions

    names = {d.metadata["Name"].lower() for d in distributions() if d.metadata["Name"]}
    return tuple(sorted(names & {"keyrings.alt", "keyrings-alt", "keyrings.cryptfile", "keyrings-cryptfile"}))


def system_backend() -> Backend:
    """This platform's keyring, ready and unlocked. Raises SecretError."""
    from importlib import import_module

    try:
        module, name = ALLOWED[sys.platform]
    except KeyError:
        raise SecretError(f"No keyring is known for the platform {sys.platform}.", hint=_OTHER_WAY) from None
    try:
        backend_class = getattr(import_module(module), name)
        _ = backend_class.priority
    except (ImportError, RuntimeError) as error:
        raise SecretError(f"No keyring answers here: {error}.", hint=_OTHER_WAY) from error
    if sys.platform == "linux":
        _refuse_locked()
    backend: Backend = backend_class()
    return backend


def _refuse_locked() -> None:
    """Refuse a locked or absent default collection: using it would wait for a prompt that nobody sees."""
    import secretstorage
    from secretstorage.collection import Collection

    connection = secretstorage.dbus_init()
    try:
        locked = Collection(connection, "/org/freedesktop/secrets/aliases/default").is_locked()
    except secretstorage.exceptions.ItemNotFoundException as error:
        raise SecretError("The keyring has no default collection yet.", hint=_OTHER_WAY) from error
    finally:
        connection.close()
    if locked:
        raise SecretError("The keyring is locked.", hint=_OTHER_WAY)


def within_deadline(call: Callable[[], T], seconds: float = DEADLINE_SECONDS) -> T:
    """The call's result, or SecretError when it fails or takes longer.

    A call that hangs is left to a daemon thread.
    """
    outcome: list[T] = []
    failure: list[BaseException] = []

    def work() -> None:
        try:
            outcome.append(call())
        except BaseException as error:  # handed to the caller's thread below
            failure.append(error)

    thread = threading.Thread(target=work, name="keyring", daemon=True)
    thread.start()
    thread.join(seconds)
    if outcome:
        return outcome[0]
    if not failure or isinstance(failure[0], TimeoutError):
        raise SecretError(f"The keyring did not answer within {seconds:g} seconds.", hint=_OTHER_WAY)
    if isinstance(failure[0], SecretError):
        raise failure[0]
    raise SecretError(f"The keyring failed: {type(failure[0]).__name__}.", hint=_OTHER_WAY) from failure[0]
