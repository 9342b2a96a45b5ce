"""A reorganisation by mistake: too many people lose what they have, so nobody loses anything before a person looks."""

from __future__ import annotations

import pytest

from jmltui.errors import NotAllowed
from jmltui.lifecycle import requests
from tests.lifecycle.conftest import STAFF, Office


async def test_too_many_removals_are_held_until_another_person_releases_them(office: Office) -> None:
    before = office.truth()
    swapped = [(key, name, {"Finance": "IT", "IT": "Finance"}[department]) for key, name, department in STAFF]
    office.feed(swapped)
    report = await office.sync()
    assert report.opened == {"mover": len(STAFF)}
    [batch] = report.batches
    assert "removals by moves" in batch.reason
    assert {case["state"] for case in office.cases()} == {"held"}
    assert requests.run_all(office.workshop) == []
    await office.settle()
    assert office.truth() == before, "nobody lost anything"
    with pytest.raises(NotAllowed, match="A guard holds this batch"):
        requests.confirm_batch(office.workshop, batch.id, str(len(STAFF)), "it is right")
    requests.confirm_batch(office.by("zoe"), batch.id, str(len(STAFF)), "the departments were swapped")
    requests.run_all(office.workshop)
    await office.settle()
    assert {groups.pop() for _, groups in office.truth().values()} == {"Finance", "IT"}
    assert office.cases() == []


async def test_a_few_moves_pass(office: Office) -> None:
    few = [(key, name, "IT" if key == "E002" else department) for key, name, department in STAFF]
    office.feed(few)
    assert (await office.sync()).batches == []
    assert {case["state"] for case in office.cases()} == {"open"}
