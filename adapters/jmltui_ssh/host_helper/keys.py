"""The keys that sshd takes for a person: found where sshd looks, set aside, brought back, taken out."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

from .programs import Refused, tool

LOCKED: Final = ".jmltui-locked-"
REVOKED: Final = ".jmltui-revoked-"
_LARGEST: Final = 1 << 24
_TYPE: Final = r"(?:sk-)?(?:ssh|ecdsa)-[a-z0-9@.-]+"
_KEY: Final = re.compile(rf"(?:^|\s){_TYPE}\s+(AAAA[A-Za-z0-9+/]+={{0,2}})(?:\s|$)", re.ASCII)
_NEW: Final = re.compile(rf"{_TYPE} AAAA[A-Za-z0-9+/]+={{0,2}}(?: [\w@.+-]{{1,80}})?", re.ASCII)
_MATCH: Final = re.compile(r"^\s*match\s", re.IGNORECASE | re.MULTILINE)


class Owner(Protocol):
    """Whose keys they are."""

    @property
    def login(self) -> str:
        """The name."""

    @property
    def uid(self) -> int:
        """The number."""

    @property
    def gid(self) -> int:
        """The first group."""

    @property
    def home(self) -> str:
        """The home folder."""


class KeyFiles:
    """Where sshd looks for keys (sshd_config(5): AuthorizedKeysFile, AuthorizedKeysCommand)."""

    def __init__(self, sshd_config: str) -> None:
        self._config = sshd_config
        self._told: dict[str, tuple[list[str], bool]] = {}
        self._by_person = any(_MATCH.search(text) for text in _texts(sshd_config))

    def of(self, owner: Owner) -> list[dict[str, Any]]:
        """The keys in effect, then those that a lock set aside."""
        found = []
        for path in self._paths(owner):
            for file in (path, *_aside(owner, path)):
                for line in _lines(owner, file):
                    key = _key(line)
                    if key is not None:
                        found.append({**key, "file": file, "active": file == path})
        return found

    def by_command(self, owner: Owner) -> bool:
        """Whether a command gives sshd keys as well; those cannot be seen here."""
        return self._asked(owner.login)[1]

    def set_aside(self, owner: Owner) -> None:
        """Take all keys out of effect, so that they can be brought back. Raises Refused."""
        for path in self._paths(owner):
            if any(map(_key, _lines(owner, path))):
                _rename(owner, path, f"{path}{LOCKED}{_stamp()}")

    def bring_back(self, owner: Owner) -> None:
        """Put the newest of those set aside into effect, where no other file took their place. Raises Refused."""
        for path in self._paths(owner):
            aside = _aside(owner, path)
            if aside and not any(map(_key, _lines(owner, path))):
                _rename(owner, aside[-1], path)

    def take_out(self, owner: Owner, fingerprint: str | None) -> None:
        """Take one key out for good, or all of them, those set aside too. Raises Refused."""
        for path in self._paths(owner):
            for file in (path, *_aside(owner, path)):
                lines = _lines(owner, file)
                if fingerprint is None and any(map(_key, lines)):
                    _rename(owner, file, f"{path}{REVOKED}{_stamp()}-{os.path.basename(file)[-12:]}")
                elif fingerprint is not None:
                    kept = [line for line in lines if (_key(line) or {}).get("fingerprint") != fingerprint]
                    if kept != lines:
                        _rewrite(owner, file, "".join(kept))

    def add(self, owner: Owner, key: str) -> None:
        """Let somebody in by this public key. Raises Refused."""
        path = next(iter(self._paths(owner)), "")
        if not path.startswith(f"{owner.home}/"):
            raise Refused("unsupported", "keys are not kept in the home folder here")
        with acting_as(owner):
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        _rewrite(owner, path, "".join([*_lines(owner, path), f"{key}\n"]))

    def _paths(self, owner: Owner) -> list[str]:
        tokens = {"%%": "%", "%h": owner.home, "%u": owner.login, "%U": str(owner.uid)}
        patterns = self._asked(owner.login)[0]
        return [os.path.join(owner.home, re.sub("%[%huU]", lambda token: tokens[token[0]], each)) for each in patterns]

    def _asked(self, login: str) -> tuple[list[str], bool]:
        """What sshd itself says; for everybody the same where no `Match` makes a difference."""
        about = login if self._by_person else "root"
        if about not in self._told:
            self._told[about] = self._ask_sshd(about)
        return self._told[about]

    def _ask_sshd(self, login: str) -> tuple[list[str], bool]:
        try:
            told = tool("sshd", "-T", "-f", self._config, "-C", f"user={login},host=localhost,addr=127.0.0.1")
        except Refused:
            return [".ssh/authorized_keys", ".ssh/authorized_keys2"], False
        words = {name: value for name, _, value in (line.partition(" ") for line in told.splitlines())}
        files = [word for word in words.get("authorizedkeysfile", "").split() if word != "none"]
        return files, words.get("authorizedkeyscommand", "none") != "none"


def checked_key(text: object) -> str:
    """One public key without options, as authorized_keys takes it. Raises Refused."""
    if not isinstance(text, str) or _NEW.fullmatch(text) is None or _key(text) is None:
        raise Refused("invalid", "a key is its type, its base 64 and perhaps one word of comment, without options")
    return text


@contextlib.contextmanager
def acting_as(owner: Owner) -> Iterator[None]:
    """As sshd reads keys: no link in a person's folder leads where that person could not go."""
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(owner.gid)
    os.seteuid(owner.uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def _texts(sshd_config: str) -> Iterator[str]:
    folder = f"{sshd_config}.d"
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    for path in (sshd_config, *(os.path.join(folder, name) for name in names)):
        with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as file:
            yield file.read()


def _aside(owner: Owner, path: str) -> list[str]:
    folder, name = os.path.split(path)
    try:
        with acting_as(owner):
            return sorted(os.path.join(folder, each) for each in os.listdir(folder) if each.startswith(name + LOCKED))
    except OSError:
        return []


def _lines(owner: Owner, path: str) -> list[str]:
    """The lines that the owner can read, as sshd would; none where there is no such file. Raises Refused."""
    try:
        with acting_as(owner), open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return []
            found = file.read(_LARGEST + 1)
    except OSError:
        return []
    if len(found) > _LARGEST:
        raise Refused("failed", f"{path} is larger than {_LARGEST >> 20} MiB")
    return found.decode("utf-8", "surrogateescape").splitlines(keepends=True)


def _key(line: str) -> dict[str, Any] | None:
    """Kind and fingerprint (as `ssh-keygen -l` shows it) of the key in a line, if there is one."""
    found = None if line.lstrip().startswith("#") else _KEY.search(line)
    if found is None:
        return None
    try:
        digest = hashlib.sha256(base64.b64decode(found[1], validate=True)).digest()
    except ValueError:
        return None
    authority = "cert-authority" in line[: found.start() + 1]
    fingerprint = "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
    return {"fingerprint": fingerprint, "kind": "certificate" if authority else "ssh-key"}


def _in_folder(owner: Owner, path: str, work: Callable[[int], None]) -> None:
    """Work in a file's folder: as its owner, or as root where the folder is root's and no link leads there."""
    folder = os.path.dirname(path)
    try:
        with acting_as(owner):
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            if os.fstat(handle).st_uid != 0:
                with acting_as(owner):
                    work(handle)
            elif os.path.realpath(folder) == os.path.abspath(folder):
                work(handle)
            else:
                raise Refused("failed", f"{folder} is a link into a folder of root's")
        finally:
            os.close(handle)
    except OSError as error:
        raise Refused("failed", f"{path} cannot be changed: {error.strerror}") from None


def _rename(owner: Owner, old: str, new: str) -> None:
    was, now = os.path.basename(old), os.path.basename(new)
    _in_folder(owner, old, lambda folder: os.rename(was, now, src_dir_fd=folder, dst_dir_fd=folder))


def _rewrite(owner: Owner, path: str, text: str) -> None:
    """Another content in one step, so that a lost power cord leaves the old file or the new one."""
    name = os.path.basename(path)

    def work(folder: int) -> None:
        fresh = f".{name}.jmltui-new"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(fresh, dir_fd=folder)
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder)
        with open(handle, "w", encoding="utf-8", errors="surrogateescape") as file:
            os.fchmod(handle, 0o644 if os.geteuid() == 0 else 0o600)
            file.write(text)
            file.flush()
            os.fsync(handle)
        os.rename(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)

    _in_folder(owner, path, work)


def _stamp() -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
