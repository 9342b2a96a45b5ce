"""A company's own policy over monthly files: months, exceptions, findings, reviews and edits, through the commands.

The company is an invented one of 300 people; `make trial DATA=FOLDER` runs the same on the files of a real one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.trials import company, invented
from tests.trials.story import Story
from tests.trials.trial import Trial, set_up

pytestmark = [pytest.mark.trial, pytest.mark.timeout(900)]

GIVEN = company.given()
MONTHS: Final = 3


@pytest.fixture(params=["invented", *(["given"] if GIVEN else [])])
def trial(request: pytest.FixtureRequest, tmp_path: Path, scim2_server: Callable[..., Any]) -> Iterator[Trial]:
    """The company as it was before jmltui came: settings, policy, files, and systems that hold what people have."""
    place = GIVEN
    if request.param == "invented" or place is None:
        place = invented.invent(tmp_path / "files", count=MONTHS, seed=7)
    server = scim2_server()
    made = set_up(tmp_path / "trial", company.months(place)[:MONTHS], server.url, server.token)
    yield made
    made.stop()


def test_a_policy_of_a_company(trial: Trial, capsys: pytest.CaptureFixture[str]) -> None:
    """The whole story; each part says what it counted, and the systems have the last word."""

    def say(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}", end="", flush=True)

    story = Story(trial, say)
    story.first_month()
    story.look()
    asked = story.ask_for_an_exception()
    story.month(1)
    story.review()
    story.month(2, breaking=True)
    story.look()
    story.settle_findings()
    story.edit_the_policy()
    story.exception_is_over(*asked)
    assert trial.run("journal", "verify")["good"] is True
