"""A group that must keep members, on a day when too many of them leave."""

from __future__ import annotations

from jmltui.lifecycle import requests
from jmltui.policy import load
from tests.lifecycle.conftest import STAFF, Office


async def test_the_last_members_stay_until_a_person_decides(office: Office) -> None:
    mine = [person for person in STAFF if person[2] == "IT"]
    [file] = (office.home / "policy").glob("*.yaml")
    guard = f"guards:\n  protected: {{keep_at_least: {{IT: {len(mine) - 1}}}}}\n"
    file.write_text(file.read_text(encoding="utf-8").replace("guards:\n", guard), encoding="utf-8")
    office.workshop.policy = load(office.home / "policy")
    leaving = {mine[0][0], mine[1][0]}
    office.feed([(*person, "2026-06-01" if person[0] in leaving else "") for person in STAFF])
    assert (await office.sync()).opened == {"leaver": 2}
    kinds = {}
    for case in office.cases():
        whole = office.case(case["id"])
        [line] = [line for line in whole["diff"] if line["target"] == "group:IT"]
        kinds[line["kind"]] = line["reason"]
        if line["kind"] == "blocked":
            assert any(step["do"] == "manual" and "keeps at least" in step["text"] for step in whole["steps"])
    assert set(kinds) == {"remove", "blocked"}
    assert f"keeps at least {len(mine) - 1}" in kinds["blocked"]
    requests.run_all(office.workshop)
    await office.settle()
    assert sum("IT" in groups for _, groups in office.truth().values()) == len(mine) - 1
