"""One case: who and why, the checklist with the step under the cursor, the access, the journal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from textual.widget import Widget

from jmltui.errors import JmltuiError
from jmltui.ui import case_text, person_panes, times
from jmltui.ui.actions import CASE
from jmltui.ui.lines import line
from jmltui.ui.text import show
from jmltui.ui.widgets.line_list import LineList
from jmltui.ui.widgets.row_view import RowView

from . import separating, ticketing
from .bulk import confirm_run
from .dialogs import Ask, Confirm
from .forms import Field, Form, at_least
from .step_actions import StepScreen

PANES: Final = ("checklist", "access", "record")
MIN_DETAIL: Final = 5
WHY_SHARE: Final = 2
"""The explanation takes the lower half of the access."""


class CaseScreen(StepScreen):
    """The case with its three panes."""

    ACTIONS = CASE
    NAME = "Case"

    def __init__(self, case_id: int) -> None:
        super().__init__(case_id)
        self.pane = "checklist"
        self.explaining = False
        self.told: dict[str, list[Any]] = {}

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
        yield LineList(id="rule3", cursor=False)
        yield LineList(id="why", cursor=False)
        yield LineList(id="record", cursor_sign=sign)

    def start(self) -> None:
        """Read it, with the cursor on what is to be done next."""
        self.query_one("#rule").styles.height = 1
        self.query_one("#rule2").styles.height = 1
        self.query_one("#rule3").styles.height = 1
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
        elif message.view.id == "access" and self.explaining:
            self.show_why()

    def on_row_view_opened(self) -> None:
        """A step was clicked twice, or a line of the access."""
        if self.pane == "access":
            self.do_explain()
        elif self.pane == "checklist":
            self.do_walk()

    # Panes

    def show_pane(self) -> None:
        """Show the pane that was asked for."""
        for name in ("who", "rule", "checklist", "rule2", "detail"):
            self.query_one(f"#{name}").set_class(self.pane != "checklist" and name != "who", "-gone")
        self.query_one("#access").set_class(self.pane != "access", "-gone")
        self.query_one("#record").set_class(self.pane != "record", "-gone")
        for name in ("rule3", "why"):
            self.query_one(f"#{name}").set_class(self.pane != "access" or not self.explaining, "-gone")
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

    # Why a line is due or is not

    @property
    def diff_line(self) -> dict[str, Any] | None:
        """The line of the access under the cursor."""
        key = self.query_one("#access", LineList).key
        lines = self.case["diff"] if self.case else []
        return next((each for each in lines if f"line-{each['id']}" == key), None)

    def do_explain(self) -> None:
        """Show why, or put it away; from another pane go to the access first."""
        self.explaining = self.pane != "access" or not self.explaining
        self.pane = "access"
        self.show_pane()
        if self.explaining:
            self.query_one("#why").styles.height = max(4, (self.app.size.height - 6) // WHY_SHARE)
            self.show_why()

    def show_why(self) -> None:
        """The line's own reason, then what the policy says of its entitlement."""
        found, pane = self.diff_line, self.query_one("#why", LineList)
        if found is None:
            pane.set_lines([])
            return
        about = str(found["entitlement"])
        self.query_one("#rule3", LineList).set_lines([self.rule(f"Why: {show(about or found['target'])}")])
        width = self.app.size.width - 2
        lines = case_text.line_reason(found, width)
        if found["rules"]:
            lines.append(line((separating.HINT, "info")))
        if about in self.told:
            lines += person_panes.explanation(self.told[about], about, width)[1:]
        elif about and not about.startswith("account:"):
            lines.append(line(("The policy is being asked ...", "dim")))
            self.run_worker(self._ask_why(about), group="why")
        pane.set_lines(lines, top=True)

    async def _ask_why(self, entitlement: str) -> None:
        if self.case is None:
            return
        try:
            self.told[entitlement] = await self.dashboard.desk.explain(int(self.case["person_id"]), entitlement)
        except JmltuiError as error:
            self.complain(error)
            return
        found = self.diff_line
        if found is not None and found["entitlement"] == entitlement and self.explaining:
            self.show_why()

    # Actions of the case

    def why_not(self, name: str) -> str:
        """A question is answered only while it is one; only a move has an overlap."""
        if name == "answer":
            asks = self.case is not None and self.case["state"] == "question"
            return "" if asks else "This case asks nothing."
        if name == "explain":
            return "" if self.case is not None and self.case["diff"] else "This case changes no access."
        if name == "overlap" and self.case is not None and self.case["kind"] != "mover":
            return "Only a mover keeps old access for a while."
        if name == "separation":
            found = self.diff_line if self.pane == "access" else None
            is_ruled = found is not None and bool(found["rules"])
            if self.pane != "access":
                return "Tab goes to the access; put the cursor on a line that a rule blocks."
            return "" if is_ruled else separating.NO_RULE
        if name == "ticket" and self.case is not None:
            return ticketing.why_not(self, self.case)
        if name == "successor" and self.case is not None and self.case["kind"] != "leaver":
            return "Only what a leaver leaves behind is taken over by somebody."
        return super().why_not(name)

    def do_successor(self) -> None:
        """Name who takes over."""

        def named(key: str | None) -> None:
            if key:
                self.request(lambda: self.dashboard.desk.name_successor(self.case_id, key.strip()))

        text = ["Who takes over what their accounts own? Type the number of the person.", "Else their manager does."]
        self.app.push_screen(Ask("Successor", text, draft=f"successor-{self.case_id}", least=1), named)

    def do_overlap(self) -> None:
        """Ask for a day and a reason."""
        now, desk = self.dashboard.outside.clock(), self.dashboard.desk

        async def work(form: Mapping[str, str]) -> str:
            until = times.until(form["until"], now)
            number = await desk.request_overlap(self.case_id, until, form["reason"])
            return f"Case {number} asks to keep the old access until {times.stamp(until)}; the removals wait."

        def given(form: Mapping[str, str] | None) -> None:
            if form:
                self.request(lambda: work(form))

        fields = [
            Field("until", "Until (2026-12-31, or 14d)", check=lambda text: times.until(text, now)),
            Field("reason", "What is it needed for?", draft=f"overlap-{self.case_id}", check=at_least(3, "A reason")),
        ]
        text = ["The old access that this case takes away is kept until a day, if somebody else agrees."]
        self.app.push_screen(Form("Ask for an overlap", text, fields), given)

    def do_separation(self) -> None:
        """Ask that the rule may be broken which blocks the line under the cursor."""
        case, found = self.case, self.diff_line
        if case is not None and found is not None:
            separating.ask_to_break(self, str(case["person_key"]), str(case["person_name"]), found["rules"])

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

    def do_ticket(self) -> None:
        """Bind the case to a ticket; of a bound one ask what shall become of it."""
        if self.case is not None:
            ticketing.ask(self, self.case)

    def do_copy(self) -> None:
        """Copy a summary for the ticket."""
        if self.case is not None:
            self.app.copy_to_clipboard(case_text.summary(self.case, self.dashboard.outside.clock()))
            self.say("The summary is in your clipboard, if your terminal takes OSC 52; else use `jmltui plan`.")
