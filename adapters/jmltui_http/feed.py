"""A feed of changes: the token of a moment before everything is listed, and what changed since one.

A token is kept with the digest of the description that it was had by: another description may list other things.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from jmltui.adapter_api import ContractBroken, Invalid, Query, ResyncNeeded, Unsupported

from .calling import Caller
from .changes import ChangesShape
from .expression import Expression
from .lists import ListShape
from .lookups import looked_up
from .paging import RecordPage, pages, place_at, records
from .template import text_of

LONGEST: Final = 8192
"""Characters of a token that are kept."""
_REACH: Final = timedelta(days=1)
"""How far back a rehearsal asks for changes by time."""


@dataclass(frozen=True, slots=True)
class Mark:
    """From where the next listing of changes goes on: a token of the system's, or an instant of its clock. `ours`: it
    is an instant of our clock yet, for no answer has said what time it is there."""

    value: str = ""
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """A page of a listing, or of changes: `gone` are ids. `delta` stands on the last one."""

    records: list[Any]
    gone: Sequence[str] = ()
    cursor: str | None = None
    delta: str | None = None
    total: int | None = None


class Feed:
    """The changes of one kind of thing; without a shape there are none, and a whole listing gives no token."""

    def __init__(self, caller: Caller, shape: ChangesShape | None) -> None:
        self._caller, self._system = caller, caller.system
        self._shape = shape

    @property
    def shape(self) -> ChangesShape:
        """What the description says of it. Raises Unsupported where it says nothing."""
        if self._shape is None:
            raise Unsupported(f"The description of {self._system} lists no changes.", system=self._system)
        return self._shape

    # ---- whole listings

    async def whole(self, listing: ListShape, query: Query) -> AsyncIterator[Part]:
        """Everything, page by page. The token is taken first, so that nothing falls between."""
        mark, place = await self._begun(query.cursor)
        async for page in pages(self._caller, listing, size=query.page_size, cursor=place):
            mark = self.settled(mark)
            cursor, last = page.cursor, page.cursor is None
            if self._shape is not None and cursor is not None:
                cursor = _packed(mark, cursor)
            yield Part(page.records, (), cursor, self.token(mark, page.answer) if last else None, page.total)

    async def mark(self) -> Mark:
        """This moment: by the system's own token, or by the clock."""
        if self._shape is None:
            return Mark()
        start = self._shape.start
        if start is None:
            return Mark(self._caller.exchange.clock().isoformat(), ours=True)
        if start.call is None:
            return Mark()
        answer = await self._caller.call(start.call, {"page.size": self._caller.description.limits.page_size})
        return Mark(self._told(start.token, answer.json()))

    def settled(self, mark: Mark) -> Mark:
        """The mark by the system's clock, once an answer has told what time it is there."""
        if not mark.ours:
            return mark
        offset = self._caller.exchange.clock_offset or timedelta(0)
        return Mark((datetime.fromisoformat(mark.value) + offset).isoformat())

    def token(self, mark: Mark, answer: Any) -> str | None:
        """The token that a whole listing hands out at its end; `answer` is its last one."""
        if self._shape is None:
            return None
        last_page = self._shape.start is not None and self._shape.start.call is None
        return self._kept(self._told(self.shape.token, answer) if last_page else mark.value)

    # ---- changes

    async def changed(self, query: Query) -> AsyncIterator[Part]:
        """What changed since `query.since`, page by page. Raises ResyncNeeded where that cannot be told any more."""
        shape, since = self.shape, self._since(query.since or "")
        values = self._values(since)
        begin = place_at(since) if shape.by_address else None
        mark, place = await self._begun(query.cursor, begin, of_changes=True)
        plain = replace(shape.list, where=None, lookups=())
        async for page in pages(self._caller, plain, values, size=query.page_size, cursor=place, repeats=True):
            mark = self.settled(mark)
            kept, gone = self._divided(page)
            kept = await looked_up(self._caller, shape.list, kept, patient=False)
            if page.cursor is not None:
                yield Part(kept, gone, _packed(mark, page.cursor))
                continue
            if shape.gone.list is not None:
                listed = await records(self._caller, shape.gone.list, values)
                gone += [self._id(shape.gone.list.id, record) for record in listed]
            yield Part(kept, gone, None, self._next(since, mark, page.answer))

    async def trial(self) -> str | None:
        """A token to try the feed with; None where only the end of a whole listing gives one."""
        mark = self.settled(await self.mark())
        if self.shape.token is None:
            mark = Mark((datetime.fromisoformat(mark.value) - _REACH).isoformat())
        return self._kept(mark.value) if mark.value else None

    async def _begun(
        self, cursor: str | None, begin: str | None = None, *, of_changes: bool = False
    ) -> tuple[Mark, str | None]:
        """The mark and the place of a listing that begins or goes on. Changes by a token end with the next one; those
        by time go on from the time before they were asked for."""
        if self._shape is None:
            return Mark(), cursor
        if cursor is not None:
            return _unpacked(cursor, self._system)
        return Mark() if of_changes and self._shape.token is not None else await self.mark(), begin

    def _next(self, since: str, mark: Mark, answer: Any) -> str:
        if self.shape.token is not None:
            return self._kept(self._told(self.shape.token, answer))
        if datetime.fromisoformat(mark.value) < datetime.fromisoformat(since) - self.shape.overlap:
            raise self._resync(f"The clock of {self._system} was set back, so nobody can tell what changed since.")
        return self._kept(mark.value)

    def _divided(self, page: RecordPage) -> tuple[list[Any], list[str]]:
        """The records that are there, and the ids of those that are gone. What a whole listing would leave out
        (`where`) is gone as well."""
        shape, kept, gone = self.shape, list[Any](), list[str]()
        for record in page.records:
            if self._is_gone(record) or (shape.list.where is not None and shape.list.where.of(record) is not True):
                gone += self.named(record)
            else:
                kept.append(record)
        if shape.gone.ids is not None:
            told = shape.gone.ids.of(page.answer)
            if not isinstance(told, list):
                raise self._broken(f"{self._system} does not list “{shape.gone.ids.text[:60]}”, what is gone.")
            ids = [self._text(one) for one in told]
            both = set(ids) & {one for record in kept for one in self.named(record)}
            if both:
                raise self._broken(f"{self._system} tells “{min(both)[:60]}” both as changed and as gone.")
            gone += ids
        return kept, gone

    def _is_gone(self, record: Any) -> bool:
        when = self.shape.gone.when
        found = when.of(record) if when is not None else False
        if found not in (True, False, None):
            raise self._broken(f"“{when.text[:60] if when else ''}” is neither true nor false of a change; "
                               "nobody can tell whether it is gone.")  # fmt: skip
        return found is True

    def named(self, record: Any) -> list[str]:
        """What a record of the feed is about: its id, or of grants the ids of entitlements."""
        if self.shape.entitlement is None:
            return [self._id(self.shape.list.id, record)]
        found = self.shape.entitlement.of(record)
        listed = found if isinstance(found, list) else [found]
        return [self._text(one) for one in listed]

    def _id(self, expression: Expression | None, record: Any) -> str:
        return self._text(expression.of(record) if expression is not None else None)

    def _text(self, told: Any) -> str:
        if told is None or told == "" or isinstance(told, dict | list | bool):
            raise self._broken(f"{self._system} tells of a change without saying of what; it is not used.")
        return text_of(told)

    # ---- tokens

    def _told(self, expression: Expression | None, answer: Any) -> str:
        found = expression.of(answer) if expression is not None else None
        if found is None or found == "" or isinstance(found, dict | list | bool) or len(text_of(found)) > LONGEST:
            raise self._broken(f"{self._system} does not say from where its changes go on.")
        return text_of(found)

    def _kept(self, value: str) -> str:
        told_at = self._caller.exchange.clock().astimezone(UTC).isoformat()
        return json.dumps([self._caller.description.digest, value, told_at])

    def _since(self, token: str) -> str:
        """What an earlier listing left behind. Raises ResyncNeeded where it is worth nothing now."""
        try:
            digest, value, told_at = json.loads(token)
            age = self._caller.exchange.clock() - datetime.fromisoformat(told_at)
            if self.shape.token is None:
                datetime.fromisoformat(value)
        except (ValueError, TypeError):
            raise self._resync(f"The place from which changes of {self._system} go on cannot be read.") from None
        if digest != self._caller.description.digest:
            raise self._resync(f"The description of {self._system} is another than at the last listing.")
        if self.shape.lasts is not None and age > self.shape.lasts - self.shape.overlap:
            raise self._resync(f"{self._system} does not remember changes so long.")
        return str(value)

    def _values(self, since: str) -> dict[str, Any]:
        if self.shape.token is not None:
            return {"since": since}
        at = (datetime.fromisoformat(since) - self.shape.overlap).astimezone(UTC).replace(microsecond=0)
        seconds = int(at.timestamp())
        return {
            "since": at.isoformat().replace("+00:00", "Z"),
            "since.day": at.date().isoformat(),
            "since.time": at.time().isoformat(),
            "since.epoch": seconds,
            "since.epoch_ms": seconds * 1000,
        }

    def _resync(self, told: str) -> ResyncNeeded:
        return ResyncNeeded(told, system=self._system)

    def _broken(self, told: str) -> ContractBroken:
        return ContractBroken(told, system=self._system)


def _packed(mark: Mark, place: str) -> str:
    return json.dumps([mark.value, place])


def _unpacked(cursor: str, system: str) -> tuple[Mark, str]:
    try:
        value, place = json.loads(cursor)
    except (ValueError, TypeError):
        raise Invalid("The place to go on from is none that was given.", system=system) from None
    return Mark(str(value)), str(place)
