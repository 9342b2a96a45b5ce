"""Access reviews: the campaigns, and what the answers say of the policy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from textual.widget import Widget

from jmltui.errors import JmltuiError
from jmltui.ui import review_text, times
from jmltui.ui.actions import REVIEWS
from jmltui.ui.lines import line
from jmltui.ui.text import show, wrap
from jmltui.ui.widgets.line_list import LineList
from jmltui.ui.widgets.row_view import RowView

from .base import BaseScreen
from .dialogs import Ask, Confirm
from .forms import Pick


class CampaignScreen(BaseScreen):
    """What can be done with one review, alike in the list of reviews and in its items."""

    def campaign(self) -> dict[str, Any] | None:
        """The review in focus."""
        raise NotImplementedError

    def why_not(self, name: str) -> str:
        """Only an open review is answered and closed."""
        if name not in ("open", "close"):
            return ""
        campaign = self.campaign()
        if campaign is None:
            return "No review was opened yet; o opens one."
        if name == "close" and campaign["state"] != "open":
            return f"This review is {show(campaign['state'])}."
        if name == "open" and campaign["state"] == "opening":
            return "This review is being opened; its items are still being written."
        return ""

    def do_close(self) -> None:
        """Say what closing does, then close."""
        campaign = self.campaign()
        if campaign is None:
            return
        number, desk = int(campaign["id"]), self.dashboard.desk

        async def work(early: str) -> str:
            return review_text.closed(await desk.close_campaign(number, early))

        def agreed(value: str | None) -> None:
            if value:
                self.request(lambda: work(""))

        def explained(early: str | None) -> None:
            if early:
                self.request(lambda: work(early))

        now, decisions = self.dashboard.outside.clock(), self.dashboard.board.decisions(number)
        text = review_text.closing(campaign, decisions, now)
        if decisions.get("", 0) and not times.over(campaign["due_at"], now):
            self.app.push_screen(Ask("Close this review early: why?", text, draft=f"close-review-{number}"), explained)
        else:
            self.app.push_screen(Confirm("Close this review", text, [("yes", "Close it")]), agreed)

    def about(self) -> int | None:
        """The review that suggestions are asked of; None for the newest closed ones."""
        return None

    async def do_suggestions(self) -> None:
        """What the answers say of the policy."""
        self.say("Comparing the answers with the policy ...")
        found = await self.dashboard.desk.suggestions(self.about())
        self.say("")
        self.app.push_screen(SuggestionsScreen(found))


class ReviewsScreen(CampaignScreen):
    """Every review with its progress."""

    ACTIONS = REVIEWS
    PLACE = "reviews"
    NAME = "Reviews"

    def body(self) -> Iterable[Widget]:
        """List and detail."""
        yield LineList(id="campaigns", cursor_sign=self.dashboard.glyphs.cursor)
        yield LineList(id="preview", cursor=False)

    def start(self) -> None:
        """Read them; then again, once it is known for whom whoever looks answers."""
        self.query_one("#campaigns").focus()
        self.show_campaigns(top=True)
        self.run_worker(self._learn(), group="words")

    async def _learn(self) -> None:
        try:
            if await self.dashboard.learn_words():
                self.show_campaigns()
        except JmltuiError as error:
            self.complain(error)

    def changed(self, refs: set[tuple[str, str]]) -> None:
        """Somebody answered, or opened another review."""
        del refs
        self.show_campaigns()
        self.run_worker(self._learn(), group="words", exclusive=True)

    def resized(self) -> None:
        """Lay the lines out for another width."""
        if self.query("#campaigns"):
            self.show_campaigns()

    def show_campaigns(self, *, top: bool = False) -> None:
        """Draw what was read."""
        found = self.dashboard.board.campaigns(self.dashboard.words)
        lines = review_text.campaign_lines(found, self.dashboard.outside.clock(), self.app.size.width - 2)
        self.query_one("#campaigns", LineList).set_lines(lines, top=top)
        still = sum(each["state"] == "open" for each in found)
        mine = sum(each["mine"] for each in found if each["state"] == "open")
        told = f"{still} open review{'' if still == 1 else 's'}, {mine:,} of their items are yours to answer."
        self.say(told if found else "No review was opened yet. o opens one by a rule of the policy.")
        self.show_detail()

    def on_row_view_moved(self, message: RowView.Moved) -> None:
        """Another review."""
        del message
        self.show_detail()

    def on_row_view_opened(self) -> None:
        """A review was clicked twice."""
        self.run_worker(self.action_do("open"))

    def campaign(self) -> dict[str, Any] | None:
        """The review under the cursor."""
        key = self.query_one("#campaigns", LineList).key
        return self.dashboard.board.campaign(int(key)) if key else None

    def show_detail(self) -> None:
        """Who answers until when, and what becomes of the rest."""
        campaign = self.campaign()
        lines = [self.rule(f"Review {show(campaign['rule'])}" if campaign else "Review")]
        if campaign is not None:
            now, width = self.dashboard.outside.clock(), self.app.size.width - 2
            decisions = self.dashboard.board.decisions(int(campaign["id"]))
            lines += review_text.campaign_detail(campaign, decisions, now, width)
        self.query_one("#preview", LineList).set_lines(lines)
        self.show_keys()

    def do_open(self) -> None:
        """Answer its items."""
        from .items import ItemsScreen

        campaign = self.campaign()
        if campaign is not None:
            self.app.push_screen(ItemsScreen(int(campaign["id"])))

    async def do_new(self) -> None:
        """Choose a rule and open a review by it."""
        desk = self.dashboard.desk
        rules = await desk.review_rules()
        if not rules:
            self.say("The policy has no rule for a review; add one under `reviews`.", "warn")
            return

        async def work(rule: str) -> str:
            return f"Review {await desk.open_campaign(rule)} is open; its items wait for their reviewers."

        def chosen(rule: str | None) -> None:
            if rule:
                self.request(lambda: work(rule))

        text = ["By which rule of the policy? Every item is written down as it is now; nothing is changed."]
        choices = [(each.id, review_text.rule_text(each)) for each in rules]
        self.app.push_screen(Pick("Open a review", text, choices), chosen)


class SuggestionsScreen(BaseScreen):
    """What the answers of reviews say of the policy. Nothing follows of itself."""

    NAME = "Suggestions"

    def __init__(self, found: list[Any]) -> None:
        super().__init__()
        self.found = found

    def heading(self) -> str:
        """What this is."""
        return "Suggestions for the policy"

    def body(self) -> Iterable[Widget]:
        """The sentences."""
        yield LineList(id="suggestions", cursor_sign=self.dashboard.glyphs.cursor)

    def start(self) -> None:
        """Show them."""
        self.query_one("#suggestions").focus()
        self.resized()
        told = "Somebody has to write them into the policy; nothing follows of itself. Esc goes back."
        self.say(told if self.found else "The answers say nothing against the policy. Esc goes back.")

    def resized(self) -> None:
        """Lay the lines out for another width."""
        lines = []
        for number, each in enumerate(self.found, 1):
            parts = wrap(each.sentence, self.app.size.width - 7)
            lines.append(line((f"{number:>3}  ", "key"), parts[0]))
            lines += [line(f"     {part}") for part in parts[1:]]
        self.query_one("#suggestions", LineList).set_lines(lines, top=True)
