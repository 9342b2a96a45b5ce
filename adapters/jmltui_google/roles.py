"""Roles of administrators: which there are, who has them directly or through a group, and changing that.

developers.google.com/workspace/admin/directory/reference/rest/v1/roles and …/roleAssignments: one assignment for each
scope (the customer, or one organizational unit); `includeIndirectRoleAssignments` is answered for one user only, so
that a listing of all finds what comes through groups by `assigneeType`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from jmltui.adapter_api import Conflict, ContractBroken, Entitlement, Forbidden, Grant, NotFound
from jmltui.exchange import instant

from .directory import BASE, GROUP, Directory
from .workspace import Workspace

ROLE: Final = "role:"


@dataclass(frozen=True, slots=True)
class Assigned:
    """A role that somebody, or a group, is assigned."""

    id: str
    entitlement_id: str
    assignee: str
    is_group: bool
    expires: datetime | None


class Roles:
    """The roles of one customer. `api` may manage roles."""

    def __init__(self, directory: Directory, api: Workspace) -> None:
        self._directory, self._api, self._system = directory, api, directory.system

    # ---- reading

    async def all(self) -> list[Entitlement]:
        """All roles; each makes an administrator, so each is privileged."""
        rows = await self._api.rows(await self._path("roles"), "items", {"maxResults": "100"})
        return [_role(row, self._system) for row in rows]

    async def assigned(self) -> list[Assigned]:
        """All assignments."""
        return await self._listed({"maxResults": "200"})

    async def of(self, account_id: str) -> list[Assigned]:
        """What one user is assigned, also through groups."""
        params = {"userKey": account_id, "includeIndirectRoleAssignments": "true", "maxResults": "200"}
        return [one for one in await self._listed(params) if one.is_group or one.assignee == account_id]

    async def by_role(self, entitlement_id: str, account_id: str) -> list[Assigned]:
        """The assignments of one role to one user, asked by the role."""
        params = {"roleId": entitlement_id.removeprefix(ROLE), "maxResults": "200"}
        found = [one for one in await self._listed(params) if one.entitlement_id == entitlement_id]
        groups = {one.assignee for one in found if one.is_group}
        through = {one.removeprefix(GROUP) for one in await self._directory.groups_of(account_id)} if groups else set()
        return [one for one in found if one.assignee == account_id or (one.is_group and one.assignee in through)]

    # ---- writing

    async def set_held(self, account_id: str, entitlement_id: str, held: bool) -> bool:
        """Make the user have the role, or not; whether that changed anything. Raises NotFound for an unknown role."""
        key = entitlement_id.removeprefix(ROLE)
        if not key:
            raise NotFound(f"{self._system} has no role without an id.", system=self._system)
        role = (await self._api.get(await self._path(f"roles/{quote(key, safe='')}"))).object()
        name = _role(role, self._system).name
        found = [one for one in await self.of(account_id) if one.entitlement_id == entitlement_id]
        return await (self._assign(account_id, entitlement_id, found) if held else self._take(name, found))

    async def _assign(self, account_id: str, entitlement_id: str, found: list[Assigned]) -> bool:
        if found:
            return False
        body = {"roleId": entitlement_id.removeprefix(ROLE), "assignedTo": account_id, "scopeType": "CUSTOMER"}
        try:
            await self._api.write("POST", await self._path("roleassignments"), body)
        except Conflict:
            if any(one.entitlement_id == entitlement_id for one in await self.of(account_id)):
                return False
            raise
        return True

    async def _take(self, name: str, found: list[Assigned]) -> bool:
        direct = [one for one in found if not one.is_group]
        if found and not direct:
            told = f"{name} of {self._system} comes through the group {found[0].assignee[:80]}; take that instead."
            raise Forbidden(told, system=self._system)
        changed = False
        for one in direct:
            try:
                await self._api.write("DELETE", await self._path(f"roleassignments/{quote(one.id, safe='')}"))
                changed = True
            except NotFound:  # it went meanwhile
                continue
        return changed

    # ---- calls

    async def _path(self, what: str) -> str:
        return f"{BASE}/customer/{quote(await self._directory.customer() or 'my_customer', safe='')}/{what}"

    async def _listed(self, params: Mapping[str, str]) -> list[Assigned]:
        rows = await self._api.rows(await self._path("roleassignments"), "items", params)
        found = [_assigned(row, self._system) for row in rows]
        return list({one.id: one for one in found}.values())


def grant(account_id: str, assigned: Assigned) -> Grant:
    """An assignment as what one user holds."""
    via = (f"{GROUP}{assigned.assignee}",) if assigned.is_group else ()
    return Grant(account_id, assigned.entitlement_id, not assigned.is_group, via, assigned.expires)


def merged(grants: list[Grant]) -> list[Grant]:
    """Each role once for each user: what is direct counts, and what lasts longest of that."""
    found: dict[tuple[str, str], Grant] = {}
    for one in grants:
        before = found.get((one.account_id, one.entitlement_id))
        if before is None or _weight(one) > _weight(before):
            found[one.account_id, one.entitlement_id] = one
    return list(found.values())


def _weight(one: Grant) -> tuple[bool, bool, float]:
    return one.direct, one.expires is None, one.expires.timestamp() if one.expires else 0.0


def _role(row: Mapping[str, Any], system: str) -> Entitlement:
    if not row.get("roleId"):
        raise ContractBroken(f"{system} tells of a role without an id.", system=system)
    return Entitlement(f"{ROLE}{row['roleId']}", "role", str(row.get("roleName") or row["roleId"])[:200], True)


def _assigned(row: Mapping[str, Any], system: str) -> Assigned:
    if not row.get("roleAssignmentId") or not row.get("roleId") or not row.get("assignedTo"):
        raise ContractBroken(f"{system} tells of a role that somebody has without an id.", system=system)
    ends = row.get("expirationDetails")
    return Assigned(
        str(row["roleAssignmentId"]),
        f"{ROLE}{row['roleId']}",
        str(row["assignedTo"]),
        str(row.get("assigneeType") or "").casefold() == "group",
        instant(ends.get("expireTime")) if isinstance(ends, dict) else None,
    )
