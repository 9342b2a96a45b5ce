"""What every screen has: a title, a body, a line that answers, a line of keys; and one way from a key to an action."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, ClassVar, Final, cast

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget

from jmltui.errors import JmltuiError
from jmltui.ui.actions import EVERYWHERE, PLACES, Action, unique_keys
from jmltui.ui.lines import Line, Span, line
from jmltui.ui.text import cell, show
from jmltui.ui.widgets.bar import Bar

if TYPE_CHECKING:
    from jmltui.ui.app import Dashboard


WHOLE_TITLE: Final = 75
NAMED_TITLE: Final = 84
"""Cells of a terminal from which on the title names every place, and the program too."""


SHORTEST_WHO: Final = 6
"""A login is cut to no less; where even that has no room, the title goes without it."""


class BaseScreen(Screen[None]):
    """A screen whose keys come from the registry. Subclasses set ACTIONS, PLACE and NAME."""

    ACTIONS: ClassVar[tuple[Action, ...]] = ()
    PLACE: ClassVar[str] = ""
    NAME: ClassVar[str] = ""
    BINDINGS: ClassVar[list[BindingType]] = []

    def __init_subclass__(cls, **keywords: object) -> None:
        everything = cls.all_actions()
        cls.BINDINGS = [
            Binding(key, f"do('{action.name}')", action.label, show=False)
            for key, action in unique_keys(everything).items()
        ]
        super().__init_subclass__(**keywords)  # type: ignore[arg-type]  # Textual's own keywords pass through

    @classmethod
    def all_actions(cls) -> tuple[Action, ...]:
        """The actions of this screen and those of every screen."""
        return (*cls.own(), *PLACES, *cls.everywhere())

    @classmethod
    def own(cls) -> tuple[Action, ...]:
        """What only this screen can do."""
        general = {action.name for action in EVERYWHERE}
        return tuple(action for action in cls.ACTIONS if action.name not in general)

    @classmethod
    def everywhere(cls) -> tuple[Action, ...]:
        """What every screen can do, in this one's words where it has its own."""
        words = {action.name: action for action in cls.ACTIONS}
        return tuple(words.get(action.name, action) for action in EVERYWHERE)

    @property
    def dashboard(self) -> Dashboard:
        """The application."""
        return cast("Dashboard", self.app)

    def compose(self) -> ComposeResult:
        """Title, body, answer, keys."""
        yield Bar(id="title", style="title")
        yield from self.body()
        yield Bar(id="answer")
        yield Bar(id="keys", style="dim")

    def body(self) -> Iterable[Widget]:
        """The widgets between title and answer."""
        return ()

    def on_mount(self) -> None:
        """Show title and keys."""
        self.show_title()
        self.show_keys()
        self.show_policy()
        self.start()

    def start(self) -> None:
        """Fill the body for the first time."""

    def on_resize(self) -> None:
        """The keys depend on the width."""
        self.show_title()
        self.show_keys()
        self.resized()

    def resized(self) -> None:
        """Fit the body to another size."""

    def changed(self, refs: set[tuple[str, str]]) -> None:
        """Others changed the cache: (kind, reference) of each change. Read again what is shown."""

    # Bars

    def heading(self) -> str:
        """What the title says about this screen."""
        return ""

    def show_title(self) -> None:
        """Place and company at the left, who at the right, cut to the room there is."""
        spans: list[Span] = title_spans(self.PLACE, self.app.size.width) if self.PLACE else [(" jmltui ", "title")]
        if self.heading():
            spans.append((f" {show(self.heading())}", "title"))
        used = sum(cell_len(text) for text, _ in spans)
        who = show(self.dashboard.outside.actor)
        room = max(SHORTEST_WHO, self.app.size.width - used - 2)
        self.query_one("#title", Bar).set(spans, (who if cell_len(who) <= room else cell(who, room)) + " ")

    def show_policy(self) -> None:
        """One line below the title while another policy than the folder's is in force."""
        told, bars = self.dashboard.policy_told, self.query("#policy")
        if not told:
            bars.remove()
            return
        bar = bars.first(Bar) if bars else Bar(id="policy")
        bar.set([(f" {show(told)}", "warn")])
        if not bars:
            self.mount(bar, after="#title")

    def show_keys(self) -> None:
        """The most used keys, as many as fit; what cannot be done now stays, in brackets."""
        spans: list[Span] = [(" ", "")]
        used = 1
        width = self.app.size.width
        for action in self.all_actions():
            if not action.footer:
                continue
            label = action.label if not self.why_not(action.name) else f"({action.label})"
            text = f"{action.key} {label}  "
            if used + len(text) > width:
                continue
            spans += [(f"{action.key} ", "key"), (f"{label}  ", "dim")]
            used += len(text)
        self.query_one("#keys", Bar).set(spans)

    def say(self, text: str, style: str = "") -> None:
        """Answer in one line."""
        self.query_one("#answer", Bar).set([(f" {show(text, limit=400)}", style)], "")

    def complain(self, error: JmltuiError) -> None:
        """Say what went wrong and what to do; too long for one line, it gets a box of its own."""
        text = f"{error.message} {error.hint}".strip()
        self.say(text, "bad")
        if len(text) + 2 > self.size.width:
            self.dashboard.tell("This did not happen", text)

    # From key to action

    def why_not(self, name: str) -> str:
        """Why an action cannot be done now, "" when it can."""
        del name
        return ""

    async def action_do(self, name: str) -> None:
        """Do what a key stands for, or say why not."""
        reason = self.why_not(name)
        if reason:
            self.say(reason, "warn")
            return
        method = getattr(self, f"do_{name}")
        try:
            found = method()
            if inspect.isawaitable(found):
                await found
        except JmltuiError as error:
            self.complain(error)

    def request(self, work: Callable[[], Awaitable[object]], done: str = "") -> None:
        """Hand a request in and answer when it was taken or refused; the screen stays free meanwhile.

        Without `done` the request's own sentence is the answer.
        """

        async def carry() -> None:
            try:
                told = await work()
            except JmltuiError as error:
                self.complain(error)
            else:
                self.say(done or str(told), "good")
            self.dashboard.look_for_changes()

        self.run_worker(carry(), group="request", exit_on_error=True)

    # What every screen can do

    def do_help(self) -> None:
        """Show every key."""
        self.dashboard.open_help(self)

    def do_palette(self) -> None:
        """Find an action by name."""
        self.dashboard.open_palette(self)

    def do_redraw(self) -> None:
        """Draw everything again, after line noise or another program's output."""
        self.refresh(layout=True)
        self.app.refresh()

    def do_leave(self) -> None:
        """Back to the screen below; from a place to the queue; from the queue out."""
        self.dashboard.back()

    def do_queue(self) -> None:
        """Go to the queue."""
        self.dashboard.go("queue")

    def do_people(self) -> None:
        """Go to the people."""
        self.dashboard.go("people")

    def do_systems(self) -> None:
        """Go to the systems."""
        self.dashboard.go("systems")

    def do_journal(self) -> None:
        """Go to the journal."""
        self.dashboard.go("journal")

    def do_findings(self) -> None:
        """Go to the findings."""
        self.dashboard.go("findings")

    def do_reviews(self) -> None:
        """Go to the reviews."""
        self.dashboard.go("reviews")

    def do_requests(self) -> None:
        """Go to the requests."""
        self.dashboard.go("requests")

    def rule(self, text: str) -> Line:
        """A line across with a word in it."""
        sign = self.dashboard.glyphs.rule
        head = f"{sign}{sign} {text} "
        return line((head + sign * max(0, self.app.size.width - len(head)), "dim"))


def title_spans(here: str, width: int) -> list[Span]:
    """The places with their keys; on a narrow terminal only this one is named."""
    whole = width >= WHOLE_TITLE
    spans: list[Span] = [(" jmltui " if width >= NAMED_TITLE else " ", "title")]
    for place in PLACES:
        label = f"[{place.label}]" if place.name == here else f" {place.label} " if whole else " "
        spans.append((f"{place.key}{label}", "title"))
    return spans
