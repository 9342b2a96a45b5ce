"""Finding entries without trusting an empty answer.

A directory shows an account that may not see something simply nothing, with success, and a filter that it does not
understand finds nobody. So every search asks for one entry more that must be in the answer, the base itself: where that
witness is missing, the answer is refused, and only where it is there is absence believed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from jmltui.adapter_api import ContractBroken, Forbidden, NotFound

from .connection import Link
from .dialect import Dialect
from .entry import Entry
from .filters import all_of, any_of, equals
from .options import DirectoryOptions

AT_ONCE: Final = 100
"""How many ids or names are asked for by one filter."""


class Estate:
    """The accounts and groups of one directory, as entries."""

    def __init__(self, dialect: Dialect, options: DirectoryOptions) -> None:
        self._dialect = dialect
        self._options = options
        self._system = options.system
        self._witnesses: dict[str, str] = {}
        self._accounts = all_of(dialect.account_filter, options.account_filter)
        self._groups = all_of(dialect.group_filter, options.group_filter)

    async def learn(self, link: Link) -> None:
        """Read the entries under which everything lies. Raises NotFound and Forbidden."""
        for base in (*self._options.bases(), self._options.groups_base):
            found = await link.read(base, (self._dialect.id_attribute,))
            if found is None:
                raise NotFound(f"{self._system} holds no entry {base}, or does not show it.", system=self._system)
            if not found.has(self._dialect.id_attribute):
                raise Forbidden(f"{self._system} does not show the ids of its entries to jmltui.", system=self._system)
            self._witnesses[base] = self._dialect.id_of(found)

    # ---- accounts

    async def account(self, link: Link, account_id: str) -> Entry | None:
        """One account; None when the directory itself shows that there is none. Raises NotFound for what is no id."""
        return (await self.accounts(link, [account_id])).get(account_id)

    async def accounts(self, link: Link, account_ids: Sequence[str]) -> dict[str, Entry]:
        """Those of them that are there. Raises NotFound for what is no id, ContractBroken for somebody else."""
        found: dict[str, Entry] = {}
        for at in range(0, len(account_ids), AT_ONCE):
            wanted = dict.fromkeys(account_ids[at : at + AT_ONCE])
            which = all_of(self._accounts, any_of(*map(self._dialect.id_filter, wanted)))
            for base in self._options.bases():
                for entry in await self._search(link, base, which, self._dialect.account_attributes):
                    one = self._dialect.id_of(entry)
                    if one not in wanted:
                        raise ContractBroken(
                            f"{self._system} answers with {entry.dn[:200]}, which was not asked for.",
                            system=self._system,
                        )
                    found[one] = entry
        return found

    async def called(self, link: Link, login: str) -> list[Entry]:
        """Accounts of which any login is this one, letter case aside; each hit is compared again."""
        which = all_of(self._accounts, equals(self._dialect.login_attribute, login))
        found: dict[str, Entry] = {}
        for base in self._options.bases():
            for entry in await self._search(link, base, which, self._dialect.account_attributes):
                logins = entry.texts(self._dialect.login_attribute)
                if any(one.casefold() == login.casefold() for one in logins):
                    found[self._dialect.id_of(entry)] = entry
        return list(found.values())

    async def account_pages(self, link: Link, attributes: Sequence[str] = ()) -> AsyncIterator[list[Entry]]:
        """All accounts, each once. Raises ContractBroken when the listing is not whole."""
        seen: set[str] = set()
        for base in self._options.bases():
            wanted = attributes or self._dialect.account_attributes
            async for page in self._pages(link, base, self._accounts, wanted, seen):
                yield page

    def is_excluded(self, entry: Entry) -> bool:
        """Whether the settings keep an account out."""
        options = self._options
        return bool(options.exclude) and options.is_excluded(entry.text(self._dialect.login_attribute))

    # ---- groups

    async def group(self, link: Link, group_id: str) -> Entry | None:
        """One group, without its members; None when the directory itself shows that there is none."""
        which = all_of(self._groups, self._dialect.id_filter(group_id))
        found = await self._search(link, self._options.groups_base, which, self._dialect.group_attributes)
        for entry in found:
            if self._dialect.id_of(entry) != group_id:
                raise ContractBroken(
                    f"{self._system} answers with {entry.dn[:200]}, which was not asked for.", system=self._system
                )
        return found[0] if found else None

    async def groups(self, link: Link, *, members: bool) -> list[Entry]:
        """All groups, with or without their members. Raises ContractBroken when the listing is not whole."""
        dialect = self._dialect
        by = (*dialect.member_attributes, *dialect.login_member_attributes) if members else ()
        found: list[Entry] = []
        wanted = (*dialect.group_attributes, *by)
        async for page in self._pages(link, self._options.groups_base, self._groups, wanted, set()):
            found += page
        return found

    async def holders(self, link: Link, members: Sequence[Entry]) -> list[Entry]:
        """The groups that name one of these directly, as the directory says by a filter; without their members."""
        found: list[Entry] = []
        for at in range(0, len(members), AT_ONCE):
            which = all_of(self._groups, any_of(*map(self._dialect.holders_filter, members[at : at + AT_ONCE])))
            found += await self._search(link, self._options.groups_base, which, self._dialect.group_attributes)
        return list({self._dialect.id_of(group): group for group in found}.values())

    async def with_primary_key(self, link: Link, key: str) -> list[Entry]:
        """The group that is the primary one of whoever holds this key."""
        groups = await self.groups(link, members=False)
        return [group for group in groups if self._dialect.primary_key(group) == key][:1]

    # ---- the witness

    async def _search(self, link: Link, base: str, which: str, attributes: Sequence[str]) -> list[Entry]:
        found: list[Entry] = []
        async for page in self._pages(link, base, which, attributes, set()):
            found += page
        return found

    async def _pages(
        self, link: Link, base: str, which: str, attributes: Sequence[str], seen: set[str]
    ) -> AsyncIterator[list[Entry]]:
        """What meets a filter under a base, each entry once, as long as the base itself is in the answer."""
        witness = self._witnesses[base]
        asked = any_of(which, self._dialect.id_filter(witness))
        wanted = tuple(dict.fromkeys((self._dialect.id_attribute, *attributes)))
        here: set[str] = set()
        pages = link.pages(
            base,
            asked,
            wanted,
            size=self._options.page_size,
            over_references=self._dialect.passes_over_references,
        )
        async for page in pages:
            ids = [self._dialect.id_of(entry) for entry in page]
            if ids and here.issuperset(ids):
                raise ContractBroken(f"{self._system} lists the same entries again and again.", system=self._system)
            fresh = []
            for one, entry in zip(ids, page, strict=True):
                here.add(one)
                if one != witness and one not in seen:
                    seen.add(one)
                    fresh.append(entry)
            if fresh:
                yield fresh
        if witness not in here:
            raise ContractBroken(
                f"{self._system} leaves {base} out of what lies under it, so that its answer is not whole.",
                system=self._system,
            )
