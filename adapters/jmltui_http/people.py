"""People of a source: records mapped, guarded, and never fewer than the source says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jmltui.adapter_api import BadRow, FeedFile, Invalid, Person
from jmltui.adapter_api.person_rows import PersonMapper

from .calling import Caller
from .dates import day_of, last_day
from .expression import CannotTell, Expression
from .lookups import Kept
from .paging import pages
from .sections import PeopleShape
from .template import text_of

DAYS: Final = ("starts", "ends")
UNREAD: Final = FeedFile(0, "", complete=False, problem="The feed was not read yet.")


class People:
    """Reads the people of one source. `columns`, `values`, `defaults`, `dates` are the settings' own, which win."""

    def __init__(
        self,
        caller: Caller,
        shape: PeopleShape,
        *,
        columns: Mapping[str, Expression],
        values: Mapping[str, str],
        defaults: Mapping[str, str],
        dates: tuple[str, ...],
    ) -> None:
        self._caller, self._shape = caller, shape
        self._columns = {**shape.columns.columns, **columns}
        self._forms = dates or shape.dates
        self._values = values
        self._mapper = PersonMapper(
            columns={name: name for name in self._columns},
            values={},
            defaults={**shape.defaults, **defaults},
        )
        self._zone = _zone(caller, shape)
        self._kept = Kept()
        self.feed = UNREAD

    async def read(self, limit: int | None = None) -> AsyncGenerator[Person | BadRow, None]:
        """All people. `feed` says afterwards whether they may be believed. Raises AdapterError when it breaks off."""
        self.feed = replace(UNREAD, problem="The feed did not come to its end.")
        digest, keys, count = hashlib.sha256(), set[str](), 0
        lacking = set(self._shape.required)
        twice = ""
        self._kept.begin()
        async for page in pages(self._caller, self._shape.list, size=limit or 0, patient=True, kept=self._kept):
            for record in page.records:
                count += 1
                digest.update(json.dumps(record, sort_keys=True).encode())
                item, given = self._item(record, count)
                lacking -= {name for name in lacking if given.get(name)}
                key = given.get("key") or ""
                twice = twice or (key if key in keys else "")
                keys.add(key)
                yield item
                if limit is not None and count >= limit:
                    return
        self._kept.end()
        self.feed = self._whole(count, digest.hexdigest(), lacking, twice)

    def _whole(self, count: int, digest: str, lacking: set[str], twice: str) -> FeedFile:
        if count and lacking:
            return FeedFile(count, digest, missing_columns=tuple(sorted(lacking)), complete=False)
        problem = ""
        if twice:
            problem = f"The key “{twice[:60]}” is there more than once; nobody can tell who is meant."
        elif count < self._shape.least:
            problem = f"The feed holds {count} people, fewer than the {self._shape.least} that it has to hold."
        return FeedFile(count, digest, complete=not problem, problem=problem)

    def _item(self, record: Any, number: int) -> tuple[Person | BadRow, dict[str, str | None]]:
        """The person of a record, or the bad row, and the texts that the record gave."""
        try:
            given: dict[str, str | None] = {name: self._text(name, one, record) for name, one in self._columns.items()}
        except CannotTell as error:
            return BadRow(number, error.message, json.dumps(record, ensure_ascii=False)[:500]), {}
        for name in self._shape.required:
            if not given.get(name) and name not in self._mapper.defaults:
                raw = json.dumps(record, ensure_ascii=False)[:500]
                return BadRow(number, f"the {name} is missing", raw), given
        return self._mapper.person(given, number, self._caller.description.name), given

    def _text(self, name: str, expression: Expression, record: Any) -> str:
        found = expression.of(record)
        if found is None or found == "":
            return ""
        if isinstance(found, dict):
            raise CannotTell(f"“{expression.text[:80]}” is an object, where the {name} should be.")
        if name in DAYS:
            day = day_of(found, self._forms, self._zone)
            if day is None:
                raise CannotTell(f"{name} “{text_of(found)[:40]}” is no date of the form {' or '.join(self._forms)}.")
            return (last_day(day, first_day_gone=self._shape.first_day_gone) if name == "ends" else day).isoformat()
        text = text_of(found).strip()
        return self._values.get(f"{name}.{text}") or self._shape.columns.word(name, text)


def _zone(caller: Caller, shape: PeopleShape) -> ZoneInfo:
    name = shape.zone.write(caller.values({}))
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise Invalid(f"“{name[:60]}” is no time zone.", system=caller.system) from None
