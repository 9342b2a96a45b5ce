"""Our expressions against Google's own CEL: the same answer for every person, and nothing accepted that CEL refuses.

In the oracle an error of evaluation is a value of type ERROR whose `value()` is a text, which Python takes for true.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cel_expr_python import cel
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jmltui.policy.expression import Declared, ExpressionError, ValueType, compile_expression

DECLARED = {
    "person.type": Declared(ValueType.STRING),
    "person.title": Declared(ValueType.STRING, nullable=True),
    "person.floor": Declared(ValueType.INT, nullable=True),
    "person.urgent": Declared(ValueType.BOOL, nullable=True),
    "person.start": Declared(ValueType.TIMESTAMP),
    "person.end": Declared(ValueType.TIMESTAMP, nullable=True),
    "person.projects": Declared(ValueType.LIST),
    "person.teams": Declared(ValueType.LIST, nullable=True),
    "device.managed": Declared(ValueType.BOOL),
    "now": Declared(ValueType.TIMESTAMP),
    "now.hour": Declared(ValueType.INT),
}
NAMES = {kind: [name for name, declared in DECLARED.items() if declared.type is kind] for kind in ValueType}
NULLABLE = [name for name, declared in DECLARED.items() if declared.nullable]

TEXTS = ["", "a", "b", "ab", "employee", "Employee", "é", "\U0001f600", "￿", "it's", 'say "so"', "back\\slash", "a b"]
INTS = [0, 1, -1, 7, 23, 2**63 - 1, -(2**63)]
BERLIN = ZoneInfo("Europe/Berlin")
MOMENTS = [
    datetime(2026, 1, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(2026, 2, 1, tzinfo=UTC),
    datetime(2026, 2, 1, 1, tzinfo=BERLIN),
    datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN),
    datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1),
    datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
    datetime(9999, 12, 31, 23, tzinfo=UTC),
    datetime(1, 1, 1, 1, tzinfo=UTC),
]
DURATIONS = ["0s", "24h", "1h30m", "-1.5h", "1us", "-250ms", "720h", "3600s"]

_TYPES = {
    ValueType.STRING: cel.Type.STRING,
    ValueType.INT: cel.Type.INT,
    ValueType.BOOL: cel.Type.BOOL,
    ValueType.TIMESTAMP: cel.Type.TIMESTAMP,
    ValueType.LIST: cel.Type.List(cel.Type.STRING),
}
ABSENT = {f"absent.{name}": cel.Type.BOOL for name in NULLABLE}
STRICT = cel.NewEnv(variables={name: _TYPES[declared.type] for name, declared in DECLARED.items()} | ABSENT)
"""Every attribute with its type. “Is null” is a variable of its own: CEL's types have no null."""

LOOSE = cel.NewEnv(
    variables={
        name: cel.Type.DYN if declared.nullable and declared.type is not ValueType.TIMESTAMP else _TYPES[declared.type]
        for name, declared in DECLARED.items()
    }
)
"""Nullable attributes without a static type, which CEL then lets be null."""


def is_null_as_variable(text: str) -> str:
    """The text with every test for null written as a variable."""
    text = re.sub(r"([\w.]+) ([=!]=) null", r"(absent.\1 \2 true)", text)
    return re.sub(r"null ([=!]=) ([\w.]+)", r"(absent.\2 \1 true)", text)


def answer(expression: Any, values: Mapping[str, object]) -> bool | None:
    """The oracle's answer: only a BOOL counts, and only `is True` grants."""
    result = expression.eval(data=dict(values))
    if result.type() != cel.Type.BOOL:
        assert result.type() == cel.Type.ERROR
        return None
    assert result.value() is True or result.value() is False
    return bool(result.value())


def bound(person: Mapping[str, object]) -> dict[str, object]:
    """A person as the oracle takes it."""
    values = {name: list(value) if isinstance(value, tuple) else value for name, value in person.items()}
    return values | {f"absent.{name}": person.get(name) is None for name in NULLABLE}


def people(seed: int, count: int) -> list[dict[str, object]]:
    """People with some attributes missing, of values that the expressions speak of."""
    chance = random.Random(seed)
    pools: Mapping[ValueType, Any] = {
        ValueType.STRING: lambda: chance.choice(TEXTS),
        ValueType.INT: lambda: chance.choice(INTS),
        ValueType.BOOL: lambda: chance.random() < 0.5,
        ValueType.TIMESTAMP: lambda: chance.choice(MOMENTS),
        ValueType.LIST: lambda: tuple(chance.sample(TEXTS, chance.randrange(4))),
    }
    return [
        {name: pools[declared.type]() for name, declared in DECLARED.items() if chance.random() > 0.15}
        for _ in range(count)
    ]


@st.composite
def strings(draw: st.DrawFn) -> str:
    """A literal of a text, its characters plain or escaped in any way CEL has."""
    quote = draw(st.sampled_from("\"'"))
    way = draw(st.sampled_from(["plain", "plain", "u", "U", "x", "octal"]))
    pieces = []
    for character in draw(st.sampled_from(TEXTS)):
        code = ord(character)
        if way == "U" or (way == "u" and code > 0xFFFF):
            pieces.append(f"\\U{code:08x}")
        elif way == "u":
            pieces.append(f"\\u{code:04X}")
        elif way == "x" and code < 0x100:
            pieces.append(f"\\x{code:02x}")
        elif way == "octal" and code < 0o400:
            pieces.append(f"\\{code:03o}")
        else:
            pieces.append(f"\\{character}" if character in (quote, "\\") else character)
    return f"{quote}{''.join(pieces)}{quote}"


ints = st.sampled_from(INTS).map(str)
timestamps = st.sampled_from(MOMENTS).map(lambda moment: f'timestamp("{moment.isoformat()}")')
durations = st.sampled_from(DURATIONS).map(lambda text: f'duration("{text}")')


def lists(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """A list of literals, with or without a comma at its end."""
    inside = st.lists(items, min_size=1, max_size=4).map(", ".join)
    return st.tuples(inside, st.sampled_from(["", ", "])).map(lambda pair: f"[{pair[0]}{pair[1]}]")


def attribute(kind: ValueType) -> st.SearchStrategy[str]:
    """The name of an attribute of this type."""
    return st.sampled_from(NAMES[kind])


@st.composite
def moments(draw: st.DrawFn) -> str:
    """A timestamp, perhaps moved."""
    text = draw(st.one_of(attribute(ValueType.TIMESTAMP), attribute(ValueType.TIMESTAMP), timestamps))
    for _ in range(draw(st.integers(0, 2))):
        text += f" {draw(st.sampled_from('+-'))} {draw(durations)}"
    return text


texts = st.one_of(attribute(ValueType.STRING), attribute(ValueType.STRING), strings())
numbers = st.one_of(attribute(ValueType.INT), ints)
EQUAL = ["==", "!="]
ORDER = [*EQUAL, "<", "<=", ">", ">="]


def related(left: st.SearchStrategy[str], signs: list[str], right: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Two operands and a sign."""
    return st.tuples(left, st.sampled_from(signs), right).map(" ".join)


tests = st.one_of(
    related(texts, ORDER, texts),
    related(texts, ["in"], lists(strings())),
    related(texts, ["in"], attribute(ValueType.LIST)),
    related(numbers, ORDER, numbers),
    related(numbers, ["in"], lists(ints)),
    related(moments(), ORDER, moments()),
    related(st.sampled_from(NULLABLE), EQUAL, st.just("null")),
    related(st.just("null"), EQUAL, st.sampled_from(NULLABLE)),
    attribute(ValueType.BOOL),
    attribute(ValueType.BOOL),
    st.tuples(texts, st.sampled_from(["startsWith", "endsWith", "contains"]), texts).map(
        lambda parts: f"{parts[0]}.{parts[1]}({parts[2]})"
    ),
    st.sampled_from(["true", "false"]),
)


def deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Conditions made of conditions."""
    bracketed = inner.map(lambda text: f"({text})")
    return st.one_of(
        st.lists(st.one_of(inner, bracketed), min_size=2, max_size=4).map(" && ".join),
        st.lists(st.one_of(inner, bracketed), min_size=2, max_size=4).map(" || ".join),
        st.lists(st.one_of(inner, bracketed), min_size=2, max_size=3).map("\n\t&& ".join),
        bracketed.map(lambda text: f"!{text}"),
        bracketed.map(lambda text: f"!!{text}"),
        related(bracketed, EQUAL, bracketed),
        related(bracketed, EQUAL, attribute(ValueType.BOOL)),
    )


expressions = st.recursive(tests, deeper, max_leaves=8)

many = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)


def test_every_person_gets_the_same_answer_from_both() -> None:
    seen: Counter[bool | None] = Counter()

    @settings(many, max_examples=1500)
    @given(expressions, st.integers(0, 2**32))
    def compare(text: str, seed: int) -> None:
        ours = compile_expression(text, DECLARED)
        theirs = STRICT.compile(is_null_as_variable(text))
        names = [*reversed(DECLARED), "person.other"]
        row_test = ours.over(names)
        for person in people(seed, 12):
            expected = answer(theirs, bound(person))
            assert ours.evaluate(person) is expected, person
            assert row_test([person.get(name) for name in names]) is expected
            assert ours.explain(person).answer is expected
            seen[expected] += 1

    compare()
    assert seen.total() >= 10_000
    assert min(seen[True], seen[False], seen[None]) > seen.total() / 20


@settings(many, max_examples=400)
@given(expressions, st.integers(0, 2**32))
def test_where_nulls_are_values_of_cel_we_are_never_the_opposite(text: str, seed: int) -> None:
    ours, theirs = compile_expression(text, DECLARED), LOOSE.compile(text)
    for person in people(seed, 8):
        nulls = {name: None for name in NULLABLE if DECLARED[name].type is not ValueType.TIMESTAMP}
        full = {"person.end": MOMENTS[0]} | person
        told = ours.evaluate(full)
        assert told is None or told is answer(theirs, nulls | bound(full)), person


WORDS = [
    *(
        "&&",
        "||",
        "!",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "in",
        "(",
        ")",
        "[",
        "]",
        ",",
        ".",
        "+",
        "-",
        '"a"',
        "'b'",
        "1",
    ),
    *("true", "null", *DECLARED, 'timestamp("2026-01-31T00:00:00Z")', 'duration("1h")', ".contains", "startsWith"),
]
SIGNS = ["&&", "||", "&&", "||", "==", "!=", "<", "<=", ">", ">=", "in", "+", "-"]
_TOKEN = re.compile(r"""\s+|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[A-Za-z_.]+|[0-9]+|&&|\|\||[=!<>]=|.""", re.DOTALL)


def is_accepted(text: str) -> bool:
    """Whether ours takes the text."""
    try:
        compile_expression(text, DECLARED)
    except ExpressionError:
        return False
    return True


def without_brackets(words: list[str], chance: random.Random) -> list[str]:
    """The words without one pair of round brackets, so that precedence decides."""
    opening = [at for at, word in enumerate(words) if word == "("]
    if not opening:
        return words
    first, level = chance.choice(opening), 0
    for last in range(first, len(words)):
        level += {"(": 1, ")": -1}.get(words[last], 0)
        if level == 0:
            return [*words[:first], *words[first + 1 : last], *words[last + 1 :]]
    return words


def changed(text: str, chance: random.Random) -> str:
    """The text with brackets taken out, signs exchanged, or words of any kind put in and left out."""
    words = _TOKEN.findall(text)
    for _ in range(chance.randint(1, 3)):
        way = chance.random()
        signs = [at for at, word in enumerate(words) if word in SIGNS]
        if way < 0.4:
            words = without_brackets(words, chance)
        elif way < 0.7 and signs:
            words[chance.choice(signs)] = chance.choice(SIGNS)
        else:
            at = chance.randrange(len(words) + 1)
            words[at : at + chance.choice([0, 1, 1, 2])] = chance.choices(WORDS, k=chance.choice([0, 1, 1, 2]))
    return (" " if chance.random() < 0.2 else "").join(words)


def test_a_text_that_is_accepted_is_one_of_cel_and_means_the_same() -> None:
    taken: Counter[bool] = Counter()

    @settings(many, max_examples=2000)
    @given(expressions, st.integers(0, 2**32))
    def check(text: str, seed: int) -> None:
        other = changed(text, random.Random(seed))
        taken[accepted := is_accepted(other)] += 1
        if not accepted:
            return
        assert LOOSE.compile(other).return_type() in (cel.Type.BOOL, cel.Type.DYN)
        if "null" not in other:
            ours, theirs = compile_expression(other, DECLARED), STRICT.compile(other)
            for person in people(seed, 4):
                assert ours.evaluate(person) is answer(theirs, bound(person)), (other, person)

    check()
    assert min(taken[True], taken[False]) > 100


@pytest.mark.parametrize(
    ("begin", "middle", "end"),
    [
        ("(", "device.managed", ")"),
        ("!", "device.managed", ""),
        ("!(", "device.managed", ")"),
        ("true == (", "device.managed", ")"),
        ("(device.managed && (now.hour < 3 || ", "device.managed", "))"),
        ('!("a".contains("b") == ', "device.managed", ")"),
        ("", "person.end", ' + duration("1h")'),
        ("", "device.managed", " || device.managed && now.hour < 3 || false"),
    ],
)
def test_the_deepest_text_that_is_accepted_is_one_of_cel(begin: str, middle: str, end: str) -> None:
    tail = " < now" if middle == "person.end" else ""
    grown = [f"{begin * times}{middle}{end * times}{tail}" for times in range(70)]
    accepted = [text for text in grown if is_accepted(text)]
    assert len(accepted) >= 8
    for text in accepted:
        assert STRICT.compile(text).return_type() == cel.Type.BOOL


def test_a_list_of_a_thousand_is_one_of_cel() -> None:
    text = f"now.hour in [{','.join(['7'] * 1000)}]"
    assert answer(STRICT.compile(text), {"now.hour": 7}) is compile_expression(text, DECLARED).evaluate({"now.hour": 7})


@pytest.mark.parametrize(
    ("text", "person"),
    [
        ('person.title == "x"', {}),
        ('!(person.title == "x")', {}),
        ('person.title != "x"', {}),
        ("person.start > now", {"now": MOMENTS[0]}),
        (
            'person.start + duration("2h") > now',
            {"person.start": datetime(9999, 12, 31, 23, tzinfo=UTC), "now": MOMENTS[0]},
        ),
        ("device.managed && now.hour < 3", {"now.hour": 2}),
    ],
)
def test_an_error_of_cel_is_a_true_text_for_python_and_never_true_for_us(text: str, person: dict[str, object]) -> None:
    result = STRICT.compile(text).eval(data=dict(person))
    assert result.type() == cel.Type.ERROR
    assert bool(result.value()), "whoever writes `if result.value():` grants"
    assert result.value() is not True
    assert answer(STRICT.compile(text), person) is None
    assert compile_expression(text, DECLARED).evaluate(person) is None


@settings(many, max_examples=300)
@given(
    st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29)),  # noqa: DTZ001
    st.sampled_from(["Z", "+00:00", "-00:00", "+14:00", "-23:59", "+05:45"]),
    st.integers(0, 6),
    st.timedeltas(timedelta(days=-20000), timedelta(days=20000)),
)
def test_timestamps_and_durations_are_read_as_cel_reads_them(
    moment: datetime, zone: str, digits: int, length: timedelta
) -> None:
    stamp = moment.isoformat(timespec="microseconds")
    written = stamp[:19] + (f".{stamp[20 : 20 + digits]}" if digits else "") + zone
    total = length // timedelta(microseconds=1)
    sign, total = ("-" if total < 0 else ""), abs(total)
    span = f"{sign}{total // 3_600_000_000}h{total % 3_600_000_000 // 1_000_000}.{total % 1_000_000:06}s"
    text = f'timestamp("{written}") + duration("{span}") == now'
    ours = compile_expression(f'timestamp("{written}") <= now', DECLARED)
    assert ours.evaluate({"now": datetime.fromisoformat(written).astimezone(UTC)}) is True
    theirs = STRICT.compile(text)
    try:
        expected = datetime.fromisoformat(written).astimezone(UTC) + length
    except OverflowError:
        assert compile_expression(text, DECLARED).evaluate({"now": MOMENTS[0]}) is None
        return
    for now in (expected, MOMENTS[0]):
        assert compile_expression(text, DECLARED).evaluate({"now": now}) is answer(theirs, {"now": now})
