"""`jmltui adapter try`: what a description asks, what it makes of the answers, and no secret on the screen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jmltui.cli import main
from tests.servers.recorded import Exchange, recorded

DESCRIPTION = """
description: 1
name: Small
secrets: {key: The key.}
auth: {kind: header, header: X-API-Key, value: "{secrets.key}"}
accounts:
  columns: {id: id, login: login, state: state}
  words: {state: {active: [on]}}
  list: {call: {path: /users}, records: users, id: id}
operations:
  disable: {call: {path: "/users/{account.id}/off"}}
people:
  call: {path: /people}
  records: people
  columns: {key: id, name: name, status: status}
"""
ZENDESK = ("--parameter", "subdomain=acme", "--parameter", "user=a@example.test", "--secret", "token=env:K")
PEOPLE = [{"id": 1, "name": "Zoë \x1b[31m", "status": "active"}, {"id": 2, "name": "Bo", "status": "odd"}]
USERS = [{"id": str(number), "login": f"u{number}", "state": "on"} for number in range(9)]


@pytest.fixture
def description(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SMALL_KEY", "s3cr3t-value")
    file = tmp_path / "small.yaml"
    file.write_text(DESCRIPTION)
    return file


def tried(*words: str) -> int:
    return main(["adapter", "try", *words, "--secret", "key=env:SMALL_KEY", "--private-network"])


def test_reads_are_shown_and_writes_only_named(description: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with recorded(
        Exchange("GET", "/people", {}, {"people": PEOPLE}), Exchange("GET", "/users", {}, {"users": USERS})
    ) as server:
        code = tried(str(description), "--base", server.origin, "--limit", "2")
    told = capsys.readouterr().out
    assert code == 3
    assert [line.split()[:4] for line in told.splitlines()[1:3]] == [
        ["people", "GET", "/people", "200"], ["accounts", "GET", "/users", "200"],
    ]  # fmt: skip
    assert "name: Zoë ␛[31m" in told
    assert "problem, people: Record 2 cannot be believed: status “odd” is none of" in told
    assert told.count("login: ") == 2
    assert "Writes that it would make, and did not:" in told
    assert "/users/{account.id}/off" in told
    assert "s3cr3t-value" not in told
    assert {one.method for one in server.asked} == {"GET"}


def test_as_json(description: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with recorded(
        Exchange("GET", "/people", {}, {"people": PEOPLE[:1]}), Exchange("GET", "/users", status=500)
    ) as server:
        code = tried(str(description), "--base", server.origin, "--json")
    found = json.loads(capsys.readouterr().out)
    assert code == 3
    assert [(c["for"], c["status"], c["made"]) for c in found["calls"]] == [
        ("people", 200, True), ("accounts", 500, True), ("disable", None, False),
    ]  # fmt: skip
    assert found["calls"][0]["bytes"] > 10
    assert [r["problem"] != "" for r in found["records"]] == [False, True]


def test_a_configured_source_is_tried(description: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with recorded(
        Exchange("GET", "/people", {}, {"people": PEOPLE[:1]}), Exchange("GET", "/users", {}, {"users": []})
    ) as server:
        (home / "settings.toml").write_text(
            f'[sources.staff]\nadapter = "http"\ndescription = "{description}"\nbase = "{server.origin}"\n'
            'secrets = { key = "env:SMALL_KEY" }\nprivate_network = true\n'
        )
        assert main(["adapter", "try", "staff", "--configured", "--home", str(home)]) == 0
    assert "status: active" in capsys.readouterr().out


def test_a_description_of_tickets_is_tried_by_its_check(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("K", "s3cr3t-value")
    with recorded() as server:
        code = main(["adapter", "try", "zendesk", "--base", server.origin, "--private-network", *ZENDESK])
    told = capsys.readouterr().out
    assert code == 3
    assert [one.method for one in server.asked] == ["GET"]
    assert "problem, check: zendesk answered 418" in told
    assert "s3cr3t-value" not in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["bamboh"], "Did you mean “bamboohr”?"),
        (["bamboohr", "--parameter", "company"], "--parameter takes NAME=…"),
        (["bamboohr"], "“parameters.company” is missing."),
        (["bamboohr", "--adapter", "csv"], "“description” is not known to the adapter csv."),
        (["nobody", "--configured"], "There is no settings file here."),
    ],
)
def test_mistakes_are_sentences(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JMLTUI_HOME", str(tmp_path))
    assert main(["adapter", "try", *words]) == 2
    assert told in capsys.readouterr().err
