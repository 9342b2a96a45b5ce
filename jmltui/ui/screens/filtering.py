"""The line in which a list is filtered."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input


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

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes, placeholder="filter: name, number, department", compact=True)
        self.cursor_blink = False

    def action_back(self, clear: bool) -> None:
        """Go back to the list."""
        self.post_message(self.Left(clear=clear))
