"""A source of people by its description, on a server that replays exchanges."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from jmltui.adapter_api import BadRow, Person, Setup
from jmltui_http import HttpAdapter
from tests.conftest import StandingClock
from tests.servers.recorded import Recorded


def source(
    server: Recorded,
    clock: StandingClock,
    description: str,
    secrets: Mapping[str, str],
    *,
    under: str = "",
    **options: object,
) -> HttpAdapter:
    given = {
        "description": description,
        "base": server.origin + under,
        "secrets": {name: f"env:{name}" for name in secrets},
        "private_network": True,
        **options,
    }
    return HttpAdapter(Setup("hr", given, lambda reference: secrets[reference.removeprefix("env:")], clock))


async def everybody(adapter: HttpAdapter) -> list[Person | BadRow]:
    await adapter.open()
    try:
        return [item async for item in adapter.people()]
    finally:
        await adapter.close()


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
