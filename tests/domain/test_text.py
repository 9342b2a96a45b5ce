"""No value of a source can act on a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmltui.domain.text import clean


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("A\x1b[31;5mRED\x1b[0mB", "A␛[31;5mRED␛[0mB"),
        ("A\x1b]52;c;ZXZpbA==\x07B", "A␛]52;c;ZXZpbA==␇B"),
        ("\x9b31m", "�31m"),
        ("Admin\x08\x08Guest", "Admin␈␈Guest"),
        ("Good\rEvil", "Good⏎Evil"),
        ("one\ntwo", "one⏎two"),
        ("user\u202etxt.exe\u202c", "user␦txt.exe␦"),
        ("Ad\u200bmin\ufeff", "Ad·min·"),
        ("Z" + 200 * "\u0301", "Z\u0301\u0301\u0301"),
        ("[red]Ana[/red]", "[red]Ana[/red]"),
        ("\ud800", "�"),
        ("漢字テスト", "漢字テスト"),
        ("Zoë O'Neil-Smith", "Zoë O'Neil-Smith"),
        ("محمد", "محمد"),
        ("नेहा", "नेहा"),
    ],
)
def test_hostile_and_real_names(value: str, shown: str) -> None:
    assert clean(value) == shown


def test_a_long_value_is_cut() -> None:
    assert clean("x" * 1_000_000) == "x" * 255 + "…"


@given(st.text(alphabet=st.characters(), max_size=300))
def test_nothing_that_acts_is_left(value: str) -> None:
    out = clean(value)
    bidi = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    assert not [c for c in out if ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 or c in bidi or 0xD800 <= ord(c) <= 0xDFFF]
    assert len(out) <= 256
