"""Listing a SCIM server's accounts through the adapter against httpx and msgspec decoding the same pages.

The server is another process that answers stored pages, so that only the client's processor time counts.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import urllib.parse
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Any

import httpx
import msgspec

from jmltui.adapter_api import Query, Setup
from jmltui_scim import ScimAdapter
from tests.bench.measure import Comparison, Stopwatch

ACCOUNTS = 5_000
PAGE = 200
PASSES = 4
NOW = datetime(2026, 6, 1, tzinfo=UTC)
TYPE = "application/scim+json"


class Email(msgspec.Struct):
    """What is read of an address."""

    value: str | None = None


class Meta(msgspec.Struct):
    """What is read of `meta`."""

    version: str | None = None


class User(msgspec.Struct):
    """What is read of a user."""

    id: str
    userName: str = ""
    active: bool | str | None = None
    externalId: str | None = None
    displayName: str | None = None
    emails: list[Email] | None = None
    meta: Meta | None = None


class Answer(msgspec.Struct):
    """What is read of a page."""

    totalResults: int = 0
    Resources: list[User] | None = None


def user(number: int) -> dict[str, Any]:
    """A user as servers answer it (RFC 7643 section 8.1, without what few servers hold)."""
    name = f"user{number:05}"
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": f"{number:08x}-0000-4000-8000-{number:012x}",
        "externalId": f"P{number:06}",
        "meta": {
            "resourceType": "User", "created": "2026-01-23T04:56:22Z", "lastModified": "2026-05-13T04:42:34Z",
            "version": f'W/"{number:x}"', "location": f"http://127.0.0.1/v2/Users/{number:08x}",
        },
        "userName": name,
        "name": {"formatted": f"User Number {number}", "familyName": f"Number {number}", "givenName": "User"},
        "displayName": f"User Number {number}",
        "emails": [{"value": f"{name}@example.test", "type": "work", "primary": True}],
        "active": number % 10 != 0,
        "groups": [{"value": f"{g:08x}-0000-4000-8000-000000000000", "display": f"Group {g}"} for g in range(3)],
    }  # fmt: skip


def serve(ready: Connection) -> None:
    """Answer stored pages until the process is ended."""
    pages = {}
    for start in range(0, ACCOUNTS, PAGE):
        resources = [user(number) for number in range(start, min(start + PAGE, ACCOUNTS))]
        body = {
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": ACCOUNTS,
            "startIndex": start + 1, "itemsPerPage": len(resources), "Resources": resources,
        }  # fmt: skip
        pages[str(start + 1)] = json.dumps(body).encode()
    past_the_end = json.dumps({"totalResults": ACCOUNTS, "startIndex": ACCOUNTS + 1, "itemsPerPage": 0}).encode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Head and body in one piece, as web servers send them; in two, a small answer waits for an acknowledgement.
        wbufsize = 1 << 20

        def do_GET(self) -> None:
            asked = urllib.parse.urlsplit(self.path)
            body = b"{}"
            if asked.path.endswith("/Users"):
                body = pages.get(dict(urllib.parse.parse_qsl(asked.query))["startIndex"], past_the_end)
            self.send_response(200)
            self.send_header("Content-Type", TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    ready.send(server.server_address[1])
    server.serve_forever()


@contextmanager
def served() -> Iterator[str]:
    """The address of a running server."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}/v2"
    finally:
        process.kill()
        process.join()


def product(folder: str) -> Mapping[str, float]:
    """List through the adapter."""
    del folder
    watch = Stopwatch()

    async def run(url: str) -> None:
        options = {"url": url, "token": "env:TOKEN", "page_size": PAGE}
        adapter = ScimAdapter(Setup(name="bench", options=options, secret=lambda _: "secret", clock=lambda: NOW))
        await adapter.open()
        for number in range(PASSES + 1):
            if number == 1:
                watch.__enter__()
            found = 0
            async for page in adapter.accounts(Query(page_size=PAGE)):
                found += len(page.items)
            assert found == ACCOUNTS
        watch.__exit__()
        await adapter.close()

    with served() as url:
        asyncio.run(run(url))
    return _per_pass(watch)


def bare(folder: str) -> Mapping[str, float]:
    """Fetch and decode the same pages."""
    del folder
    watch, decoder = Stopwatch(), msgspec.json.Decoder(Answer)

    async def run(url: str) -> None:
        headers = {"Authorization": "Bearer secret", "Accept": TYPE}
        async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=20) as client:
            for number in range(PASSES + 1):
                if number == 1:
                    watch.__enter__()
                found = 0
                for start in range(1, ACCOUNTS + 1, PAGE):
                    answer = await client.get("/Users", params={"startIndex": start, "count": PAGE})
                    answer.raise_for_status()
                    found += len(decoder.decode(answer.content).Resources or [])
                assert found == ACCOUNTS
            watch.__exit__()

    with served() as url:
        asyncio.run(run(url))
    return _per_pass(watch)


def _per_pass(watch: Stopwatch) -> Mapping[str, float]:
    return {"seconds": watch.cpu / PASSES, "wall ms": 1000 * watch.wall / PASSES}


if __name__ == "__main__":
    Comparison(
        f"Listing {ACCOUNTS:,} accounts by SCIM (client's processor time), against httpx and msgspec on the same pages",
        product,
        bare,
        target=1.3,
        rounds=5,
    ).main("tests.bench.bench_scim_listing")
