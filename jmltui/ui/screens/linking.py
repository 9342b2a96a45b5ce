"""Saying whose an account is: somebody is chosen, both records are read, and the person's number is typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from jmltui.ui import finding_text
from jmltui.ui.text import show

from .base import BaseScreen
from .dialogs import Ask, TypeIn
from .forms import Pick

SOMEBODY_ELSE: Final = "\0"
"""No person has such a number."""


def ask_whose(screen: BaseScreen, finding: Mapping[str, Any]) -> None:
    """Choose one of the proposed people, or name another one."""
    proposals = {finding_text.key_of(each): each for each in finding_text.proposals_of(finding["facts"])}

    def chosen(key: str | None) -> None:
        if key == SOMEBODY_ELSE:
            _ask_number(screen, finding)
        elif key:
            _confirm(screen, finding, key, proposals.get(key))

    if not proposals:
        _ask_number(screen, finding)
        return
    choices = [(key, finding_text.proposal_text(each)) for key, each in proposals.items()]
    choices.append((SOMEBODY_ELSE, "somebody else, by their number"))
    text = [f"{finding_text.question(finding)} Look at the reasons, not the name."]
    screen.app.push_screen(Pick(finding_text.LINK_TITLE, text, choices), chosen)


def _ask_number(screen: BaseScreen, finding: Mapping[str, Any]) -> None:
    def named(key: str | None) -> None:
        if key:
            _confirm(screen, finding, key, None)

    text = [f"{finding_text.question(finding)} Type the number of the person, as the source has it."]
    screen.app.push_screen(Ask(finding_text.LINK_TITLE, text, draft=f"link-{finding['id']}", least=1), named)


def _confirm(screen: BaseScreen, finding: Mapping[str, Any], key: str, proposal: Mapping[str, Any] | None) -> None:
    """Show both records; the number has to be typed under them."""
    board, desk = screen.dashboard.board, screen.dashboard.desk
    number = board.person_numbered(key)
    record = board.person(number) if number is not None else None
    if record is None:
        screen.say(f"No source has a person with the number {show(key, 40)}.", "warn")
        return

    def typed(word: str | None) -> None:
        if word:
            screen.request(lambda: desk.link_finding(int(finding["id"]), key))

    text = finding_text.both_records(finding, record, proposal)
    screen.app.push_screen(TypeIn(finding_text.LINK_TITLE, text, key, f"person's number ({show(key)})"), typed)
