"""Findings: what is not as it should be, by kind; each becomes a case, is linked, or is accepted until a day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from textual.widget import Widget

from jmltui.lifecycle.board import Query
from jmltui.ui import finding_text, times
from jmltui.ui.actions import FINDINGS
from jmltui.ui.lines import Line, line
from jmltui.ui.text import show
from jmltui.ui.views import View
from jmltui.ui.widgets.line_list import LineList
from jmltui.ui.widgets.window_table import Columns

from .dialogs import Ask, Confirm, TypeIn
from .forms import Field, Form, Pick, at_least
from .linking import ask_whose
from .viewed import SMALLEST_WITH_PREVIEW, ViewedScreen

OF_FINDING = ("open", "case", "accept", "approve", "refuse", "link", "go_case", "go_person", "choose")


class FindingsScreen(ViewedScreen):
    """Windowed over all findings; Enter shows one whole."""

    ACTIONS = FINDINGS
    PLACE = "findings"
    NAME = "Findings"
    HINT = "who, system, what, kind"
    WHAT = ("finding", "findings")

    def __init__(self, number: int | None = None) -> None:
        super().__init__("open")
        self.whole = number

    def body(self) -> Iterable[Widget]:
        """Views, list and preview; the finding whole takes their place."""
        yield from super().body()
        yield LineList(id="whole", cursor=True)

    def start(self) -> None:
        """The worst first; or the one that was asked for."""
        super().start()
        self.show_whole()

    def columns(self) -> Columns:
        """The list."""
        clock, sign = self.dashboard.outside.clock, self.dashboard.glyphs.chosen

        def spans(row: dict[str, Any], width: int, chosen: bool) -> Sequence[tuple[str, str]]:
            return finding_text.row(row, width, chosen, clock(), sign)

        return Columns(self.dashboard.board.finding_rows, spans, finding_text.header)

    def query_now(self) -> Query:
        """The query of view and filter."""
        return self.dashboard.board.findings(self.view, self.filter_text)

    def views(self) -> Sequence[View]:
        """All, by kind, and what is being dealt with."""
        return finding_text.views(self.dashboard.board.finding_counts())

    def nothing(self) -> str:
        """What an empty view says."""
        if self.view != "open":
            return super().nothing()
        looked = self.dashboard.board.last_scan()
        if looked is None:
            return "Nobody has looked for findings yet. S looks."
        return f"Nothing was found, {times.stamp(looked)}. S looks again."

    # One finding

    def preview_lines(self, number: int) -> list[Line]:
        """The sentence, what becomes of it, and the facts."""
        finding = self.dashboard.board.finding(number)
        if finding is None:
            return []
        return finding_text.preview(finding, self.dashboard.outside.clock(), self.app.size.width - 2, self.rule)

    def show_whole(self) -> None:
        """Show the finding whole, or the list again."""
        whole = self.whole is not None
        self.query_one("#whole").set_class(not whole, "-gone")
        for name in ("#views", "#list", "#filter"):
            self.query(name).set_class(whole, "-gone")
        small = self.app.size.height < SMALLEST_WITH_PREVIEW
        self.query_one("#preview").set_class(whole or small, "-gone")
        if whole:
            self.query_one("#whole").focus()
            self.draw_whole(top=True)
            self.say(f"Finding {self.whole}. Esc goes back to the list.")
        else:
            self.table.focus()
            self.show_counts()
        self.show_keys()

    def draw_whole(self, *, top: bool = False) -> None:
        """Draw the finding that is shown whole."""
        finding = self.finding()
        lines = [line(("This finding is gone.", "warn"))]
        if finding is not None:
            lines = finding_text.whole(finding, self.dashboard.outside.clock(), self.app.size.width - 2)
        self.query_one("#whole", LineList).set_lines(lines, top=top)

    def show_counts(self) -> None:
        """How many there are, while they are listed."""
        if self.whole is None:
            super().show_counts()

    def finding(self) -> dict[str, Any] | None:
        """The finding that is shown whole, else the one under the cursor, with its facts."""
        number = self.whole if self.whole is not None else self.table.current
        return self.dashboard.board.finding(number) if number is not None else None

    def changed(self, refs: set[tuple[str, str]]) -> None:
        """A scan, a case, or a decision by somebody else."""
        super().changed(refs)
        if self.whole is not None:
            self.draw_whole()

    def resized(self) -> None:
        """Lay it out for another width."""
        super().resized()
        if self.whole is not None:
            self.query_one("#preview").add_class("-gone")
            self.draw_whole()

    def do_open(self) -> None:
        """Show it whole."""
        self.whole = self.table.current
        self.show_whole()

    def do_leave(self) -> None:
        """From the finding to the list, and only then away."""
        if self.whole is not None:
            self.whole = None
            self.show_whole()
        else:
            super().do_leave()

    # What can be done

    def why_not(self, name: str) -> str:
        """Why a finding cannot be dealt with in this way."""
        if name not in OF_FINDING:
            return ""
        row = self._row()
        if row is None:
            return "There is no finding in this list."
        if name == "open" and self.whole is not None:
            return "This is the whole finding. Esc goes back to the list."
        if name == "choose" and self.whole is not None:
            return "Choosing works in the list. Esc goes back to it."
        reason = _why_not(name, row)
        return reason or (self._why_not_decide() if name in ("approve", "refuse") else "")

    def _why_not_decide(self) -> str:
        """Nobody decides on what they asked for."""
        asked = (self.finding() or {}).get("acceptance")
        mine = asked is not None and asked["requested_by"].casefold() == self.dashboard.outside.actor.casefold()
        return "You asked for this yourself; another person has to decide." if mine else ""

    def _row(self) -> Mapping[str, Any] | None:
        if self.whole is None:
            return self.current_row()
        return self.dashboard.board.finding_rows([self.whole]).get(self.whole)

    def wanted(self) -> list[int]:
        """The chosen findings in the order of the list, else the one in focus."""
        if self.whole is None and self.table.chosen:
            return [number for number in self.table.ids if number in self.table.chosen]
        number = self.whole if self.whole is not None else self.table.current
        return [number] if number is not None else []

    def do_choose(self) -> None:
        """Choose it and go to the next."""
        self.table.choose()
        self.table.move_to(self.table.cursor + 1)
        self.show_counts()

    def do_choose_all(self) -> None:
        """Choose all of the list, or none."""
        if not self.table.complete:
            self.say("The list is still being read; try again in a moment.", "warn")
            return
        self.table.choose_all()
        self.show_counts()

    def do_scan(self) -> None:
        """Look for findings."""
        desk = self.dashboard.desk

        async def work() -> str:
            return finding_text.scanned(await desk.scan())

        self.say("Looking at every account, grant and person ...")
        self.request(work)

    def do_case(self) -> None:
        """Open a case for it, or for all that are chosen."""
        wanted = self.wanted()
        if len(wanted) > 1:
            self._cases(wanted)
            return
        finding = self.finding()
        if finding is None:
            return
        sides = finding_text.sides(finding)
        if not sides:
            self._confirm_case(finding)
            return

        def taken(side: str | None) -> None:
            if side:
                self._open_case(int(finding["id"]), side)

        text = [show(finding["detail"], 500), "Which side shall be taken away? The case is planned, nothing is run."]
        choices = [(side, f"{side}: {label}") for side, label in sides]
        self.app.push_screen(Pick("Open a case", text, choices), taken)

    def _confirm_case(self, finding: Mapping[str, Any]) -> None:
        def decided(value: str | None) -> None:
            if value:
                self._open_case(int(finding["id"]))

        text = [show(finding["detail"], 500), "A case is planned for it; nothing is run yet."]
        self.app.push_screen(Confirm("Open a case", text, [("yes", "Open a case")]), decided)

    def _open_case(self, number: int, *side: str) -> None:
        desk = self.dashboard.desk

        async def work() -> str:
            return f"Case {await desk.open_finding_case(number, *side)} is open; o shows it."

        self.request(work)

    def _cases(self, wanted: Sequence[int]) -> None:
        rows = self.dashboard.board.finding_rows(wanted)
        good = [n for n in wanted if n in rows and not _why_not("case", rows[n]) and rows[n]["kind"] != "separation"]
        desk = self.dashboard.desk

        async def work() -> str:
            opened = await desk.open_finding_cases(good)
            self.table.choose_none()
            return finding_text.cases_opened(opened)

        def typed(word: str | None) -> None:
            if word:
                self.request(work)

        if not good:
            self.say("None of the chosen findings can become a case by itself.", "warn")
            return
        left = len(wanted) - len(good)
        text = [f"Opens a case for each of {len(good)} findings; each is planned, nothing is run."]
        if left:
            text.append(f"{left} stay out: no case settles them, or it has to be said which side is taken away.")
        self.app.push_screen(TypeIn("Open cases", text, str(len(good)), f"number of cases ({len(good)})"), typed)

    def do_accept(self) -> None:
        """Ask for a reason and a day."""
        finding = self.finding()
        if finding is None:
            return
        number, now = int(finding["id"]), self.dashboard.outside.clock()
        desk = self.dashboard.desk

        def given(form: Mapping[str, str] | None) -> None:
            if form:
                until = times.until(form["until"], now)
                self.request(
                    lambda: desk.accept_finding(number, form["reason"], until),
                    finding_text.asked(finding["kind"], until),
                )

        fields = [
            Field("until", "Until (2026-12-31, or 30d)", draft="", check=lambda text: times.until(text, now)),
            Field("reason", "Why is that right?", draft=f"accept-{number}", check=at_least(3, "A reason")),
        ]
        text = [show(finding["detail"], 500), "Accepted findings come back on their day. Somebody else has to agree."]
        self.app.push_screen(Form("Accept this finding", text, fields), given)

    def do_approve(self) -> None:
        """Agree that it is accepted."""
        self._decide(approve=True)

    def do_refuse(self) -> None:
        """Refuse it, with a reason."""
        self._decide(approve=False)

    def _decide(self, *, approve: bool) -> None:
        finding = self.finding()
        if finding is None or finding["acceptance"] is None:
            return
        asked, desk = finding["acceptance"], self.dashboard.desk
        number = int(asked["id"])

        def given(reason: str | None) -> None:
            if reason is not None:
                told = "It is accepted until then." if approve else "It stays a finding."
                self.request(
                    lambda: desk.decide_acceptance(number, approve=approve, reason="" if approve else reason), told
                )

        text = [
            show(finding["detail"], 500),
            f"{show(asked['requested_by'])} wants to accept it until {times.stamp(asked['until'])}: "
            f"{show(asked['reason'], 400)}",
        ]
        if approve:
            self.app.push_screen(Confirm("Accept this finding", text, [("yes", "Agree")]), given)
        else:
            self.app.push_screen(Ask("Refuse: why?", text, draft=f"refuse-acceptance-{number}"), given)

    def do_link(self) -> None:
        """Choose a person, look at both records, and type the person's number."""
        finding = self.finding()
        if finding is not None:
            ask_whose(self, finding)

    def do_go_case(self) -> None:
        """Open the case that works on it."""
        row = self._row()
        if row is not None:
            self.dashboard.open_case(int(row["case_id"]))

    def do_go_person(self) -> None:
        """Show the person."""
        row = self._row()
        if row is not None:
            self.dashboard.open_person(int(row["person_id"]))


def _why_not(name: str, row: Mapping[str, Any]) -> str:
    if name == "go_case":
        return "" if row["case_id"] else "No case works on this finding; c opens one."
    if name == "go_person":
        return "" if row["person_id"] else "This finding is about nobody who is known."
    if name in ("approve", "refuse"):
        return "" if row["waits"] else "Nobody asked to accept this finding; e asks."
    if name == "link":
        can_be = row["kind"] in ("orphan", "ownerless") and row["state"] == "open"
        return "" if can_be else "Only an account of nobody, or one without an owner, can be linked."
    if name in ("case", "accept") and row["state"] == "case":
        return f"Case {row['case_id']} works on it already; o opens it."
    if name in ("case", "accept") and row["state"] == "excepted":
        return "It is accepted; its exception can be ended among the requests (7)."
    if name == "accept" and row["kind"] == "break_glass":
        return "An emergency access is reviewed, not accepted (requests, 7)."
    if name == "case":
        return finding_text.remedy(row)
    if name == "accept" and row["waits"]:
        return "Somebody asked for that already; another person decides (a, x)."
    return ""
