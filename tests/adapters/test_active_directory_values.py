"""Ids, instants and refusals as Active Directory writes them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmltui.adapter_api import AdapterError, AuthFailed, Conflict, ContractBroken, Forbidden, Invalid, NotFound
from jmltui_ldap import active_directory_refusals as refusals
from jmltui_ldap import active_directory_values as values


@given(st.uuids())
def test_ids_come_back_as_they_were(one: uuid.UUID) -> None:
    text = values.guid_of(one.bytes_le)
    assert values.guid_bytes(text) == one.bytes_le
    assert values.guid_bytes(text.upper()) == one.bytes_le


@pytest.mark.parametrize(
    "text", ["", "42", "no-such-id", "{d3b436e3-857d-6b4f-a696-0fbbc410196b}", "d3b436e3857d6b4fa6960fbbc410196b"]
)
def test_what_is_no_id_is_not_there(text: str) -> None:
    with pytest.raises(NotFound):
        values.guid_bytes(text)


@given(st.datetimes(datetime(1970, 1, 1), datetime(9000, 1, 1)))  # noqa: DTZ001
def test_instants_come_back_as_they_were(naive: datetime) -> None:
    at = naive.replace(tzinfo=UTC)
    assert values.instant(int(values.ticks(at))) == at


@pytest.mark.parametrize("ticks", [0, -1, 0x7FFF_FFFF_FFFF_FFFF, 0x7FFF_FFFF_FFFF_FFFE])
def test_never_is_no_instant(ticks: int) -> None:
    assert values.instant(ticks) is None


def test_security_identifiers() -> None:
    administrators = bytes.fromhex("01020000000000052000000020020000")
    assert values.sid_of(administrators) == "S-1-5-32-544"
    assert values.came_with_the_domain("S-1-5-32-544")
    assert values.came_with_the_domain("S-1-5-21-1-2-3-512")
    assert not values.came_with_the_domain("S-1-5-21-1-2-3-1000")
    for broken in (b"", administrators[:-1], administrators + b"\0"):
        with pytest.raises(ContractBroken):
            values.sid_of(broken)


@pytest.mark.parametrize(
    ("code", "said", "kind"),
    [
        (19, "0000052D: SvcErr: DSID-031A124C, problem 5003 (WILL_NOT_PERFORM), data 0", Invalid),
        (53, "0000052D: SvcErr: DSID-031A124C, problem 5003 (WILL_NOT_PERFORM), data 0", Invalid),
        (53, "0000001F: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0", Invalid),
        (19, "000021C8: AtrErr: DSID-03200EF4, #1: 0: 000021C8: DSID-03200EF4, problem 1005", Conflict),
        (50, "00000005: SecErr: DSID-03152E29, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0", Forbidden),
        (
            1,
            "000004DC: LdapErr: DSID-0C090A5C, comment: In order to perform this operation a successful bind",
            AuthFailed,
        ),
        (19, "00002082: AtrErr: DSID-03151004, #1: 0: 00002082: problem 1005 (CONSTRAINT_ATT_TYPE)", Invalid),
        (32, "0000208D: NameErr: DSID-0310021B, problem 2001 (NO_OBJECT), data 0", None),
        (68, "00000524: UpdErr: DSID-031A11E2, problem 6005 (ENTRY_EXISTS), data 0", Conflict),
        (52, "busy", None),
    ],
)
def test_what_a_refusal_of_windows_means(code: int, said: str, kind: type[AdapterError] | None) -> None:
    assert refusals.refusal(code, said) is kind


@given(st.text(max_size=60))
def test_words_of_other_servers_stay_their_own(said: str) -> None:
    assert refusals.in_words(said) == ""


def test_a_lapse_of_milliseconds_is_kept() -> None:
    at = datetime(2031, 3, 1, tzinfo=UTC) + timedelta(microseconds=123_456)
    assert values.instant(int(values.ticks(at))) == at
