"""Configuration files of wg-quick(8): whose peer a section is, and sections set aside in their place."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from typing import Final, NamedTuple

from .programs import Refused

FOLDER: Final = "/etc/wireguard"
MARK: Final = "#jmltui# "
"""Before each line of a section that is set aside; wg takes the line for a comment."""
_LARGEST: Final = 1 << 24
_HEADER: Final = re.compile(r"\s*\[\s*(\w+)\s*\]\s*(?:#.*)?")
_SETTING: Final = re.compile(r"\s*(\w+)\s*=\s*(.*?)\s*(?:#.*)?")
_COMMENT: Final = re.compile(r"\s*#+\s*(.*?)\s*")
_END: Final = re.compile(r"\s*#+\s*END_PEER\b.*")
_BEFORE_NAME: Final = re.compile(r"(?:BEGIN_PEER\s+|Client\s*:?\s+|(?:friendly_)?name\s*[=:]\s*)", re.IGNORECASE)
"""What the usual scripts and exporters write before the name of a peer."""
_KNOWN: Final = frozenset(("publickey", "presharedkey", "allowedips", "endpoint", "persistentkeepalive"))


class Section(NamedTuple):
    """Consecutive lines of a file: a section with the comments right above it, or what stands before the first."""

    kind: str
    lines: tuple[str, ...]
    is_aside: bool

    @property
    def key(self) -> str:
        """The public key of a peer; empty for what is none."""
        return self._values("publickey")[-1] if self.kind == "peer" and self._values("publickey") else ""

    @property
    def allowed(self) -> str:
        """The addresses of a peer."""
        return ",".join(self._values("allowedips"))

    @property
    def is_saved(self) -> bool:
        """Whether wg-quick writes the file anew, without comments, when the interface goes down."""
        return self.kind == "interface" and "true" in self._values("saveconfig")

    @property
    def name(self) -> str:
        """Whose peer it is: the comment right above the section, or else the first in it that is no setting."""
        lines = [_plain(line) for line in self.lines]
        header = next((number for number, line in enumerate(lines) if _HEADER.fullmatch(line)), 0)
        for line in (*reversed(lines[:header]), *lines[header + 1 :]):
            found = _COMMENT.fullmatch(line)
            if found and found[1] and not _END.fullmatch(line) and not _is_setting(found[1]):
                return _BEFORE_NAME.sub("", found[1], count=1)[:120]
        return ""

    def set_aside(self) -> Section:
        """As comments; empty lines stay empty, and a last line without an end gets one."""
        return Section(self.kind, tuple(f"{MARK}{x.rstrip()}\n" if x.strip() else x for x in self.lines), True)

    def brought_back(self) -> Section:
        """As it was."""
        return Section(self.kind, tuple(_plain(line) for line in self.lines), False)

    def settings(self, *without: str) -> str:
        """The section as wg(8) reads it, without these settings."""
        found = ((m, line) for line in map(_plain, self.lines) if (m := _SETTING.fullmatch(line.rstrip("\n"))))
        kept = [line.strip() for m, line in found if m[1].lower() in _KNOWN and m[1].lower() not in without]
        return "\n".join(["[Peer]", *kept, ""])

    def _values(self, setting: str) -> list[str]:
        found = (_SETTING.fullmatch(_plain(line).rstrip("\n")) for line in self.lines)
        return [each[2] for each in found if each and each[1].lower() == setting]


def sections(text: str) -> list[Section]:
    """All lines of a file, in their order: `joined` gives the same text again."""
    lines = text.splitlines(keepends=True)
    heads = [number for number, line in enumerate(lines) if _HEADER.fullmatch(_plain(line).rstrip("\n"))]
    begins = {_with_comments(lines, head, ([-1, *heads])[number]) for number, head in enumerate(heads)}
    bounds = sorted({0, *begins, len(lines)})
    return [_section(lines[begin : bounds[number]]) for number, begin in enumerate(bounds[:-1], 1)]


def joined(found: list[Section]) -> str:
    """The text of a file."""
    return "".join(line for section in found for line in section.lines)


def texts() -> dict[str, str]:
    """The configuration files by interface. Raises Refused for one that cannot be read whole."""
    found = {}
    with contextlib.suppress(FileNotFoundError):
        for file in sorted(os.listdir(FOLDER)):
            path = os.path.join(FOLDER, file)
            if file.endswith(".conf") and os.path.isfile(path):
                with open(path, encoding="utf-8", errors="surrogateescape") as opened:
                    text = opened.read(_LARGEST + 1)
                if len(text) > _LARGEST:
                    raise Refused("failed", f"{path} is larger than {_LARGEST >> 20} MiB")
                found[file[: -len(".conf")]] = text
    return found


def kept(name: str, text: str) -> None:
    """Another content of a configuration file in one step; owner and mode stay. Raises Refused."""
    path = os.path.realpath(os.path.join(FOLDER, f"{name}.conf"))
    fresh = f"{path}.jmltui-new"
    try:
        was = os.stat(path)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(fresh)
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(handle, "w", encoding="utf-8", errors="surrogateescape") as file:
            os.fchown(handle, was.st_uid, was.st_gid)
            os.fchmod(handle, stat.S_IMODE(was.st_mode))
            file.write(text)
            file.flush()
            os.fsync(handle)
        os.replace(fresh, path)
    except OSError as error:
        raise Refused("failed", f"{path} cannot be changed: {error.strerror}") from None


def _with_comments(lines: list[str], head: int, last: int) -> int:
    """Where a section begins: with the comments right above its header, set aside as it is or not."""
    begin, aside = head, lines[head].startswith(MARK)
    while begin - 1 > last:
        line = lines[begin - 1]
        plain = _plain(line).rstrip("\n")
        if line.startswith(MARK) is not aside or not _COMMENT.fullmatch(plain) or _END.fullmatch(plain):
            break
        begin -= 1
    return begin


def _section(lines: list[str]) -> Section:
    header = next((m for line in lines if (m := _HEADER.fullmatch(_plain(line).rstrip("\n")))), None)
    aside = any(line.startswith(MARK) for line in lines)
    return Section(header[1].lower() if header else "", tuple(lines), aside)


def _is_setting(text: str) -> bool:
    found = _SETTING.fullmatch(text)
    return found is not None and found[1].lower() in _KNOWN


def _plain(line: str) -> str:
    return line[len(MARK) :] if line.startswith(MARK) else line
