"""Filters and names built from values: what a value holds never becomes syntax."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmltui.adapter_api import Invalid
from jmltui_ldap.entry import generalized, instant_of
from jmltui_ldap.filters import any_of, equals, escaped, first_of, is_under, parent_of, rdn, same_name
from jmltui_ldap.password_policy import policy_error
from jmltui_ldap.ssh_keys import fingerprint

BASE = "ou=people,dc=example,dc=test"
texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=30)
awkward = st.text(',+"\\<>;=# \u00e9aZ', min_size=1, max_size=12)


@given(texts | awkward | st.binary(max_size=20))
def test_a_value_in_a_filter_is_the_value_and_nothing_else(value: str | bytes) -> None:
    raw = value if isinstance(value, bytes) else value.encode()
    text = escaped(value)
    assert not set(text) & set("()*&|!=<>~: \0")
    back, at = bytearray(), 0
    while at < len(text):
        if text[at] == "\\":
            back.append(int(text[at + 1 : at + 3], 16))
            at += 3
        else:
            back += text[at].encode()
            at += 1
    assert bytes(back) == raw


@given(texts | awkward)
def test_a_value_in_a_name_is_one_part_of_it(value: str) -> None:
    name = f"{rdn('uid', value)},{BASE}"
    assert first_of(name) == rdn("uid", value)
    assert parent_of(name) == BASE
    assert is_under(name, BASE)
    assert not is_under(BASE, name)


@given(awkward, awkward)
def test_names_are_the_same_only_where_the_values_are(one: str, other: str) -> None:
    are_same = same_name(f"{rdn('uid', one)},{BASE}") == same_name(f"{rdn('uid', other)},{BASE}")
    assert are_same == (" ".join(one.casefold().split()) == " ".join(other.casefold().split()))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("uid=ana,dc=x", "UID=Ana, DC=X"),
        ("uid=ana,dc=x", "uid = ana , dc = x"),
        ("uid=a\\,b,dc=x", 'uid="a,b",dc=x'),
        ("uid=a\\,b,dc=x", "uid=a\\2Cb,dc=x"),
        ("uid=\\C3\\A9,dc=x", "uid=é,dc=x"),
        ("uid=a+cn=b,dc=x", "cn=b+uid=a,dc=x"),
        ("uid=a;dc=x", "uid=a,dc=x"),
    ],
)
def test_names_that_a_directory_takes_as_equal_are_the_same(one: str, other: str) -> None:
    assert same_name(one) == same_name(other)


@pytest.mark.parametrize("one", ["uid=a\\,dc=x", "uid=b,dc=x", "uid=a\\,dc\\=x", "uid=a,dc=x,dc=y"])
def test_names_that_only_look_equal_are_not(one: str) -> None:
    assert same_name(one) != same_name("uid=a,dc=x")


def test_what_can_be_no_name_or_attribute_is_refused() -> None:
    for value in ("", "a\0b", "\ud800"):
        with pytest.raises(Invalid):
            rdn("uid", value)
    for attribute in ("uid)(x", "", "1x", "uid=", "uid "):
        with pytest.raises(Invalid):
            equals(attribute, "x")
    with pytest.raises(Invalid):
        escaped("\ud800")


def test_one_filter_needs_nothing_around_it() -> None:
    assert any_of("(a=b)", "") == "(a=b)"
    assert any_of("(a=b)", "(c=d)") == "(|(a=b)(c=d))"


def test_points_in_time() -> None:
    found = instant_of("20260131235959Z")
    assert found is not None
    assert generalized(found) == "20260131235959Z"
    part = instant_of("20260131235959.25Z")
    assert part is not None
    assert part.microsecond == 250_000
    assert [instant_of(text) for text in ("", "20260131", "20261331235959Z", "20260131235959+0100", "x")] == [None] * 5


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"0\x03\x81\x01\x01", 1),
        (b"0\x08\xa0\x03\x80\x01\x05\x81\x01\x00", 0),
        (b"0\x05\xa0\x03\x80\x01\x05", None),
        (b"0\x00", None),
        (b"", None),
        (None, None),
    ],
)
def test_the_answer_of_the_password_policy(answer: object, error: int | None) -> None:
    assert policy_error(answer) == error


def test_a_key_is_known_by_the_fingerprint_that_openssh_shows(tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=30)
    shown = subprocess.run(["ssh-keygen", "-lf", str(key)], check=True, capture_output=True, text=True, timeout=30)
    line = key.with_suffix(".pub").read_bytes().strip()
    assert fingerprint(line) == shown.stdout.split()[1]
    assert fingerprint(b'from="10.0.0.*" ' + line) == shown.stdout.split()[1]
    assert fingerprint(b"no key at all").startswith("SHA256:")
