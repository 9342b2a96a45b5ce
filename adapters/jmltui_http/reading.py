"""Reading accounts, entitlements, grants and sessions as the description says; every hit compared again."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
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
from .lists import ListShape
from .mapping import account_of, entitlement_of, grant_of, session_of
from .paging import pages, records
from .sections import AccountsShape
from .template import Values

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
        """All accounts, page by page."""
        shape = self._accounts()
        if shape.list is None:
            raise Unsupported(f"The description of {self.system} lists no accounts.", system=self.system)
        async for page in pages(self.caller, shape.list, size=query.page_size, cursor=query.cursor):
            found = [account_of(self.system, shape.columns, record) for record in page.records]
            yield Page(found, cursor=page.cursor, expected_total=page.total)

    async def read(self, account_id: str) -> Account:
        """One account by its id. Raises NotFound only where the system itself said so."""
        shape = self._accounts()
        if shape.read is None:
            return self._there(await self._listed(account_id))
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
        return self._there(found)

    def _there(self, found: Account) -> Account:
        """An account that the system calls deleted is not there."""
        if found.state is AccountState.DELETED:
            raise NotFound(f"{self.system} says that the account {found.login[:100]} is deleted.", system=self.system)
        return found

    async def find(self, login: str) -> Account | None:
        """The account with exactly this login, compared here, whatever the system's filter does."""
        shape, hits = self._accounts(), list[Account]()
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
            async for page in self.accounts(Query()):
                same.update(same_login(page.items))
        if len(same) > 1:
            raise Ambiguous(f"{self.system} holds {len(same)} accounts called {login[:100]}.", system=self.system)
        return next(iter(same.values()), None)

    async def _listed(self, account_id: str) -> Account:
        found = None
        async for page in self.accounts(Query()):
            found = next((one for one in page.items if one.id == account_id), found)
        if found is None:
            raise NotFound(f"{self.system} lists no account “{account_id[:100]}”.", system=self.system)
        return found

    def _accounts(self) -> AccountsShape:
        if self.description.accounts is None:
            raise Unsupported(f"The description of {self.system} has no accounts.", system=self.system)
        return self.description.accounts

    # ---- entitlements and grants

    async def entitlements(self, query: Query) -> AsyncIterator[Page[Entitlement]]:
        """All entitlements, page by page."""
        shape = self.description.entitlements
        if shape is None:
            raise Unsupported(f"The description of {self.system} has no entitlements.", system=self.system)
        async for page in pages(self.caller, shape.list, size=query.page_size, cursor=query.cursor):
            found = [entitlement_of(self.system, shape, record) for record in page.records]
            yield Page(found, cursor=page.cursor, expected_total=page.total)

    async def grants(self, query: Query) -> AsyncIterator[Page[Grant]]:
        """All grants. One of an account that is not listed is unresolved, so the whole listing is not believed."""
        shape = self.description.grants
        if shape is None or shape.list is None:
            raise Unsupported(f"The description of {self.system} lists no grants.", system=self.system)
        known = {one.id async for page in self.accounts(Query()) for one in page.items}
        subjects: list[tuple[str, str]] = [("", "")]
        if shape.per == "account":
            subjects = [("account", one) for one in sorted(known)]
        elif shape.per == "entitlement":
            subjects = [("entitlement", one.id) async for page in self.entitlements(Query()) for one in page.items]
        for name, subject in subjects:
            values = {f"{name}.id": subject} if name else {}
            async for record_page in pages(self.caller, shape.list, values, size=query.page_size):
                found = self._grants(shape.list, record_page.records, {name: subject} if name else {})
                unknown = next((one for one in found if one.account_id not in known), None)
                if unknown is not None:
                    raise ContractBroken(
                        f"{self.system} names “{unknown.account_id[:100]}” as a holder of "
                        f"{unknown.entitlement_id[:100]}, which is no account it lists; the listing is not used.",
                        system=self.system,
                    )
                yield Page(found)

    async def grants_of(self, account_id: str) -> Sequence[Grant]:
        """What one account holds now."""
        shape = self.description.grants
        if shape is None:
            raise Unsupported(f"The description of {self.system} has no grants.", system=self.system)
        listing, values, given = shape.of, {"account.id": account_id}, {"account": account_id}
        if listing is None and shape.per == "account":
            listing = shape.list
        if listing is None:
            return [one async for page in self.grants(Query()) for one in page.items if one.account_id == account_id]
        found = self._grants(listing, await records(self.caller, listing, values), given)
        return [one for one in found if one.account_id == account_id]

    def _grants(self, listing: ListShape, found: list[Any], given: dict[str, str]) -> list[Grant]:
        shape = self.description.grants
        assert shape is not None
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
