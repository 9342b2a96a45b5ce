"""Writes the practice company: an ordinary installation, with this week's events coming in by its people file.

`create` writes the company as it was; each `advance` brings the next people file, until it answers False. Reading
the sources after `create` and after each `advance` is all that has to be done.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Final

from .accounts import write_systems
from .people import COLUMNS, Hiring, Member
from .rules import access_file
from .texts import SETTINGS
from .week import week

PEOPLE_FILE: Final = "people.csv"
SYSTEMS_FILE: Final = "systems.sqlite"
SETTINGS_FILE: Final = "settings.toml"
COMING: Final = "coming"
TEAMS_FILE: Final = "teams.yaml"
POLICY_FILES: Final = (
    "attributes.yaml",
    TEAMS_FILE,
    "approvals.yaml",
    "separation.yaml",
    "emergency.yaml",
    "reviews.yaml",
    "guards.yaml",
    "procedures.yaml",
    "tests/people.yaml",
)
"""The files that stand in the package as the company has them; `access.yaml` follows from the rules."""


def create(folder: Path, clock: Callable[[], datetime], operator: str = "") -> None:
    """Write settings, policy, systems and people files; `operator` is a login that belongs to the helpdesk then.

    Raises FileExistsError when a company is there already.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / SETTINGS_FILE).exists():
        raise FileExistsError(f"There is a company in {folder} already.")
    now = clock()
    today = now.date()
    hiring = Hiring(today)
    people = hiring.everybody()
    coming = folder / COMING
    coming.mkdir(exist_ok=True)
    feeds = week(hiring, people, today)
    for number, feed in enumerate(feeds[1:], start=2):
        _write_people(coming / f"{number:02d}-{PEOPLE_FILE}", feed)
    _write_people(folder / PEOPLE_FILE, feeds[0])
    write_systems(folder / SYSTEMS_FILE, feeds[0], now)
    _write_policy(folder / "policy", operator)
    (folder / SETTINGS_FILE).write_text(SETTINGS, encoding="utf-8")


def _write_policy(folder: Path, operator: str) -> None:
    """The packaged files of the policy, and who gets what."""
    packaged = resources.files(__package__).joinpath("policy")
    for name in POLICY_FILES:
        text = packaged.joinpath(name).read_text(encoding="utf-8")
        if name == TEAMS_FILE and re.fullmatch(r"[^\s:,]{1,256}", operator):
            text = text.replace("  helpdesk: [", f"  helpdesk: [{json.dumps(operator, ensure_ascii=False)}, ")
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    (folder / "access.yaml").write_text(access_file(), encoding="utf-8")


def advance(folder: Path) -> bool:
    """Let the next people file come in; False when there is none left."""
    left = sorted((folder / COMING).glob(f"*-{PEOPLE_FILE}"))
    if not left:
        return False
    left[0].replace(folder / PEOPLE_FILE)
    return True


def _write_people(file: Path, people: Sequence[Member]) -> None:
    part = file.with_name(f"{file.name}.part")
    with part.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, COLUMNS)
        writer.writeheader()
        writer.writerows(member.values for member in people)
        out.flush()
        os.fsync(out.fileno())
    part.replace(file)
