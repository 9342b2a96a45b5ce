"""Ending what somebody may have: asked in the same words wherever it is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jmltui.ui import request_text, times
from jmltui.ui.text import show

from .base import BaseScreen
from .dialogs import Ask


def ask_to_end(screen: BaseScreen, exception: Mapping[str, Any]) -> None:
    """Ask for a reason, then end it; what it gave is taken away by a case."""
    number, desk = int(exception["id"]), screen.dashboard.desk

    async def work(reason: str) -> str:
        case = await desk.end_exception(number, reason)
        return f"It has ended. Case {case} takes the access away." if case else "It has ended; nothing is taken away."

    def given(reason: str | None) -> None:
        if reason:
            screen.request(lambda: work(reason))

    until = f" It would last until {times.stamp(exception['until'])}." if exception["until"] else ""
    text = [
        f"{show(request_text.who(exception))}: {show(request_text.subject(exception))}.{until}",
        "Ending it opens a case that takes away what nothing else makes due. Why now?",
    ]
    screen.app.push_screen(Ask("End this exception", text, draft=f"end-{number}"), given)
