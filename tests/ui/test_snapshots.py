"""What does not follow from the other tests: how the screens look on narrow, plain and colourless terminals."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jmltui.ui.app import Dashboard
from jmltui.ui.glyphs import ASCII

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


@pytest.mark.parametrize("name", ["queue", "case"])
def test_a_terminal_of_half_the_width(standing: Company, snap_compare: Compare, name: str) -> None:
    app = standing.dashboard(worker=False)
    assert snap_compare(app, press=SCREENS[name], terminal_size=(44, 16), run_before=settle)


@pytest.mark.parametrize("name", ["queue", "access"])
def test_without_colour(standing: Company, snap_compare: Compare, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = standing.dashboard(worker=False)
    assert app.no_color
    assert snap_compare(app, press=SCREENS[name], terminal_size=(80, 24), run_before=settle)


async def settle(pilot: object) -> None:
    """Let the preview come to rest."""
    assert isinstance(getattr(pilot, "app", None), Dashboard)
    await pilot.pause(0.15)  # type: ignore[attr-defined]  # a Pilot of any application
