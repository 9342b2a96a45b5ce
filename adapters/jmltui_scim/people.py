"""A SCIM server as a source of people: its users by the attribute paths of the settings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from jmltui.adapter_api import AdapterError, BadRow, FeedFile, Invalid, OptionValue, Person
from jmltui.adapter_api.person_rows import PersonMapper

from .listing import Record
from .listings import Listings
from .paths import check, value_at

REQUIRED: Final = ("key", "name")
UNREAD: Final = FeedFile(0, "", complete=False, problem="The feed was not read yet.")


class PeopleFeed:
    """The users of one server as people. `facts` are those of the feed read last."""

    def __init__(self, system: str, options: Mapping[str, OptionValue]) -> None:
        self._system = system
        dates = options.get("dates")
        self._columns = _map(options.get("columns"))
        self._mapper = PersonMapper(
            columns=self._columns,
            values=_map(options.get("values")),
            defaults=_map(options.get("defaults")),
            dates=tuple(map(str, dates)) if isinstance(dates, list | tuple) and dates else ("%Y-%m-%d",),
        )
        self.facts = UNREAD

    def check(self) -> None:
        """Raise Invalid for a column that is no path to an attribute of a SCIM user."""
        for path in self._columns.values():
            check(path)

    async def people(self, listings: Listings) -> AsyncIterator[Person | BadRow]:
        """All users as people. Raises AdapterError when the listing does not come to its end; then nobody is meant."""
        self.facts = UNREAD
        lacking = tuple(attribute for attribute in REQUIRED if attribute not in self._columns)
        if lacking:
            raise Invalid(
                f"The columns of {self._system} do not say which SCIM attribute is the {lacking[0]} of a person. "
                'Write columns = { key = "externalId", name = "name.formatted" } in the settings.',
                system=self._system,
            )
        digest, rows = hashlib.sha256(), 0
        found: list[Record] = []
        try:
            async for records in listings.records():
                found += records
        except AdapterError as error:
            self.facts = FeedFile(0, "", complete=False, problem=error.message)
            raise
        for record in sorted(found, key=lambda one: one.id):
            row = {path: _text(record.body, path) for path in self._columns.values()}
            digest.update(json.dumps([record.id, row], sort_keys=True).encode(errors="surrogatepass"))
            rows += 1
            yield self._mapper.person(row, rows, self._system)
        self.facts = FeedFile(rows, digest.hexdigest())


def _text(body: Mapping[str, Any], path: str) -> str:
    """One value; whether somebody is active is told by some servers as text, and by some not at all (then they are)."""
    value = value_at(body, path)
    if path.rpartition(":")[2].casefold() == "active":
        return value.casefold() or "true"
    return value


def _map(value: OptionValue | None) -> Mapping[str, str]:
    return {str(k): str(v) for k, v in value.items()} if isinstance(value, Mapping) else {}
