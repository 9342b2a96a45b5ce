"""Listings page by page: every item once, an end that is one, and never less than the system says there is."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from jmltui.adapter_api import ContractBroken, Invalid
from jmltui.exchange import Answer

from .calling import Caller
from .lists import BY_ADDRESS, ListShape, PagingKind
from .lookups import Kept, looked_up
from .template import Values

_LINK: Final = re.compile(r'<([^<>]*)>((?:\s*;\s*[\w-]+\s*=\s*(?:"[^"]*"|[^\s;,"]+))*)')
_NEXT: Final = re.compile(r';\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next\b)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RecordPage:
    """Records of one page that were not there before; `cursor` resumes after it, None at the end. `answer` is what
    the page stood in."""

    records: list[Any]
    cursor: str | None
    total: int | None
    answer: Any = None


@dataclass(slots=True)
class _Place:
    """How far a listing has come: the next address or cursor (`at`), and how many items stand before it."""

    at: str = ""
    count: int = 0
    number: int = 0
    seen: set[str] = field(default_factory=set)
    places: set[str] = field(default_factory=set)
    total: int | None = None
    before: list[Any] = field(default_factory=list)

    def text(self) -> str:
        return json.dumps([self.at, self.count, self.number])

    @classmethod
    def of(cls, text: str | None, system: str) -> _Place:
        if text is None:
            return cls()
        try:
            at, count, number = json.loads(text)
            return cls(str(at), int(count), int(number))
        except (ValueError, TypeError):
            raise Invalid("The place to go on from is none that was given.", system=system) from None


async def pages(
    caller: Caller,
    shape: ListShape,
    given: Values | None = None,
    *,
    size: int = 0,
    cursor: str | None = None,
    patient: bool = False,
    repeats: bool = False,
    kept: Kept | None = None,
) -> AsyncIterator[RecordPage]:
    """Every record once. Raises ContractBroken when the listing repeats itself, does not end, or ends short.

    `repeats`: a record may come again and then counts as it came last, for it may change more than once.

    `patient`: once it has begun, waits that the system asks for are waited out, for nobody can take the listing up
    where it stopped.
    """
    limits, place = caller.description.limits, _Place.of(cursor, caller.system)
    size = min(size or limits.page_size, limits.page_size)
    for number in range(limits.max_pages):
        ask = partial(_asked, caller, shape, place, size, given or {})
        answer = await caller.patiently(ask) if patient and number else await ask()
        found = answer.json()
        fresh, goes_on = _taken(caller, shape, place, answer, found, size, repeats)
        counted = [record for record in fresh if shape.where is None or shape.where.of(record) is True]
        # What `where` leaves out is in the system's own count, and is told by nobody.
        total = place.total if shape.where is None else None
        yield RecordPage(
            await looked_up(caller, shape, counted, patient=patient, kept=kept),
            place.text() if goes_on else None,
            total,
            found,
        )
        if not goes_on:
            return
    raise ContractBroken(
        f"{caller.system} lists more than {limits.max_pages} pages of {shape.call.told}; the listing is not used.",
        system=caller.system,
    )


def _taken(
    caller: Caller, shape: ListShape, place: _Place, answer: Answer, found: Any, size: int, repeats: bool
) -> tuple[list[Any], bool]:
    """The records of a page that count, and whether there is another page. Moves the place there."""
    listed = _records(caller, shape, answer, found)
    fresh = _last_words(caller, shape, listed) if repeats else _fresh(caller, shape, listed, place)
    place.total = _total(shape, found, place.total, caller)
    place.count += len(listed) if repeats else len(fresh)
    goes_on = _advance(caller, shape, place, answer, found, len(listed), size)
    is_same = listed == place.before if repeats else shape.id is not None and not fresh
    place.before = listed if repeats else []
    if listed and is_same and (goes_on or (place.total is None and not repeats)):
        raise _broken(caller, f"{caller.system} lists the same of {answer.operation} again; the listing is not used.")
    if not goes_on:
        _whole(caller, place, answer)
    return fresh, goes_on


def place_at(address: str) -> str:
    """The cursor of a listing that begins at an address."""
    return _Place(at=address).text()


async def records(caller: Caller, shape: ListShape, given: Values | None = None) -> list[Any]:
    """All records of a listing at once."""
    return [record async for page in pages(caller, shape, given) for record in page.records]


async def _asked(caller: Caller, shape: ListShape, place: _Place, size: int, given: Values) -> Answer:
    if shape.paging.kind in BY_ADDRESS and place.at:
        return await caller.follow(shape.call, place.at, given)
    first = shape.paging.first
    page = {
        "page.size": size,
        "page.cursor": place.at or None,
        "page.offset": place.count + first,
        "page.number": place.number + first,
    }
    return await caller.call(shape.call, {**given, **page})


def _records(caller: Caller, shape: ListShape, answer: Answer, found: Any) -> list[Any]:
    listed = shape.records.of(found)
    if not isinstance(listed, list):
        raise ContractBroken(
            f"{caller.system} answered {answer.operation} without the list “{shape.records.text[:60]}”; "
            "something else may stand in its place.",
            system=caller.system,
            operation=answer.operation,
        )
    return listed


def _fresh(caller: Caller, shape: ListShape, listed: list[Any], place: _Place) -> list[Any]:
    """The records that were not listed before. Raises ContractBroken for one without its id, and for two different
    ones with the same id on one page: nobody can tell which is meant."""
    if shape.id is None:
        return listed
    found: dict[str, Any] = {}
    for record in listed:
        key = _key(caller, shape, record)
        if found.setdefault(key, record) != record:
            raise _broken(caller, f"{caller.system} lists “{key[:60]}” of {shape.call.told} twice, and differently.")
    fresh = {key: record for key, record in found.items() if key not in place.seen}
    place.seen.update(fresh)
    return list(fresh.values())


def _last_words(caller: Caller, shape: ListShape, listed: list[Any]) -> list[Any]:
    """What was said last of each."""
    if shape.id is None:
        return listed
    return list({_key(caller, shape, record): record for record in listed}.values())


def _key(caller: Caller, shape: ListShape, record: Any) -> str:
    key = shape.id.of(record) if shape.id is not None else None
    if key is None or key == "" or isinstance(key, dict | list):
        raise _broken(caller, f"{caller.system} lists something of {shape.call.told} without an id.")
    return str(key)


def _broken(caller: Caller, told: str) -> ContractBroken:
    return ContractBroken(told, system=caller.system)


def _total(shape: ListShape, found: Any, before: int | None, caller: Caller) -> int | None:
    """How many items the system says there are; the largest number that it named."""
    if shape.total is None:
        return None
    told = shape.total.of(found)
    if isinstance(told, str) and told.isdecimal():
        told = int(told[:12])
    if isinstance(told, bool) or not isinstance(told, int):
        raise ContractBroken(
            f"{caller.system} does not say how many {shape.call.told} lists; something else may stand in its place.",
            system=caller.system,
        )
    return max(told, before or 0)


def _advance(
    caller: Caller, shape: ListShape, place: _Place, answer: Answer, found: Any, listed: int, size: int
) -> bool:
    """Move to the next page; whether there is one."""
    paging = shape.paging
    place.number += 1
    if paging.kind is PagingKind.NONE or (paging.more is not None and paging.more.of(found) is not True):
        return False
    if paging.kind in (PagingKind.OFFSET, PagingKind.PAGE):
        # A page may be smaller than asked for, so only an empty one, or the number that was told, is an end.
        return listed > 0 and (paging.more is not None or place.total != place.count or listed >= size)
    told = _link(answer) if paging.kind is PagingKind.LINK else paging.next.of(found) if paging.next else None
    if told is None or told == "":
        return False
    if isinstance(told, dict | list | bool):
        raise ContractBroken(f"{caller.system} names no next page of {answer.operation}, but something else.",
                             system=caller.system)  # fmt: skip
    place.at = str(told)
    if place.at in place.places:
        raise ContractBroken(
            f"{caller.system} names the same next page of {answer.operation} again; the listing is not used.",
            system=caller.system,
        )
    place.places.add(place.at)
    return True


def _link(answer: Answer) -> str | None:
    """The address of the Link header whose relation is `next` (RFC 8288 section 3)."""
    for match in _LINK.finditer(answer.headers.get("link", "")):
        if _NEXT.search(match[2]):
            return match[1]
    return None


def _whole(caller: Caller, place: _Place, answer: Answer) -> None:
    if place.total is not None and place.total != place.count:
        raise ContractBroken(
            f"{caller.system} says that {answer.operation} holds {place.total}, but listed {place.count}; "
            "the listing is not used.",
            system=caller.system,
        )
