"""Second calls: what is looked up for each record of a listing."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from jmltui.adapter_api import ContractBroken, NotFound

from .calling import Caller
from .lists import ListShape


async def looked_up(caller: Caller, shape: ListShape, found: list[Any], *, patient: bool) -> list[Any]:
    """The records with what the second calls answer of each, so many at once as the description allows."""
    if not shape.lookups:
        return found
    limit = asyncio.Semaphore(caller.description.limits.parallel)

    async def one(record: Any) -> Any:
        async with limit:
            return await _with_lookups(caller, shape, record, patient)

    tasks = [asyncio.ensure_future(one(record)) for record in found]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def _with_lookups(caller: Caller, shape: ListShape, record: Any, patient: bool) -> Any:
    if not isinstance(record, dict):
        raise ContractBroken(f"{caller.system} lists something that is no object.", system=caller.system)
    whole = dict(record)
    for lookup in shape.lookups:
        whole[lookup.name] = None
        if lookup.when is not None and lookup.when.of(whole) is not True:
            continue
        try:
            values = {f"record.{name}": value for name, value in flat(whole)}
            ask = partial(caller.call, lookup.call, values)
            answer = await caller.patiently(ask) if patient else await ask()
        except NotFound as error:
            if int(error.code or 0) not in lookup.call.missing:
                raise ContractBroken(
                    f"{caller.system} does not find what belongs to a record that it listed ({error.operation}).",
                    system=caller.system,
                ) from error
            continue
        whole[lookup.name] = lookup.value.of(answer.json()) if lookup.value else answer.json()
    return whole


def flat(record: Any, prefix: str = "") -> list[tuple[str, Any]]:
    """The plain values of nested objects by their dotted names."""
    found: list[tuple[str, Any]] = []
    for name, value in record.items():
        if isinstance(value, dict):
            found += flat(value, f"{prefix}{name}.")
        elif isinstance(value, str | int | float | bool):
            found.append((f"{prefix}{name}", value))
    return found
