"""Reading a fleet: listings are whole or refused, one account is told as far as hosts answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TypeVar

from jmltui.adapter_api import Account, ContractBroken, Credential, Entitlement, Grant, NotFound, Page, Query, Session

from . import merging
from .answers import Facts, Listing
from .fleet import Fleet, Gathered
from .merging import NOT_THERE

T = TypeVar("T")


class Reading:
    """What can be read of a fleet."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    async def listings(self, request: Mapping[str, object]) -> Mapping[str, Listing]:
        """One answer of every host, each as long as it says. Raises AdapterError."""
        found = await self._fleet.ask(request, Listing)
        found.whole()
        found.none_left()
        for host, listing in found.answers.items():
            for name, count in listing.counts.items():
                told = len(getattr(listing, name, ()))
                if told != count:
                    raise ContractBroken(
                        f"{host} counts {count} {name} and lists {told}; nothing of it is used.",
                        system=self._fleet.system,
                    )
        return found.answers

    async def everything(self) -> Mapping[str, Listing]:
        """Accounts, groups and sudo rules of every host. Raises AdapterError."""
        return await self.listings({"verb": "list", "sudo": self._fleet.options.sudo_rules})

    async def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
        """All logins."""
        for page in pages(merging.accounts(await self.everything()), lambda each: each.id, query):
            yield page

    async def entitlements(self, query: Query) -> AsyncIterator[Page[Entitlement]]:
        """All groups, and all files of sudo rules."""
        found = merging.entitlements((await self.everything()).values())
        for page in pages(found, lambda each: each.id, query):
            yield page

    async def grants(self, query: Query) -> AsyncIterator[Page[Grant]]:
        """Who holds what."""
        listings = (await self.everything()).values()
        found = merging.grants(listings, merging.numbers(listings))
        for page in pages(found, lambda each: f"{each.account_id} {each.entitlement_id}", query):
            yield page

    async def facts(self, login: str) -> Gathered[Facts]:
        """What each host says of a login. Raises NotFound when all say no, and AdapterError when none says yes."""
        found = await self._fleet.ask({"verb": "read", "login": login}, Facts)
        if not found.answers and not found.failed:
            raise NotFound(f"No host of {self._fleet.system} has an account {login}.", system=self._fleet.system)
        found.none_left()
        return found

    async def account(self, login: str) -> Account:
        """One login, told as far as hosts answered."""
        found = await self.facts(login)
        others = {
            **dict.fromkeys(found.absent, NOT_THERE),
            **{host: f"not known: {e}" for host, e in found.failed.items()},
        }
        return merging.account(found.answers, others)

    async def whole_facts(self, login: str) -> Mapping[str, Facts]:
        """What every host that has the login says of it. Raises AdapterError when one cannot be read."""
        found = await self.facts(login)
        found.whole()
        return found.answers

    async def grants_of(self, login: str) -> Sequence[Grant]:
        """What one login holds, on any host. Raises NotFound."""
        groups = await self.listings({"verb": "groups", "logins": [login]})
        if not any(login in listing.present for listing in groups.values()):
            raise NotFound(f"No host of {self._fleet.system} has an account {login}.", system=self._fleet.system)
        found = list(groups.values())
        uids: dict[str, set[int]] = {login: set()}
        if self._fleet.options.sudo_rules:
            rules = await self.listings({"verb": "sudo-list", "logins": [login]})
            uids.update(merging.numbers(rules.values()))
            found = [
                Listing(counts={}, groups=listing.groups, rules=rules[host].rules) for host, listing in groups.items()
            ]
        return merging.grants(found, uids)

    async def credentials(self, login: str) -> Sequence[Credential]:
        """Keys and password of one login."""
        return merging.credentials(login, await self.whole_facts(login))

    async def sessions(self, login: str) -> Sequence[Session]:
        """What runs for one login."""
        found = await self._fleet.ask({"verb": "sessions", "login": login}, Listing)
        if not found.answers and not found.failed:
            raise NotFound(f"No host of {self._fleet.system} has an account {login}.", system=self._fleet.system)
        found.whole()
        return merging.sessions(login, {host: listing.sessions for host, listing in found.answers.items()})


def pages(items: Sequence[T], key: Callable[[T], str], query: Query) -> list[Page[T]]:
    """The items in pages; the cursor is the key of the last one, so that what changes meanwhile moves nothing."""
    rest = sorted((item for item in items if query.cursor is None or key(item) > query.cursor), key=key)
    size = max(1, query.page_size)
    parts = [rest[begin : begin + size] for begin in range(0, len(rest), size)] or [[]]
    last = len(parts) - 1
    return [
        Page(part, cursor=key(part[-1]) if number < last else None, expected_total=len(items))
        for number, part in enumerate(parts)
    ]
