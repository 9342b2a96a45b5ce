"""What does not follow from the other tests: how the screens look on narrow, plain and colourless terminals."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jmltui.ui.app import Dashboard
from jmltui.ui.glyphs import ASCII

from . import governance
from .company import Company

Compare = Callable[..., bool]

SCREENS = {
    "queue": (),
    "case": ("enter",),
    "access": ("enter", "tab"),
    "walkthrough": ("enter", "w"),
    "person": ("2", "enter"),
    "systems": ("3",),
    "journal": ("4",),
    "bulk": ("space", "space", "r"),
    "attest": ("enter", "down", "down", "s"),
}


@pytest.mark.parametrize("name", SCREENS)
def test_a_plain_terminal(standing: Company, snap_compare: Compare, name: str) -> None:
    app = standing.dashboard(glyphs=ASCII, worker=False)
    assert snap_compare(app, press=SCREENS[name], terminal_size=(80, 24), run_before=settle)


GOVERNANCE = {
    "findings": ("5",),
    "finding": ("5", "enter"),
    "reviews": ("6",),
    "items": ("6", "enter"),
    "requests": ("7",),
    "accept": ("5", "e"),
}


@pytest.mark.parametrize("name", GOVERNANCE)
def test_governance_on_a_plain_terminal(standing: Company, snap_compare: Compare, name: str) -> None:
    governance.governed(standing.places.cache_file, standing.clock)
    app = standing.dashboard(glyphs=ASCII, worker=False)
    assert snap_compare(app, press=GOVERNANCE[name], terminal_size=(80, 24), run_before=settle)


@pytest.mark.parametrize("name", ["queue", "case"])
def test_a_terminal_of_half_the_width(standing: Company, snap_compare: Compare, name: str) -> None:
    app = standing.dashboard(worker=False)
    assert snap_compare(app, press=SCREENS[name], terminal_size=(44, 16), run_before=settle)


def test_findings_on_a_terminal_of_half_the_width(standing: Company, snap_compare: Compare) -> None:
    governance.governed(standing.places.cache_file, standing.clock)
    app = standing.dashboard(worker=False)
    assert snap_compare(app, press=("5",), terminal_size=(44, 16), run_before=settle)


@pytest.mark.parametrize("name", ["queue", "access"])
def test_without_colour(standing: Company, snap_compare: Compare, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = standing.dashboard(worker=False)
    assert app.no_color
    assert snap_compare(app, press=SCREENS[name], terminal_size=(80, 24), run_before=settle)


async def settle(pilot: object) -> None:
    """Let the preview come to rest and the desk answer what it was asked; it answers one after another."""
    app = getattr(pilot, "app", None)
    assert isinstance(app, Dashboard)
    for _ in range(2):
        await app.desk.warm()
        await pilot.pause(0.15)  # type: ignore[attr-defined]  # a Pilot of any application
