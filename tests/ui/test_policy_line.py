"""Every screen says when another policy than the folder's is in force, and where to look."""

from __future__ import annotations

import os
from pathlib import Path

from jmltui.lifecycle import policy_in_force
from jmltui.lifecycle.workshop import Workshop, open_workshop
from jmltui.policy import load
from jmltui.ui.app import Dashboard
from jmltui.ui.widgets.bar import Bar

from .company import Company
from .conftest import text_of, until

MISTAKE = "The policy has 1 mistake; the one before stays in force: jmltui policy lint"
HELD = "The changed policy is held; the one before stays in force: jmltui policy diff"


def workshop_of(company: Company) -> Workshop:
    return open_workshop(company.places, "worker", company.clock, os.environ)


def told(app: Dashboard) -> str:
    return " ".join(bar.text.strip() for bar in app.screen.query("#policy").results(Bar))


async def test_a_broken_and_a_held_policy_stand_below_the_title(standing: Company) -> None:
    workshop = workshop_of(standing)
    policy_in_force.take_over(workshop)
    file = Path(workshop.settings.policy_folder) / "access.yaml"
    right = file.read_text(encoding="utf-8")
    app = standing.dashboard(worker=False)
    async with app.run_test(size=(80, 24)) as pilot:
        app.look_at_policy()
        await app.workers.wait_for_complete()
        assert told(app) == ""
        file.write_text(right + "rolls: []\n", encoding="utf-8")
        app.look_at_policy()
        await until(pilot, lambda: MISTAKE in text_of(app).splitlines()[1])
        await pilot.press("enter")
        await until(pilot, lambda: MISTAKE in text_of(app).splitlines()[1] and "Case" in text_of(app).splitlines()[0])
        file.write_text(right.replace("newsletter, chat-general]", "newsletter]"), encoding="utf-8")
        new = load(file.parent, workshop.settings.company_zone)
        policy_in_force.note_held(workshop, new, "Too much would go.")
        app.look_for_changes()
        await until(pilot, lambda: told(app) == HELD)
        await pilot.press("3")
        await until(pilot, lambda: HELD in text_of(app).splitlines()[1] and "[Systems]" in text_of(app))
        file.write_text(right, encoding="utf-8")
        app.look_at_policy()
        await until(pilot, lambda: told(app) == "")
        assert "SYSTEM" in text_of(app).splitlines()[1]
    workshop.cache.close()


async def test_a_policy_that_is_to_be_taken_over_is_no_trouble(standing: Company) -> None:
    workshop = workshop_of(standing)
    policy_in_force.take_over(workshop)
    file = Path(workshop.settings.policy_folder) / "access.yaml"
    right = file.read_text(encoding="utf-8")
    file.write_text(right.replace("newsletter, chat-general]", "newsletter]"), encoding="utf-8")
    workshop.cache.close()
    app = standing.dashboard(worker=False)
    async with app.run_test(size=(80, 24)):
        app.look_at_policy()
        await app.workers.wait_for_complete()
        assert told(app) == ""
