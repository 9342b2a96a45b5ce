"""Checks of what accounts leave behind: what they own is handed over, devices are wiped."""

from __future__ import annotations

from jmltui.adapter_api.errors import NotFound
from jmltui.adapter_api.protocol import Query, Step
from jmltui.domain.operation import Cap

from .bench import Bench, Missing, collected, expect, refuses


async def ownership_moves(bench: Bench) -> None:
    """What one account owns belongs to the other, once; nobody takes over from, or for, who is not there."""
    bench.needs(Cap.TRANSFER, Cap.CREATE)
    own = bench.world.own
    if own is None:
        raise Missing("nothing was given to own")
    leaver, successor = await bench.account(), await bench.account()
    await own(leaver.id)
    step = Step(Cap.TRANSFER, leaver.id, successor.id, login=leaver.login)
    await bench.twice(Cap.TRANSFER, lambda: bench.owners.transfer(leaver.id, successor.id), step)
    unknown = f"{bench.world.prefix}-no-such-id"
    await refuses(NotFound, bench.owners.transfer(unknown, successor.id), "transfer from an unknown account")
    await own(leaver.id)
    await refuses(NotFound, bench.owners.transfer(leaver.id, unknown), "transfer to an unknown account")


async def devices_are_wiped(bench: Bench) -> None:
    """A device is listed, belongs to its account alone, is wiped once, and another's is never wiped."""
    bench.needs(Cap.WIPE_DEVICE, Cap.CREATE)
    carry = bench.world.carry
    if carry is None:
        raise Missing("no device was given to use")
    carrier, other = await bench.account(), await bench.account()
    device, others = await carry(carrier.id), await carry(other.id)
    listed = {one.id: one for one in await collected(bench.reader.entitlements(Query()))}
    expect(device in listed, "a device is not listed as an entitlement")
    expect(listed[device].kind == "device", f"a device is listed as {listed[device].kind}")
    expect(not listed[device].grantable, "a device is listed as something that can be granted")
    held = {grant.entitlement_id for grant in await bench.reader.grants_of(carrier.id)}
    expect(device in held and others not in held, f"the account has {len(held)} things, not its own device alone")
    await refuses(NotFound, bench.devices.wipe_device(carrier.id, others), "wiping somebody else's device")
    step = Step(Cap.WIPE_DEVICE, carrier.id, device, login=carrier.login)
    await bench.twice(Cap.WIPE_DEVICE, lambda: bench.devices.wipe_device(carrier.id, device), step)
    held = {grant.entitlement_id for grant in await bench.reader.grants_of(other.id)}
    expect(others in held, "the device of another account is gone as well")
