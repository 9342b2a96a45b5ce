"""A directory as a source of people: entries are rows, attributes are columns.

Of an attribute with several values the first counts. `dn` is the name of the entry. Where a person is named by an entry
(`manager` usually is), the key of that entry takes its place, if it is in the feed itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final

from jmltui.adapter_api import BadRow, ContractBroken, FeedFile, Person
from jmltui.adapter_api.person_rows import PersonMapper

from .connection import Directory
from .entry import Entry
from .estate import Estate
from .filters import same_name
from .options import DirectoryOptions

DN: Final = "dn"
_PEOPLE: Final = ("manager", "sponsor", "owner")


class Feed:
    """The people of one directory."""

    def __init__(self, directory: Directory, estate: Estate, options: DirectoryOptions) -> None:
        self._directory = directory
        self._estate = estate
        self._options = options
        self._mapper = PersonMapper(options.columns, options.values, options.defaults, options.dates)
        self.facts = FeedFile(0, "", complete=False, problem="The feed was not read yet.")

    async def rows(self) -> Iterator[Person | BadRow]:
        """All people. Raises Unavailable and ContractBroken when the listing does not come to its end."""
        self.facts = FeedFile(0, "", complete=False, problem="The feed was not read to its end.")
        wanted = [column for column in self._options.columns.values() if column != DN]
        entries: list[Entry] = []
        async with self._directory.link("list people") as link:
            async for page in self._estate.account_pages(link, tuple(dict.fromkeys(wanted))):
                entries += (entry for entry in page if not self._estate.is_excluded(entry))
        self.facts = self._told(entries)
        return self._people(entries)

    def _people(self, entries: Sequence[Entry]) -> Iterator[Person | BadRow]:
        key = self._options.columns["key"]
        keys = {same_name(entry.dn): entry.text(key) for entry in entries} if key != DN else {}
        named = {self._options.columns[name] for name in _PEOPLE if name in self._options.columns}
        for line, entry in enumerate(entries, 1):
            try:
                row = {column: _value(entry, column) for column in self._options.columns.values()}
            except ContractBroken as error:
                yield BadRow(line, error.message, entry.dn[:500])
                continue
            for column in named:
                text = row[column]
                row[column] = keys.get(same_name(text), text) if "=" in text else text
            yield self._mapper.person(dict(row), line, entry.dn[:200])

    def _told(self, entries: Sequence[Entry]) -> FeedFile:
        digest = hashlib.sha256()
        for entry in sorted(entries, key=lambda entry: entry.dn):
            digest.update(repr((entry.dn, sorted((n, tuple(v)) for n, v in entry.values.items()))).encode())
        return FeedFile(len(entries), digest.hexdigest())


def _value(entry: Entry, column: str) -> str:
    return entry.dn if column == DN else entry.text(column)
