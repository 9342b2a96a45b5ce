"""Asking for access for a person: what there is, who would agree, for how long; and taking it in an emergency."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from textual import on
from textual.widget import Widget
from textual.widgets import Input

from jmltui.domain.duration import format_duration, parse_duration
from jmltui.errors import JmltuiError
from jmltui.ui import request_text, times
from jmltui.ui.actions import ASK
from jmltui.ui.lines import heading
from jmltui.ui.text import show
from jmltui.ui.widgets.line_list import LineList
from jmltui.ui.widgets.row_view import RowView

from . import separating
from .base import BaseScreen
from .dialogs import Ask, TypeIn
from .filtering import FilterField
from .forms import Field, Form, at_least


class AskScreen(BaseScreen):
    """Every entitlement of the policy for one person, what can be asked for first."""

    ACTIONS = ASK
    NAME = "Ask"

    def __init__(self, key: str, name: str) -> None:
        super().__init__()
        self.key = key
        self.person = name
        self.found: dict[str, Any] = {}
        self.emergencies: frozenset[str] = frozenset()
        self.read = False
        self.filter_text = ""

    def heading(self) -> str:
        """For whom."""
        return f"Ask for access for {show(self.person, 40)} ({show(self.key, 20)})"

    def body(self) -> Iterable[Widget]:
        """List and detail."""
        yield LineList(id="heads", cursor=False)
        yield LineList(id="entitlements", cursor_sign=self.dashboard.glyphs.cursor)
        yield LineList(id="preview", cursor=False)

    def start(self) -> None:
        """Ask the policy what there is."""
        self.query_one("#heads").styles.height = 1
        self.query_one("#preview").styles.height = 5
        self.query_one("#entitlements").focus()
        self.say("Asking the policy what can be asked for ...")
        self.run_worker(self._read())

    async def _read(self) -> None:
        try:
            found = await self.dashboard.desk.requestable(self.key)
            self.emergencies = await self.dashboard.desk.emergencies()
        except JmltuiError as error:
            self.read = True
            self.complain(error)
            return
        self.found = {str(each.entitlement): each for each in found}
        self.read = True
        self.show_list(top=True)
        open_now = sum(not each.why_not and not each.held for each in found)
        self.say(f"{open_now} of {len(found)} can be asked for. Enter asks, E takes it in an emergency.")

    def resized(self) -> None:
        """Lay the lines out for another width."""
        if self.found:
            self.show_list()

    def changed(self, refs: set[tuple[str, str]]) -> None:
        """Somebody asked, or agreed."""
        del refs
        if self.read:
            self.run_worker(self._read(), exclusive=True, group="read")

    def show_list(self, *, top: bool = False) -> None:
        """Draw what was read."""
        width = self.app.size.width - 2
        self.query_one("#heads", LineList).set_lines([heading(request_text.requestable_header(width))])
        words = self.filter_text.casefold().split()
        wanted = [each for each in self.found.values() if request_text.is_called(each, words)]
        lines = request_text.requestable_lines(wanted, width)
        self.query_one("#entitlements", LineList).set_lines(lines, top=top)
        self.show_detail()

    async def do_filter(self) -> None:
        """Type into the filter."""
        if not self.query(FilterField):
            await self.mount(FilterField("name, system, what it is there"), before="#heads")
        self.query_one(FilterField).focus()

    @on(Input.Changed, "#filter")
    def letter_typed(self, event: Input.Changed) -> None:
        """Another letter of the filter."""
        event.stop()
        self.filter_text = event.value
        self.show_list(top=True)

    @on(FilterField.Left)
    def field_left(self, message: FilterField.Left) -> None:
        """Back to the list, with or without the filter."""
        message.stop()
        self.query_one("#entitlements").focus()
        if message.clear or not self.filter_text:
            self._clear_filter()

    def _clear_filter(self) -> None:
        self.query(FilterField).remove()
        if self.filter_text:
            self.filter_text = ""
            self.show_list(top=True)

    def do_leave(self) -> None:
        """Esc clears the filter first."""
        if self.filter_text:
            self._clear_filter()
        else:
            super().do_leave()

    def on_row_view_moved(self, message: RowView.Moved) -> None:
        """Another entitlement."""
        del message
        self.show_detail()

    def on_row_view_opened(self) -> None:
        """An entitlement was clicked twice."""
        self.run_worker(self.action_do("ask"))

    @property
    def current(self) -> Any | None:
        """The entitlement under the cursor."""
        return self.found.get(self.query_one("#entitlements", LineList).key)

    def show_detail(self) -> None:
        """What is known of the one under the cursor."""
        current = self.current
        lines = [self.rule(show(current.entitlement) if current is not None else "")]
        if current is not None:
            lines += request_text.requestable_detail(current, self.app.size.width - 2)
        self.query_one("#preview", LineList).set_lines(lines)
        self.show_keys()

    def why_not(self, name: str) -> str:
        """Why it cannot be asked for."""
        if name not in ("ask", "emergency", "separation"):
            return ""
        if not self.read:
            return "The policy is still being asked."
        current = self.current
        if current is None:
            return "There is nothing that could be asked for."
        if name == "separation":
            return "" if current.rules else separating.NO_RULE
        if name == "emergency" and current.entitlement not in self.emergencies:
            return "The policy does not let this be taken in an emergency; Enter asks for it."
        return str(current.why_not) or ("It is held already." if current.held else "")

    def do_ask(self) -> None:
        """Ask for a reason and a length, then ask for it."""
        current = self.current
        if current is None:
            return
        longest: timedelta | None = current.max_duration
        now = self.dashboard.outside.clock()

        def length(text: str) -> None:
            if not text:
                return
            found = parse_duration(text)
            if longest is not None and found > longest:
                raise ValueError(f"At most {format_duration(longest)}.")
            times.until(text, now)

        def given(form: Mapping[str, str] | None) -> None:
            if form:
                self._send(current, form["reason"], parse_duration(form["length"]) if form["length"] else None)

        most = f", at most {format_duration(longest)}" if longest is not None else ""
        name = f"ask-{self.key}-{current.entitlement}"
        fields = [
            Field("reason", "What is it needed for?", draft=name, check=at_least(3, "A reason")),
            Field("length", f"For how long? (8h, 30d{most}; empty: as long as allowed)", check=length),
        ]
        title = f"Ask for {show(current.entitlement, 40)}"
        self.app.push_screen(Form(title, request_text.asking(current, self.person, self.key), fields), given)

    def _send(self, current: Any, reason: str, length: timedelta | None) -> None:
        desk, key = self.dashboard.desk, self.key

        async def work() -> str:
            number = await desk.request_access(key, str(current.entitlement), reason, length)
            return f"Case {number} asks for it; the requests (7) show whose word it waits for."

        self.request(work)

    def do_separation(self) -> None:
        """Ask that the rule may be broken which stands in the way."""
        current = self.current
        if current is not None:
            separating.ask_to_break(self, self.key, self.person, current.rules)

    def do_emergency(self) -> None:
        """Take it at once: a loud warning, the person's number, a reason."""
        current = self.current
        if current is None:
            return
        desk, key = self.dashboard.desk, self.key

        async def work(reason: str) -> str:
            number = await desk.break_glass(key, str(current.entitlement), reason)
            return f"EMERGENCY: case {number} gives it at once. Another person has to review it."

        def reasoned(reason: str | None) -> None:
            if reason:
                self.request(lambda: work(reason))

        def typed(word: str | None) -> None:
            if word:
                text = ["What is the emergency? The journal keeps it, and others are told."]
                self.app.push_screen(Ask("EMERGENCY: why?", text, draft=f"emergency-{key}"), reasoned)

        text = request_text.emergency(current, self.person, key)
        self.app.push_screen(TypeIn("EMERGENCY ACCESS", text, key, f"person's number ({show(key)})"), typed)
