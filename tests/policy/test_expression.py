"""The language of `when:`: what it answers, what it refuses and where, and what it tells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jmltui.policy.expression import Declared, Expression, ExpressionError, Told, ValueType, compile_expression

DECLARED = {
    "person.type": Declared(ValueType.STRING, values=("employee", "contractor", "guest")),
    "person.department": Declared(ValueType.STRING),
    "person.location": Declared(ValueType.STRING),
    "person.title": Declared(ValueType.STRING, nullable=True),
    "person.start": Declared(ValueType.TIMESTAMP),
    "person.end": Declared(ValueType.TIMESTAMP, nullable=True),
    "person.projects": Declared(ValueType.LIST, values=("apollo", "gemini")),
    "person.level": Declared(ValueType.INT, values=("1", "2")),
    "device.managed": Declared(ValueType.BOOL),
    "now": Declared(ValueType.TIMESTAMP),
    "now.hour": Declared(ValueType.INT),
}
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def when(text: str) -> Expression:
    return compile_expression(text, DECLARED)


def refusal(text: str) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        when(text)
    assert caught.value.message.endswith(".")
    assert 1 <= caught.value.column <= len(text) + 1
    return caught.value


ANA = {
    "person.type": "employee",
    "person.department": "Finance",
    "person.location": "DE",
    "person.end": datetime(2026, 12, 31, tzinfo=UTC),
    "person.projects": ("apollo",),
    "person.level": 2,
    "device.managed": True,
    "now": NOON,
    "now.hour": 12,
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('person.type == "employee"', True),
        ("'employee' != person.type", False),
        ('person.location in ["FR", "DE",]', True),
        ('!(person.location in ["FR", "US"])', True),
        ('person.department.startsWith("Fin") && person.department.endsWith("nce")', True),
        ('person.department.contains("nanc") == device.managed', True),
        ('"Finance and more".startsWith(person.department)', True),
        ('"apollo" in person.projects', True),
        ('"gemini" in person.projects', False),
        ("person.department in person.projects", False),
        ("now.hour >= 8 && now.hour < 18", True),
        ("now.hour in [-1, 12]", True),
        ("now.hour > - 5", True),
        ("person.level == 2", True),
        ("device.managed == false", False),
        ("device.managed != false", True),
        ("!!device.managed", True),
        ('person.end > timestamp("2026-12-31T00:00:00+01:00")', True),
        ('person.end - duration("720h") < now', False),
        ('now + duration("1h30m") - duration("90m") == now', True),
        ('person.title == null && null != person.end && person.department < "G"', True),
        ('device.managed || person.title == "x"', True),
        ('person.title == "x" && !device.managed', False),
        ('person.title == "x" && device.managed', None),
        ('person.title == "x" || !device.managed', None),
        ('person.title != "x"', None),
        ('!(person.title == "x")', None),
        ('person.title in ["x"]', None),
        ('person.title.contains("")', None),
        ("person.start < now", None),
        ('person.department == person.title || person.type == "guest"', None),
        ('true && (false || person.location == "\\u0044E")', True),
        ('person.department == "Fin\\x61nce" && person.department != "Fin\\\\x61nce"', True),
    ],
)
def test_answers(text: str, expected: bool | None) -> None:
    expression = when(text)
    assert expression.evaluate(ANA) is expected
    assert expression.evaluate(dict.fromkeys(DECLARED) | ANA) is expected
    assert expression.over(list(DECLARED))([ANA.get(name) for name in DECLARED]) is expected
    assert expression.explain(ANA).answer is expected


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ('person.departmnt == "x"', 1, "person.department"),
        ('person.end > "2026"', 14, 'timestamp("'),
        ("person.type", 1, "person.type =="),
        ('person.title == "x" and true', 21, "&&"),
        ('person.title == "x" or true', 21, "||"),
        ("not device.managed", 1, "!"),
        ('person.type not in ["guest"]', 13, "!("),
        ('person.type = "guest"', 13, "=="),
        ('person.type == "employe"', 16, "Did you mean “employee”?"),
        ('"employe" != person.type', 1, "Did you mean “employee”?"),
        ('person.type in ["guest", "gest"]', 26, "Did you mean “guest”?"),
        ('"apolo" in person.projects', 1, "Did you mean “apollo”?"),
        ("person.level == 3", 17, "1, 2"),
        ("person.location == DE", 20, '"DE"'),
        ("person.location in [DE]", 21, '"DE"'),
        ("person.location in []", 20, "empty"),
        ('person.location in "DE"', 20, '["DE"]'),
        ('"x" in person.location', 8, "a string"),
        ('person.location in ["DE", 1]', 27, "not both"),
        ('now.hour in ["9"]', 1, "an int"),
        ('now.hour == "9"', 13, "without quotes"),
        ('device.managed == "true"', 19, "without quotes"),
        ("person.title == True", 17, "Write true."),
        ("person.title == None", 17, "Write null."),
        ("person.department == null", 1, "nullable"),
        ("person.title < null", 14, "=="),
        ('person.title.matches("a.*")', 14, "regular expressions"),
        ('person.title.startswith("a")', 14, "startsWith"),
        ("person.title.startsWith", 1, 'person.title.startsWith("'),
        ("person.title.startsWith()", 24, "one string"),
        ('person.title.startsWith("a", "b")', 28, "||"),
        ("person.title.startsWith(5)", 25, "a string"),
        ('startsWith(person.title, "a")', 1, 'person.title.startsWith("'),
        ('person.projects.contains("apollo")', 1, '"apollo" in person.projects'),
        ('person.projects == ["apollo"]', 1, "not compared"),
        ('person.projects.exists(p, p == "x")', 17, "loops"),
        ('person.projects[0] == "x"', 16, "indexed"),
        ("has(person.title)", 1, "!= null"),
        ("size(person.title) > 3", 1, "size"),
        ("now.getHours() > 8", 5, "now.hour"),
        ("now.hour + 1 > 9", 10, "timestamp"),
        ("now.hour * 2 > 9", 10, "arithmetic"),
        ("person.end - now > now", 12, "timestamp"),
        ('duration("1h") + now > now', 16, "timestamp"),
        ('duration("1h") < duration("2h")', 1, "duration"),
        ('person.end + duration("3d") > now', 23, "72h"),
        ('person.end + duration("1ns") > now', 23, "us"),
        ('person.end + duration("0.0000001s") > now', 23, "microsecond"),
        ('person.end + duration("99999999999h") > now', 23, "longer"),
        ('person.end + duration("999999999999.999999999h999999999999h") > now', 23, "longer"),
        ('person.end + duration("100000000h1us") > now', 23, "longer"),
        ('now < timestamp("2026-02-30T00:00:00Z")', 17, "no such day"),
        ('now < timestamp("2026-02-03")', 17, "2026-01-31T22:00:00Z"),
        ('now < timestamp("9999-12-31T23:59:59-01:00")', 17, "no such day"),
        ("now < timestamp(person.title)", 17, "in quotes"),
        ("true ? false : true", 6, "two rules"),
        ("1 < now.hour < 3", 14, "&&"),
        ("device.managed == true == true", 24, "brackets"),
        ("device.managed < true", 16, "=="),
        ('!person.type == "guest"', 2, "!(person.type"),
        ("device.managed && person.type", 19, "person.type =="),
        ("(device.managed", 1, "never closed"),
        ("device.managed)", 15, "not “)”"),
        ("device.managed &&", 18, "too early"),
        ("device.managed & true", 16, "&&"),
        ("person.title == “x”", 17, "straight quotes"),
        ('person.title == "x', 17, "no end"),
        ('person.title == "a\nb"', 19, "\\n"),
        ('person.title == "\\q"', 18, "escape"),
        ('person.title == "\\ud800"', 18, "not a character"),
        ('person.title == r"x"', 17, "without a letter"),
        ("now.hour == 1.5", 13, "digits"),
        ("now.hour == 010", 13, "digits"),
        ("now.hour == 9223372036854775808", 13, "64 bits"),
        ("if == 1", 1, "CEL keeps"),
        ("device.managed(1)", 15, "bracket"),
        ('__import__("os").system("true")', 1, "no function"),
        ("person.__class__", 1, "no attribute"),
        ('person.title.__class__("x")', 14, "no method"),
        ("", 1, "empty"),
        (" \n", 3, "empty"),
    ],
)
def test_refusals_have_a_column_and_say_what_to_write(text: str, column: int, says: str) -> None:
    error = refusal(text)
    assert (error.column, says in f"{error.message} {error.hint}") == (column, True), str(error)


@pytest.mark.parametrize(
    "code", [0x00, 0x0D, 0x1B, 0x7F, 0x85, 0xAD, 0x200B, 0x200D, 0x202E, 0x2028, 0x2066, 0xFEFF, 0xD800, 0xE0041]
)
def test_characters_that_a_reviewer_cannot_see_are_refused(code: int) -> None:
    error = refusal(f'person.title == "a{chr(code)}"')
    assert error.column == 19
    assert f"U+{code:04X}" in error.message
    if code != 0xD800:
        assert when(f'person.title == "a\\U{code:08X}"').evaluate({"person.title": f"a{chr(code)}"}) is True


@pytest.mark.parametrize(("piece", "times"), [("(", 5000), ("(", 4000), ("(", 100), ("!(", 2000), ("!", 4000)])
def test_deep_and_long_texts_are_refused_at_once(piece: str, times: int) -> None:
    assert "more than" in refusal(f"{piece * times}true").message


def test_the_bounds_themselves_are_allowed() -> None:
    assert when("(" * 32 + "device.managed" + ")" * 32).evaluate(ANA) is True
    assert when(f"device.managed{' ' * (4096 - 14)}").evaluate(ANA) is True
    assert refusal(f"device.managed{' ' * (4097 - 14)}").column == 4097
    assert when(f"now.hour in [{'1,' * 999}12]").evaluate(ANA) is True
    assert "1000" in refusal(f"now.hour in [{'1,' * 1000}12]").message
    assert "levels" in refusal(f"{'(' * 33}device.managed{')' * 33}").message
    assert when(" || ".join(["false"] * 400 + ["device.managed"])).evaluate(ANA) is True


def test_a_text_may_stand_on_several_lines() -> None:
    text = 'person.type == "employee"\n\t&& device.managed\n'
    assert when(text).evaluate(ANA) is True
    assert refusal('person.type == "employee"\n && device.manged').column == 31


def test_names_are_told_in_order_each_once() -> None:
    expression = when('now.hour < 3 || device.managed && (now.hour > 5 || "apollo" in person.projects)')
    assert expression.attributes == ("now.hour", "device.managed", "person.projects")
    assert expression == when(expression.text)
    assert expression != when("now.hour < 3")


def test_a_name_that_no_row_has_is_unknown() -> None:
    assert when('person.title == "x"').over(["person.type"])(["guest"]) is None
    assert when('device.managed || person.title == "x"').over(["device.managed"])([True]) is True
    assert when("person.title == null").over([])([]) is True


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ('person.title != "x"', "person.title", 5),
        ('!(person.title == "x")', "person.title", ["x"]),
        ('!(person.title in ["x"]) && true', "person.title", ["x"]),
        ('person.title.contains("x")', "person.title", b"x"),
        ("now.hour != 5", "now.hour", "5"),
        ("now.hour == 1", "now.hour", True),
        ("device.managed", "device.managed", 1),
        ("!device.managed", "device.managed", ""),
        ("device.managed || false", "device.managed", "true"),
        ('"apollo" in person.projects', "person.projects", "apollo"),
        ("now > person.start", "person.start", datetime(2026, 1, 1)),  # noqa: DTZ001
        ("now != person.start", "person.start", "2026-01-01"),
        ("now > person.start", "person.start", datetime.min.replace(tzinfo=timezone(timedelta(hours=3)))),
    ],
)
def test_a_value_of_another_type_than_declared_is_unknown(text: str, name: str, value: object) -> None:
    expression = when(text)
    assert expression.evaluate({"now": NOON, name: value}) is None
    told = expression.explain({"now": NOON, name: value})
    while told.children:
        told = told.children[0]
    assert f"cannot tell: {name} is not a" in told.text


def test_times_are_moments_whatever_their_zone() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    first = datetime(2026, 10, 25, 2, 30, tzinfo=berlin)
    again = first.replace(fold=1)
    before = when("person.start < now")
    assert before.evaluate({"person.start": first, "now": again}) is True
    assert when("person.start == now").evaluate({"person.start": first, "now": first.astimezone(UTC)}) is True
    at_the_end = {"person.start": datetime.max.replace(tzinfo=UTC), "now": NOON}
    assert before.evaluate(at_the_end) is False
    later = when('person.start + duration("1us") > now')
    assert later.evaluate(at_the_end) is None
    assert "cannot tell: the time is out of range" in later.explain(at_the_end).text


def lines(told: Told, depth: int = 0) -> list[str]:
    sign = {True: "+", False: "-", None: "?"}[told.answer]
    return [f"{'  ' * depth}{sign} {told.text}", *(line for child in told.children for line in lines(child, depth + 1))]


def test_why_is_told_as_a_tree() -> None:
    expression = when(
        '(person.location in ["DE","FR","US"]\n  && device.managed) || !(person.end > now)'
        ' || person.title == null || (person.type == "guest") == device.managed'
        ' || "apollo" in person.projects || person.start > timestamp("2026-01-01T00:00:00Z") || false'
    )
    values = {
        "person.location": "DE",
        "device.managed": False,
        "person.type": "guest",
        "person.title": "Head",
        "person.end": NOON,
        "now": NOON - timedelta(hours=1),
        "person.projects": ("gemini",),
    }
    assert lines(expression.explain(values)) == [
        "? any of these",
        "  - all of these",
        '    + person.location in ["DE","FR","US"]   (is “DE”)',
        "    - device.managed   (is false)",
        "  - not",
        "    + person.end > now   (person.end is 2026-06-01T12:00:00Z, now is 2026-06-01T11:00:00Z)",
        "  - person.title == null   (is “Head”)",
        '  - (person.type == "guest") == device.managed   (is false)',
        '    + person.type == "guest"   (is “guest”)',
        '  - "apollo" in person.projects   (is [“gemini”])',
        '  ? person.start > timestamp("2026-01-01T00:00:00Z")   (cannot tell: person.start is empty)',
        "  - false",
    ]
    assert lines(when("person.title != null").explain({})) == ["- person.title != null   (is empty)"]
    assert lines(when("person.end < now").explain({"now": NOON})) == [
        "? person.end < now   (cannot tell: person.end is empty)"
    ]


words = st.sampled_from(
    [
        *DECLARED,
        *"()[]!.,+-<>=&|\"'\\ \n",
        "&&",
        "||",
        "==",
        "in",
        "null",
        "true",
        "1",
        '"x"',
        "timestamp(",
        "duration(",
        ".contains(",
    ]
)


@settings(deadline=None, max_examples=2000)
@given(
    st.one_of(
        st.text(max_size=60), st.lists(words, max_size=20).map("".join), st.lists(words, max_size=12).map(" ".join)
    )
)
def test_any_text_is_compiled_or_refused_with_a_sentence(text: str) -> None:
    try:
        expression = when(text)
    except ExpressionError:
        refusal(text)
    else:
        assert expression.evaluate(ANA) in (True, False, None)
        assert expression.explain({}).answer is expression.evaluate({})


anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(), st.binary(), st.floats(), st.lists(st.text()), st.datetimes(),
    st.datetimes(timezones=st.timezones()), st.tuples(st.text()),
)  # fmt: skip


@settings(deadline=None)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(DECLARED, anything)))
def test_any_values_are_answered(values: dict[str, object]) -> None:
    expression = when(
        'person.type == "guest" || person.location in ["x"] && person.title.contains("0") || person.end > person.start'
        ' || now - duration("24h") == person.end || !device.managed || now.hour < 5 || "gemini" in person.projects'
        " || person.level in [1] || person.title == null && device.managed == true && person.department < person.title"
    )
    assert expression.evaluate(values) in (True, False, None)
    assert expression.explain(values).answer is expression.evaluate(values)
