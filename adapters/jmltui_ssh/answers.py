"""What the helper's answers hold, and whether what came back is one at all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, TypeVar

import msgspec

from jmltui.adapter_api import (
    AdapterError,
    Conflict,
    ContractBroken,
    Forbidden,
    Invalid,
    NotFound,
    OutcomeUnknown,
    Unavailable,
    Unsupported,
)

from .connection import Exchange
from .host_helper import MARK, VERSION

T = TypeVar("T")


class Key(msgspec.Struct, frozen=True):
    """One line of a key file; not `active` when a lock set it aside."""

    fingerprint: str
    kind: str
    file: str
    active: bool


class Facts(msgspec.Struct, frozen=True):
    """One account on one host. Days count from 1970; `password` is usable, empty, locked or none."""

    login: str
    uid: int
    gecos: str
    home: str
    shell: str
    password: str
    expired: bool
    keys: list[Key]
    keys_by_command: bool
    processes: int
    crontab: bool
    password_changed: int | None = None
    expires: int | None = None
    last_login: int | None = None


class Group(msgspec.Struct, frozen=True):
    """One group on one host. `primary` are the people whose first group it is."""

    name: str
    gid: int
    members: list[str]
    primary: list[str]
    privileged: bool
    grantable: bool


class Rule(msgspec.Struct, frozen=True):
    """One file of sudo rules: whom it names, and whether a person can be taken out of it."""

    name: str
    users: list[str]
    groups: list[str]
    removable: bool


class Live(msgspec.Struct, frozen=True):
    """What runs for a person under one topmost process; `started` in seconds of the epoch."""

    id: str
    started: int
    processes: int
    what: str
    origin: str = msgspec.field(name="from", default="")


class Person(msgspec.Struct, frozen=True):
    """Who is there by name and number."""

    login: str
    uid: int


class Listing(msgspec.Struct, frozen=True):
    """Everything on one host, and how much of each there has to be."""

    counts: dict[str, int]
    accounts: list[Facts] = []
    groups: list[Group] = []
    rules: list[Rule] = []
    sessions: list[Live] = []
    present: list[str] = []
    people: list[Person] = []


class Change(msgspec.Struct, frozen=True):
    """What a write did to one account."""

    changed: bool
    after: Facts
    before: Facts | None = None


class Member(msgspec.Struct, frozen=True):
    """What became of one login in a group: `changed`, or why nothing could be done."""

    changed: bool = False
    kind: str = ""
    told: str = ""


class Members(msgspec.Struct, frozen=True):
    """What became of each login."""

    results: dict[str, Member]


class _Refused(msgspec.Struct, frozen=True):
    kind: str
    told: str


class _Answer(msgspec.Struct, frozen=True):
    version: int
    nonce: str | None = None
    verb: str | None = None
    login: str | None = None
    data: msgspec.Raw = msgspec.Raw()
    refused: _Refused | None = None


_KINDS: Final[Mapping[str, type[AdapterError]]] = {
    "invalid": Invalid,
    "not-found": NotFound,
    "conflict": Conflict,
    "forbidden": Forbidden,
    "unsupported": Unsupported,
}
_SUDO: Final = (
    "a password is required",
    "a terminal is required",
    "must have a tty",
    "may not run sudo",
    "not in the sudoers file",
    "is not allowed to",
)
_NO_HELPER: Final = re.compile(r"sudo: (?:.*command not found|unable to execute)")
_NOT_FOUND: Final = 127
"""What a shell ends with for a command that is not there."""
_LINE: Final = f"\n{MARK} ".encode()


def refusal(host: str, kind: str, told: str, *, writes: bool) -> AdapterError:
    """The error of a refusal. A tool that failed in a write may have done a part of it."""
    text = f"{host}: {told.rstrip('.')}."
    return _KINDS.get(kind, OutcomeUnknown if writes else ContractBroken)(text)


def read_answer(host: str, done: Exchange, asked: Mapping[str, object], kind: type[T], *, writes: bool) -> T:
    """What the helper answered. Raises AdapterError.

    An answer names what it answers and how long it is, so that neither a part, nor another one's, nor what a login
    shell prints is taken for it.
    """
    begin = done.output.rfind(_LINE) if done.whole else -1
    if begin < 0:
        raise _no_answer(host, done, writes=writes)
    length, _, text = done.output[begin + len(_LINE) :].partition(b" ")
    text = text.rstrip(b"\r\n")
    broken = OutcomeUnknown if writes else ContractBroken
    if not length.isdigit() or int(length) != len(text):
        raise broken(f"{host} answered with a part of an answer.")
    try:
        answer = msgspec.json.decode(text, type=_Answer)
        if any(getattr(answer, name) != asked.get(name) for name in ("nonce", "verb", "login")):
            raise broken(f"{host} answered something else than it was asked.")
        if answer.refused is not None:
            raise refusal(host, answer.refused.kind, answer.refused.told, writes=writes)
        if answer.version != VERSION:
            raise Unsupported(f"The helper on {host} is version {answer.version}; install version {VERSION}.")
        found = msgspec.json.decode(answer.data, type=kind)
    except msgspec.MsgspecError:
        raise broken(f"{host} answered with something that is no answer of the helper.") from None
    whose = found.after.login if isinstance(found, Change) else getattr(found, "login", asked.get("login"))
    if whose != asked.get("login"):
        raise broken(f"{host} was asked for {asked.get('login')} and answered with {whose}.")
    return found


def _no_answer(host: str, done: Exchange, *, writes: bool) -> AdapterError:
    """Why there is none. Where sudo refused or the helper is missing, nothing was done."""
    said = " ".join(done.output[:2000].decode("utf-8", "replace").split())
    if done.status == 1 and "sudo: " in said and any(sign in said for sign in _SUDO):
        return Forbidden(
            f"sudo on {host} does not let jmltui run the helper without a password; install its sudoers line."
        )
    if done.status == _NOT_FOUND or (done.status == 1 and _NO_HELPER.search(said)):
        return Unsupported(f"The helper is not installed on {host}; docs/adapter-ssh.md says how.")
    what = f"“{said[:80]}”" if said else "nothing"
    if done.status is None and not writes and done.whole:
        return Unavailable(f"{host} ended the session without an answer.")
    if writes:
        return OutcomeUnknown(f"{host} was sent the change and answered with {what}; it may have been done.")
    return ContractBroken(f"{host} answered with {what} instead of an answer of the helper.")
