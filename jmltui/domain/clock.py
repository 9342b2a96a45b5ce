"""Whether our clock may decide about ends: how far it is from what systems say the time is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import Final

WARNS: Final = timedelta(seconds=60)
BLOCKS: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class ClockState:
    """`offset` is the time of the others less ours: positive where we are behind. `witnesses` is how many told it."""

    offset: timedelta = timedelta(0)
    witnesses: int = 0

    @property
    def warns(self) -> bool:
        """Whether a person should put the clock right."""
        return abs(self.offset) > WARNS

    @property
    def blocks(self) -> bool:
        """Whether nothing may end or begin by this clock."""
        return abs(self.offset) > BLOCKS

    @property
    def sentence(self) -> str:
        """What an operator is told; "" where the clock is good."""
        if not self.warns:
            return ""
        minutes, seconds = divmod(int(abs(self.offset).total_seconds()), 60)
        told = f"{minutes} min {seconds} s {'behind' if self.offset > timedelta(0) else 'ahead of'}"
        by = "a system" if self.witnesses == 1 else f"most of {self.witnesses} systems"
        what = "Nothing ends or begins by itself until it is put right." if self.blocks else "Put it right soon."
        return f"The clock of this machine is {told} {by}. {what}"


def judged(offsets: Sequence[timedelta]) -> ClockState:
    """The state by what several systems say; the one in the middle counts, so that a single wrong clock does not."""
    if not offsets:
        return ClockState()
    seconds = median(offset.total_seconds() for offset in offsets)
    return ClockState(timedelta(seconds=seconds), len(offsets))
