"""Every description that comes along is whole: said what it is, every name used, leavers told, nothing in the clear."""

from __future__ import annotations

import re
from importlib import resources

import pytest

from jmltui.domain.person import PersonStatus
from jmltui_http.description import load, shipped
from jmltui_http.lists import PagingKind, named


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_description_is_whole(name: str) -> None:
    found = load(name)
    text = resources.files("jmltui_http").joinpath("descriptions", f"{name}.yaml").read_text(encoding="utf-8")
    assert found.name
    assert len(found.about) > 20
    assert found.exercised_against, "what it was tried on has to be said"
    if found.base is not None:
        assert found.base.text.startswith("https://")
    used = set(re.findall(r"\{((?:secrets|parameters)\.[a-z0-9_]+)", text)) | {f"parameters.{found.auth.choice}"}
    declared = {*(f"secrets.{one}" for one in found.secrets), *(f"parameters.{one}" for one in found.parameters)}
    assert declared == used - {"parameters."}, "what is asked for is used"
    for about in (*found.secrets.values(), *(one.about for one in found.parameters.values())):
        assert about
    assert found.people is None or found.ticket is None


@pytest.mark.parametrize("name", [name for name in shipped() if load(name).people is not None])
def test_a_shipped_source_tells_who_left(name: str) -> None:
    people = load(name).people
    assert people is not None
    required = {"key", "name"} if name == "workday-raas" else {"key", "name", "status"}  # a report's columns are yours
    assert required <= set(people.required), "a right that is missing makes no leavers"
    ours = set(people.columns.words["status"].values())
    assert {"active", "left"} <= ours <= set(PersonStatus)
    assert people.least > 0
    is_paged = people.list.paging.kind is not PagingKind.NONE
    assert people.list.id is not None or not is_paged
    assert ("page.size" in named(people.list.call)) is is_paged
    assert {"email", "department", "title", "manager", "starts", "ends"} <= set(people.columns.columns)
