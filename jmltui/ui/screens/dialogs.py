"""Boxes that ask: yes or no with the focus on Cancel, a word to be typed, a text. Each answers None when left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from jmltui.ui.lines import Line, line
from jmltui.ui.text import wrap
from jmltui.ui.widgets.bar import Bar
from jmltui.ui.widgets.line_list import LineList

if TYPE_CHECKING:
    from jmltui.ui.app import Dashboard

BOX_WIDTH = 76

Given = TypeVar("Given")


class Box(ModalScreen[Given | None], Generic[Given]):
    """A framed box over the screen: a title, lines of text, and what the subclass adds."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "cancel", show=False)]

    def __init__(self, title: str, text: Sequence[str]) -> None:
        super().__init__()
        self.title_text = title
        self.text = text

    @property
    def dashboard(self) -> Dashboard:
        """The application."""
        return cast("Dashboard", self.app)

    def compose(self) -> ComposeResult:
        """Title, text, the subclass's part."""
        with Vertical(id="box"):
            yield Bar(id="box-title", style="title")
            yield LineList(id="box-text", cursor=False)
            yield from self.parts()

    def parts(self) -> ComposeResult:
        """What is below the text."""
        yield from ()

    def on_mount(self) -> None:
        """Lay the text out for this terminal."""
        width = min(BOX_WIDTH, self.app.size.width - 4)
        self.query_one("#box").styles.width = width + 2
        self.query_one("#box-title", Bar).set([(f" {self.title_text}", "title")])
        lines: list[Line] = []
        for each in self.text:
            lines += [line(part) for part in wrap(each, width - 4)]
        text = self.query_one("#box-text", LineList)
        text.styles.height = min(len(lines), max(3, self.app.size.height - 9))
        text.set_lines(lines)
        self.ready()

    def ready(self) -> None:
        """Set the focus."""

    def action_cancel(self) -> None:
        """Leave; nothing happens."""
        self.dismiss(None)


class Tell(Box[str]):
    """Says something that is too long for one line; any key closes it."""

    def parts(self) -> ComposeResult:
        """The word on the way out."""
        yield Bar(id="box-choices")

    def ready(self) -> None:
        """Name the way out."""
        self.query_one("#box-choices", Bar).set([("  ", ""), ("[ Close: Enter or Esc ]", "key")])

    def on_key(self, event: events.Key) -> None:
        """Close."""
        event.stop()
        self.dismiss(None)


class Confirm(Box[str]):
    """Asks for a decision. The focus is on Cancel, so that Enter alone changes nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,right,tab,shift+tab,up,down", "other", show=False),
        Binding("enter", "decide", show=False),
    ]

    def __init__(self, title: str, text: Sequence[str], choices: Sequence[tuple[str, str]]) -> None:
        super().__init__(title, text)
        self.choices = [("", "Cancel"), *choices]
        self.chosen = 0

    def parts(self) -> ComposeResult:
        """The choices."""
        yield Bar(id="box-choices")

    def ready(self) -> None:
        """Show the choices."""
        self._show()

    def _show(self) -> None:
        spans = [("  ", "")]
        for number, (_, label) in enumerate(self.choices):
            here = number == self.chosen
            spans.append((f"[>{label}<]" if here else f"[ {label} ]", "title" if here else ""))
            spans.append(("  ", ""))
        self.query_one("#box-choices", Bar).set([*spans, ("Tab, then Enter", "dim")])

    def action_other(self) -> None:
        """Move to the next choice."""
        self.chosen = (self.chosen + 1) % len(self.choices)
        self._show()

    def action_decide(self) -> None:
        """Take the choice."""
        value = self.choices[self.chosen][0]
        self.dismiss(value or None)


class TypeIn(Box[str]):
    """Asks for one word to be typed exactly, for what cannot be taken back."""

    def __init__(self, title: str, text: Sequence[str], word: str, what: str) -> None:
        super().__init__(title, text)
        self.word = word
        self.what = what

    def parts(self) -> ComposeResult:
        """The field and what it wants."""
        yield Input(id="box-input", compact=True)
        yield Bar(id="box-choices")

    def ready(self) -> None:
        """Focus the field."""
        field = self.query_one(Input)
        field.cursor_blink = False
        field.focus()
        self._say(f"Type the {self.what}, then Enter; or Esc.")

    def _say(self, text: str, style: str = "dim") -> None:
        self.query_one("#box-choices", Bar).set([(f"  {text}", style)])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go on only for the exact word."""
        if event.value.strip() == self.word:
            self.dismiss(event.value.strip())
        else:
            self._say(f"That is not the {self.what}; nothing was done.", "bad")


class Ask(Box[str]):
    """Asks for a text. What was typed is kept as a draft until it is sent, even when the terminal goes away."""

    def __init__(self, title: str, text: Sequence[str], draft: str, least: int = 3) -> None:
        super().__init__(title, text)
        self.draft = draft
        self.least = least

    def parts(self) -> ComposeResult:
        """The field."""
        yield Input(id="box-input", compact=True)
        yield Bar(id="box-choices")

    def ready(self) -> None:
        """Focus the field, with the draft in it."""
        field = self.query_one(Input)
        field.cursor_blink = False
        kept = self.dashboard.drafts.read(self.draft)
        field.value = kept
        field.focus()
        self._say("Your unsent text of before. Enter sends it." if kept else "Enter sends it. Esc leaves it unsent.")

    def _say(self, text: str, style: str = "dim") -> None:
        self.query_one("#box-choices", Bar).set([(f"  {text}", style)])

    def on_input_changed(self, event: Input.Changed) -> None:
        """Keep what is typed."""
        self.dashboard.drafts.typed(self.draft, event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Send it."""
        text = event.value.strip()
        if len(text) < self.least:
            self._say(f"At least {self.least} characters are needed; they are kept in the journal.", "bad")
            return
        self.dashboard.drafts.sent(self.draft)
        self.dismiss(text)

    def action_cancel(self) -> None:
        """Leave; the text stays as a draft."""
        self.dashboard.save_drafts()
        self.dismiss(None)
