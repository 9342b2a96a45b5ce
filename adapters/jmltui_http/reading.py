"""Reading accounts, entitlements, grants and sessions as the description says; every hit compared again."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any, Final

from jmltui.adapter_api import (
    Account,
    AccountState,
    Ambiguous,
    ContractBroken,
    Entitlement,
    Grant,
    Invalid,
    NotFound,
    Page,
    Query,
    Session,
    Unsupported,
)

from .calling import Caller
from .changed import changed_accounts, changed_entitlements, changed_grants
from .feed import Feed
from .lists import ListShape
from .mapping import account_of, entitlement_of, grant_of, session_of
from .paging import pages, records
from .sections import AccountsShape, EntitlementsShape, GrantsShape
from .template import Values

_ALL: Final = Query()
_PLAIN: Final = re.compile(r"[A-Za-z0-9._@-]+")
"""Logins that every filter takes literally; others are looked for in the whole listing where a filter finds nobody."""


def values_of(account: Account) -> dict[str, Any]:
    """What `{account.…}` stands for."""
    own = {
        "id": account.id,
        "login": account.login,
        "display": account.display,
        "email": account.emails[0] if account.emails else None,
        "emails": account.emails,
        "external_id": account.external_id,
        "version": account.version,
    }
    return {f"account.{name}": value for name, value in {**account.raw, **own}.items()}


class Reading:
    """Reads one system."""

    def __init__(self, caller: Caller) -> None:
        self.caller, self.description, self.system = caller, caller.description, caller.system

    # ---- accounts

    async def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
        """All accounts, page by page; or those that changed."""
        feed = Feed(self.caller, self.accounts_shape().changes)
        async for page in changed_accounts(self, feed, query) if query.since else self._all_accounts(feed, query):
            yield page

    async def _all_accounts(self, feed: Feed | None = None, query: Query = _ALL) -> AsyncIterator[Page[Account]]:
        """Every account; with a feed the last page has its token."""
        shape = self.accounts_shape()
        if shape.list is None:
            raise Unsupported(f"The description of {self.system} lists no accounts.", system=self.system)
        async for part in (feed or Feed(self.caller, None)).whole(shape.list, query):
            found = [account_of(self.system, shape.columns, record) for record in part.records]
            yield Page(found, cursor=part.cursor, delta=part.delta, expected_total=part.total)

    async def read(self, account_id: str) -> Account:
        """One account by its id. Raises NotFound only where the system itself said so."""
        return self._there(await self.read_any(account_id))

    async def read_any(self, account_id: str) -> Account:
        """One account by its id, also one that the system calls deleted."""
        shape = self.accounts_shape()
        if shape.read is None:
            return await self._listed(account_id)
        answer = await self.caller.call(shape.read.call, {"account.id": account_id})
        record = answer.json()
        record = shape.read.record.of(record) if shape.read.record is not None else record
        if not isinstance(record, dict):
            raise ContractBroken(f"{self.system} answered {answer.operation} without an account.", system=self.system)
        found = account_of(self.system, shape.columns, record)
        if found.id != account_id:
            raise ContractBroken(
                f"{self.system} was asked for one account and answered with another; the answer is not used.",
                system=self.system,
                operation=answer.operation,
            )
        return found

    def _there(self, found: Account) -> Account:
        """An account that the system calls deleted is not there."""
        if found.state is AccountState.DELETED:
            raise NotFound(f"{self.system} says that the account {found.login[:100]} is deleted.", system=self.system)
        return found

    async def find(self, login: str) -> Account | None:
        """The account with exactly this login, compared here, whatever the system's filter does."""
        shape, hits = self.accounts_shape(), list[Account]()
        if shape.find is not None:
            try:
                found = await records(self.caller, shape.find, {"login": login})
                hits = [account_of(self.system, shape.columns, record) for record in found]
            except (Invalid, Unsupported):
                if shape.list is None:
                    raise

        def same_login(found: Sequence[Account]) -> dict[str, Account]:
            wanted = login.casefold()
            return {
                one.id: one for one in found if one.login.casefold() == wanted and one.state is not AccountState.DELETED
            }

        same = same_login(hits)
        if not same and shape.list is not None and (shape.find is None or not _PLAIN.fullmatch(login)):
            async for page in self._all_accounts():
                same.update(same_login(page.items))
        if len(same) > 1:
            raise Ambiguous(f"{self.system} holds {len(same)} accounts called {login[:100]}.", system=self.system)
        return next(iter(same.values()), None)

    async def _listed(self, account_id: str) -> Account:
        found = None
        async for page in self._all_accounts():
            found = next((one for one in page.items if one.id == account_id), found)
        if found is None:
            raise NotFound(f"{self.system} lists no account “{account_id[:100]}”.", system=self.system)
        return found

    def accounts_shape(self) -> AccountsShape:
        """What the description says of accounts. Raises Unsupported."""
        if self.description.accounts is None:
            raise Unsupported(f"The description of {self.system} has no accounts.", system=self.system)
        return self.description.accounts

    # ---- entitlements and grants

    async def entitlements(self, query: Query) -> AsyncIterator[Page[Entitlement]]:
        """All entitlements, page by page, none where none are described; or those that changed."""
        if self.description.entitlements is None and self.description.accounts is not None:
            yield Page(())
            return
        shape = self.entitlements_shape()
        feed = Feed(self.caller, shape.changes)
        if query.since:
            async for page in changed_entitlements(self, feed, query):
                yield page
            return
        async for part in feed.whole(shape.list, query):
            found = [entitlement_of(self.system, shape, record) for record in part.records]
            yield Page(found, cursor=part.cursor, delta=part.delta, expected_total=part.total)

    def entitlements_shape(self) -> EntitlementsShape:
        """What the description says of entitlements. Raises Unsupported."""
        if self.description.entitlements is None:
            raise Unsupported(f"The description of {self.system} has no entitlements.", system=self.system)
        return self.description.entitlements

    async def grants(self, query: Query) -> AsyncIterator[Page[Grant]]:
        """All grants, none where none are listed; or those of entitlements whose holders changed, told anew."""
        described = self.description.grants
        if self.description.accounts is not None and (described is None or described.list is None):
            yield Page(())
            return
        feed = Feed(self.caller, self.grants_shape().changes)
        async for page in changed_grants(self, feed, query) if query.since else self._all_grants(feed, query):
            yield page

    async def _all_grants(self, feed: Feed, query: Query = _ALL) -> AsyncIterator[Page[Grant]]:
        """Every grant. One of an account that is not listed is unresolved, so the whole listing is not believed."""
        shape, mark, answer = self.grants_shape(), await feed.mark(), None
        if shape.list is None:
            raise Unsupported(f"The description of {self.system} lists no grants.", system=self.system)
        known = {one.id async for page in self._all_accounts() for one in page.items}
        mark = feed.settled(mark)
        for name, subject in await self._subjects(shape.per, known):
            values = {f"{name}.id": subject} if name else {}
            async for record_page in pages(self.caller, shape.list, values, size=query.page_size):
                answer = record_page.answer
                found = self.grants_in(shape.list, record_page.records, {name: subject} if name else {})
                unknown = next((one for one in found if one.account_id not in known), None)
                if unknown is not None:
                    raise ContractBroken(
                        f"{self.system} names “{unknown.account_id[:100]}” as a holder of "
                        f"{unknown.entitlement_id[:100]}, which is no account it lists; the listing is not used.",
                        system=self.system,
                    )
                yield Page(found)
        if shape.changes is not None:
            yield Page((), delta=feed.token(mark, answer))

    async def _subjects(self, per: str, known: Iterable[str]) -> list[tuple[str, str]]:
        """What grants are listed by: each account, each entitlement, or one call for all."""
        if per == "account":
            return [("account", one) for one in sorted(known)]
        if per == "entitlement":
            shape = self.entitlements_shape()
            listed = await records(self.caller, shape.list)
            return [("entitlement", entitlement_of(self.system, shape, record).id) for record in listed]
        return [("", "")]

    def grants_shape(self) -> GrantsShape:
        """What the description says of grants. Raises Unsupported."""
        if self.description.grants is None:
            raise Unsupported(f"The description of {self.system} has no grants.", system=self.system)
        return self.description.grants

    async def grants_of(self, account_id: str) -> Sequence[Grant]:
        """What one account holds now."""
        shape = self.grants_shape()
        listing, values, given = shape.of, {"account.id": account_id}, {"account": account_id}
        if listing is None and shape.per == "account":
            listing = shape.list
        if listing is None:
            everything = self._all_grants(Feed(self.caller, None))
            return [one async for page in everything for one in page.items if one.account_id == account_id]
        found = self.grants_in(listing, await records(self.caller, listing, values), given)
        return [one for one in found if one.account_id == account_id]

    def grants_in(self, listing: ListShape, found: list[Any], given: dict[str, str]) -> list[Grant]:
        """The grants that records of a listing are; `given` are the account or entitlement that it is about."""
        shape = self.grants_shape()
        grants: dict[tuple[str, str], Grant] = {}
        for record in found:
            items = [record]
            if listing.each is not None:
                held = listing.each.of(record)
                if held is not None and not isinstance(held, list):
                    raise ContractBroken(f"{self.system} does not list “{listing.each.text}”.", system=self.system)
                items = [{"item": item, "record": record} for item in held or []]
            for item in items:
                one = grant_of(self.system, shape.columns, item, given)
                grants.setdefault((one.account_id, one.entitlement_id), one)
        return list(grants.values())

    # ---- sessions

    async def sessions(self, account: Account) -> Sequence[Session]:
        """Live sessions of one account."""
        shape = self.description.sessions
        if shape is None:
            raise Unsupported(f"The description of {self.system} has no sessions.", system=self.system)
        values: Values = values_of(account)
        found = await records(self.caller, shape.list, values)
        return [session_of(self.system, shape.columns, record, account.id) for record in found]
