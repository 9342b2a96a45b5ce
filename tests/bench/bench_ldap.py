"""Listing a directory's accounts through the adapter against ldap3 alone, paging through the same entries.

One OpenLDAP server in a process of its own serves both sides; only the client's processor time counts.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

from jmltui.adapter_api import Query, Setup
from jmltui_ldap import LdapAdapter
from jmltui_ldap.openldap import OpenLdap
from jmltui_ldap.options import directory_options
from tests.bench.measure import Comparison, Stopwatch
from tests.servers import slapd as server

ACCOUNTS = 10_000
PAGE = 500
PASSES = 2
URL = "JMLTUI_BENCH_LDAP"
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def person(number: int) -> str:
    """An entry as companies have them; one in ten is locked."""
    name = f"user{number:05}"
    lock = "pwdAccountLockedTime: 000001010000Z\n" if number % 10 == 0 else ""
    return (
        f"dn: uid={name},{server.PEOPLE}\nobjectClass: inetOrgPerson\nuid: {name}\ncn: User Number {number}\n"
        f"sn: Number {number}\ngivenName: User\ndisplayName: User Number {number}\nmail: {name}@example.test\n"
        f"employeeNumber: P{number:06}\ntitle: Engineer\ntelephoneNumber: +41 44 000 {number:05}\n{lock}"
    )


def setup() -> Setup:
    """The settings of both sides."""
    options = {
        "url": os.environ[URL],
        "encryption": "none",
        "user": server.SERVICE,
        "password": "file:x",
        "base": server.SUFFIX,
        "accounts_base": server.PEOPLE,
        "page_size": PAGE,
    }
    return Setup("bench", options, lambda _: server.PASSWORD, lambda: NOW)


def product(folder: str) -> Mapping[str, float]:
    """List through the adapter."""
    del folder
    watch = Stopwatch()

    async def run() -> None:
        adapter = LdapAdapter(setup())
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

    asyncio.run(run())
    return _per_pass(watch)


def bare(folder: str) -> Mapping[str, float]:
    """Page through the same entries and attributes, with ldap3 set to do as little as it can."""
    del folder
    from jmltui_ldap.wire import ldap3

    options = directory_options(setup())
    dialect = OpenLdap(options, lambda: NOW)
    watch = Stopwatch()
    target = options.target
    connection = ldap3.Connection(
        ldap3.Server(target.host, port=target.port, get_info=ldap3.NONE),
        user=target.user,
        password=server.PASSWORD,
        check_names=False,
        raise_exceptions=True,
        return_empty_attributes=False,
    )
    connection.bind()
    for number in range(PASSES + 1):
        if number == 1:
            watch.__enter__()
        found = 0
        cookie: bytes | None = None
        while True:
            connection.search(
                server.PEOPLE,
                dialect.account_filter,
                attributes=list(dialect.account_attributes),
                paged_size=PAGE,
                paged_cookie=cookie,
            )
            found += len(connection.response)
            cookie = connection.result["controls"]["1.2.840.113556.1.4.319"]["value"]["cookie"]
            if not cookie:
                break
        assert found == ACCOUNTS
    watch.__exit__()
    connection.unbind()
    return _per_pass(watch)


def _per_pass(watch: Stopwatch) -> Mapping[str, float]:
    return {"seconds": watch.cpu / PASSES, "wall ms": 1000 * watch.wall / PASSES}


COMPARISON = Comparison(
    f"Listing {ACCOUNTS:,} accounts by LDAP (client's processor time), against ldap3 paging through the same entries",
    product,
    bare,
    target=1.3,
    rounds=3,
)

if __name__ == "__main__":
    if len(sys.argv) == 3:
        COMPARISON.main("tests.bench.bench_ldap")
        sys.exit()
    with server.running("\n".join(map(person, range(ACCOUNTS)))) as running:
        os.environ[URL] = running.url
        COMPARISON.main("tests.bench.bench_ldap")
