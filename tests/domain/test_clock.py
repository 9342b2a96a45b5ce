"""Our clock against those of others."""

from __future__ import annotations

from datetime import timedelta

import pytest

from jmltui.domain.clock import judged


@pytest.mark.parametrize(
    ("seconds", "warns", "blocks", "told"),
    [
        ([], False, False, ""),
        ([3], False, False, ""),
        ([90], True, False, "1 min 30 s behind a system. Put it right soon."),
        ([-90], True, False, "1 min 30 s ahead of a system. Put it right soon."),
        ([600], True, True, "10 min 0 s behind a system. Nothing ends or begins by itself until it is put right."),
        ([600, 0, 1], False, False, ""),
        ([600, 620, 1], True, True, "behind most of 3 systems"),
    ],
)
def test_a_clock_that_is_off_is_told_and_then_not_trusted(
    seconds: list[int], warns: bool, blocks: bool, told: str
) -> None:
    state = judged([timedelta(seconds=each) for each in seconds])
    assert (state.warns, state.blocks) == (warns, blocks)
    assert told in state.sentence
    assert bool(state.sentence) is warns
