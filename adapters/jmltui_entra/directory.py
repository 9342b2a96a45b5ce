"""Reading a tenant: users, and what they hold.

Groups and their members: learn.microsoft.com/graph/api/resources/group (dynamic by `groupTypes`, synchronised by
`onPremisesSyncEnabled`, role-assignable by `isAssignableToRole`; mail-enabled security and distribution groups are
read-only). Roles: …/api/rbacapplication-list-roleassignments. Licences: …/api/subscribedsku-list and
…/api/resources/licenseassignmentstate (`assignedByGroup` null: direct).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from jmltui.adapter_api import Ambiguous, ContractBroken, Entitlement, Grant, NotFound

from .chosen import Holding
from .graph import Graph, literal
from .schedules import Schedules
from .users import FIELDS, account

GROUP: Final = "group:"
ROLE: Final = "role:"
LICENCE: Final = "licence:"
GROUP_FIELDS: Final = (
    "id,displayName,groupTypes,mailEnabled,securityEnabled,isAssignableToRole,onPremisesSyncEnabled,assignedLicenses"
)
ASSIGNMENTS: Final = "roleManagement/directory/roleAssignments"
USER_TYPE: Final = "#microsoft.graph.user"
MOST: Final = 999


class Directory:
    """Reads one tenant. `holdings` and `schedules` are what the options ask for besides."""

    def __init__(self, graph: Graph, holdings: Sequence[Holding] = (), schedules: Schedules | None = None) -> None:
        self.graph = graph
        self.system = graph.system
        self.holdings = tuple(holdings)
        self.schedules = schedules

    def holding(self, entitlement_id: str) -> Holding | None:
        """The kind that an entitlement is of, None for a group, a role or a licence."""
        return next((one for one in self.holdings if entitlement_id.startswith(one.prefix)), None)

    # ---- users

    async def user(self, account_id: str) -> dict[str, Any]:
        """One user by id. Raises NotFound; ContractBroken for somebody else."""
        row = await self.graph.one(user_path(account_id), {"$select": FIELDS})
        account(row, self.system)
        if row["id"] != account_id:
            raise ContractBroken(f"{self.system} was asked for one user and told of another.", system=self.system)
        return row

    async def find(self, login: str) -> dict[str, Any] | None:
        """The user with exactly this name, compared here. Raises Ambiguous."""
        question = {"$filter": f"userPrincipalName eq {literal(login)}", "$select": FIELDS}
        wanted = login.casefold()
        rows = await self.graph.rows("users", question)
        hits = [row for row in rows if account(row, self.system).login.casefold() == wanted]
        if len(hits) > 1:
            raise Ambiguous(f"{self.system} has {len(hits)} users called {login[:80]}.", system=self.system)
        return hits[0] if hits else None

    async def named(self, login: str) -> dict[str, Any] | None:
        """The same by the user's own path, which another index answers."""
        found = await self.find(login)
        if found is not None:
            return found
        try:
            row = await self.graph.one(user_path(login), {"$select": FIELDS})
        except NotFound:
            return None
        return row if account(row, self.system).login.casefold() == login.casefold() else None

    # ---- entitlements

    async def entitlements(self) -> AsyncIterator[list[Entitlement]]:
        """All groups, page by page, then everything else."""
        by_group: set[str] = set()
        async for part in self.graph.parts("groups", {"$select": GROUP_FIELDS, "$top": str(MOST)}):
            for row in part.rows:
                by_group.update(str(one.get("skuId")) for one in row.get("assignedLicenses") or [])
            yield [group(row, self.system) for row in part.rows]
        more = [one for holding in self.holdings for one in await holding.entitlements()]
        yield [*await self.roles(), *await self.licences(by_group), *more]

    async def group(self, entitlement_id: str) -> Entitlement:
        """One group. Raises NotFound."""
        return group(await self.graph.one(group_path(entitlement_id), {"$select": GROUP_FIELDS}), self.system)

    async def roles(self) -> list[Entitlement]:
        """All directory roles; every one is privileged."""
        rows = await self.graph.rows(
            "roleManagement/directory/roleDefinitions", {"$select": "id,displayName,isEnabled"}
        )
        return [
            Entitlement(f"{ROLE}{row['id']}", "role", _named(row), True, row.get("isEnabled") is not False)
            for row in rows
        ]

    async def licences(self, by_group: set[str]) -> list[Entitlement]:
        """All licences of the tenant; one that a group gives is got by that group and not granted here."""
        rows = await self.graph.rows("subscribedSkus", {"$select": "id,skuId,skuPartNumber"})
        return [
            Entitlement(
                f"{LICENCE}{row.get('skuId')}",
                "licence",
                str(row.get("skuPartNumber") or row.get("skuId"))[:200],
                grantable=row.get("skuId") not in by_group,
            )
            for row in rows
        ]

    # ---- grants

    async def members(self, entitlement_id: str) -> list[str]:
        """The ids of the users directly in a group, by the group's own list. Raises NotFound."""
        rows = await self.graph.rows(f"{group_path(entitlement_id)}/members", {"$select": "id", "$top": str(MOST)})
        return [str(row["id"]) for row in rows if row.get("@odata.type", USER_TYPE) == USER_TYPE and row.get("id")]

    async def groups_of(self, account_id: str) -> set[str]:
        """The groups that one user is directly in, by the user's own list. Raises NotFound."""
        rows = await self.graph.rows(f"{user_path(account_id)}/memberOf", {"$select": "id", "$top": str(MOST)})
        kind = "#microsoft.graph.group"
        return {f"{GROUP}{row['id']}" for row in rows if row.get("@odata.type", kind) == kind and row.get("id")}

    async def assignments(self, question: str = "") -> list[dict[str, Any]]:
        """Role assignments, all or those that the filter names."""
        return await self.graph.rows(ASSIGNMENTS, {"$filter": question} if question else None)

    async def roles_of(self, account_id: str) -> list[dict[str, Any]]:
        """The role assignments of one user, of any scope."""
        found = await self.assignments(f"principalId eq {literal(account_id)}")
        return [row for row in found if row.get("principalId") == account_id]

    async def ends(self, question: str = "") -> dict[tuple[str, str], datetime]:
        """Until when active roles last, by user and role, where schedules are asked for."""
        return await self.schedules.ends(question) if self.schedules is not None else {}

    async def licences_of(self, account_id: str) -> list[Grant]:
        """The licences of one user, each with the group it comes by. Raises NotFound."""
        row = await self.graph.one(user_path(account_id), {"$select": "id,licenseAssignmentStates"})
        return licence_grants(account_id, row)

    async def grants_of(self, account_id: str) -> list[Grant]:
        """What one user holds. Raises NotFound."""
        groups = [Grant(account_id, one) for one in sorted(await self.groups_of(account_id))]
        held = sorted({str(row["roleDefinitionId"]) for row in await self.roles_of(account_id)})
        ends = await self.ends(f"principalId eq {literal(account_id)}")
        roles = [Grant(account_id, f"{ROLE}{role}", expires=ends.get((account_id, role))) for role in held]
        more = [one for holding in self.holdings for one in await holding.of(account_id)]
        return [*groups, *roles, *await self.licences_of(account_id), *more]


def user_path(account_id: str) -> str:
    """Where one user is read and changed."""
    return f"users/{quote(account_id, safe='@')}"


def group_path(entitlement_id: str) -> str:
    """Where one group is read and changed."""
    return f"groups/{quote(entitlement_id.removeprefix(GROUP), safe='')}"


def licence_grants(account_id: str, row: Mapping[str, Any]) -> list[Grant]:
    """The licences that a user's record tells of, a direct one before the same one by a group."""
    found: dict[str, Grant] = {}
    states = row.get("licenseAssignmentStates")
    for one in states if isinstance(states, list) else []:
        entitlement_id, group_id = f"{LICENCE}{one.get('skuId')}", one.get("assignedByGroup")
        if not group_id:
            found[entitlement_id] = Grant(account_id, entitlement_id)
        else:
            by_group = Grant(account_id, entitlement_id, direct=False, via=(f"{GROUP}{group_id}",))
            found.setdefault(entitlement_id, by_group)
    return list(found.values())


def group(row: Mapping[str, Any], system: str) -> Entitlement:
    """A group; one whose members follow from something else, or are read-only in Graph, is not granted here."""
    if not isinstance(row.get("id"), str):
        raise ContractBroken(f"{system} lists a group without an id.", system=system)
    kinds = row.get("groupTypes") or []
    read_only = row.get("mailEnabled") is True and "Unified" not in kinds
    synced = row.get("onPremisesSyncEnabled") is True
    return Entitlement(
        f"{GROUP}{row['id']}",
        "group",
        _named(row),
        row.get("isAssignableToRole") is True,
        not (synced or read_only or "DynamicMembership" in kinds),
    )


def _named(row: Mapping[str, Any]) -> str:
    return str(row.get("displayName") or row.get("id"))[:200]
