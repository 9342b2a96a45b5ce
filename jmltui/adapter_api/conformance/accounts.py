"""What the contract says of accounts: made once, found exactly, changed as asked, gone when deleted."""

from __future__ import annotations

from typing import Final

from jmltui.adapter_api.errors import Conflict, Invalid, NotFound, Stale
from jmltui.adapter_api.protocol import Outcome, Step, Verdict
from jmltui.domain.access import Account
from jmltui.domain.access import AccountState as State
from jmltui.domain.operation import Cap

from .bench import Bench, Missing, expect, refuses

HOSTILE_LOGINS: Final = (
    '{}a" or active eq true or x eq "',
    "{}*)(uid=*))(|(uid=*",
    '{}Smith, John+x="y"<#;>',
    "{}a'; DROP TABLE account; --",
    "{}a\\",
    "{}%25_%",
)
UNICODE_NAMES: Final = ("Zoë Łukasz", "王 美咲", "محمد كהן", "Дмитро Шевченко", "அருண் प्रिया")


async def create_twice(bench: Bench) -> None:
    """A create asked twice makes one account."""
    bench.needs(Cap.CREATE)
    wanted = bench.wanted()
    first, receipt = await bench.accounts.create(wanted, key="one")
    expect(receipt.outcome in (Outcome.CHANGED, Outcome.PENDING), f"the create said {receipt.outcome.value}")
    second, again = await bench.accounts.create(wanted, key="one")
    expect(again.outcome is Outcome.ALREADY, f"the second create said {again.outcome.value}")
    expect(first.id == second.id, "the second create made another account")
    read = await bench.reader.read(first.id)
    expect(read.login.casefold() == wanted.login.casefold(), f"asked for {wanted.login}, made {read.login}")
    expect(read.external_id == wanted.external_id, "the external id was not kept")


async def create_is_verified(bench: Bench) -> None:
    """A create is proved by login alone, as after a lost answer."""
    bench.needs(Cap.CREATE)
    wanted = bench.wanted()
    step = Step(Cap.CREATE, "", login=wanted.login, wanted={"external_id": wanted.external_id or ""})
    blind = bench.blind(Cap.CREATE)
    await bench.says(step, Verdict.UNVERIFIABLE if blind else Verdict.CONTRADICTED, "before it was done")
    await bench.accounts.create(wanted, key="two")
    await bench.settled(Cap.CREATE)
    await bench.says(step, Verdict.UNVERIFIABLE if blind else Verdict.CONFIRMED, "after it was done")


async def conflicts(bench: Bench) -> None:
    """Somebody else's login is a Conflict, never taken over."""
    bench.needs(Cap.CREATE)
    account = await bench.account()
    other = Account("", account.login, State.ACTIVE, external_id="K-somebody-else")
    await refuses(Conflict, bench.accounts.create(other, key="three"), "creating somebody else's login")


async def disable_and_enable_twice(bench: Bench) -> None:
    """Disable and enable, each asked twice, each read back."""
    bench.needs(Cap.CREATE, Cap.DISABLE, Cap.ENABLE)
    account = await bench.account()
    step = Step(Cap.DISABLE, account.id, login=account.login)
    await bench.twice(Cap.DISABLE, lambda: bench.accounts.disable(account.id), step)
    expect((await bench.reader.read(account.id)).state is State.DISABLED, "a disabled account reads as another state")
    step = Step(Cap.ENABLE, account.id, login=account.login)
    await bench.twice(Cap.ENABLE, lambda: bench.accounts.enable(account.id), step)
    expect((await bench.reader.read(account.id)).state is State.ACTIVE, "an enabled account reads as another state")


async def update_and_stale(bench: Bench) -> None:
    """An update is made once, and refused when the account has changed since it was read."""
    bench.needs(Cap.CREATE, Cap.UPDATE)
    account = await bench.account()
    before = await bench.reader.read(account.id)
    first = await bench.accounts.update(account.id, {"display": "Zoë Łukasz"}, if_version=before.version)
    expect(first.outcome in (Outcome.CHANGED, Outcome.PENDING), f"the first update said {first.outcome.value}")
    await bench.settled(Cap.UPDATE)
    expect((await bench.reader.read(account.id)).display == "Zoë Łukasz", "the update is not there")
    second = await bench.accounts.update(account.id, {"display": "Zoë Łukasz"})
    expect(second.outcome is Outcome.ALREADY, f"the second update said {second.outcome.value}, not already")
    unknown = f"{bench.world.prefix}-no-such-id"
    await refuses(NotFound, bench.accounts.update(unknown, {"display": "Nobody"}), "updating an unknown id")
    if before.version is None:
        raise Missing("the system gives accounts no version to compare")
    late = bench.accounts.update(account.id, {"display": "Too late"}, if_version=before.version)
    await refuses(Stale, late, "an update of an account that changed since it was read")
    expect((await bench.reader.read(account.id)).display == "Zoë Łukasz", "a stale update was made all the same")


async def delete_twice(bench: Bench) -> None:
    """Delete, asked twice, then not there."""
    bench.needs(Cap.CREATE, Cap.DELETE)
    account = await bench.account()
    step = Step(Cap.DELETE, account.id, login=account.login)
    await bench.twice(Cap.DELETE, lambda: bench.accounts.delete(account.id), step)
    await refuses(NotFound, bench.reader.read(account.id), "reading a deleted account")
    expect(await bench.reader.find(account.login) is None, "a deleted account was found")


async def find_is_exact(bench: Bench) -> None:
    """Neither a part of a login, nor a pattern, nor one that nobody has finds anybody."""
    bench.needs(Cap.CREATE, Cap.FIND)
    account = await bench.account()
    found = await bench.reader.find(account.login)
    expect(found is not None and found.id == account.id, "the exact login was not found")
    for other in (account.login[:-1], f"{account.login}x", f"{account.login[:-1]}*", "*", "%", f"{account.login} "):
        hit = await bench.reader.find(other)
        expect(hit is None or hit.login.casefold() == other.casefold(), f"“{other}” found {hit.login if hit else ''}")
    hit = await bench.reader.find(account.login.upper())
    expect(hit is None or hit.id == account.id, "the login in capitals found somebody else")


async def unknown_is_not_found(bench: Bench) -> None:
    """What nobody has is NotFound in every call."""
    unknown = f"{bench.world.prefix}-no-such-id"
    await refuses(NotFound, bench.reader.read(unknown), "reading an unknown id")
    if Cap.DISABLE in bench.adapter.capabilities():
        await refuses(NotFound, bench.accounts.disable(unknown), "disabling an unknown id")
    if {Cap.GRANT, Cap.CREATE} <= bench.adapter.capabilities().keys():
        account = await bench.account()
        await refuses(NotFound, bench.grants.grant(account.id, unknown), "granting an unknown entitlement")


async def hostile_logins(bench: Bench) -> None:
    """Logins that look like filters or commands are literals: kept as they are, or refused as Invalid."""
    bench.needs(Cap.CREATE, Cap.FIND)
    await bench.account()
    for pattern in HOSTILE_LOGINS:
        login = pattern.format(bench.world.prefix)
        expect(await bench.reader.find(login) is None, f"“{login}” found somebody")
        try:
            made, _ = await bench.accounts.create(bench.wanted(login), key=login)
        except Invalid:
            continue
        found = await bench.reader.find(login)
        expect(found is not None and found.id == made.id, f"“{login}” was made and not found")


async def unicode_names(bench: Bench) -> None:
    """Names of many scripts come back as they were written."""
    bench.needs(Cap.CREATE)
    for name in UNICODE_NAMES:
        made, _ = await bench.accounts.create(bench.wanted(display=name), key=name)
        read = await bench.reader.read(made.id)
        expect(read.display == name, f"“{name}” came back as “{read.display}”")
