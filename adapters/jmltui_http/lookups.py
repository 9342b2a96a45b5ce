"""Second calls: what is looked up for each record of a listing."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from jmltui.adapter_api import ContractBroken, NotFound

from .calling import Caller
from .lists import ListShape, Lookup


class Kept:
    """Answers of second calls from one reading to the next, in this process alone: of whom the list tells, no more."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str], tuple[Any, datetime, Any]] = {}
        self._seen: set[tuple[str, str]] = set()

    def begin(self) -> None:
        """A reading begins."""
        self._seen.clear()

    def end(self) -> None:
        """A reading came to its end: whoever was not listed is forgotten."""
        self._answers = {key: answer for key, answer in self._answers.items() if key in self._seen}

    def answer(self, key: tuple[str, str], mark: Any, now: datetime, keep: timedelta) -> tuple[Any] | None:
        """The answer for a record whose mark is the same, unless it is too old."""
        self._seen.add(key)
        before = self._answers.get(key)
        if before is None or before[0] != mark or not timedelta(0) <= now - before[1] < keep:
            return None
        return (before[2],)

    def keep(self, key: tuple[str, str], mark: Any, now: datetime, answer: Any) -> None:
        """Note an answer."""
        self._answers[key] = mark, now, answer


async def looked_up(
    caller: Caller, shape: ListShape, found: list[Any], *, patient: bool, kept: Kept | None = None
) -> list[Any]:
    """The records with what the second calls answer of each, so many at once as the description allows."""
    if not shape.lookups:
        return found
    limit = asyncio.Semaphore(caller.description.limits.parallel)

    async def one(record: Any) -> Any:
        async with limit:
            return await _with_lookups(caller, shape, record, patient, kept)

    tasks = [asyncio.ensure_future(one(record)) for record in found]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


async def _with_lookups(caller: Caller, shape: ListShape, record: Any, patient: bool, kept: Kept | None) -> Any:
    if not isinstance(record, dict):
        raise ContractBroken(f"{caller.system} lists something that is no object.", system=caller.system)
    whole = dict(record)
    for lookup in shape.lookups:
        whole[lookup.name] = None
        if lookup.when is not None and lookup.when.of(whole) is not True:
            continue
        mark = lookup.unchanged.of(record) if lookup.unchanged is not None else None
        if kept is None or shape.id is None or mark is None:
            whole[lookup.name] = await _asked(caller, lookup, whole, patient)
            continue
        key, now = (lookup.name, str(shape.id.of(record))), caller.exchange.clock()
        before = kept.answer(key, mark, now, lookup.keep)
        whole[lookup.name] = before[0] if before is not None else await _asked(caller, lookup, whole, patient)
        if before is None:
            kept.keep(key, mark, now, whole[lookup.name])
    return whole


async def _asked(caller: Caller, lookup: Lookup, record: Any, patient: bool) -> Any:
    """What the second call says of a record; None where it says that there is nothing."""
    try:
        values = {f"record.{name}": value for name, value in flat(record)}
        ask = partial(caller.call, lookup.call, values)
        answer = await caller.patiently(ask) if patient else await ask()
    except NotFound as error:
        if int(error.code or 0) not in lookup.call.missing:
            raise ContractBroken(
                f"{caller.system} does not find what belongs to a record that it listed ({error.operation}).",
                system=caller.system,
            ) from error
        return None
    return lookup.value.of(answer.json()) if lookup.value else answer.json()


def flat(record: Any, prefix: str = "") -> list[tuple[str, Any]]:
    """The plain values of nested objects by their dotted names."""
    found: list[tuple[str, Any]] = []
    for name, value in record.items():
        if isinstance(value, dict):
            found += flat(value, f"{prefix}{name}.")
        elif isinstance(value, str | int | float | bool):
            found.append((f"{prefix}{name}", value))
    return found
