"""Requests: what was asked for and whose word it waits for, what is in force and until when, what has ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jmltui.lifecycle.board import Query
from jmltui.ui import request_text
from jmltui.ui.actions import REQUESTS
from jmltui.ui.lines import Line
from jmltui.ui.text import show
from jmltui.ui.views import View
from jmltui.ui.widgets.window_table import Columns

from .dialogs import Ask
from .ending import ask_to_end
from .forms import Pick
from .viewed import ViewedScreen

OF_REQUEST = ("open", "end", "review", "go_person")
SHOWN_PEOPLE = 9


class RequestsScreen(ViewedScreen):
    """Windowed over all exceptions."""

    ACTIONS = REQUESTS
    PLACE = "requests"
    NAME = "Requests"
    HINT = "person, what, reason, who asked"
    WHAT = ("request", "requests")

    def __init__(self) -> None:
        super().__init__("waiting")

    def start(self) -> None:
        """What waits; where nothing does, what is in force."""
        if not self.dashboard.board.exception_counts(self.dashboard.outside.actor)["waiting"]:
            self.view = "active"
        super().start()

    def columns(self) -> Columns:
        """The list."""
        clock = self.dashboard.outside.clock

        def spans(row: dict[str, Any], width: int, chosen: bool) -> Sequence[tuple[str, str]]:
            return request_text.row(row, width, chosen, clock())

        return Columns(self.dashboard.board.exception_rows, spans, request_text.header)

    def query_now(self) -> Query:
        """The query of view and filter."""
        return self.dashboard.board.exceptions(self.view, self.filter_text, self.dashboard.outside.actor)

    def views(self) -> Sequence[View]:
        """Waiting, active, emergency, mine, ended."""
        return request_text.views(self.dashboard.board.exception_counts(self.dashboard.outside.actor))

    def nothing(self) -> str:
        """What an empty view says."""
        words = {"waiting": "Nothing waits for an approval.", "active": "Nothing is in force."}
        return f"{words.get(self.view, super().nothing())} R asks for access."

    def preview_lines(self, number: int) -> list[Line]:
        """Who, why, whose word, until when."""
        row = self.current_row()
        if row is None:
            return []
        return request_text.preview(row, self.dashboard.outside.clock(), self.app.size.width - 2, self.rule)

    # What can be done

    def why_not(self, name: str) -> str:
        """Why it cannot be opened, ended or reviewed."""
        if name not in OF_REQUEST:
            return ""
        row = self.current_row()
        if row is None:
            return "There is no request in this list."
        return _why_not(name, row)

    def do_open(self) -> None:
        """Open its case, or the finding that is accepted."""
        row = self.current_row()
        if row is None:
            return
        if row["kind"] == "finding":
            number = self.dashboard.board.finding_of(str(row["subject"]))
            if number is None:
                self.say("This finding is gone.", "warn")
            else:
                self.dashboard.open_finding(number)
        else:
            self.dashboard.open_case(int(row["case_id"]))

    def do_go_person(self) -> None:
        """Show the person."""
        row = self.current_row()
        if row is not None:
            self.dashboard.open_person(int(row["person_id"]))

    def do_end(self) -> None:
        """End it now."""
        row = self.current_row()
        if row is not None:
            ask_to_end(self, row)

    def do_review(self) -> None:
        """Write what was done with an emergency access."""
        row = self.current_row()
        if row is None:
            return
        number, desk = int(row["id"]), self.dashboard.desk

        def written(text: str | None) -> None:
            if text:
                self.request(lambda: desk.review_break_glass(number, text), "The emergency access is reviewed.")

        text = [
            f"{show(row['requested_by'])} took {show(row['subject'])} for {show(request_text.who(row))}: "
            f"{show(row['reason'], 400)}",
            "What was done with it, and was it right? The journal keeps your words.",
        ]
        self.app.push_screen(Ask("Review an emergency access", text, draft=f"review-{number}"), written)

    def do_ask(self) -> None:
        """Find a person, then ask for access for them."""

        def named(text: str | None) -> None:
            if text:
                self._find(text)

        text = ["For whom? A part of their name, or their number."]
        self.app.push_screen(Ask("Ask for access", text, draft="ask-for", least=1), named)

    def _find(self, text: str) -> None:
        from jmltui.domain.names import fold

        from .ask import AskScreen

        board = self.dashboard.board
        query = board.people(text, fold(text.strip()))
        found = [row[0] for row in board.own.execute(f"{query.sql} LIMIT {SHOWN_PEOPLE + 1}", query.args).fetchall()]
        rows = board.person_rows(found)
        people = {str(rows[number]["key"]): rows[number] for number in found if number in rows}

        def chosen(key: str | None) -> None:
            if key:
                self.app.push_screen(AskScreen(key, str(people[key]["name"])))

        if not people:
            self.say(f"Nobody matches “{show(text, 40)}”.", "warn")
        elif len(people) == 1:
            chosen(next(iter(people)))
        else:
            choices = [(key, _person(row)) for key, row in list(people.items())[:SHOWN_PEOPLE]]
            more = ["More people match; type more of the name."] if len(people) > SHOWN_PEOPLE else []
            self.app.push_screen(Pick("For whom?", [f"Who is “{show(text, 40)}”?", *more], choices), chosen)


def _person(row: Mapping[str, Any]) -> str:
    return f"{show(row['name'])} ({show(row['key'])}), {show(row['department'])}, {show(row['title'])}"


def _why_not(name: str, row: Mapping[str, Any]) -> str:
    if name == "open":
        return "" if row["case_id"] or row["kind"] == "finding" else "This request has no case."
    if name == "go_person":
        return "" if row["person_id"] else "This request is for nobody who is known."
    if name == "end":
        return "" if row["state"] in ("asked", "active") else f"It is {row['state']} already."
    if not row["break_glass"]:
        asked = row["state"] == "asked"
        why = "waits for an approval" if asked else "was decided on first"
        return f"Only an emergency access is reviewed later; this one {why}."
    return f"{show(row['reviewed_by'])} reviewed it already." if row["reviewed_by"] else ""
