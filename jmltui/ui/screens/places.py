"""The places that a digit leads to, beside the queue below them."""

from __future__ import annotations

from typing import Final

from .base import BaseScreen
from .findings import FindingsScreen
from .journal import JournalScreen
from .people import PeopleScreen
from .requests import RequestsScreen
from .reviews import ReviewsScreen
from .systems import SystemsScreen

PLACES: Final[dict[str, type[BaseScreen]]] = {
    "people": PeopleScreen,
    "systems": SystemsScreen,
    "journal": JournalScreen,
    "findings": FindingsScreen,
    "reviews": ReviewsScreen,
    "requests": RequestsScreen,
}
