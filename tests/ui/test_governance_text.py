"""Words without a screen: runbook texts, lines of views, approval stages, days that people type."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from jmltui.domain.approval import ApprovalPath, ApprovalStage, as_json
from jmltui.ui import approval_text, review_text, times
from jmltui.ui.markdown import markdown
from jmltui.ui.views import turned, view_spans

NOW = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)


def styled(text: str, width: int = 60) -> list[tuple[str, str]]:
    return [span for line in markdown(text, width) for span in line.spans if span[0].strip()]


def test_a_runbook_keeps_headings_lists_bold_and_code() -> None:
    text = "# Laptop\nAsk for **both** chargers:\n- the `USB-C` one\n  1. and the old one\n```\nrm -rf /\n```"
    lines = [line.text for line in markdown(text, 60)]
    assert lines == ["Laptop", "Ask for both chargers:", "- the USB-C one", "  1. and the old one", "  rm -rf /"]
    assert ("Laptop", "head") in styled(text)
    assert ("both", "head") in styled(text)
    assert ("USB-C", "info") in styled(text)


def test_a_link_is_words_and_an_address_and_nothing_that_acts() -> None:
    [line] = markdown("See [the runbook](https://wiki.example.test/x) and [@click=app.quit()]this[/]", 100)
    assert line.text == "See the runbook (https://wiki.example.test/x) and [@click=app.quit()]this[/]"
    assert not any("link" in str(style) for _, style in line.spans)


@given(st.text(max_size=400), st.integers(8, 100))
def test_no_text_is_wider_than_its_pane_or_reaches_the_terminal_raw(text: str, width: int) -> None:
    for line in markdown(text, width):
        assert not any(character in line.text for character in "\x1b\x00\n\r\t\u202e\u200b")
        if not line.text.startswith("  "):
            assert cell_len(line.text.rstrip()) <= max(width, 12)


def test_the_view_that_is_shown_is_always_on_the_line() -> None:
    views = [(f"kind{number}", f"Kind number {number}", number) for number in range(20)]
    for key, label, count in views:
        text = "".join(text for text, _ in view_spans(views, key, 60))
        assert f"[{label} {count}]" in text
        assert cell_len(text) <= 60
    assert turned(views, "kind19", 1) == "kind0"
    assert turned(views, "kind0", -1) == "kind19"
    assert turned(views, "a kind that is gone", 1) == "kind1"


PATH = ApprovalPath(
    "elevated",
    (
        ApprovalStage(1, ("manager",), ("team:helpdesk",), timedelta(hours=4)),
        ApprovalStage(2, ("group:security", "user:mia"), ()),
    ),
    timedelta(days=2),
)


def step(asked: datetime) -> dict[str, object]:
    return {"approval_path": json.dumps(as_json(PATH)), "asked_at": asked, "plan_hash": "abc"}


def agreed(by: str, stage: int, at: datetime, plan: str = "abc") -> dict[str, object]:
    return {"approver": by, "stage": stage, "at": at, "decision": "approve", "plan_hash": plan}


def test_an_approval_says_stage_people_and_fallback() -> None:
    asked = NOW - timedelta(hours=1)
    text = approval_text.stage_text(step(asked), [], NOW)
    assert text.startswith("stage 1 of 2: waits for manager, from 01 Jun 11:00 also team:helpdesk")
    assert "now also team:helpdesk" in approval_text.stage_text(step(asked), [], NOW + timedelta(hours=4))
    first = agreed("ben", 0, NOW)
    assert "stage 2 of 2: waits for 2 of group:security or user:mia" in approval_text.stage_text(
        step(asked), [first], NOW
    )
    assert approval_text.short(step(asked), [first], NOW) == "2/2 group:security or user:mia"
    all_of_them = [first, agreed("mia", 1, NOW), agreed("zoe", 1, NOW)]
    assert "agreed" in approval_text.stage_text(step(asked), all_of_them, NOW)
    older = agreed("ben", 0, NOW, plan="old")
    assert "stage 1 of 2" in approval_text.stage_text(step(asked), [older], NOW), "for another plan it does not count"
    assert "asked for again" in approval_text.stage_text(step(asked), [], NOW + timedelta(days=3))
    assert approval_text.stage_text({"approval_path": ""}, [], NOW) == "waits for anybody but requester and subject"


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("30d", NOW + timedelta(days=30)),
        ("8h", NOW + timedelta(hours=8)),
        ("2026-12-31", datetime(2026, 12, 31, 23, 59, tzinfo=UTC)),
        ("2026-12-31 18:00", datetime(2026, 12, 31, 18, 0, tzinfo=UTC)),
    ],
)
def test_an_end_is_typed_as_a_day_a_time_or_a_length(typed: str, found: datetime) -> None:
    assert times.until(typed, NOW) == found


@pytest.mark.parametrize("typed", ["", "soon", "2026-13-01", "31.12.2026", "2020-01-01", "-3d", "0d", "999999w"])
def test_what_is_no_end_is_refused_in_words(typed: str) -> None:
    with pytest.raises(ValueError, match=r"Write a day|is over|is not a duration"):
        times.until(typed, NOW)


@pytest.mark.parametrize(("done", "total", "bar"), [(0, 10, "[----]"), (5, 10, "[##--]"), (10, 10, "[####]")])
def test_progress_is_text(done: int, total: int, bar: str) -> None:
    assert review_text.progress(done, total, 4) == bar
