"""One case: who and why, the checklist with the step under the cursor, the access, the journal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from textual.widget import Widget

from jmltui.ui import case_text
from jmltui.ui.actions import CASE
from jmltui.ui.text import show
from jmltui.ui.widgets.line_list import LineList
from jmltui.ui.widgets.row_view import RowView

from .bulk import confirm_run
from .dialogs import Ask, Confirm
from .step_actions import StepScreen

PANES: Final = ("checklist", "access", "record")
MIN_DETAIL: Final = 5


class CaseScreen(StepScreen):
    """The case with its three panes."""

    ACTIONS = CASE
    NAME = "Case"

    def __init__(self, case_id: int) -> None:
        super().__init__(case_id)
        self.pane = "checklist"

    def heading(self) -> str:
        """Number, kind, pane."""
        kind = self.case["kind"] if self.case else ""
        here = {"checklist": "Checklist", "access": "Access", "record": "Journal"}
        panes = " ".join(f"[{here[name]}]" if name == self.pane else f" {here[name]} " for name in PANES)
        return f"Case {self.case_id} {kind}  {panes}"

    def body(self) -> Iterable[Widget]:
        """Head, checklist and detail; access and journal take their place."""
        sign = self.dashboard.glyphs.cursor
        yield LineList(id="who", cursor=False)
        yield LineList(id="rule", cursor=False)
        yield LineList(id="checklist", cursor_sign=sign)
        yield LineList(id="rule2", cursor=False)
        yield LineList(id="detail", cursor=False)
        yield LineList(id="access", cursor_sign=sign)
        yield LineList(id="record", cursor_sign=sign)

    def start(self) -> None:
        """Read it, with the cursor on what is to be done next."""
        self.query_one("#rule").styles.height = 1
        self.query_one("#rule2").styles.height = 1
        self.read_case()
        if self.case is not None:
            checklist = self.query_one("#checklist", LineList)
            wanted = case_text.next_key(self.case["steps"])
            rows = [row for row, each in enumerate(checklist.lines) if each.key == wanted]
            if rows:
                checklist.move_to(rows[0])
            self.show_detail()
        self.show_pane()
        self.run_worker(self.dashboard.desk.warm(), exit_on_error=False, group="warm")

    def resized(self) -> None:
        """Lay the lines out for another width."""
        if self.case is not None:
            self.show_case()

    @property
    def step(self) -> dict[str, Any] | None:
        """The step under the cursor."""
        key = self.query_one("#checklist", LineList).key
        steps = self.case["steps"] if self.case else []
        return next((step for step in steps if step["key"] == key), None)

    def show_case(self) -> None:
        """Draw everything that was read."""
        case = self.case
        if case is None:
            self.say(f"There is no case {self.case_id}.", "bad")
            return
        now, width = self.dashboard.outside.clock(), self.app.size.width - 2
        head = case_text.who_and_why(case, now, width)
        who = self.query_one("#who", LineList)
        who.styles.height = len(head)
        who.set_lines(head)
        steps = case_text.checklist(case, now, width, self.dashboard.glyphs)
        room = self.app.size.height - 3 - len(head) - 2
        checklist = self.query_one("#checklist", LineList)
        checklist.styles.height = max(3, min(len(steps), room - MIN_DETAIL))
        self.query_one("#rule", LineList).set_lines([self.rule(f"Checklist: {self._progress()}")])
        checklist.set_lines(steps)
        self.query_one("#access", LineList).set_lines(case_text.access(case, width))
        self.query_one("#record", LineList).set_lines(case_text.journal(case, width))
        self.show_detail()

    def _progress(self) -> str:
        case = self.case or {}
        return f"{case.get('steps_done', 0)} of {case.get('steps_total', 0)} steps done"

    def show_detail(self) -> None:
        """Draw the step under the cursor."""
        case, step = self.case, self.step
        pane = self.query_one("#detail", LineList)
        if case is None or step is None:
            pane.set_lines([])
            return
        now, width = self.dashboard.outside.clock(), self.app.size.width - 2
        self.query_one("#rule2", LineList).set_lines([self.rule("Step (Enter walks through)")])
        pane.set_lines(case_text.step_detail(case, step, now, width), top=True)

    def on_row_view_moved(self, message: RowView.Moved) -> None:
        """Another step."""
        if message.view.id == "checklist":
            self.show_detail()
            self.show_keys()

    def on_row_view_opened(self) -> None:
        """A step was clicked twice."""
        self.do_walk()

    # Panes

    def show_pane(self) -> None:
        """Show the pane that was asked for."""
        for name in ("who", "rule", "checklist", "rule2", "detail"):
            self.query_one(f"#{name}").set_class(self.pane != "checklist" and name != "who", "-gone")
        self.query_one("#access").set_class(self.pane != "access", "-gone")
        self.query_one("#record").set_class(self.pane != "record", "-gone")
        self.query_one(f"#{self.pane}").focus()
        self.show_title()
        self.say("")

    def _turn(self, by: int) -> None:
        self.pane = PANES[(PANES.index(self.pane) + by) % len(PANES)]
        self.show_pane()

    def do_next_pane(self) -> None:
        """The next pane."""
        self._turn(1)

    def do_previous_pane(self) -> None:
        """The previous pane."""
        self._turn(-1)

    # Actions of the case

    def why_not(self, name: str) -> str:
        """A question is answered only while it is one."""
        if name == "answer":
            asks = self.case is not None and self.case["state"] == "question"
            return "" if asks else "This case asks nothing."
        return super().why_not(name)

    def do_walk(self) -> None:
        """Walk through from this step on."""
        from .walkthrough import WalkthroughScreen

        step = self.step
        self.app.push_screen(WalkthroughScreen(self.case_id, str(step["key"]) if step else ""))

    def do_run_case(self) -> None:
        """Let the worker carry out everything."""
        case = self.case
        if case is None:
            return
        version = int(case["version"])

        def go_on() -> None:
            self.request(
                lambda: self.dashboard.desk.run_case(self.case_id, version),
                "The case is with the worker; watch it here.",
            )

        confirm_run(self, case, go_on)

    def do_answer(self) -> None:
        """Ask whether the person left."""
        case = self.case
        if case is None:
            return
        text = [
            f"{show(case['person_name'])} ({show(case['person_key'])}) is absent from the feed.",
            "“Left” opens the leaver case. “Stays” closes this question; the next feed asks again.",
        ]

        def decided(value: str | None) -> None:
            if value:
                told = "The leaver case is open." if value == "left" else "Noted: the person stays."
                self.request(lambda: self.dashboard.desk.answer(self.case_id, value == "left"), told)

        choices = [("stays", "Stays"), ("left", "Left")]
        self.app.push_screen(Confirm("Did this person leave?", text, choices), decided)

    def do_claim(self) -> None:
        """Take the case."""
        self.request(lambda: self.dashboard.desk.claim(self.case_id), "You have taken this case.")

    def do_hand_over(self) -> None:
        """Give the case to somebody."""

        def named(login: str | None) -> None:
            if login:
                self.request(lambda: self.dashboard.desk.claim(self.case_id, login), f"The case is given to {login}.")

        text = ["Give this case to whom? Type their login."]
        self.app.push_screen(Ask("Hand over", text, draft="hand-over", least=1), named)

    def do_note(self) -> None:
        """Write a note."""

        def written(text: str | None) -> None:
            if text:
                self.request(lambda: self.dashboard.desk.note(self.case_id, text), "The note is in the journal.")

        text = [f"A note into case {self.case_id}:"]
        self.app.push_screen(Ask("Note", text, draft=f"note-{self.case_id}"), written)

    def do_replan(self) -> None:
        """Plan the case anew, by the policy in force and what was read last."""
        self.request(lambda: self.dashboard.desk.replan(self.case_id))

    def do_copy(self) -> None:
        """Copy a summary for the ticket."""
        if self.case is not None:
            self.app.copy_to_clipboard(case_text.summary(self.case, self.dashboard.outside.clock()))
            self.say("The summary is in your clipboard, if your terminal takes OSC 52; else use `jmltui plan`.")
