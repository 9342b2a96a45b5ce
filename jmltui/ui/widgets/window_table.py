"""A list that holds no rows: the ids of a query, and the few rows that were looked at.

A million people cost eight megabytes of ids. The first two hundred ids come at once, the others from a thread; a newer
query interrupts the older one inside SQLite, because a thread that is merely forgotten goes on working.
"""

from __future__ import annotations

import sqlite3
import threading
from array import array
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from textual.message import Message

from jmltui.lifecycle.board import Board, Connection, Query
from jmltui.ui.lines import Span

from .row_view import RowView

FIRST: Final = 200
CHUNK: Final = 64
ROWS_KEPT: Final = 4096
FETCH: Final = 20_000

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Columns:
    """How a list reads and draws its rows."""

    read: Callable[[Sequence[int]], dict[int, Row]]
    spans: Callable[[Row, int, bool], Sequence[Span]]
    header: Callable[[int], Sequence[Span]]


class WindowTable(RowView):
    """A windowed list over the board."""

    class Loaded(Message):
        """Ids came from the query thread."""

        def __init__(self, generation: int, ids: array[int], *, complete: bool, first: bool) -> None:
            super().__init__()
            self.generation, self.ids, self.complete, self.first = generation, ids, complete, first

    class Failed(Message):
        """The query thread could not read."""

        def __init__(self, reason: str) -> None:
            super().__init__()
            self.reason = reason

    class Counted(Message):
        """The number of rows changed; `complete` when it is the whole number."""

        def __init__(self, count: int, *, complete: bool) -> None:
            super().__init__()
            self.count, self.complete = count, complete

    def __init__(self, board: Board, columns: Columns, *, id: str | None = None, cursor_sign: str = ">") -> None:
        super().__init__(id=id, cursor_sign=cursor_sign, header=True)
        self.board = board
        self.columns = columns
        self.ids: array[int] = array("q")
        self.complete = True
        self.chosen: set[int] = set()
        self._rows: OrderedDict[int, Row] = OrderedDict()
        self._generation = 0
        self._query_connection: Connection | None = None
        self._keep: int | None = None

    # Rows

    def count(self) -> int:
        """How many ids are known."""
        return len(self.ids)

    @property
    def current(self) -> int | None:
        """The id under the cursor."""
        return self.ids[self.cursor] if 0 <= self.cursor < len(self.ids) else None

    def row(self, number: int) -> Row | None:
        """The row of an id, if it still exists; its neighbours are read with it."""
        found = self._rows.get(number)
        if found is not None:
            self._rows.move_to_end(number)
        return found

    def spans(self, row: int, width: int) -> Sequence[Span]:
        """What a row shows."""
        number = self.ids[row]
        found = self.row(number)
        if found is None:
            start = row - row % CHUNK
            missing = [each for each in self.ids[start : start + CHUNK] if each not in self._rows]
            self._rows.update(self.columns.read(missing))
            while len(self._rows) > ROWS_KEPT:
                self._rows.popitem(last=False)
            found = self._rows.get(number)
        return self.columns.spans(found, width, number in self.chosen) if found is not None else ()

    def header(self, width: int) -> Sequence[Span]:
        """The heading of the columns."""
        return self.columns.header(width)

    # Queries

    def load_now(self, query: Query) -> None:
        """Show the first rows of a query in this very frame, and read the other ids behind it."""
        first = array("q", (row[0] for row in self.board.own.execute(f"{query.sql} LIMIT {FIRST}", query.args)))
        self._generation += 1
        self._take(first, complete=len(first) < FIRST, first=True)
        if len(first) == FIRST:
            self._start(query, self._generation, skip_first=True)

    def load(self, query: Query, *, keep: bool = False) -> None:
        """Show another query. `keep` holds the cursor on its row and is used when others changed the cache."""
        self._generation += 1
        self._keep = self.current if keep else None
        running = self._query_connection
        if running is not None:
            running.interrupt()
        self._start(query, self._generation, skip_first=keep)

    def _start(self, query: Query, generation: int, *, skip_first: bool) -> None:
        threading.Thread(target=self._read, args=(query, generation, skip_first), name="query", daemon=True).start()

    def _read(self, query: Query, generation: int, skip_first: bool) -> None:
        connection: Connection | None = None
        try:
            connection = self._query_connection = self.board.connect()
            if not skip_first:
                first = array("q", (row[0] for row in connection.execute(f"{query.sql} LIMIT {FIRST}", query.args)))
                if generation != self._generation:
                    return
                self.post_message(self.Loaded(generation, first, complete=len(first) < FIRST, first=True))
                if len(first) < FIRST:
                    return
            ids: array[int] = array("q")
            cursor = connection.execute(query.sql, query.args)
            while rows := cursor.fetchmany(FETCH):
                if generation != self._generation:
                    return
                ids.extend([row[0] for row in rows])
            self.post_message(self.Loaded(generation, ids, complete=True, first=False))
        except Exception as error:
            # An interrupted query belongs to nobody any more; any other failure must be seen.
            if generation == self._generation:
                self.post_message(self.Failed(str(error) if isinstance(error, sqlite3.Error) else repr(error)))
        finally:
            if self._query_connection is connection:
                self._query_connection = None
            if connection is not None:
                connection.close()

    def on_window_table_loaded(self, message: WindowTable.Loaded) -> None:
        """Take the ids, unless a newer query was asked for."""
        message.stop()
        if message.generation == self._generation:
            self._take(message.ids, complete=message.complete, first=message.first)

    def _take(self, ids: array[int], *, complete: bool, first: bool) -> None:
        shown = self.ids[self.top : self.top + self.rows_shown]
        before = self.current
        keep, self._keep = self._keep, None
        old_cursor, old_top = self.cursor, self.top
        self.ids, self.complete = ids, complete
        if keep is not None and not first:
            self._hold(keep)
        elif first:
            self.cursor = self.top = 0
        self.cursor = max(0, min(self.cursor, len(ids) - 1))
        self.top = max(0, min(self.top, len(ids) - self.rows_shown))
        if first or old_top != self.top or ids[self.top : self.top + self.rows_shown] != shown:
            self._strips.clear()
            self.refresh()
        elif old_cursor != self.cursor:
            self.redraw([old_cursor, self.cursor])
        self.post_message(self.Counted(len(ids), complete=complete))
        if self.current != before or first:
            self.post_message(self.Moved(self))

    def _hold(self, number: int) -> None:
        """Keep the cursor on its row and the row at its height."""
        height = self.cursor - self.top
        try:
            self.cursor = self.ids.index(number)
        except ValueError:
            return
        self.top = max(0, self.cursor - height)

    def forget(self, numbers: Sequence[int] | None = None) -> None:
        """Read these rows again when they are drawn, and draw those that changed; None means all."""
        if numbers is None:
            old = dict(self._rows)
            self._rows.clear()
        else:
            old = {number: self._rows.pop(number) for number in numbers if number in self._rows}
        if not old:
            return
        window = range(self.top, min(self.top + self.rows_shown, len(self.ids)))
        visible = [row for row in window if self.ids[row] in old]
        fresh = self.columns.read([self.ids[row] for row in visible])
        self._rows.update(fresh)
        self._strips.clear()
        changed = [row for row in visible if fresh.get(self.ids[row]) != old[self.ids[row]]]
        if changed:
            self.redraw(changed)

    # Choosing

    def choose(self, number: int | None = None) -> None:
        """Choose a row for bulk work, or let it go again."""
        number = self.current if number is None else number
        if number is None:
            return
        self.chosen ^= {number}
        self.redraw([self.cursor])

    def choose_all(self) -> None:
        """Choose every row of the list, or none when all are chosen."""
        everyone = set(self.ids)
        self.chosen = set() if everyone <= self.chosen else everyone
        self.redraw()

    def choose_none(self) -> None:
        """Let all go."""
        if self.chosen:
            self.chosen = set()
            self.redraw()
