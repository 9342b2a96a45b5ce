"""Whether the policy of the folder is the one in force, for who shows it: no workshop is opened, nothing is written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jmltui.cache.lists import Lists
from jmltui.cache.policy_marks import ACCEPTED, HELD, IN_FORCE
from jmltui.config import settings as settings_file
from jmltui.config.places import Places
from jmltui.errors import PolicyError, SettingsError

SUFFIXES: Final = (".yaml", ".yml")

Marks = Mapping[str, str]


def marks(lists: Lists) -> Marks:
    """What the cache keeps of policies, by the names of the facts."""
    found = lists.all("SELECT key, value FROM meta WHERE key IN (?, ?, ?)", IN_FORCE, ACCEPTED, HELD)
    return {str(each["key"]): str(each["value"]) for each in found if each["value"]}


class PolicyFolder:
    """Looks at the policy folder again and again; what did not change is not read twice."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._seen: object = None
        self._told = ""

    def told(self, kept: Marks) -> str:
        """Why another policy than the folder's is in force, as one sentence; "" where the folder's is, or comes to be.

        Before any worker took a policy over none is in force, and every use case tells what is wrong by itself.
        """
        if IN_FORCE not in kept:
            return ""
        try:
            settings = settings_file.load(self._places.settings_file)
        except SettingsError:
            return self._told
        folder = Path(settings.policy_folder)
        seen = (dict(kept), folder, settings.company_zone, _signature(folder))
        if seen != self._seen:
            in_force = json.loads(kept[IN_FORCE])
            same = _files(folder, str(in_force["root"])) == in_force["files"]
            self._told = "" if same else _judged(folder, settings.company_zone, str(in_force["hash"]), kept)
            self._seen = seen
        return self._told


def _judged(folder: Path, zone: str, in_force: str, kept: Marks) -> str:
    # The language is imported only here: the folder is mostly as it was.
    from jmltui.policy import load

    try:
        found = load(folder, zone).hash
    except PolicyError as error:
        count = len(error.problems)
        told = f"The policy has {count} mistake{'s' * (count > 1)}"
        return f"{told}; the one before stays in force: jmltui policy lint"
    if found == in_force or found != kept.get(HELD) or found == kept.get(ACCEPTED):
        return ""
    return "The changed policy is held; the one before stays in force: jmltui policy diff"


def _paths(folder: Path) -> list[Path]:
    """All that the policy's reader may read, and more: too much only lets the policy be read, which then decides."""
    return sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES) if folder.is_dir() else [folder]


def _signature(folder: Path) -> list[tuple[str, int, int]]:
    found = []
    for path in _paths(folder):
        try:
            status = path.stat()
        except OSError:
            continue
        found.append((str(path), status.st_mtime_ns, status.st_size))
    return found


def _files(folder: Path, root: str) -> dict[str, Any]:
    """The files as they are kept; what cannot be read as text is none of them."""
    found: dict[str, Any] = {}
    for path in _paths(folder):
        try:
            found[f"{root}/{path.relative_to(folder).as_posix()}"] = path.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError):
            found[str(path)] = None
    return found
