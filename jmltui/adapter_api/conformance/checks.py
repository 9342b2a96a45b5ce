"""Every check by name, and how one or all of them are run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final

from jmltui.adapter_api.errors import Unsupported
from jmltui.adapter_api.protocol import Query
from jmltui.domain.access import Account
from jmltui.domain.operation import Cap

from .accounts import (
    conflicts,
    create_is_verified,
    create_twice,
    delete_twice,
    disable_and_enable_twice,
    find_is_exact,
    hostile_logins,
    unicode_names,
    unknown_is_not_found,
    update_and_stale,
)
from .bench import Bench, CheckResult, Missing, World, collected, expect, judged, refuses
from .estate import devices_are_wiped, ownership_moves
from .grants import (
    credentials_end,
    grant_and_revoke_twice,
    many_at_once,
    one_account_many_groups,
    one_group_many_members,
    sessions_end,
)

Check = Callable[[Bench], Awaitable[None]]


async def page_sizes_agree(bench: Bench) -> None:
    """Listings by one, two and many are the same, without doubles."""
    bench.needs(Cap.LIST_ACCOUNTS)
    if Cap.CREATE in bench.adapter.capabilities():
        for _ in range(3):
            await bench.account()
    sizes: Mapping[int, list[str]] = {
        size: [a.id for a in await collected(bench.reader.accounts(Query(page_size=size)))] for size in (1, 2, 500)
    }
    for size, ids in sizes.items():
        expect(len(ids) == len(set(ids)), f"page size {size} lists accounts twice")
        expect(set(ids) == set(sizes[500]), f"page size {size} lists {len(ids)} accounts, 500 lists {len(sizes[500])}")


async def cursor_resumes(bench: Bench) -> None:
    """A listing taken up at a cursor gives the rest."""
    bench.needs(Cap.LIST_ACCOUNTS, Cap.CREATE)
    for _ in range(3):
        await bench.account()
    whole, before, cursor = await collected(bench.reader.accounts(Query())), list[Account](), None
    async for page in bench.reader.accounts(Query(page_size=2)):
        before += page.items
        cursor = page.cursor
        break
    if cursor is None:
        raise Missing("the system gives no cursor to resume from")
    rest = await collected(bench.reader.accounts(Query(page_size=2, cursor=cursor)))
    expect({a.id for a in [*before, *rest]} == {a.id for a in whole}, "the resumed listing is not the whole")
    expect(len(rest) < len(whole), "the cursor was ignored: the listing began again")


async def capabilities_are_honest(bench: Bench) -> None:
    """What is not claimed raises Unsupported, or is not there at all."""
    claimed, unknown = bench.adapter.capabilities(), f"{bench.world.prefix}-no-such-id"
    calls: Mapping[Cap, Callable[[], Awaitable[object]]] = {
        Cap.CREATE: lambda: bench.accounts.create(bench.wanted(), key="four"),
        Cap.UPDATE: lambda: bench.accounts.update(unknown, {}),
        Cap.ENABLE: lambda: bench.accounts.enable(unknown),
        Cap.DISABLE: lambda: bench.accounts.disable(unknown),
        Cap.DELETE: lambda: bench.accounts.delete(unknown),
        Cap.GRANT: lambda: bench.grants.grant(unknown, unknown),
        Cap.REVOKE: lambda: bench.grants.revoke(unknown, unknown),
        Cap.LIST_SESSIONS: lambda: bench.session_control.sessions(unknown),
        Cap.END_SESSIONS: lambda: bench.session_control.end_sessions(unknown),
        Cap.LIST_CREDENTIALS: lambda: bench.credential_control.credentials(unknown),
        Cap.REVOKE_CREDENTIALS: lambda: bench.credential_control.revoke_credential(unknown),
        Cap.TRANSFER: lambda: bench.owners.transfer(unknown, unknown),
        Cap.WIPE_DEVICE: lambda: bench.devices.wipe_device(unknown, unknown),
    }
    for cap, call in calls.items():
        name = _METHODS[cap]
        if cap in claimed:
            expect(hasattr(bench.adapter, name), f"{cap.value} is claimed, and there is no {name}")
        elif hasattr(bench.adapter, name):
            await refuses(Unsupported, call(), f"{cap.value}, which is not claimed,")


_METHODS: Final[Mapping[Cap, str]] = {
    Cap.CREATE: "create",
    Cap.UPDATE: "update",
    Cap.ENABLE: "enable",
    Cap.DISABLE: "disable",
    Cap.DELETE: "delete",
    Cap.GRANT: "grant",
    Cap.REVOKE: "revoke",
    Cap.LIST_SESSIONS: "sessions",
    Cap.END_SESSIONS: "end_sessions",
    Cap.LIST_CREDENTIALS: "credentials",
    Cap.REVOKE_CREDENTIALS: "revoke_credential",
    Cap.TRANSFER: "transfer",
    Cap.WIPE_DEVICE: "wipe_device",
}

CHECKS: Final[Mapping[str, Check]] = {
    check.__name__: check
    for check in (
        create_twice,
        create_is_verified,
        conflicts,
        update_and_stale,
        disable_and_enable_twice,
        grant_and_revoke_twice,
        many_at_once,
        delete_twice,
        find_is_exact,
        unknown_is_not_found,
        page_sizes_agree,
        cursor_resumes,
        hostile_logins,
        unicode_names,
        one_group_many_members,
        one_account_many_groups,
        sessions_end,
        credentials_end,
        ownership_moves,
        devices_are_wiped,
        capabilities_are_honest,
    )
}
"""Every check by name; parametrise a test over it and call `run_check`."""


async def run_check(name: str, adapter: object, world: World) -> CheckResult:
    """One check on an opened adapter."""
    return await judged(name, CHECKS[name](Bench(adapter, world)))


async def run(adapter: object, world: World) -> list[CheckResult]:
    """All checks on an opened adapter, each under a prefix of its own."""
    results = []
    for number, name in enumerate(CHECKS):
        results.append(await run_check(name, adapter, replace(world, prefix=f"{world.prefix}{number:02d}")))
    return results
