"""Acting as people of a practice company: two more pairs of eyes for one person, and nowhere else."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests.nursery import calling


def call(*words: str, home: Path | None = None, code: int = 0) -> str:
    """Run a command; what it printed, with its exit code checked."""
    command = calling(*words, *(["--home", str(home)] if home else []))
    done = subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The practice company, read once."""
    private = tmp_path_factory.mktemp("private")
    private.chmod(0o700)
    folder = private / "office"
    call("practice", "new", str(folder))
    call("sync", home=folder)
    return folder


@pytest.fixture
def office(founded: Path, private: Path) -> Path:
    """One of its own."""
    folder = private / "office"
    shutil.copytree(founded, folder)
    return folder


def test_two_people_agree_to_what_a_third_one_asks_for(office: Path) -> None:
    call("request", "access", "E1012", "payment-release", "--for", "30d", "--reason", "closes the month", home=office)
    assert "You asked for this yourself" in call("approve", "1", "approve", home=office, code=6)
    as_other = ("practice", "as", str(office))
    told = call(*as_other, "grace.kim", "approve", "1", "approve", code=6)
    assert "waits for manager" in told
    told = call(*as_other, "misaki.sharma", "approve", "1", "approve", "--reason", "she closes it", "--json")
    assert "team:finance-control" in json.loads(told)["done"]
    call(*as_other, "grace.kim", "approve", "1", "approve")
    [exception] = json.loads(call("request", "list", "--json", home=office))
    assert (exception["state"], exception["approved_by"]) == ("active", "misaki.sharma, grace.kim")
    journal = call("journal", home=office)
    assert "grace.kim approved" in journal
    assert "none was altered" in call("journal", "verify", home=office)


def test_only_people_of_the_company_and_only_there(office: Path, private: Path) -> None:
    as_other = ("practice", "as", str(office))
    assert "Nobody in the practice company has the login eve" in call(*as_other, "eve", "cases", code=2)
    assert "take --home out" in call(*as_other, "grace.kim", "cases", "--home", str(private), code=2)
    assert "cannot be run as somebody else" in call(*as_other, "grace.kim", "practice", "next", str(office), code=2)
    assert "no practice company" in call("practice", "as", str(private), "grace.kim", "cases", code=2)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('adapter = "practice"', 'adapter = "scim"\nurl = "https://directory.test"', "adapter scim"),
        ("[policy]", '[cache]\nurl = "../elsewhere.sqlite"\n[policy]', "cache is outside"),
        ("[policy]", '[cache]\nurl = "postgresql+psycopg://localhost:1/nothing"\n[policy]', "cache is outside"),
        ('path = "people.csv"', 'path = "../people.csv"', "hr is outside"),
        ('file = "systems.sqlite"', 'file = "/tmp/systems.sqlite"', "directory is outside"),
    ],
)
def test_it_is_refused_where_anything_real_is_connected(office: Path, old: str, new: str, told: str) -> None:
    settings = office / "settings.toml"
    settings.write_text(settings.read_text().replace(old, new, 1))
    said = call("practice", "as", str(office), "grace.kim", "cases", code=6)
    assert "Only people of a practice company" in said
    assert told in said


def test_it_is_refused_on_the_cache_of_a_real_installation(office: Path) -> None:
    """Settings alone prove nothing: whoever can write them could point them at another cache."""
    with sqlite3.connect(office / "cache.sqlite") as cache:
        cache.execute("UPDATE system SET kind = 'scim' WHERE name = 'directory'")
    assert "system directory, which is real" in call("practice", "as", str(office), "grace.kim", "cases", code=6)
