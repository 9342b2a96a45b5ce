"""A described source in the settings: synced as any other, and refused as a whole where it is not whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from jmltui.cli import main
from tests.servers.recorded import Exchange, recorded

SETTINGS = """
[company]
name = "Acme"

[policy]
folder = "policy"

[sources.hr]
adapter = "http"
description = "bamboohr"
base = "{origin}"
private_network = true
parameters = {{ company = "acme" }}
secrets = {{ key = "env:HR_KEY" }}
"""
STAFF = [
    {"employeeId": str(number), "firstName": name, "lastName": "Souza", "preferredName": None, "status": "Active"}
    for number, name in enumerate(("Ana", "Bo"), 1)
]


def page(people: list[dict[str, object]], total: int) -> Exchange:
    return Exchange(
        "GET", "/api/v1/employees", None, {"data": people, "meta": {"total": total, "page": {}}}, lasting=True
    )


def test_people_are_synced_from_a_description(
    private: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HR_KEY", "s3cr3t-value")
    home = private / "home"
    assert main(["init", "--home", str(home)]) == 0
    with recorded(page(STAFF, 2)) as server:
        (home / "settings.toml").write_text(SETTINGS.format(origin=server.origin))
        assert main(["sync", "--home", str(home)]) == 0
    assert "hr: 2 people" in capsys.readouterr().out
    with recorded(page(STAFF[:1], 2)) as server:
        (home / "settings.toml").write_text(SETTINGS.format(origin=server.origin))
        assert main(["sync", "--home", str(home)]) == 3
    told = capsys.readouterr()
    assert "says that GET /api/v1/employees holds 2, but listed 1; the listing is not used." in told.err
    assert "leaver" not in told.out
    assert "s3cr3t-value" not in told.out + told.err
