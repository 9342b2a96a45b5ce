"""Reading a customer: users, groups, licences.

Users, groups and members: developers.google.com/workspace/admin/directory/reference/rest/v1 (users, groups, members).
Which groups are dynamic: cloud.google.com/identity/docs/reference/rest/v1/groups (`dynamicGroupMetadata`). Licences:
developers.google.com/workspace/admin/licensing/reference/rest/v1/licenseAssignments (a user is named by address).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import quote

from jmltui.adapter_api import ContractBroken, Entitlement, NotFound

from .connecting import Connections
from .users import account, addresses

BASE: Final = "/admin/directory/v1"
CUSTOMER: Final = {"customer": "my_customer"}
GROUP: Final = "group:"
LICENCE: Final = "licence:"


class Directory:
    """Reads one customer. `products` are those whose licences are shown."""

    def __init__(self, connections: Connections, products: tuple[str, ...]) -> None:
        self.admin, self.licensing, self._identity = connections.admin, connections.licensing, connections.identity
        self.products = products if connections.licensing is not None else ()
        self.system = connections.admin.system
        self._customer = ""

    # ---- users

    async def users(
        self, size: int = 500, token: str | None = None
    ) -> AsyncIterator[tuple[list[dict[str, Any]], str | None]]:
        """All users, each once, with the token of the next page."""
        known: set[str] = set()
        params = {**CUSTOMER, "maxResults": str(min(max(size, 1), 500)), "orderBy": "email"}
        async for rows, following in self.admin.pages(f"{BASE}/users", "users", params, token):
            fresh = {account(row, self.system).id: row for row in rows}
            page = [row for account_id, row in fresh.items() if account_id not in known]
            if following is not None and not page:
                raise ContractBroken(f"{self.system} lists its users without end.", system=self.system)
            known.update(fresh)
            yield page, following

    async def user(self, account_id: str) -> dict[str, Any]:
        """One user by id. Raises NotFound; ContractBroken for somebody else."""
        row = (await self.admin.get(user_path(account_id))).object()
        found = account(row, self.system)
        if found.id != account_id:
            if account_id.casefold() in addresses(row):
                raise NotFound(f"{self.system} has no user of the id {account_id[:80]}.", system=self.system)
            raise ContractBroken(f"{self.system} was asked for one user and told of another.", system=self.system)
        return row

    async def find(self, login: str) -> dict[str, Any] | None:
        """The user whose primary address is exactly this; an alias or an id that answers is nobody."""
        try:
            row = (await self.admin.get(user_path(login))).object()
        except NotFound:
            return None
        return row if account(row, self.system).login.casefold() == login.casefold() else None

    async def customer(self) -> str:
        """The customer's id, by its first user; "" where no user is told of."""
        if not self._customer:
            async for rows, _ in self.users(1):
                self._customer = str(rows[0].get("customerId") or "") if rows else ""
                break
        return self._customer

    async def accounts_by_address(self) -> dict[str, str]:
        """The id of every user by each of its addresses, in small letters."""
        found: dict[str, str] = {}
        async for rows, _ in self.users():
            for row in rows:
                found.update(dict.fromkeys(addresses(row), str(row["id"])))
        return found

    # ---- entitlements

    async def groups(self) -> list[Entitlement]:
        """All groups; a dynamic one is not granted."""
        dynamic = await self._dynamic()
        rows = await self.admin.rows(f"{BASE}/groups", "groups", {**CUSTOMER, "maxResults": "200"})
        return [
            Entitlement(
                group_id(row, self.system),
                "group",
                str(row.get("name") or row.get("email"))[:200],
                grantable=str(row.get("email")).casefold() not in dynamic,
            )
            for row in rows
        ]

    async def _dynamic(self) -> set[str]:
        """The addresses of dynamic groups."""
        if self._identity is None:
            return set()
        customer = await self.customer()
        if not customer:
            return set()
        found = await self._identity.rows(
            "/v1/groups", "groups", {"parent": f"customers/{customer}", "view": "FULL", "pageSize": "500"}
        )
        return {
            str((row.get("groupKey") or {}).get("id")).casefold() for row in found if row.get("dynamicGroupMetadata")
        }

    async def assignments(self, product: str) -> list[dict[str, Any]]:
        """All licences of one product that somebody has."""
        assert self.licensing is not None
        path = f"/apps/licensing/v1/product/{quote(product, safe='')}/users"
        customer = await self.customer()
        if not customer:
            return []
        return await self.licensing.rows(path, "items", {"customerId": customer, "maxResults": "1000"})

    async def members(self, entitlement_id: str) -> list[str]:
        """The ids of users who are directly in a group, each once; some may be from outside the customer."""
        rows = await self.admin.rows(f"{group_path(entitlement_id)}/members", "members", {"maxResults": "200"})
        return list(dict.fromkeys(str(row.get("id")) for row in rows if row.get("type") == "USER"))

    async def groups_of(self, account_id: str) -> set[str]:
        """The groups that one user is directly in. Raises NotFound."""
        rows = await self.admin.rows(f"{BASE}/groups", "groups", {"userKey": account_id, "maxResults": "200"})
        return {group_id(row, self.system) for row in rows}


def user_path(key: str) -> str:
    """Where one user is read and changed."""
    return f"{BASE}/users/{quote(key, safe='@')}"


def group_path(entitlement_id: str) -> str:
    """Where one group is read and changed."""
    return f"{BASE}/groups/{quote(entitlement_id.removeprefix(GROUP), safe='')}"


def group_id(row: dict[str, Any], system: str) -> str:
    """The id of a group. Raises ContractBroken for one without."""
    if not isinstance(row.get("id"), str) or not row["id"]:
        raise ContractBroken(f"{system} lists a group without an id.", system=system)
    return f"{GROUP}{row['id']}"


def licence_id(row: dict[str, Any]) -> str:
    """A licence by its product and article."""
    return f"{LICENCE}{row.get('productId')}/{row.get('skuId')}"
