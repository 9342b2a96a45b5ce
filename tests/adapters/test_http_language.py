"""The language of descriptions: strict, and every mistake told at once, at its place, with the word that was meant."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jmltui.adapter_api import Cap, Invalid, Proof, Setup
from jmltui.errors import SettingsError
from jmltui_http import HttpAdapter
from jmltui_http.description import read_description, shipped
from jmltui_http.template import Body, parse_template
from jmltui_http.yaml_nodes import DescriptionError
from tests.conftest import StandingClock

WRONG = """\
description: 1
name: Wrong
secrets:
  token: The token.
auth:
  kind: bearer
  token: "{secrets.tokn}"
  realm: x
headers:
  Authorization: no
limits:
  page_size: many
peeple: {}
accounts:
  columns:
    id: id
    login: user..name
    state: active
    city: upper_case(city)
  words:
    state:
      actve: [true]
  list:
    call:
      path: users/../{page.ofset}
      query:
        filter: name eq {login|jsn}
    paging:
      kind: offset
    records: items
  find:
    call:
      method: DELETE
      path: /users
    records: items
operations:
  disable:
    call:
      path: /users/{account.id}?x=1
    verify:
      call: {path: /users}
      equals: false
  grant:
    call: {path: /grants}
"""


def problems_of(text: str) -> list[str]:
    with pytest.raises(DescriptionError) as refused:
        read_description(text.encode(), "wrong.yaml")
    return [str(problem) for problem in refused.value.problems]


def test_every_mistake_is_told_at_once_at_its_place() -> None:
    told = problems_of(WRONG)
    for start, part in (
        ("wrong.yaml:7:11  ", "“{secrets.tokn}” stands for nothing here. Did you mean “secrets.token”?"),
        ("wrong.yaml:8:3  ", "“realm” is not known"),
        ("wrong.yaml:9:1  ", "“Authorization” is not yours to set"),
        ("wrong.yaml:12:14  ", "“page_size” must be a whole number, not a text."),
        ("wrong.yaml:13:1  ", "“peeple” is not known in the description. Did you mean “people”?"),
        ("wrong.yaml:17:17  ", "“.” where it cannot stand"),
        ("wrong.yaml:19:11  ", "JMESPath has no function “upper_case”."),
        ("wrong.yaml:22:7  ", "“actve” is no state: active"),
        ("wrong.yaml:25:13  ", "A path begins with one /"),
        ("wrong.yaml:25:22  ", "“{page.ofset}” stands for nothing here. Did you mean “page.offset”?"),
        ("wrong.yaml:27:25  ", "“jsn” is no filter"),
        ("wrong.yaml:24:5  ", "does not send {page.offset}"),
        ("wrong.yaml:33:7  ", "A DELETE is no read."),
        ("wrong.yaml:39:13  ", "A path has no query"),
        ("wrong.yaml:42:7  ", "“equals” needs a “value” to compare."),
        ("wrong.yaml:43:3  ", "Nothing reads “grant” back: there is no “grants” and no “verify”."),
    ):
        assert any(line.startswith(start) and part in line for line in told), (start, part, told)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "describes nothing"),
        ("a: &x 1\nb: *x", "Anchors"),
        ("a: !!python/name:os.system x", "Tags"),
        ("a: 1\na: 2", "twice"),
        ("a: [", "not well-formed"),
        ("a: 1\n---\nb: 2", "one document"),
        ("a: " + "[" * 40 + "]" * 40, "nested deeper"),
        ("<<: {a: 1}", "plain word"),
        ("name: x", "begins with its version"),
        ("description: 1\nname: x\nauth: {kind: none}", "neither “people” nor “accounts”"),
        ("description: 2", "between 1 and 1"),
        (
            "description: 1\nname: x\nauth: {kind: none}\nsessions: {columns: {id: id}, list: {call: {path: /s}, "
            "records: a}}\ngrants: {per: entitlement, columns: {account: id}, list: {call: {path: /g}, records: a}}",
            "“per: entitlement” needs",
        ),
    ],
)
def test_what_is_no_description_is_refused_with_a_sentence(text: str, told: str) -> None:
    assert any(told in line for line in problems_of(text))


def test_a_file_that_is_too_large_is_not_parsed() -> None:
    assert "more than" in problems_of("a: " + "x" * 300_000)[0]


def test_words_that_look_like_truth_values_are_words() -> None:
    text = """
description: 1
name: x
auth: {kind: none}
people:
  call: {path: /people}
  records: "@"
  columns: {key: id, name: name, status: s}
  words: {status: {active: [yes, on], left: [no, off, false]}}
"""
    people = read_description(text.encode(), "x.yaml").people
    assert people is not None
    assert [people.columns.word("status", told) for told in ("YES", "no", "false", "else")] == [
        "active", "left", "left", "else",
    ]  # fmt: skip


def test_every_shipped_description_says_what_it_was_exercised_against() -> None:
    from jmltui_http.description import load

    assert {"bamboohr", "hibob", "personio", "successfactors", "workday-raas"} <= set(shipped())
    for name in shipped():
        assert load(name).exercised_against, name


def test_capabilities_follow_from_the_description(clock: StandingClock) -> None:
    scim = Path(__file__).parent / "http" / "scim.yaml"
    options = {"description": str(scim), "base": "https://x.test/v2", "secrets": {"token": "env:T"}}
    found = HttpAdapter(Setup("s", options, str, clock)).capabilities()
    assert Cap.END_SESSIONS not in found
    assert Cap.LIST_SESSIONS not in found
    assert found[Cap.DISABLE].proof is Proof.READ_BACK
    assert not found[Cap.DELETE].reversible
    options = {"description": "hibob", "secrets": {"user": "env:U", "token": "env:T"}}
    assert set(HttpAdapter(Setup("s", options, str, clock)).capabilities()) == {Cap.LIST_ACCOUNTS}


def test_settings_that_do_not_fit_the_description_are_told_at_once(clock: StandingClock) -> None:
    options = {
        "description": "bamboohr",
        "parameters": {"compny": "acme"},
        "secrets": {"kee": "env:K"},
        "columns": {"title": "a..b"},
    }
    with pytest.raises(SettingsError) as refused:
        HttpAdapter(Setup("hr", options, str, clock))
    told = str(refused.value)
    assert "“parameters.compny” is not what the description asks for. Did you mean “company”?" in told
    assert "“parameters.company” is missing." in told
    assert "“secrets.kee” is not what the description asks for." in told
    assert "“secrets.key” is missing" in told
    assert "“columns.title”" in told


def test_an_unknown_name_names_the_shipped_ones(clock: StandingClock) -> None:
    with pytest.raises(SettingsError, match="Did you mean “bamboohr”"):
        HttpAdapter(Setup("hr", {"description": "bamboohr2"}, str, clock))


# ---- templates


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("../admin", "/users/..%2Fadmin/x"),
        ("a/b?c#d", "/users/a%2Fb%3Fc%23d/x"),
        ("//169.254.169.254/", "/users/%2F%2F169.254.169.254%2F/x"),
        ("http://localhost", "/users/http%3A%2F%2Flocalhost/x"),
        ("..%2f", "/users/..%252f/x"),
        ("Zoë", "/users/Zo%C3%AB/x"),
        (" ", "/users/%20/x"),
        (7, "/users/7/x"),
    ],
)
def test_no_value_leaves_its_segment(value: object, path: str) -> None:
    assert parse_template("/users/{id}/x").path({"id": value}) == path


@pytest.mark.parametrize("value", ["", ".", "..", "a\x00b", None, "\ud800"])
def test_a_value_that_would_move_the_path_is_refused(value: object) -> None:
    with pytest.raises(Invalid):
        parse_template("/users/{id}").path({"id": value})


@pytest.mark.parametrize("value", ["a\r\nX: 1", "a\nb", "a\x00"])
def test_no_value_makes_another_header(value: str) -> None:
    with pytest.raises(Invalid):
        parse_template("{id}").header({"id": value})


def test_filters_make_literals() -> None:
    hostile = 'a" or active eq true or x eq "'
    assert parse_template("userName eq {login|json}").write({"login": hostile}) == (
        'userName eq "a\\" or active eq true or x eq \\""'
    )
    assert parse_template("name eq {login|odata}").write({"login": "O'Neil"}) == "name eq 'O''Neil'"


def test_a_body_keeps_types_and_leaves_out_what_is_absent() -> None:
    body = Body(
        {
            "name": parse_template("{name}"),
            "nick": parse_template("{nick?}"),
            "emails": [{"value": parse_template("{email?}"), "primary": True}],
            "tags": parse_template("{tags}"),
            "on": parse_template("{on}"),
            "fixed": [1, None, False],
        }
    )
    filled = body.fill({"name": '"; DROP', "tags": ("a", "b"), "on": True})
    assert filled == {"name": '"; DROP', "tags": ["a", "b"], "on": True, "fixed": [1, None, False]}
    assert body.fill({"name": "n", "tags": (), "on": False, "email": "a@b", "nick": "x"} | {"tags": ("t",)}) == {
        "name": "n", "nick": "x", "emails": [{"value": "a@b", "primary": True}], "tags": ["t"], "on": False,
        "fixed": [1, None, False],
    }  # fmt: skip


@given(st.text())
def test_any_value_stays_one_segment(value: str) -> None:
    try:
        path = parse_template("/users/{id}/x").path({"id": value})
    except Invalid:
        return
    parts = urlsplit(f"https://x.test{path}").path.split("/")
    assert (len(parts), unquote(parts[2])) == (4, value)
    assert parts[2] not in (".", "..")


SOURCES = [(Path(__file__).parent / "http" / "scim.yaml").read_bytes(), WRONG.encode()]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_no_damage_to_a_file_is_more_than_a_problem_of_it(data: st.DataObject) -> None:
    source = data.draw(st.sampled_from(SOURCES))
    at = data.draw(st.integers(0, len(source)))
    length = data.draw(st.integers(0, 40))
    put = data.draw(st.one_of(st.binary(max_size=6), st.sampled_from([b"{}", b"[", b": ", b"\n  - ", b"*a", b"|\n"])))
    told = ["the file is as good as before"]
    try:
        read_description(source[:at] + put + source[at + length :], "damaged.yaml")
    except DescriptionError as error:
        told = [problem.message for problem in error.problems]
    assert told
    assert all(told)
