"""Batches that wait for a person: who is in them, why they are held, and the number that has to be typed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from textual.widget import Widget

from jmltui.ui import times
from jmltui.ui.actions import BATCHES
from jmltui.ui.lines import Line, line
from jmltui.ui.text import cell, show, wrap
from jmltui.ui.widgets.line_list import LineList

from .base import BaseScreen
from .dialogs import Ask, TypeIn


class BatchesScreen(BaseScreen):
    """Every open batch with its people."""

    ACTIONS = BATCHES
    NAME = "Batches"

    def __init__(self) -> None:
        super().__init__()
        self.batches: dict[int, dict[str, Any]] = {}

    def heading(self) -> str:
        """What this is."""
        return "Batches that wait for a person"

    def body(self) -> Iterable[Widget]:
        """Batches and people."""
        yield LineList(id="batches", cursor_sign=self.dashboard.glyphs.cursor)

    def start(self) -> None:
        """Read them."""
        self.query_one("#batches").focus()
        self.show_batches(top=True)

    def changed(self, refs: set[tuple[str, str]]) -> None:
        """Others decided."""
        del refs
        self.show_batches()

    def show_batches(self, *, top: bool = False) -> None:
        """Show each batch and who is in it."""
        board = self.dashboard.board
        self.batches = {batch["id"]: batch for batch in board.batches()}
        lines: list[Line] = []
        for number, batch in self.batches.items():
            people = board.batch_people(number)
            head = f"Batch {number}: {len(people)} people, opened {times.stamp(batch['opened_at'])}"
            lines.append(line((f"{head} by {show(batch['opened_by'])}", "head"), key=f"{number}"))
            lines += [line((f"  {part}", "warn")) for part in wrap(f"{batch['reason']}.", self.app.size.width - 6)]
            for person in people:
                who = f"{cell(person['person_name'], 28)} {cell(person['person_key'], 10)} "
                told = f"{cell(person['department'], 18)} {show(person['state'])}"
                lines.append(line("  ", who, told, key=f"{number} {person['id']}"))
            lines.append(line(""))
        self.query_one("#batches", LineList).set_lines(lines, top=top)
        self.say("Look at every name, then Enter." if lines else "No batch waits for a person. Esc goes back.")
        self.show_keys()

    def why_not(self, name: str) -> str:
        """Without a batch there is nothing to confirm or to dismiss."""
        return "No batch waits for a person." if name in ("confirm", "dismiss") and not self.batches else ""

    def chosen(self) -> dict[str, Any] | None:
        """The batch under the cursor."""
        key = self.query_one("#batches", LineList).key
        return self.batches.get(int(key.split()[0])) if key else None

    def do_confirm(self) -> None:
        """Ask for the number, and for a reason where a guard holds the batch."""
        batch = self.chosen()
        if batch is None:
            return
        number, people = batch["id"], str(batch["people"])

        def reasoned(reason: str | None) -> None:
            if reason:
                self._confirm(number, people, reason)

        def typed(word: str | None) -> None:
            if not word:
                return
            if batch["held"]:
                text = ["A guard holds this batch. Why is it right all the same? The journal keeps it."]
                self.app.push_screen(Ask("Reason", text, draft=f"batch-{number}"), reasoned)
            else:
                self._confirm(number, people, "")

        text = [f"{show(batch['reason'])}.", "Confirming opens the cases of all of them; nothing is run yet."]
        self.app.push_screen(TypeIn(f"Confirm batch {number}", text, people, "number of people in the list"), typed)

    def _confirm(self, number: int, people: str, reason: str) -> None:
        desk = self.dashboard.desk
        self.request(
            lambda: desk.confirm_batch(number, people, reason), f"Batch {number} is confirmed; its cases are open."
        )

    def do_dismiss(self) -> None:
        """Ask why, then drop the cases."""
        batch = self.chosen()
        if batch is None:
            return
        number, desk = batch["id"], self.dashboard.desk

        def reasoned(reason: str | None) -> None:
            if reason:
                said = f"Batch {number} is dismissed; nothing is taken away."
                self.request(lambda: desk.dismiss_batch(number, reason), said)

        text = [
            f"{show(batch['reason'])}.",
            f"The cases of all {batch['people']} people are dropped and nothing is taken away. Why is it wrong? "
            "The journal keeps it.",
        ]
        self.app.push_screen(Ask(f"Dismiss batch {number}", text, draft=f"batch-{number}-no"), reasoned)
