"""Binding the case of a screen to a ticket, telling a bound one again, or letting it go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jmltui.domain.operation import Cap
from jmltui.ui.text import show

from .dialogs import Ask, Confirm
from .step_actions import StepScreen

TITLE = "Ticket"
NOWHERE = "No system keeps tickets. Set one up (docs/tickets.md), then sync (queue, S)."


def why_not(screen: StepScreen, case: Mapping[str, Any]) -> str:
    """Why no ticket can be bound: no system that was read keeps any. One that never answered may be one that does."""
    if case["ticket"] is not None:
        return ""
    read = screen.dashboard.board.systems()
    may = not read or any(not each["capabilities"] or Cap.TICKET in each["capabilities"] for each in read)
    return "" if may else NOWHERE


def ask(screen: StepScreen, case: Mapping[str, Any]) -> None:
    """Ask for the ticket to bind; where one is bound, ask what shall become of it."""
    ticket = case["ticket"]
    if ticket is None:
        _bind(screen)
        return
    desk, number = screen.dashboard.desk, screen.case_id
    text = [
        f"{show(ticket['system'])}:{show(ticket['ticket'])} {show(ticket['title'])}",
        "“Tell again” posts now what failed or waits, and lets a stopped ticketing system go on.",
        "“Let go” posts nothing more to this ticket.",
    ]

    def decided(value: str | None) -> None:
        if value == "again":
            screen.request(lambda: desk.retry_ticket(number))
        elif value == "other":
            _bind(screen)
        elif value == "go":
            screen.request(lambda: desk.unbind_ticket(number))

    choices = [("again", "Tell again"), ("other", "Bind another"), ("go", "Let go")]
    screen.app.push_screen(Confirm(TITLE, text, choices), decided)


def _bind(screen: StepScreen) -> None:
    desk, number = screen.dashboard.desk, screen.case_id

    def named(reference: str | None) -> None:
        if reference:
            screen.request(lambda: desk.bind_ticket(number, reference))

    text = [
        "Bind this case to which ticket? Type SYSTEM:ID, as helpdesk:1042.",
        "It is read first. Comments on how the case goes are internal; the requester does not see them.",
    ]
    screen.app.push_screen(Ask(TITLE, text, draft=f"ticket-{number}", least=3), named)
