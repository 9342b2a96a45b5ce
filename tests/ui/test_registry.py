"""One registry: every key does something, every command it names exists, no screen hands data to a markup widget."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import jmltui.ui
from jmltui.cli import _parser
from jmltui.ui import actions
from jmltui.ui.screens import (
    ask,
    batches,
    bulk,
    case,
    findings,
    items,
    journal,
    people,
    person,
    queue,
    requests,
    reviews,
    systems,
    walkthrough,
)
from jmltui.ui.screens.base import BaseScreen

SCREENS: list[type[BaseScreen]] = [
    queue.QueueScreen,
    case.CaseScreen,
    walkthrough.WalkthroughScreen,
    people.PeopleScreen,
    person.PersonScreen,
    ask.AskScreen,
    systems.SystemsScreen,
    journal.JournalScreen,
    findings.FindingsScreen,
    reviews.ReviewsScreen,
    reviews.SuggestionsScreen,
    items.ItemsScreen,
    requests.RequestsScreen,
    bulk.BulkScreen,
    batches.BatchesScreen,
]

MARKUP_WIDGETS = {
    "Static",
    "Label",
    "Button",
    "notify",
    "add_row",
    "add_column",
    "Tab",
    "Option",
    "RichLog",
    "Markdown",
}


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.__name__)
def test_every_key_of_a_screen_has_one_meaning_and_does_it(screen: type[BaseScreen]) -> None:
    for action in actions.unique_keys(screen.all_actions()).values():
        assert callable(getattr(screen, f"do_{action.name}", None)), action.name


STANDS_FOR = {
    **dict.fromkeys(("CASE", "BATCH", "NUMBER", "FINDING", "REVIEW", "ITEM"), "1"),
    "STEP": "disable",
    "DAY": "2026-12-31",
    "left|stays": "left",
}

COMMANDS = sorted(
    {
        action.command
        for name, value in vars(actions).items()
        if name.isupper() and isinstance(value, tuple)
        for action in value
        if action.command
    }
)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_equivalent_command_can_be_typed(command: str) -> None:
    program, *words = command.split()
    assert program == "jmltui"
    typed = [STANDS_FOR.get(word, word.lower() if word.isupper() else word) for word in words]
    assert _parser(typed[0]).parse_args(typed).command == typed[0]


def test_no_widget_that_reads_markup_is_used_at_all() -> None:
    for path in Path(jmltui.ui.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                assert name not in MARKUP_WIDGETS, f"{path.name}:{node.lineno} uses {name}"
