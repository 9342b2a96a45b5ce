"""Where a described adapter may go: one origin, not redirected, no address that is nobody's business."""

from __future__ import annotations

import logging
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from jmltui.adapter_api import (
    Account,
    AccountState,
    AuthFailed,
    ContractBroken,
    NotFound,
    OutcomeUnknown,
    Query,
    Setup,
    Untrusted,
)
from jmltui.errors import SettingsError
from jmltui.exchange import HttpExchange, public_only, within_reach
from jmltui_http import HttpAdapter
from tests.conftest import StandingClock
from tests.servers.recorded import Exchange, Recorded, recorded

DESCRIPTION = """
description: 1
name: Small
secrets: {client: The client., secret: The secret.}
auth: %s
accounts:
  columns: {id: id, login: login, state: state}
  words: {state: {active: [on], disabled: [off]}}
  list:
    call: {path: /users, query: {page: "{page.number}"}}
    paging: {kind: page, first: 1, more: more}
    records: users
    id: id
  read:
    call: {path: "/users/{account.id}"}
operations:
  disable:
    call: {method: POST, path: "/users/{account.id}/off", pending: [202], already: [409]}
  create:
    call: {method: POST, path: /users, body: {login: "{wanted.login}", password: "{random}"}}
    record: user
"""
KEY = "{kind: header, header: X-API-Key, value: '{secrets.secret}'}"
BOB = {"id": "7", "login": "bob", "state": "on"}


def described(folder: Path, base: str, clock: StandingClock, auth: str = KEY, **options: object) -> HttpAdapter:
    file = folder / "small.yaml"
    file.write_text(DESCRIPTION % auth)
    given = {
        "description": str(file),
        "base": base,
        "secrets": {"client": "c", "secret": "s3cr3t-value"},
        "private_network": True,
        **options,
    }
    return HttpAdapter(Setup("small", given, str, clock))


def of(server: Recorded) -> Mapping[str, Any]:
    return {"paths": [one.path for one in server.asked]}


@pytest.mark.parametrize(
    ("address", "public", "private"),
    [
        ("93.184.216.34", True, True),
        ("10.0.0.1", False, True),
        ("192.168.1.1", False, True),
        ("127.0.0.1", False, True),
        ("::1", False, True),
        ("100.64.0.1", False, True),
        ("169.254.169.254", False, False),
        ("fe80::1%eth0", False, False),
        ("::ffff:169.254.169.254", False, False),
        ("64:ff9b::a9fe:a9fe", False, False),
        ("fd00:ec2::254", False, False),
        ("224.0.0.1", False, False),
        ("::", False, False),
    ],
)
def test_which_addresses_are_reached(address: str, public: bool, private: bool) -> None:
    assert (public_only(address) == "") is public
    assert (within_reach(address) == "") is private


async def test_loopback_needs_the_private_network(tmp_path: Path, clock: StandingClock) -> None:
    with recorded() as server:
        adapter = described(tmp_path, server.origin.replace("http:", "https:"), clock, private_network=False)
        with pytest.raises(Untrusted, match="private_network = true"):
            await adapter.open()
        with pytest.raises(SettingsError, match="not encrypted"):
            described(tmp_path, server.origin, clock, private_network=False)
    assert of(server) == {"paths": []}


async def test_a_name_that_means_the_metadata_service_is_refused(
    tmp_path: Path, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("169.254.169.254", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)
    adapter = described(tmp_path, "https://hr.example.test", clock)
    with pytest.raises(Untrusted, match="link-local"):
        await adapter.open()


async def test_a_name_that_changes_its_address_later_is_refused_before_a_byte_is_sent(
    tmp_path: Path, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with recorded(Exchange("GET", "/users/7", answer=BOB, lasting=True)) as server:
        port = int(server.origin.rpartition(":")[2])
        real, public = socket.getaddrinfo, [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", 443))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: public)
        adapter = described(tmp_path, f"https://localhost:{port}", clock, private_network=False)
        await adapter.open()
        monkeypatch.setattr(socket, "getaddrinfo", real)
        with pytest.raises(Untrusted, match="not connected to"):
            await adapter.read("7")
        await adapter.close()
    assert of(server) == {"paths": []}


@pytest.mark.parametrize(
    "base",
    ["ftp://x.test", "https://user:pw@x.test", "https://x.test?k=1", "https://x.test/../y", "http://x.test", "x.test"],
)
def test_a_base_that_is_no_plain_https_address_is_refused(tmp_path: Path, clock: StandingClock, base: str) -> None:
    with pytest.raises(SettingsError):
        described(tmp_path, base, clock)


@pytest.mark.parametrize("company", ["evil.test/", "a@evil.test", "x.test:80", "evil.test#", "..", "a/../b", ""])
def test_a_parameter_names_no_other_host(clock: StandingClock, company: str) -> None:
    options = {"description": "bamboohr", "parameters": {"company": company}, "secrets": {"key": "env:K"}}
    with pytest.raises(SettingsError):
        HttpAdapter(Setup("hr", options, str, clock))


async def test_a_redirect_never_takes_the_key_elsewhere(tmp_path: Path, clock: StandingClock) -> None:
    with recorded() as elsewhere:
        moved = {"Location": f"{elsewhere.origin}/users/7"}
        with recorded(Exchange("GET", "/users/7", status=302, headers=moved)) as server:
            adapter = described(tmp_path, server.origin, clock)
            await adapter.open()
            with pytest.raises(ContractBroken, match="not followed"):
                await adapter.read("7")
            await adapter.close()
    assert elsewhere.asked == []
    assert server.asked[0].headers["x-api-key"] == "s3cr3t-value"


async def test_a_hostile_id_stays_in_its_segment(tmp_path: Path, clock: StandingClock) -> None:
    with recorded() as server:
        adapter = described(tmp_path, f"{server.origin}/api", clock)
        await adapter.open()
        for hostile in ("../admin", "a/b?c", "//169.254.169.254/", "x#y"):
            with pytest.raises(Exception, match="418"):
                await adapter.read(hostile)
        await adapter.close()
    assert [one.path for one in server.asked] == [
        "/api/users/..%2Fadmin", "/api/users/a%2Fb%3Fc", "/api/users/%2F%2F169.254.169.254%2F", "/api/users/x%23y",
    ]  # fmt: skip


async def test_secrets_stand_in_no_error_and_no_log(
    tmp_path: Path, clock: StandingClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with recorded(Exchange("GET", "/users/7", status=401, answer={"message": "who are you?"})) as server:
        adapter = described(tmp_path, server.origin, clock)
        await adapter.open()
        with pytest.raises(AuthFailed) as refused:
            await adapter.read("7")
        await adapter.close()
    told = f"{refused.value!r} {refused.value.__dict__} {caplog.text}"
    assert "s3cr3t-value" not in told


async def test_another_origin_for_tokens_is_fixed_in_the_description(tmp_path: Path, clock: StandingClock) -> None:
    with recorded(Exchange("POST", "/oauth/token", None, {"access_token": "T", "expires_in": 3600})) as tokens:
        auth = (
            f"{{kind: oauth2, origin: '{tokens.origin}', path: /oauth/token, client: '{{secrets.client}}', "
            "secret: '{secrets.secret}', send: {scope: 'users read'}}"
        )
        with recorded(Exchange("GET", "/users/7", answer=BOB)) as server:
            adapter = described(tmp_path, server.origin, clock, auth)
            await adapter.open()
            assert (await adapter.read("7")).state is AccountState.ACTIVE
            await adapter.close()
    assert tokens.asked[0].form == {"grant_type": "client_credentials", "scope": "users read"}
    assert tokens.asked[0].headers["authorization"].startswith("Basic ")
    assert server.asked[0].headers["authorization"] == "Bearer T"


async def test_a_token_is_given_for_secrets_sent_as_json(tmp_path: Path, clock: StandingClock) -> None:
    auth = (
        "{kind: token, path: /session, send: {id: '{secrets.client}', key: '{secrets.secret}'}, token: data.token, "
        "header: X-Token, prefix: ''}"
    )
    with recorded(
        Exchange("POST", "/session", None, {"data": {"token": "T2"}}), Exchange("GET", "/users/7", answer=BOB)
    ) as server:
        adapter = described(tmp_path, server.origin, clock, auth)
        await adapter.open()
        await adapter.read("7")
        await adapter.close()
    assert server.asked[0].json == {"id": "c", "key": "s3cr3t-value"}
    assert server.asked[1].headers["x-token"] == "T2"


async def test_what_a_write_is_answered_with_is_what_it_did(tmp_path: Path, clock: StandingClock) -> None:
    off = "/users/7/off"
    with recorded(
        Exchange("GET", "/users/7", answer=BOB, lasting=True),
        Exchange("POST", off, status=202),
        Exchange("POST", off, status=409),
        Exchange("POST", off, status=204),
        Exchange("POST", off, status=500),
        Exchange("GET", "/users/9", status=404),
    ) as server:
        adapter = described(tmp_path, server.origin, clock)
        await adapter.open()
        assert [(await adapter.disable("7")).outcome.value for _ in range(3)] == ["pending", "already", "changed"]
        with pytest.raises(OutcomeUnknown):
            await adapter.disable("7")
        with pytest.raises(NotFound):
            await adapter.disable("9")
        await adapter.close()
    assert not server.unexpected


async def test_a_create_that_answers_nonsense_may_have_been_done(tmp_path: Path, clock: StandingClock) -> None:
    nobody = Exchange("GET", "/users", None, {"users": [], "more": False}, lasting=True)
    with recorded(nobody, Exchange("POST", "/users", status=201, answer=b"<html>")) as server:
        adapter = described(tmp_path, server.origin, clock)
        await adapter.open()
        with pytest.raises(OutcomeUnknown):
            await adapter.create(Account("", "eva", AccountState.ACTIVE), key="k")
        await adapter.close()
    sent = next(one for one in server.asked if one.method == "POST").json
    assert sent["login"] == "eva"
    assert len(sent["password"]) > 30


async def test_pages_by_number_go_on_while_there_are_more(tmp_path: Path, clock: StandingClock) -> None:
    first = {"users": [BOB], "more": True}
    second = {"users": [{"id": "8", "login": "eva", "state": "gone"}], "more": False}
    with recorded(
        Exchange("GET", "/users", {"page": "1"}, first), Exchange("GET", "/users", {"page": "2"}, second)
    ) as server:
        adapter = described(tmp_path, server.origin, clock)
        await adapter.open()
        found = [one async for page in adapter.accounts(Query()) for one in page.items]
        await adapter.close()
    assert [(one.login, one.state) for one in found] == [("bob", AccountState.ACTIVE), ("eva", AccountState.UNKNOWN)]
    assert not server.unexpected


def test_the_usual_port_may_be_written_or_not(clock: StandingClock) -> None:
    exchange = HttpExchange("s", "https://Host.test/odata/v2", deadline=1, clock=clock)
    for same in ("https://host.test:443/odata/v2/x?$skiptoken=1", "https://host.test/odata/v2/x", "x"):
        assert exchange.address(same).endswith(same.removeprefix("https://host.test"))
    for other in ("https://host.test:444/x", "http://host.test/x", "https://a@host.test/x", "https://host.test.evil/x",
                  "https://host.test:99999/x"):  # fmt: skip
        with pytest.raises(ContractBroken):
            exchange.address(other)


@pytest.mark.parametrize(
    "following", ["/other/users?page=2", "/api/../admin", "/api/%2e%2e/admin", "//evil.test/api/users", "ftp://x/api/"]
)
async def test_a_next_page_stays_under_the_base_address(tmp_path: Path, clock: StandingClock, following: str) -> None:
    (tmp_path / "next.yaml").write_text(
        """
description: 1
name: Next
auth: {kind: none}
accounts:
  columns: {id: id, login: login, state: state}
  list: {call: {path: /users}, paging: {kind: next, next: next}, records: users, id: id}
"""
    )
    with recorded(Exchange("GET", "/api/users", {}, {"users": [BOB], "next": following})) as server:
        options = {"description": str(tmp_path / "next.yaml"), "base": f"{server.origin}/api", "private_network": True}
        adapter = HttpAdapter(Setup("next", options, str, clock))
        await adapter.open()
        with pytest.raises(ContractBroken, match="not followed"):
            [page async for page in adapter.accounts(Query())]
        await adapter.close()
    assert len(server.asked) == 1


async def test_a_compressed_answer_is_not_unpacked(tmp_path: Path, clock: StandingClock) -> None:
    packed = Exchange("GET", "/users/7", answer=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
    with recorded(packed) as server:
        adapter = described(tmp_path, server.origin, clock)
        await adapter.open()
        with pytest.raises(ContractBroken, match="an encoding that was not asked for"):
            await adapter.read("7")
        await adapter.close()


async def test_an_answer_is_bounded_by_the_description(tmp_path: Path, clock: StandingClock) -> None:
    with recorded(Exchange("GET", "/users/7", answer={**BOB, "more": "x" * 1_100_000})) as server:
        adapter = described(tmp_path, server.origin, clock, f"{KEY}\nlimits: {{max_mib: 1}}")
        await adapter.open()
        with pytest.raises(ContractBroken, match="more than 1 MiB"):
            await adapter.read("7")
        await adapter.close()
