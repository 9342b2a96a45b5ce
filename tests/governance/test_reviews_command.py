"""`jmltui reviews` on the practice company: from the rule to a right that is proved to be gone."""

from __future__ import annotations

import json
import os
import pwd
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.nursery import calling

ME = pwd.getpwuid(os.getuid()).pw_name
REVIEWS = f"""\
reviews:
  - {{id: mine, every: 90d, scope: "system:directory", reviewer: "user:{ME}", on_no_answer: keep}}
  - {{id: other, every: 90d, scope: privileged, reviewer: "user:somebody-else", on_no_answer: keep}}
  - {{id: nothing, every: 90d, scope: "system:not-there", reviewer: "user:{ME}"}}
"""


def call(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = calling(*words, "--home", str(folder))
    return subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, check=False)


def asked(folder: Path, *words: str, code: int = 0) -> Any:
    done = call(folder, *words, "--json")
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def folder(private: Path) -> Path:
    """The practice company, read once."""
    found = private / "practice"
    assert call(found, "practice", "new", str(found)).returncode == 0
    (found / "policy" / "own-reviews.yaml").write_text(REVIEWS)
    assert call(found, "sync").returncode == 0
    return found


def holders(folder: Path, account: str) -> set[str]:
    """What the directory itself says that an account is in."""
    with closing(sqlite3.connect(folder / "systems.sqlite")) as link:
        rows = link.execute(
            "SELECT entitlement_id FROM held WHERE system = 'directory' AND account_id = ?", (account,)
        ).fetchall()
    return {row[0] for row in rows}


def test_a_review_takes_a_right_away_and_proves_it(folder: Path) -> None:
    assert "No review was opened yet" in call(folder, "reviews").stdout
    number = str(asked(folder, "reviews", "open", "mine")["review"])
    assert call(folder, "reviews", "open", "mine").returncode == 6
    items = asked(folder, "reviews", "items", number, "--mine", "--limit", "100000")["items"]
    assert len(items) > 300
    albatross = [item for item in items if item["target"] == "group:Project Albatross"]
    assert albatross, "the practice company has a group that no policy speaks of"
    assert {item["why"] for item in albatross} == {"no policy explains it"}
    chosen = albatross[0]
    assert "old-project" in holders(folder, chosen["account_id"])
    told = asked(folder, "reviews", "answer", str(chosen["id"]), "revoke", "--note", "the project is over")
    assert told["items"] == 1
    asked(folder, "reviews", "answer", *(str(item["id"]) for item in albatross[1:]), "keep")
    assert asked(folder, "reviews", "close", number, code=6)["hint"].startswith("To close it all the same")
    assert "Say why" in asked(folder, "reviews", "close", number, "--now", code=2)["error"]
    report = asked(folder, "reviews", "close", number, "--now", "--reason", "the rest was asked about in May")
    assert (report["revoked"], len(report["cases"])) == (1, 1)
    try:
        assert asked(folder, "run", str(report["cases"][0]), "--wait", "60")["unsettled"] == {}
    finally:
        call(folder, "worker", "--stop")
    assert "old-project" not in holders(folder, chosen["account_id"])
    [review] = [each for each in asked(folder, "reviews")["reviews"] if each["rule"] == "mine"]
    assert (review["state"], review["answered"]) == ("closed", len(albatross))
    assert asked(folder, "reviews", "suggestions", number)["suggestions"] == []
    assert "suggest no change" in call(folder, "reviews", "suggestions", number).stdout
    assert asked(folder, "journal", "verify")["good"]


def test_what_is_printed(folder: Path) -> None:
    number = str(asked(folder, "reviews", "open", "other")["review"])
    listed = call(folder, "reviews").stdout.splitlines()
    assert listed[0].split() == ["REVIEW", "RULE", "SCOPE", "STATE", "ANSWERED", "DUE", "NO", "ANSWER"]
    assert listed[1].split()[:4] == [number, "other", "privileged", "open"]
    items = call(folder, "reviews", "items", number, "--open", "--limit", "2").stdout
    assert "user:somebody-else" in items
    assert "The first 2 are listed" in items
    assert "Nothing is asked of you here." in call(folder, "reviews", "items", number, "--mine").stdout
    first = asked(folder, "reviews", "items", number)["items"][0]
    refused = call(folder, "reviews", "answer", str(first["id"]), "keep")
    assert refused.returncode == 6
    assert "user:somebody-else to answer" in refused.stderr


def test_mistakes_are_told_in_a_sentence(folder: Path) -> None:
    for words, code, told in (
        (("open", "mien"), 2, "Did you mean “mine”?"),
        (("open", "nothing"), 6, "Nobody holds anything that the review “nothing” asks about"),
        (("items", "7"), 1, "There is no review 7."),
        (("close", "7"), 1, "There is no review 7."),
        (("answer", "7", "keep"), 1, "There is no item 7 in any review."),
        (("answer", "7", "perhaps"), 2, "invalid choice"),
    ):
        done = call(folder, "reviews", *words)
        assert done.returncode == code, done.stderr
        assert told in done.stderr
