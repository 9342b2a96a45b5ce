"""The items of a review: one key answers one, with everything that is needed for the answer below the list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from jmltui.errors import JmltuiError
from jmltui.lifecycle.board import Query
from jmltui.ui import review_text
from jmltui.ui.actions import ITEMS
from jmltui.ui.lines import Line
from jmltui.ui.text import show
from jmltui.ui.views import View
from jmltui.ui.widgets.row_view import RowView
from jmltui.ui.widgets.window_table import Columns, WindowTable

from .dialogs import Ask
from .reviews import CampaignScreen
from .viewed import ViewedScreen

ANSWERS = ("keep", "revoke", "unsure", "note")
LETTERS = frozenset("jk")


class ItemTable(WindowTable, inherit_bindings=False):
    """The list without letters that move the cursor: they are answers here."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(",".join(key for key in each.key.split(",") if key not in LETTERS), each.action, show=False)
        for each in RowView.BINDINGS
        if isinstance(each, Binding)
    ]


class ItemsScreen(ViewedScreen, CampaignScreen):
    """Windowed over one review; what whoever looks has to answer comes first."""

    ACTIONS = ITEMS
    NAME = "Review"
    HINT = "person, system, what is held, reviewer"
    WHAT = ("item", "items")
    PREVIEW = 8

    def __init__(self, campaign: int) -> None:
        super().__init__("mine" if campaign else "all")
        self.campaign_id = campaign
        self.notes: dict[int, str] = {}

    def heading(self) -> str:
        """Which review, how far."""
        campaign = self.campaign()
        if campaign is None:
            return f"Review {self.campaign_id}"
        done = review_text.progress(int(campaign["answered"]), int(campaign["items"]), 10)
        return (
            f"Review {campaign['id']} {show(campaign['rule'], 30)}  {done} {campaign['answered']}/{campaign['items']}"
        )

    def campaign(self) -> dict[str, Any] | None:
        """This review."""
        return self.dashboard.board.campaign(self.campaign_id)

    def about(self) -> int | None:
        """Suggestions of this review alone."""
        return self.campaign_id

    def make_table(self) -> WindowTable:
        """A list whose letters answer."""
        return ItemTable(self.dashboard.board, self.columns(), id="list", cursor_sign=self.dashboard.glyphs.cursor)

    def columns(self) -> Columns:
        """The list."""
        sign = self.dashboard.glyphs.chosen

        def spans(row: dict[str, Any], width: int, chosen: bool) -> Sequence[tuple[str, str]]:
            mine = row["reviewer"] in self.dashboard.words and not row["decision"]
            return review_text.item_row(row, width, chosen, mine, sign)

        return Columns(self.dashboard.board.item_rows, spans, review_text.item_header)

    def start(self) -> None:
        """What is mine, or everything that is unanswered where nothing is."""
        if not self._counts()["mine"]:
            self.view = "unanswered"
        super().start()
        self.run_worker(self._learn(), group="words")

    async def _learn(self) -> None:
        """Know for whom whoever looks answers, and begin with that."""
        try:
            if not await self.dashboard.learn_words():
                return
        except JmltuiError as error:
            self.complain(error)
            return
        if self._counts()["mine"]:
            self.view = "mine"
        self.table.load(self.query_now())
        self.show_views()

    def _counts(self) -> dict[str, int]:
        return self.dashboard.board.item_counts(self.campaign_id, self.dashboard.words)

    def query_now(self) -> Query:
        """The query of view and filter."""
        return self.dashboard.board.items(self.campaign_id, self.view, self.filter_text, self.dashboard.words)

    def views(self) -> Sequence[View]:
        """Mine, unanswered, by answer."""
        return review_text.views(self._counts())

    def nothing(self) -> str:
        """What an empty view says."""
        return {"mine": "You have answered everything. Right shows the others."}.get(self.view, super().nothing())

    def preview_lines(self, number: int) -> list[Line]:
        """Everything that is needed to answer."""
        row = self.current_row()
        if row is None:
            return []
        now, width = self.dashboard.outside.clock(), self.app.size.width - 2
        return review_text.item_preview(row, now, width, self.rule, self.notes.get(number, ""))

    def changed(self, refs: set[tuple[str, str]]) -> None:
        """Somebody answered."""
        super().changed(refs)
        self.show_title()

    # Answering

    def why_not(self, name: str) -> str:
        """Why an item cannot be answered."""
        row = self.current_row()
        if name in (*ANSWERS, "go_person", "go_case") and row is None:
            return "There is no item in this list."
        if name in ANSWERS:
            campaign = self.campaign()
            if campaign is None or campaign["state"] != "open":
                return "This review is closed; its answers stand."
        if name == "suggestions":
            campaign = self.campaign()
            is_closed = campaign is not None and campaign["state"] == "closed"
            return "" if is_closed else "This review says nothing of the policy before it is closed."
        if name == "go_person" and row is not None and not row["person_id"]:
            return "This account belongs to nobody who is known."
        if name == "go_case" and row is not None and not row["case_id"]:
            return "No case takes this away."
        return CampaignScreen.why_not(self, name)

    def _answer(self, decision: str) -> None:
        row = self.current_row()
        if row is None:
            return
        number, version, desk = int(row["id"]), int(row["version"]), self.dashboard.desk
        note = self.notes.get(number, str(row["note"]))
        who = f"{show(row['person_name'], 40) or show(row['login'], 40)}: {show(row['target'], 40)}"

        async def work() -> str:
            await desk.answer_item(number, decision, note, version)
            self.notes.pop(number, None)
            return f"{decision.capitalize()}: {who}."

        self.request(work)
        self.table.move_to(self.table.cursor + 1)

    def do_keep(self) -> None:
        """It stays."""
        self._answer("keep")

    def do_revoke(self) -> None:
        """It is to be taken away."""
        self._answer("revoke")

    def do_unsure(self) -> None:
        """Somebody else has to say."""
        self._answer("unsure")

    def do_note(self) -> None:
        """Write why; it is sent with the answer, and at once where there is one."""
        row = self.current_row()
        if row is None:
            return
        number, decision, desk = int(row["id"]), str(row["decision"]), self.dashboard.desk
        version = int(row["version"])

        def written(text: str | None) -> None:
            if not text:
                return
            if decision:
                self.request(lambda: desk.answer_item(number, decision, text, version), "The note is with the answer.")
            else:
                self.notes[number] = text
                self.show_preview()
                self.say("Your note goes with the answer: k keep, r revoke, u unsure.")

        ask = Ask("Note", ["Why? It is kept with the answer."], draft=f"review-item-{number}")
        self.app.push_screen(ask, written)

    def do_go_person(self) -> None:
        """Show the person."""
        row = self.current_row()
        if row is not None:
            self.dashboard.open_person(int(row["person_id"]))

    def do_go_case(self) -> None:
        """Open the case that takes it away."""
        row = self.current_row()
        if row is not None:
            self.dashboard.open_case(int(row["case_id"]))

    def on_row_view_opened(self) -> None:
        """An item was clicked twice."""
        self.run_worker(self.action_do("go_case"))
