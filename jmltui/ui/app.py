"""The application: wiring only. Screens, the look for changes, and how it ends."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import App
from textual.binding import BindingType
from textual.filter import LineFilter, Monochrome, NoColor

from jmltui.lifecycle.board import Board
from jmltui.lifecycle.policy_standing import PolicyFolder, marks

from .desk import Desk, Outside
from .drafts import Drafts
from .ending import Ending
from .glyphs import ASCII, Glyphs, encoding_name, glyphs_for
from .net import ControlFilter

if TYPE_CHECKING:
    from .screens.base import BaseScreen

LOOK_SECONDS: Final = 1.0
POLICY_SECONDS: Final = 15.0

CSS: Final = """
Screen { background: ansi_default; color: ansi_default; }
Bar { height: 1; width: 1fr; background: ansi_default; color: ansi_default; }
RowView { width: 1fr; height: 1fr; background: ansi_default; color: ansi_default; }
#preview { height: 5; }
#filter { height: 1; border: none; padding: 0 1; background: ansi_default; color: ansi_default; }
#filter.-hidden, #preview.-hidden, .-gone { display: none; }
ModalScreen { align: center middle; background: ansi_default; }
#box { height: auto; border: solid ansi_default; background: ansi_default; }
#box-title, #box-choices { height: 1; }
#box-text { margin: 1 1; }
.box-field { height: 1; border: none; margin: 0 2; background: ansi_default; color: ansi_default; }
#box-input { height: 1; border: none; margin: 0 1; background: ansi_default; color: ansi_default; }
"""


class Dashboard(App[None]):
    """jmltui's dashboard over one board and one desk."""

    CSS = CSS
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = []
    TITLE = "jmltui"

    def __init__(self, board: Board, outside: Outside, glyphs: Glyphs | None = None) -> None:
        self._nets: list[LineFilter] = []
        super().__init__()
        self.theme = "ansi-dark"
        self.animation_level = "none"
        self.board = board
        self.outside = outside
        self.desk = Desk(outside)
        self.drafts = Drafts(outside.places.drafts_dir)
        self.words: tuple[str, ...] = ()
        self._words_for: list[int] | None = None
        encoding = getattr(sys.__stderr__, "encoding", None)
        self.glyphs = glyphs or glyphs_for(encoding, outside.environ)
        # The colours are the terminal's own, so without colour there is nothing to turn into greys.
        self._nets = [
            ControlFilter(encoding=encoding_name(encoding), plain=self.glyphs is ASCII),
            *([NoColor()] if self.no_color else []),
        ]
        self._ending = Ending(self.save_drafts, self._leave)
        self.policy_told = ""
        self._policy_folder = PolicyFolder(outside.places)
        self._policy_lock = asyncio.Lock()
        self._stamp: object = None
        self._change = 0
        self._report: tuple[str, Path | None] | None = None

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Textual's own filters, and the net below every screen."""
        return [*self._nets, *(each for each in super().get_line_filters() if not isinstance(each, Monochrome))]

    def on_mount(self) -> None:
        """Show the queue, then look for changes from time to time."""
        from .screens.queue import QueueScreen

        self._ending.watch()
        self._change = self.board.newest_change()
        self._stamp = self.board.stamp()
        self.push_screen(QueueScreen())
        self.set_interval(LOOK_SECONDS, self.look_for_changes)
        self.set_timer(LOOK_SECONDS, self._started)

    def _started(self) -> None:
        """Collect garbage from now on, but not among what starting made; what the first rows need not comes now."""
        gc.freeze()
        gc.enable()
        self.look_at_policy()
        self.set_interval(POLICY_SECONDS, self.look_at_policy)

    # Changes by others

    def look_for_changes(self) -> None:
        """Tell the screen which records other processes, or our own desk, changed."""
        stamp = self.board.stamp()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        newest = self.board.newest_change()
        refs = set(self.board.changes_after(self._change))
        self._change = newest
        from .screens.base import BaseScreen

        for screen in self.screen_stack:
            if isinstance(screen, BaseScreen) and refs:
                screen.changed(refs)
        if any(kind == "policy" for kind, _ in refs):
            self.look_at_policy()

    def look_at_policy(self) -> None:
        """Tell every screen where another policy than the folder's is in force."""
        self.run_worker(self._look_at_policy(), group="policy")

    async def _look_at_policy(self) -> None:
        from .screens.base import BaseScreen

        async with self._policy_lock:
            told = await asyncio.to_thread(self._policy_folder.told, marks(self.board))
        if told != self.policy_told:
            self.policy_told = told
            for screen in self.screen_stack:
                if isinstance(screen, BaseScreen):
                    screen.show_policy()

    # Going from screen to screen

    def go(self, place: str) -> None:
        """Show one of the places; the queue lies below the others."""
        from .screens.places import PLACES

        while len(self.screen_stack) > 2:
            self.pop_screen()
        if place in PLACES:
            self.push_screen(PLACES[place]())

    def back(self) -> None:
        """The screen below, or out."""
        if len(self.screen_stack) > 2:
            self.pop_screen()
        else:
            self.exit(return_code=0)

    def open_case(self, case_id: int) -> None:
        """Show a case."""
        from .screens.case import CaseScreen

        self.push_screen(CaseScreen(case_id))

    def open_person(self, person_id: int) -> None:
        """Show a person."""
        from .screens.person import PersonScreen

        self.push_screen(PersonScreen(person_id))

    def open_finding(self, number: int) -> None:
        """Show a finding whole, over the list of findings."""
        from .screens.findings import FindingsScreen

        self.push_screen(FindingsScreen(number))

    async def learn_words(self) -> bool:
        """Ask for which words of reviewers whoever looks answers, in the reviews that are open; whether they are new.

        Raises JmltuiError.
        """
        campaigns = [int(each["id"]) for each in self.board.campaigns(()) if each["state"] == "open"]
        if campaigns == self._words_for:
            return False
        found = await self.desk.review_words(campaigns)
        changed, self.words, self._words_for = found != self.words, found, campaigns
        return changed

    def open_help(self, screen: BaseScreen) -> None:
        """Show every key of a screen."""
        from .screens.help import HelpScreen

        self.push_screen(HelpScreen(screen))

    def open_palette(self, screen: BaseScreen) -> None:
        """Find an action of a screen by name."""
        from .screens.help import Palette

        def chosen(name: str | None) -> None:
            if name:
                screen.run_worker(screen.action_do(name))

        self.push_screen(Palette(screen), chosen)

    def tell(self, title: str, text: str) -> None:
        """Say something that needs more than a line."""
        from .screens.dialogs import Tell

        self.push_screen(Tell(title, [text]))

    # Ending

    def save_drafts(self) -> None:
        """Keep unsent text; called from any thread, also while the terminal goes away."""
        self.drafts.save()

    def _leave(self, code: int) -> None:
        self.exit(return_code=code)

    def close(self) -> None:
        """Let go of desk and board, after the screen is gone."""
        self.save_drafts()
        self.desk.close()
        self.board.close()

    def _fatal_error(self) -> None:
        """Keep the report of an unforeseen error in a private file; the terminal sees its type and number only.

        Overrides a private method of Textual (pinned), which would print the values of local variables.
        """
        import traceback

        kind = sys.exc_info()[0]
        number = os.urandom(4).hex()
        name = kind.__name__ if kind is not None else "error"
        path = self.outside.places.state_dir / f"crash-{number}.txt"
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except OSError:
            written: Path | None = None
        else:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write("".join(traceback.format_tb(sys.exc_info()[2])) + f"{name}\n")
            written = path
        self._report = (f"{name}, incident {number}", written)
        self._close_messages_no_wait()

    @property
    def report(self) -> str:
        """The sentence to print after a crash, "" without one."""
        if self._report is None:
            return ""
        what, path = self._report
        where = f"Its report is in {path}." if path is not None else "Its report could not be written."
        return f"jmltui: The dashboard stopped by an error of its own ({what}). Nothing is lost. {where}"
