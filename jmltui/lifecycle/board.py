"""What a screen may read: the lists and records of the cache, opened without anything heavy where that is possible."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from jmltui.cache.governance_lists import EXCEPTION_VIEWS, FINDING_VIEWS, ITEM_VIEWS
from jmltui.cache.governance_lists import GovernanceLists as Board
from jmltui.cache.lists import CASE_ORDERS, CASE_VIEWS, Connection, Query, instant
from jmltui.config.places import Places
from jmltui.config.settings import Settings

__all__ = [
    "CASE_ORDERS",
    "CASE_VIEWS",
    "EXCEPTION_VIEWS",
    "FINDING_VIEWS",
    "ITEM_VIEWS",
    "Board",
    "Connection",
    "Query",
    "instant",
    "open_board",
]


def open_board(places: Places, settings: Settings, clock: Callable[[], datetime], environ: Mapping[str, str]) -> Board:
    """The board of this installation's cache; a new or older cache is first brought to this version.

    Raises CacheError where the cache cannot be read or written.
    """
    del environ
    url = settings.cache_url or str(places.cache_file)
    board = Board(url)
    if (not board.is_sqlite or Path(url).exists()) and board.is_current():
        return board
    board.close()
    from jmltui.cache.engine import open_cache

    places.ensure_state()
    open_cache(url, clock=clock).close()
    return Board(url)
