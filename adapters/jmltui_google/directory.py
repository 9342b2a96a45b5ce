"""Reading a customer: users, groups, licences.

Users, groups and members: developers.google.com/workspace/admin/directory/reference/rest/v1 (users, groups, members).
Which groups are dynamic: cloud.google.com/identity/docs/reference/rest/v1/groups (`dynamicGroupMetadata`). Licences:
developers.google.com/workspace/admin/licensing/reference/rest/v1/licenseAssignments (a user is named by address).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from jmltui.adapter_api import ContractBroken, Entitlement, Grant, NotFound

from .users import account
from .workspace import Workspace

BASE: Final = "/admin/directory/v1"
CUSTOMER: Final = {"customer": "my_customer"}
GROUP: Final = "group:"
LICENCE: Final = "licence:"


@dataclass(frozen=True, slots=True)
class Connections:
    """Google's three interfaces; without Cloud Identity dynamic groups are not told apart."""

    admin: Workspace
    licensing: Workspace | None
    identity: Workspace | None


class Directory:
    """Reads one customer. `products` are those whose licences are shown."""

    def __init__(self, connections: Connections, products: tuple[str, ...]) -> None:
        self.admin, self.licensing, self._identity = connections.admin, connections.licensing, connections.identity
        self.products = products if connections.licensing is not None else ()
        self.system = connections.admin.system

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
            if account_id.casefold() in (found.login.casefold(), *_aliases(row)):
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
        async for rows, _ in self.users(1):
            customer = str(rows[0].get("customerId") or "") if rows else ""
            break
        else:
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
        async for rows, _ in self.users(1):
            customer = str(rows[0].get("customerId") or "") if rows else ""
            break
        else:
            return []
        return await self.licensing.rows(path, "items", {"customerId": customer, "maxResults": "1000"})

    async def entitlements(self) -> list[Entitlement]:
        """Groups, and licences that somebody has."""
        found = {one.id: one for one in await self.groups()}
        for product in self.products:
            for row in await self.assignments(product):
                one = Entitlement(licence_id(row), "licence", str(row.get("skuName") or row.get("skuId"))[:200])
                found.setdefault(one.id, one)
        return list(found.values())

    # ---- grants

    async def grants(self) -> AsyncIterator[list[Grant]]:
        """All direct memberships and licences of users. Members from outside the customer are no accounts."""
        ids: dict[str, str] = {}
        async for rows, _ in self.users():
            ids.update({str(row["primaryEmail"]).casefold(): str(row["id"]) for row in rows})
        known = set(ids.values())
        for group in await self.groups():
            path = f"{group_path(group.id)}/members"
            rows = await self.admin.rows(path, "members", {"maxResults": "200"})
            inside = dict.fromkeys(str(row.get("id")) for row in rows if row.get("type") == "USER")
            yield [Grant(one, group.id) for one in inside if one in known]
        for product in self.products:
            held = [(ids.get(str(row.get("userId")).casefold()), row) for row in await self.assignments(product)]
            yield [Grant(account_id, licence_id(row)) for account_id, row in held if account_id is not None]

    async def groups_of(self, account_id: str) -> set[str]:
        """The groups that one user is directly in. Raises NotFound."""
        rows = await self.admin.rows(f"{BASE}/groups", "groups", {"userKey": account_id, "maxResults": "200"})
        return {group_id(row, self.system) for row in rows}

    async def grants_of(self, account_id: str) -> list[Grant]:
        """What one user holds. Raises NotFound."""
        login = str((await self.user(account_id))["primaryEmail"]).casefold()
        found = [Grant(account_id, one) for one in sorted(await self.groups_of(account_id))]
        for product in self.products:
            rows = await self.assignments(product)
            found += [Grant(account_id, licence_id(row)) for row in rows if str(row.get("userId")).casefold() == login]
        return found


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


def _aliases(row: dict[str, Any]) -> list[str]:
    return [str(one).casefold() for one in row.get("aliases") or []]
