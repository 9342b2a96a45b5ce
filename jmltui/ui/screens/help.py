"""Every key of a screen, and the palette that finds an action by typing: both made from the registry."""

from __future__ import annotations

from collections.abc import Iterable

from textual.app import ComposeResult
from textual.widget import Widget
from textual.widgets import Input

from jmltui.ui.actions import KEY_NAMES, PLACES, Action, unique_keys
from jmltui.ui.lines import Line, heading, line
from jmltui.ui.text import wrap
from jmltui.ui.widgets.bar import Bar
from jmltui.ui.widgets.line_list import LineList

from .base import BaseScreen
from .dialogs import Box

KEYS_WIDTH = 12
SHOWN_MATCHES = 10

MOVING = (
    ("Up Down k j", "move the cursor, or scroll"),
    ("PgUp PgDn", "move by a window"),
    ("Home End", "go to the first or the last"),
)

SIGNS = (
    ("+ add  - remove", "access that the plan gives or takes"),
    ("= keep", "access that stays"),
    ("? unexplained", "access that no rule of the policy explains; nobody touches it without a decision"),
    ("! blocked", "access that a rule forbids; a person decides"),
    ("~ expiring", "access that ends by itself, with the day"),
    (". cannot tell", "an attribute that a role asks for is empty: neither given nor taken"),
    ("! before a word", "a finding that is dangerous, an item that is privileged"),
    ("PROVEN", "another read of the system said so"),
)


class HelpScreen(BaseScreen):
    """The keys of the screen below."""

    NAME = "Help"

    def __init__(self, about: BaseScreen) -> None:
        super().__init__()
        self.about = about

    def heading(self) -> str:
        """Of which screen."""
        return f"Help: {self.about.NAME}"

    def body(self) -> Iterable[Widget]:
        """All keys."""
        yield LineList(id="help", cursor_sign=self.dashboard.glyphs.cursor)

    def start(self) -> None:
        """Show them."""
        self.query_one("#help").focus()
        self.resized()
        self.say("Esc goes back.")

    def resized(self) -> None:
        """Lay the lines out for another width."""
        self.query_one("#help", LineList).set_lines(help_lines(self.about, self.app.size.width - 2), top=True)


def keys_of(action: Action) -> str:
    """Every key of an action as people write them."""
    return " ".join(KEY_NAMES.get(key, key) for key in action.keys.split(","))


def help_lines(about: BaseScreen, width: int) -> list[Line]:
    """The keys of this screen, of every screen, of moving, and what the signs mean."""
    lines: list[Line] = []
    for title, actions in ((about.NAME, about.own()), ("Places", PLACES), ("Everywhere", about.everywhere())):
        if not actions:
            continue
        lines.append(heading(title))
        for action in actions:
            reason = about.why_not(action.name) if title == about.NAME else ""
            text = action.help + (f"; without the screen: {action.command}" if action.command else "")
            lines += _entry(keys_of(action), text, width)
            if reason:
                lines += [
                    line((" " * (KEYS_WIDTH + 3) + part, "warn")) for part in wrap(f"now not: {reason}", width - 16)
                ]
        lines.append(line(""))
    lines.append(heading("Moving"))
    letters = {"k", "j"} & set(unique_keys(about.own()))
    for keys, text in MOVING:
        lines += _entry(keys.removesuffix(" k j") if letters else keys, text, width)
    lines += [line(""), heading("Signs and words")]
    for sign, text in SIGNS:
        lines += _entry(sign, text, width, 16)
    return lines


def _entry(keys: str, text: str, width: int, column: int = KEYS_WIDTH) -> list[Line]:
    parts = wrap(text, width - column - 3)
    lines = [line("  ", (keys.ljust(column), "key"), f" {parts[0]}")]
    return lines + [line(" " * (column + 3) + part) for part in parts[1:]]


class Palette(Box[str]):
    """Finds an action of a screen by any part of its words."""

    BINDINGS = [("down", "move(1)"), ("up", "move(-1)")]  # noqa: RUF012  # Textual reads it from the class

    def __init__(self, about: BaseScreen) -> None:
        super().__init__("Commands", [])
        self.about = about

    def parts(self) -> ComposeResult:
        """The field and what matches."""
        yield Input(id="box-input", placeholder="type a part of its name", compact=True)
        yield LineList(id="matches", cursor_sign=self.dashboard.glyphs.cursor)
        yield Bar(id="box-choices")

    def ready(self) -> None:
        """All of them at first."""
        self.query_one("#box-text").add_class("-gone")
        self.query_one("#matches").styles.height = min(SHOWN_MATCHES, max(3, self.app.size.height - 8))
        field = self.query_one(Input)
        field.cursor_blink = False
        field.focus()
        self.show_matches("")

    def show_matches(self, text: str) -> None:
        """The actions whose words hold every word that was typed."""
        words = text.casefold().split()
        lines = []
        for action in self.about.all_actions():
            told = f"{action.label} {action.help} {action.name}".casefold()
            if all(word in told for word in words) and action.name != "palette":
                reason = self.about.why_not(action.name)
                name = f"({action.label})" if reason else action.label
                parts = ((name.ljust(14), "key"), (action.key.ljust(6), "dim"), (reason or action.help, "dim"))
                lines.append(line(" ", *parts, key=action.name))
        self.query_one("#matches", LineList).set_lines(lines, top=True)
        self.query_one("#box-choices", Bar).set(
            [("  Enter does it, Esc leaves." if lines else "  Nothing matches.", "dim")]
        )

    def on_input_changed(self, event: Input.Changed) -> None:
        """Another letter."""
        self.show_matches(event.value)

    def action_move(self, rows: int) -> None:
        """Move through the matches from within the field."""
        self.query_one("#matches", LineList).move_to(self.query_one("#matches", LineList).cursor + rows)

    def on_input_submitted(self) -> None:
        """Take the one under the cursor."""
        self.dismiss(self.query_one("#matches", LineList).key or None)
