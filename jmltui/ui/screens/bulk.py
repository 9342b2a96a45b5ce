"""The plan of many cases at once: what would be called where, and which cases stay out and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from textual.widget import Widget

from jmltui.domain.danger import Danger
from jmltui.ui.actions import BULK
from jmltui.ui.lines import Line, heading, line
from jmltui.ui.text import cell, show
from jmltui.ui.widgets.line_list import LineList

from .base import BaseScreen
from .dialogs import Confirm, TypeIn


class BulkScreen(BaseScreen):
    """Preview of running the chosen cases through."""

    ACTIONS = BULK
    NAME = "Run"

    def __init__(self, numbers: Sequence[int]) -> None:
        super().__init__()
        self.numbers = numbers
        self.runnable: list[dict[str, Any]] = []

    def heading(self) -> str:
        """How many."""
        return "Run: what would be done"

    def body(self) -> Iterable[Widget]:
        """The plan."""
        yield LineList(id="plan", cursor_sign=self.dashboard.glyphs.cursor)

    def start(self) -> None:
        """Show the plan."""
        self.query_one("#plan").focus()
        self.show_plan(top=True)

    def changed(self, refs: set[tuple[str, str]]) -> None:
        """Others changed the cases."""
        del refs
        self.show_plan()

    def show_plan(self, *, top: bool = False) -> None:
        """Read the cases again and show what they come to."""
        cases = self.dashboard.board.bulk(self.numbers)
        self.runnable = [case for case in cases if not left_out(case)]
        self.query_one("#plan", LineList).set_lines(plan_lines(cases), top=top)
        self.show_keys()
        count = len(self.runnable)
        word = "case" if count == 1 else "cases"
        self.say(f"{count} {word} would be run. Nothing has been done yet; r goes on." if count else "No case can run.")

    def why_not(self, name: str) -> str:
        """Without a case that can run, there is nothing to do."""
        return "None of these cases can be run; each says why." if name == "run" and not self.runnable else ""

    def do_run(self) -> None:
        """Confirm: by typing the number of people when it is more than one, by their login for the worst grade."""
        cases = self.runnable
        worst = Danger(max(case["danger"] for case in cases))
        if len(cases) == 1:
            confirm_run(self, cases[0], self._run)
            return
        word = str(len(cases))
        text = [
            f"This lets the worker carry out every automatic step of {word} cases; worst step: {worst.word}.",
            "Steps that need an approval wait for it. Every effect is read back.",
        ]
        self.app.push_screen(TypeIn("Run them", text, word, f"number of cases ({word})"), self._typed)

    def _typed(self, word: str | None) -> None:
        if word:
            self._run()

    def _run(self) -> None:
        cases, desk = list(self.runnable), self.dashboard.desk

        async def work() -> None:
            for case in cases:
                await desk.run_case(case["id"], case["version"])

        word = "case is" if len(cases) == 1 else "cases are"
        self.request(work, f"{len(cases)} {word} with the worker. Watch them in the queue; Esc goes back.")


def confirm_run(screen: BaseScreen, case: dict[str, Any], go_on: Any) -> None:
    """Ask before a whole case is run: by a choice, or by typing the person's number when nothing brings it back."""
    name = f"{show(case['person_name'])} ({show(case['person_key'])})"
    worst = Danger(case["danger"])
    text = [
        f"The worker carries out every automatic step for {name}: {show(case['kind'])}.",
        f"Worst step: {worst.word}. Steps that need an approval wait for it. Every effect is read back.",
    ]

    def decided(value: str | None) -> None:
        if value:
            go_on()

    if worst is Danger.DESTRUCTIVE:
        text.append("At least one step cannot be taken back.")
        word = str(case["person_key"])
        screen.app.push_screen(TypeIn("Run this case", text, word, f"person's number ({show(word)})"), decided)
    else:
        screen.app.push_screen(Confirm("Run this case", text, [("yes", "Run")]), decided)


def left_out(case: dict[str, Any]) -> str:
    """Why a case cannot be run with the others, "" when it can."""
    if case["state"] == "question":
        return "asks first whether the person left (A in the case)"
    if case["state"] == "held":
        return "its batch is held by a guard (b in the queue)"
    if case["state"] != "open":
        return f"is {case['state']}"
    return ""


def plan_lines(cases: Sequence[dict[str, Any]]) -> list[Line]:
    """Totals by system and operation, then each case."""
    good = [case for case in cases if not left_out(case)]
    out = [case for case in cases if left_out(case)]
    totals: Counter[tuple[str, str]] = Counter()
    for case in good:
        for system, operation, count in case["todo"]:
            totals[system, operation] += count
    lines = [heading("What would be called")]
    for (system, operation), count in sorted(totals.items()):
        lines.append(line(f"  {count:>6,}  {cell(operation, 18)} on {show(system)}"))
    if not totals:
        lines.append(line("  nothing: only steps for people are left"))
    lines += [line(""), heading(f"Cases that would be run: {len(good)}")]
    for case in good:
        calls = sum(count for _, _, count in case["todo"])
        told = f"{calls} call{'' if calls == 1 else 's'}, {Danger(case['danger']).word}"
        approvals = f", {case['approvals']} to approve first" if case["approvals"] else ""
        who = f"{cell(case['kind'], 8)} {cell(case['person_name'], 24)} {cell(case['person_key'], 10)} "
        lines.append(line("  ", who, told + approvals, key=f"case-{case['id']}"))
    if out:
        lines += [line(""), heading(f"Left out: {len(out)}")]
        for case in out:
            who = f"{cell(case['kind'], 8)} {cell(case['person_name'], 24)} {cell(case['person_key'], 10)} "
            lines.append(line("  ", who, (left_out(case), "warn"), key=f"case-{case['id']}"))
    return lines
