"""A list that is filtered as one types: the field appears above it with `/` and goes when it is empty."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from jmltui.lifecycle.board import Query
from jmltui.ui.widgets.window_table import WindowTable

from .base import BaseScreen


class FilterField(Input):
    """A field above a list: Enter or Down go back to the list, Esc clears it too."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back(True)", show=False),
        Binding("enter,down", "back(False)", show=False),
    ]

    class Left(Message):
        """The field was left; `clear` asks to forget what was typed."""

        def __init__(self, *, clear: bool) -> None:
            super().__init__()
            self.clear = clear

    def __init__(self, hint: str) -> None:
        super().__init__(id="filter", placeholder=f"filter: {hint}", compact=True)
        self.cursor_blink = False

    def action_back(self, clear: bool) -> None:
        """Go back to the list."""
        self.post_message(self.Left(clear=clear))


class FilteredScreen(BaseScreen):
    """A screen over one windowed list. The field is made when it is asked for: the first rows come sooner."""

    HINT: ClassVar[str] = ""

    def __init__(self) -> None:
        super().__init__()
        self.filter_text = ""

    @property
    def table(self) -> WindowTable:
        """The list."""
        return self.query_one("#list", WindowTable)

    @abstractmethod
    def query_now(self) -> Query:
        """The query of what is shown."""

    def filtered(self) -> None:
        """Another filter: read the list again."""
        self.table.load(self.query_now())

    async def do_filter(self) -> None:
        """Type into the filter."""
        found = self.query(FilterField)
        if not found:
            await self.mount(FilterField(self.HINT), before="#list")
        self.query_one(FilterField).focus()

    @on(Input.Changed, "#filter")
    def letter_typed(self, event: Input.Changed) -> None:
        """Another letter of the filter."""
        event.stop()
        self.filter_text = event.value
        self.filtered()

    @on(FilterField.Left)
    def field_left(self, message: FilterField.Left) -> None:
        """Back to the list, with or without the filter."""
        message.stop()
        self.table.focus()
        if message.clear:
            self.clear_filter()
        elif not self.filter_text:
            self.query(FilterField).remove()

    def clear_filter(self) -> None:
        """Show everything again."""
        self.query(FilterField).remove()
        if self.filter_text:
            self.filter_text = ""
            self.filtered()

    @on(WindowTable.Failed)
    def list_failed(self, message: WindowTable.Failed) -> None:
        """The list could not be read."""
        self.say(f"The list could not be read: {message.reason}", "bad")

    def do_leave(self) -> None:
        """Esc clears the filter first."""
        if self.filter_text:
            self.clear_filter()
        else:
            super().do_leave()
