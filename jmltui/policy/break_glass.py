"""The `break_glass` section: who may take access at once in an emergency, and who looks at it afterwards."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from .fields import Fields
from .known import Known
from .model import BreakGlass
from .people_words import read_words

_REVIEW_WITHIN: Final = timedelta(days=1)


def read_break_glass(item: Fields, known: Known) -> BreakGlass:
    """The section."""
    item.only(("who", "max_duration", "reason", "review_within", "tell"))
    if item.text("reason", "required") != "required":
        message = "“reason” can only be required: whoever breaks the glass says why."
        item.problems.add(item.place("reason"), message)
    return BreakGlass(
        who=read_words(item, "who", "person, team or group", (), known, needed=True),
        max_duration=item.needed_duration("max_duration"),
        review_within=item.duration("review_within", _REVIEW_WITHIN, positive=True) or _REVIEW_WITHIN,
        tell=read_words(item, "tell", "person, team or group", (), known),
        place=str(item.where),
    )
