"""A Google adapter that speaks to a played customer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from jmltui.adapter_api import Setup
from jmltui_google import GoogleAdapter
from tests.conftest import StandingClock
from tests.servers.google_customer import ADMIN, Customer, key_file
from tests.servers.played import playing


@asynccontextmanager
async def connected(
    customer: Customer, clock: StandingClock, secret: str = "", **options: Any
) -> AsyncIterator[GoogleAdapter]:
    """Open, and closed afterwards."""
    async with playing(customer.server) as server:

        class Here(GoogleAdapter):
            TOKENS = ADMIN = LICENSING = IDENTITY = server.url

        values = {"service_account": "x", "admin": ADMIN, "exchange_seconds": 1, **options}
        adapter = Here(Setup("google", values, lambda _: secret or key_file(), clock))
        try:
            await adapter.open()
            yield adapter
        finally:
            await adapter.close()
