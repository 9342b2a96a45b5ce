"""One person: access with why, explanations, history, exceptions, what they own, findings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from textual.widget import Widget

from jmltui.errors import JmltuiError
from jmltui.ui import person_panes, person_text
from jmltui.ui.actions import PERSON
from jmltui.ui.lines import Line
from jmltui.ui.text import show
from jmltui.ui.widgets.line_list import LineList
from jmltui.ui.widgets.row_view import RowView

from .base import BaseScreen
from .ending import ask_to_end

PANES: Final = ("access", "sources", "explain", "history", "exceptions", "owned", "findings")


class PersonScreen(BaseScreen):
    """One person with six panes, and one more where several sources say something of them.

    The rows come at once; why they are held, and who says what, comes from the desk.
    """

    ACTIONS = PERSON
    NAME = "Person"

    def __init__(self, person_id: int) -> None:
        super().__init__()
        self.person_id = person_id
        self.pane = "access"
        self.person: dict[str, Any] | None = None
        self.view: Any = None
        self.told: list[Any] = []
        self.about = ""

    def heading(self) -> str:
        """The panes, this one in brackets."""
        names = [f"[{pane.capitalize()}]" if pane == self.pane else f" {pane.capitalize()} " for pane in self.panes]
        return " ".join(names) if len(names) < len(PANES) else "".join(names)

    @property
    def panes(self) -> tuple[str, ...]:
        """The panes that say something."""
        several = self.view is not None and bool(self.view.sources.statements)
        return tuple(pane for pane in PANES if several or pane != "sources")

    def body(self) -> Iterable[Widget]:
        """Who, and one pane."""
        yield LineList(id="who", cursor=False)
        yield LineList(id="rule", cursor=False)
        yield LineList(id="person", cursor_sign=self.dashboard.glyphs.cursor)

    def start(self) -> None:
        """Read the person, then ask why."""
        self.query_one("#rule").styles.height = 1
        self.query_one("#person").focus()
        self.read_person()

    def resized(self) -> None:
        """Lay the lines out for another width."""
        if self.person is not None:
            self.show_pane()

    def changed(self, refs: set[tuple[str, str]]) -> None:
        """Others changed something."""
        del refs
        self.read_person()

    def read_person(self) -> None:
        """Read what the cache holds, and ask the desk what the policy says of it."""
        self.person = self.dashboard.board.person(self.person_id)
        if self.person is None:
            self.say("This person is gone.", "warn")
            return
        self.show_pane()
        self.run_worker(self._ask_why(), group="why", exclusive=True)

    async def _ask_why(self) -> None:
        try:
            self.view = await self.dashboard.desk.person_view(self.person_id)
        except JmltuiError as error:
            self.complain(error)
            return
        if self.pane in ("access", "sources") or self.view.sources.statements:
            self.show_pane()

    # Panes

    def show_pane(self, *, top: bool = False) -> None:
        """Draw who it is and the pane."""
        person = self.person
        if person is None:
            return
        width = self.app.size.width - 2
        self.pane = self.pane if self.pane in self.panes else "access"
        head = person_text.head(person, width, self.view)
        who = self.query_one("#who", LineList)
        who.styles.height = len(head)
        who.set_lines(head)
        self.query_one("#rule", LineList).set_lines([self.rule(self.pane.capitalize())])
        self.query_one("#person", LineList).set_lines(self._lines(person, width), top=top)
        self.show_title()
        self.show_keys()

    def _lines(self, person: dict[str, Any], width: int) -> list[Line]:
        board, now = self.dashboard.board, self.dashboard.outside.clock()
        match self.pane:
            case "access":
                return person_panes.access(person, self.view, width)
            case "sources":
                return person_panes.sources(self.view.sources, width)
            case "explain":
                return person_panes.explanation(self.told, self.about, width)
            case "history":
                return person_panes.history(person["cases"], board.entries_of(self.person_id), width)
            case "exceptions":
                return person_panes.exceptions(board.exceptions_of(self.person_id), now, width)
            case "owned":
                return person_panes.owned(board.owned_by(str(person["key"])))
        return person_panes.findings(board.findings_of(self.person_id), now, width)

    def _turn(self, by: int) -> None:
        self.pane = self.panes[(self.panes.index(self.pane) + by) % len(self.panes)]
        self.say("")
        self.show_pane(top=True)
        if self.pane == "explain" and not self.told:
            self._explain("")

    def do_next_pane(self) -> None:
        """The next pane."""
        self._turn(1)

    def do_previous_pane(self) -> None:
        """The previous pane."""
        self._turn(-1)

    def on_row_view_moved(self, message: RowView.Moved) -> None:
        """Another line: other keys may work on it."""
        del message
        self.show_keys()

    def on_row_view_opened(self) -> None:
        """A line was clicked twice."""
        self.run_worker(self.action_do("open"))

    # What can be done

    @property
    def line(self) -> tuple[str, str]:
        """What the line under the cursor stands for: a word and a number or id."""
        words = self.query_one("#person", LineList).key.split(" ")
        return (words[0], words[1]) if len(words) > 1 else ("", "")

    def why_not(self, name: str) -> str:
        """What a line of this pane is not good for."""
        if self.person is None:
            return "This person is gone." if name not in ("next_pane", "previous_pane") else ""
        word = self.line[0]
        if name == "open" and word not in ("case", "finding", "person", "exception"):
            return "Nothing opens here. Tab goes to history, exceptions and findings."
        if name == "explain" and word != "due":
            return "The policy speaks of no access under the cursor."
        if name == "end":
            return self._why_not_end(word)
        if name in ("ask", "emergency") and self.person["status"] == "left":
            return "This person has left."
        return ""

    def _why_not_end(self, word: str) -> str:
        if word != "exception":
            return "Put the cursor on an exception (Tab)."
        found = self.exception()
        return "" if found and found["state"] in ("asked", "active") else "This exception has ended."

    def exception(self) -> dict[str, Any] | None:
        """The exception under the cursor."""
        word, number = self.line
        if word != "exception":
            return None
        return self.dashboard.board.exception_rows([int(number)]).get(int(number))

    def do_open(self) -> None:
        """Open what the line stands for."""
        word, number = self.line
        if word == "finding":
            self.dashboard.open_finding(int(number))
        elif word == "person":
            self.dashboard.open_person(int(number))
        elif word == "case":
            self.dashboard.open_case(int(number))
        else:
            found = self.exception()
            if found is not None and found["case_id"]:
                self.dashboard.open_case(int(found["case_id"]))
            else:
                self.say("This exception has no case.", "warn")

    def do_explain(self) -> None:
        """Why the access under the cursor is due or is not."""
        entitlement = self.line[1]
        self.pane = "explain"
        self._explain(entitlement)

    def _explain(self, entitlement: str) -> None:
        named = "" if entitlement.startswith("account:") else entitlement
        self.about, self.told = named, []
        self.show_pane(top=True)
        self.say("Asking the policy ...")
        self.run_worker(self._told(named), group="explain", exclusive=True)

    async def _told(self, entitlement: str) -> None:
        try:
            self.told = await self.dashboard.desk.explain(self.person_id, entitlement or None)
        except JmltuiError as error:
            self.complain(error)
            return
        self.say(f"Why {show(entitlement) or 'everything'} is due or is not; each line names its rule's place.")
        if self.pane == "explain":
            self.show_pane(top=True)

    def do_ask(self) -> None:
        """Ask for access."""
        from .ask import AskScreen

        if self.person is not None:
            self.app.push_screen(AskScreen(str(self.person["key"]), str(self.person["name"])))

    def do_emergency(self) -> None:
        """Take access at once: choose what first."""
        self.do_ask()

    def do_end(self) -> None:
        """End the exception under the cursor."""
        found = self.exception()
        if found is not None:
            ask_to_end(self, found)
