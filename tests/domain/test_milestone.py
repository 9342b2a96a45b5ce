"""What a ticket is told of a case: each milestone once, in words that are nothing but text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from jmltui.domain.case import ActionState, CaseState, StepState
from jmltui.domain.milestone import MOST_LINES, Call, Decided, Line, Milestone, Progress, first, key_of, news

NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
WORDS = st.text(max_size=20)

calls = st.builds(
    Call,
    WORDS,
    st.sampled_from(["grant", "disable"]),
    WORDS,
    WORDS,
    st.sampled_from(ActionState),
    WORDS,
    st.integers(min_value=0, max_value=3),
)


@st.composite
def progresses(draw: st.DrawFn) -> Progress:
    """A case in any state."""
    steps = []
    for number in range(draw(st.integers(min_value=0, max_value=5))):
        state = draw(st.sampled_from(StepState))
        asked = f"asked:{number}:{draw(st.integers(min_value=0, max_value=2))}" if state is StepState.APPROVAL else ""
        some = draw(st.lists(calls, max_size=3))
        words = [draw(WORDS) for _ in range(4)]
        steps.append(Line(number, words[0], state, words[1], words[2], NOW, words[3], asked, "It waits.", some))
    decided = [
        Decided(f"d{n}", n, draw(WORDS), draw(st.booleans()), draw(WORDS)) for n in range(draw(st.integers(0, 2)))
    ]
    state = draw(st.sampled_from(CaseState))
    closed = None if state.is_live else NOW + timedelta(seconds=draw(st.integers(0, 5)))
    return Progress(7, "leaver", state, draw(WORDS), draw(WORDS), NOW, NOW, closed, steps, decided, why=draw(WORDS))


@given(st.lists(progresses(), max_size=6))
def test_whatever_becomes_of_a_case_each_milestone_is_told_once(life: list[Progress]) -> None:
    told: set[str] = set()
    marks: list[str] = []
    for case in life:
        for message in news(case, frozenset(told)):
            assert message.marks, message
            marks += message.marks
            told.update(message.marks)
        assert news(case, frozenset(told)) == []
    assert len(marks) == len(set(marks))


@given(progresses())
def test_the_first_comment_covers_how_the_case_stands(case: Progress) -> None:
    message = first(case)
    later = news(case, frozenset(message.marks))
    assert {each.milestone for each in later} <= {Milestone.DONE, Milestone.CANCELLED}


@given(progresses())
def test_no_word_of_anybody_begins_a_line_or_acts_on_a_terminal(case: Progress) -> None:
    for message in (first(case), *news(case, frozenset())):
        for line in message.text.split("\n"):
            assert line.isprintable() or not any(ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 for c in line), line
        assert len(message.text.split("\n")) < 4 * MOST_LINES + 30


def test_a_case_that_is_done_open_again_and_done_is_told_three_times() -> None:
    def at(state: CaseState, seconds: int) -> Progress:
        closed = NOW + timedelta(seconds=seconds) if state is CaseState.DONE else None
        return Progress(7, "leaver", state, "Ana", "E1", NOW, NOW, closed, [])

    told = set(first(at(CaseState.OPEN, 0)).marks)
    life = []
    for case in (at(CaseState.DONE, 1), at(CaseState.OPEN, 2), at(CaseState.DONE, 3), at(CaseState.DONE, 3)):
        for message in news(case, frozenset(told)):
            life.append(message.milestone)
            told.update(message.marks)
    assert life == [Milestone.DONE, Milestone.REOPENED, Milestone.DONE]


def test_the_key_is_the_same_for_the_same_and_another_for_anything_else() -> None:
    assert key_of((1, "a"), ["x", "y"]) == key_of((1, "a"), ["x", "y"])
    others = [key_of((1, "a"), ["x", "z"]), key_of((2, "a"), ["x", "y"]), key_of((1, "b"), ["x", "y"])]
    assert key_of((1, "a"), ["x", "y"]) not in others
