"""Boxes with several fields, and boxes with a list to choose from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from jmltui.ui.lines import Line, line
from jmltui.ui.text import show, wrap
from jmltui.ui.widgets.bar import Bar
from jmltui.ui.widgets.line_list import LineList

from .dialogs import BOX_WIDTH, Box

LONGEST_LIST: Final = 12
LONGEST_LABEL: Final = 500


@dataclass(frozen=True, slots=True)
class Field:
    """One line of a form. `check` raises ValueError with a sentence; what is typed is kept as a draft of that name."""

    name: str
    label: str
    hint: str = ""
    draft: str = ""
    check: Callable[[str], object] | None = None
    value: str = ""


class Form(Box[Mapping[str, str]]):
    """Asks for several texts at once. Enter goes to the next field, and from the last one it sends them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "turn(1)", show=False),
        Binding("up", "turn(-1)", show=False),
    ]

    def __init__(self, title: str, text: Sequence[str], fields: Sequence[Field]) -> None:
        super().__init__(title, text)
        self.fields = fields

    def parts(self) -> ComposeResult:
        """Each field below its label."""
        for number, field in enumerate(self.fields):
            yield Bar(id=f"box-label-{number}")
            yield Input(id=f"box-field-{number}", classes="box-field", placeholder=field.hint, compact=True)
        yield Bar(id="box-choices")

    def ready(self) -> None:
        """Labels, drafts, the focus on the first field that is empty."""
        empty: Input | None = None
        for number, field in enumerate(self.fields):
            self.query_one(f"#box-label-{number}", Bar).set([(f"  {field.label}", "head")])
            entry = self._entry(number)
            entry.cursor_blink = False
            entry.value = (self.dashboard.drafts.read(field.draft) if field.draft else "") or field.value
            empty = empty or (entry if not entry.value else None)
        (empty or self._entry(0)).focus()
        self._say("Enter goes on, and sends from the last line. Esc leaves it unsent.")

    def _entry(self, number: int) -> Input:
        return self.query_one(f"#box-field-{number}", Input)

    def _say(self, text: str, style: str = "dim") -> None:
        self.query_one("#box-choices", Bar).set([(f"  {text}", style)])

    def on_input_changed(self, event: Input.Changed) -> None:
        """Keep what is typed."""
        field = self.fields[self._number(event.input)]
        if field.draft:
            self.dashboard.drafts.typed(field.draft, event.value)

    @staticmethod
    def _number(entry: Input) -> int:
        return int(str(entry.id).rpartition("-")[2])

    def action_turn(self, by: int) -> None:
        """Another field."""
        here = next((n for n in range(len(self.fields)) if self._entry(n).has_focus), 0)
        self._entry((here + by) % len(self.fields)).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The next field, or the end."""
        number = self._number(event.input)
        if not self._is_right(number):
            return
        if number + 1 < len(self.fields):
            self._entry(number + 1).focus()
            return
        if all(self._is_right(each) for each in range(len(self.fields))):
            found = {field.name: self._entry(n).value.strip() for n, field in enumerate(self.fields)}
            for field in self.fields:
                if field.draft:
                    self.dashboard.drafts.sent(field.draft)
            self.dismiss(found)

    def _is_right(self, number: int) -> bool:
        """Whether a field can be sent; else say why, with the focus on it."""
        field, entry = self.fields[number], self._entry(number)
        try:
            if field.check is not None:
                field.check(entry.value.strip())
        except ValueError as error:
            self._say(str(error), "bad")
            entry.focus()
            return False
        return True

    def action_cancel(self) -> None:
        """Leave; the texts stay as drafts."""
        self.dashboard.save_drafts()
        self.dismiss(None)


class Pick(Box[str]):
    """A list to choose one of: Enter takes the one under the cursor, a digit takes the one with that number."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "take", show=False)]

    def __init__(self, title: str, text: Sequence[str], choices: Sequence[tuple[str, str]]) -> None:
        super().__init__(title, text)
        self.choices = choices

    def parts(self) -> ComposeResult:
        """The list."""
        yield LineList(id="box-list", cursor_sign=self.dashboard.glyphs.cursor)
        yield LineList(id="box-whole", cursor=False)
        yield Bar(id="box-choices")

    def ready(self) -> None:
        """Show it; where a line is too long for the box, the one under the cursor stands whole below."""
        pick = self.query_one("#box-list", LineList)
        width = min(BOX_WIDTH, self.app.size.width - 4)
        whole = self.query_one("#box-whole", LineList)
        whole.styles.height = max(len(wrap(label, width - 4)) for _, label in self.choices) + 1
        whole.set_class(all(cell_len(label) < width - 4 for _, label in self.choices), "-gone")
        room = max(3, self.app.size.height - 13 - self.query_one("#box-text", LineList).count())
        pick.styles.height = min(len(self.choices), LONGEST_LIST, room)
        lines: list[Line] = []
        for number, (key, label) in enumerate(self.choices, 1):
            sign = f"{number} " if number <= 9 else "  "
            lines.append(line((f" {sign}", "key"), show(label, LONGEST_LABEL), key=key))
        pick.set_lines(lines)
        pick.focus()
        digits = f", or 1 to {min(9, len(self.choices))}" if len(self.choices) > 1 else ""
        self.query_one("#box-choices", Bar).set([(f"  Enter takes it{digits}. Esc leaves.", "dim")])
        self.show_whole()

    def show_whole(self) -> None:
        """The choice under the cursor, whole."""
        key = self.query_one("#box-list", LineList).key
        label = next((label for each, label in self.choices if each == key), "")
        width = min(BOX_WIDTH, self.app.size.width - 4)
        self.query_one("#box-whole", LineList).set_lines([line(), *(line(part) for part in wrap(label, width - 4))])

    def on_row_view_moved(self) -> None:
        """Another choice."""
        self.show_whole()

    def on_key(self, event: events.Key) -> None:
        """A digit."""
        if event.character and event.character.isdigit() and 1 <= int(event.character) <= len(self.choices):
            event.stop()
            self.dismiss(self.choices[int(event.character) - 1][0])

    def action_take(self) -> None:
        """The one under the cursor."""
        self.dismiss(self.query_one("#box-list", LineList).key or None)


def at_least(number: int, what: str) -> Callable[[str], object]:
    """A check that a text is long enough to be kept."""

    def check(text: str) -> None:
        if len(text) < number:
            raise ValueError(f"{what} of at least {number} characters is needed; it is kept in the journal.")

    return check
