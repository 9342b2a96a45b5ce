"""The practice company's week, read by the ordinary sync: the cases that it is meant to open, and none else."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from jmltui.cli import main
from jmltui_practice import company
from jmltui_practice.week import EXPECTED


def test_the_week_opens_its_cases(private: Path, capsys: pytest.CaptureFixture[str]) -> None:
    company.create(private, lambda: datetime.now(UTC))
    opened: dict[str, int] = {}
    held = 0
    while True:
        main(["sync", "--home", str(private), "--json"])
        report = json.loads(capsys.readouterr().out)
        assert report["problems"] == {}
        for kind, count in report["opened"].items():
            opened[kind] = opened.get(kind, 0) + count
        held += sum(batch["held"] for batch in report["batches"])
        if not company.advance(private):
            break
    assert opened == EXPECTED
    assert held == 12
