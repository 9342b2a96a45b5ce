"""SCIM by OAuth: tokens got for a client, renewed before they run out and after a refusal, and what is told if not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from jmltui.adapter_api import (
    AdapterError,
    AuthFailed,
    Invalid,
    Outcome,
    Query,
    Setup,
    Unavailable,
)
from jmltui_scim import ScimAdapter
from jmltui_scim.profiles import PROFILES
from tests.adapters.test_scim import wanted
from tests.adapters.test_scim_put import emptied
from tests.conftest import StandingClock
from tests.servers.scim2 import ScimServer, scim2_servers
from tests.servers.token_front import TokenFront, token_front

SECRET = "right horse"
NOBODY = "http://127.0.0.1:9/v2"


@pytest.fixture(scope="module")
def server() -> Iterator[ScimServer]:
    with scim2_servers() as start:
        yield start()


def adapter_of(front: TokenFront, clock: StandingClock, secret: str = SECRET, **options: Any) -> ScimAdapter:
    """The adapter before the front, by client credentials; an option that is None is not set."""
    url = f"http://127.0.0.1:{front.port}/v2"
    given = {"url": url, "token_url": front.token_url, "client_id": "app", "client_secret": "x", **options}
    kept = {name: value for name, value in given.items() if value is not None}
    return ScimAdapter(Setup("zoom", kept, lambda _: secret, clock))


@asynccontextmanager
async def through(
    server: ScimServer, clock: StandingClock, **options: Any
) -> AsyncIterator[tuple[ScimAdapter, TokenFront]]:
    """An open adapter, and the front that it stands before."""
    emptied(server)
    async with token_front(server.url, server.token) as front:
        adapter = adapter_of(front, clock, **options)
        await adapter.open()
        try:
            yield adapter, front
        finally:
            await adapter.close()


async def refusal(front: TokenFront, clock: StandingClock, secret: str = SECRET, **options: Any) -> AdapterError:
    """What opening raises."""
    adapter = adapter_of(front, clock, secret, **options)
    with pytest.raises(AdapterError) as told:
        await adapter.open()
    await adapter.close()
    return told.value


async def logins(adapter: ScimAdapter, size: int = 200) -> list[str]:
    return [one.login async for page in adapter.accounts(Query(page_size=size)) for one in page.items]


async def test_one_token_serves_until_it_runs_out(server: ScimServer, clock: StandingClock) -> None:
    async with through(server, clock) as (adapter, front):
        made, receipt = await adapter.create(wanted(1), key="k")
        assert receipt.outcome is Outcome.CHANGED
        assert (await adapter.disable(made.id)).outcome is Outcome.CHANGED
        assert front.given == ["token-1"]
        clock.forward(timedelta(seconds=3600 - 61))
        assert await logins(adapter) == ["user1"]
        assert front.given == ["token-1"]
        clock.forward(timedelta(seconds=2))
        assert await logins(adapter) == ["user1"]
        assert (front.given, front.refused) == (["token-1", "token-2"], 0), "renewed before it ran out"
        assert (await adapter.check())["credential"] == "OAuth client credentials"


async def test_a_token_that_ends_in_the_middle_of_a_listing(server: ScimServer, clock: StandingClock) -> None:
    async with through(server, clock) as (adapter, front):
        for number in range(7):
            await adapter.create(wanted(number), key=str(number))
        front.good_for = 2
        front.given.append("ended elsewhere")
        assert sorted(await logins(adapter, 2)) == [f"user{n}" for n in range(7)]
        assert front.refused == len(front.given) - 2 == 3, "each refusal took one token more, and nothing is lost"


async def test_reads_at_the_same_time_share_one_new_token(
    server: ScimServer, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PROFILES, "generic", replace(PROFILES["generic"], whole_by_id=True))  # type: ignore[arg-type]
    async with through(server, clock) as (adapter, front):
        for number in range(9):
            await adapter.create(wanted(number), key=str(number))
        front.given.append("ended elsewhere")
        front.good_for = 1
        await adapter.check()
        front.good_for = None
        front.given.append("ended again")
        before = len(front.given)
        found = await asyncio.gather(*(adapter.find(f"user{n}") for n in range(8)))
        assert [one.login for one in found if one] == [f"user{n}" for n in range(8)]
        assert len(front.given) == before + 1, "eight were refused, one asked for a token"


async def test_a_write_refused_for_its_token_is_done_once(server: ScimServer, clock: StandingClock) -> None:
    async with through(server, clock) as (adapter, front):
        made, _ = await adapter.create(wanted(1), key="k")
        front.good_for = front.calls + 1
        assert (await adapter.disable(made.id)).outcome is Outcome.CHANGED
    assert [method for method, _ in front.writes()] == ["POST", "PATCH"]
    assert front.refused == 1


async def test_zooms_form_is_the_profiles(server: ScimServer, clock: StandingClock) -> None:
    assert PROFILES["zoom"].token_url == "https://zoom.us/oauth/token"
    emptied(server)
    async with token_front(server.url, server.token) as front:
        front.form = {"grant_type": "account_credentials", "account_id": "A1"}
        told = await refusal(front, clock, profile="zoom")
        assert str(told) == 'zoom needs token_parameters = { account_id = "…" } for its tokens.'
        adapter = adapter_of(front, clock, profile="zoom", token_parameters={"account_id": "A1"})
        await adapter.open()
        assert (await adapter.create(wanted(1), key="k"))[1].outcome is Outcome.CHANGED
        await adapter.close()
        assert front.asked == [front.form]


async def test_scope_further_parameters_and_a_secret_in_the_body(server: ScimServer, clock: StandingClock) -> None:
    emptied(server)
    async with token_front(server.url, server.token) as front:
        front.form = {"grant_type": "client_credentials", "scope": "scim all", "audience": "x"}
        adapter = adapter_of(front, clock, scope="scim all", token_parameters={"audience": "x"}, client_auth="body")
        await adapter.open()
        assert await logins(adapter) == []
        await adapter.close()
        assert front.asked == [{**front.form, "client_id": "app", "client_secret": SECRET}]


async def test_a_wrong_secret_says_what_to_look_at(clock: StandingClock) -> None:
    async with token_front(NOBODY, "") as front:
        told = await refusal(front, clock, "wrong horse", scope="scim")
        assert isinstance(told, AuthFailed)
        assert str(told) == (
            "zoom answered 401 to POST /oauth/token: Unknown client. Check `client_id`, `client_secret`, `scope` of "
            "the settings, and that the app they belong to is active there."
        )
        front.refuses = (400, {"error": "invalid_client", "reason": "Invalid client secret wrong horse"})
        told = await refusal(front, clock, "wrong horse")
        assert isinstance(told, AuthFailed)
        assert "Invalid client secret …" in str(told)
        assert "wrong horse" not in repr(told)
        assert front.exchanges == [], "the server itself was not asked"


async def test_tokens_that_are_given_and_not_taken(clock: StandingClock) -> None:
    async with token_front(NOBODY, "") as front:
        front.takes = False
        told = await refusal(front, clock)
        assert isinstance(told, AuthFailed)
        assert str(told).endswith("given and not taken: give the app the scope for SCIM, or look at `url`.")
        assert len(front.given) == 2, "once anew, and no more"


async def test_a_token_endpoint_that_does_not_answer(server: ScimServer, clock: StandingClock) -> None:
    async with through(server, clock, exchange_seconds=0.3) as (adapter, front):
        made, _ = await adapter.create(wanted(1), key="k")
        front.slow = True
        clock.forward(timedelta(hours=2))
        with pytest.raises(Unavailable, match=r"no answer came in time \(POST /oauth/token\)"):
            await adapter.disable(made.id)
        assert [method for method, _ in front.writes()] == ["POST"], "no write went out without a token"
        front.slow = False
        assert (await adapter.disable(made.id)).outcome is Outcome.CHANGED


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"client_id": None, "client_secret": None}, "zoom lacks `token`, or `client_id` and `client_secret`."),
        ({"client_secret": None, "token_url": None}, "zoom lacks `client_secret` and `token_url`."),
        ({"token": "keyring:x"}, "zoom names two credentials: `token`, and `client_id`."),
        ({"token_url": "http://id.example.test/token"}, "must begin with https://: it is told a secret."),
        ({"token_url": "https://id.example.test/token?account_id=1"}, "what follows “?” are token_parameters."),
        ({"token_url": "front"}, "gives no tokens (404)."),
    ],
    ids=lambda value: str(value)[:30],
)
async def test_settings_that_lead_to_no_token(clock: StandingClock, options: dict[str, Any], told: str) -> None:
    async with token_front(NOBODY, "") as front:
        given = {
            name: f"http://127.0.0.1:{front.port}/x" if value == "front" else value for name, value in options.items()
        }
        error = await refusal(front, clock, **given)
    assert isinstance(error, Invalid)
    assert told in str(error)
