"""App roles: who may use which application as what, given to a user or to a group that the user is directly in.

Assignments and whom they count for: learn.microsoft.com/graph/api/resources/approleassignment (only direct members of a
group). Of a user, with what comes by groups: …/api/user-list-approleassignments; of an application:
…/api/serviceprincipal-list-approleassignedto, “might have replication delays”. Given and taken at the application, as
the reference recommends: …/api/serviceprincipal-post-approleassignedto and -delete-approleassignedto. The role of an
application that declares none is all zeros: …/resources/approleassignment. The tag of what the portal calls enterprise
applications: …/resources/serviceprincipal, `tags`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final
from urllib.parse import quote

from jmltui.adapter_api import (
    Ambiguous,
    Conflict,
    ContractBroken,
    Entitlement,
    Forbidden,
    Grant,
    Invalid,
    NotFound,
    Outcome,
)

from .chosen import Standing, distinct, explained
from .directory import GROUP, MOST, Directory, user_path
from .graph import literal

PERMISSION: Final = "permission:"
ALL: Final = "all"
ENTERPRISE: Final = "WindowsAzureActiveDirectoryIntegratedApp"
FIELDS: Final = "id,appId,displayName,appRoles,tags"
NO_ROLE: Final = "00000000-0000-0000-0000-000000000000"
APP_ID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
READING: Final = "Application.Read.All (and Directory.Read.All)"
WRITING: Final = "AppRoleAssignment.ReadWrite.All"


class Applications:
    """The app roles of the applications that the settings name, by display name or application id, or of all."""

    name: ClassVar[str] = "applications"
    prefix: ClassVar[str] = PERMISSION

    def __init__(self, directory: Directory, wanted: Sequence[str]) -> None:
        self._directory = directory
        self._graph = directory.graph
        self._system = directory.system
        self._wanted = tuple(wanted)
        self._ids: frozenset[str] | None = None

    async def probe(self) -> str:
        """How many applications are looked at."""
        return f"{len(await self._applications())} readable"

    async def entitlements(self) -> list[Entitlement]:
        """Every role that users can have, “Application: role”, and plain access."""
        rows = await self._applications()
        count = Counter(_named(row).casefold() for row in rows)
        found: list[Entitlement] = []
        for row in rows:
            name = _named(row)
            found += _roles(row, f"{name} {str(row.get('appId'))[:8]}" if count[name.casefold()] > 1 else name)
        return distinct(found)

    async def grants(self, accounts: Collection[str]) -> list[Grant]:
        """Who has which role; one given to somebody stands before the same one by a group."""
        found: dict[tuple[str, str], Grant] = {}
        members: dict[str, list[str]] = {}
        for application in await self._applications():
            for row in await self._assigned(str(application["id"])):
                role, who = _entitlement(row), str(row.get("principalId"))
                if row.get("principalType") == "User" and who in accounts:
                    found[who, role] = Grant(who, role)
                elif row.get("principalType") == "Group":
                    if who not in members:
                        members[who] = await self._members(who)
                    for one in members[who]:
                        if one in accounts:
                            found.setdefault((one, role), Grant(one, role, direct=False, via=(f"{GROUP}{who}",)))
        return [found[key] for key in sorted(found)]

    async def of(self, account_id: str) -> list[Grant]:
        """What one user has of the chosen applications."""
        if self._ids is None:
            await self._applications()
        ids = self._ids or frozenset()
        found: dict[str, Grant] = {}
        for row in await self._assigned_to(account_id):
            if str(row.get("resourceId")) not in ids:
                continue
            role = _entitlement(row)
            if _is_direct(row, account_id):
                found[role] = Grant(account_id, role)
            else:
                by_group = (f"{GROUP}{row.get('principalId')}",)
                found.setdefault(role, Grant(account_id, role, direct=False, via=by_group))
        return [found[role] for role in sorted(found)]

    async def set_held(self, account_id: str, entitlement_id: str, held: bool, expires: datetime | None) -> Outcome:
        """Give the role to the user, or take it. Raises Forbidden where it comes by a group alone."""
        del expires
        application_id, role_id = _parts(entitlement_id)
        present = await self._of_role(account_id, entitlement_id)
        if bool(present) is held:
            return Outcome.ALREADY
        if held:
            return await self._give(account_id, application_id, role_id)
        own = [row for row in present if _is_direct(row, account_id)]
        if not own:
            raise Forbidden(
                f"This role comes by the group {present[0].get('principalId')} of {self._system}; take the user out "
                "of that group.",
                system=self._system,
            )
        for row in own:
            with explained(self._system, "app roles", WRITING):
                try:
                    await self._graph.write("DELETE", f"{_path(application_id)}/{quote(str(row['id']), safe='')}")
                except NotFound:  # it went meanwhile
                    continue
        return Outcome.CHANGED

    async def standing(self, account_id: str, entitlement_id: str) -> Standing:
        """By the application's own list, and the groups that the user is in."""
        application_id, role_id = _parts(entitlement_id)
        source = f"GET /{_path(application_id)}"
        rows = [row for row in await self._assigned(application_id) if row.get("appRoleId") == role_id]
        if any(_is_direct(row, account_id) for row in rows):
            return Standing(True, source)
        by_groups = {f"{GROUP}{row.get('principalId')}" for row in rows if row.get("principalType") == "Group"}
        through = sorted(by_groups & await self._directory.groups_of(account_id)) if by_groups else []
        return Standing(bool(through), source, {"through": through} if through else {})

    async def _give(self, account_id: str, application_id: str, role_id: str) -> Outcome:
        with explained(self._system, "applications", READING):
            row = await self._graph.one(_application(application_id), {"$select": FIELDS})
        role = next((one for one in row.get("appRoles") or [] if one.get("id") == role_id), None)
        if role_id != NO_ROLE and (role is None or role.get("isEnabled") is False):
            raise Invalid(
                f"{_named(row)} of {self._system} has no such role in use; look at its app roles.", system=self._system
            )
        body = {"principalId": account_id, "resourceId": application_id, "appRoleId": role_id}
        with explained(self._system, "app roles", WRITING):
            try:
                await self._graph.write("POST", _path(application_id), body)
            except (Conflict, Invalid):  # “Permission being assigned already exists on the object”
                if await self._of_role(account_id, f"{PERMISSION}{application_id}/{role_id}"):
                    return Outcome.ALREADY
                raise
        return Outcome.CHANGED

    # ---- reading

    async def _applications(self) -> list[dict[str, Any]]:
        """Each chosen application once. Raises Invalid, Ambiguous for a name in the settings that means none or two."""
        found: dict[str, dict[str, Any]] = {}
        with explained(self._system, "applications", READING):
            for name in self._wanted:
                for row in await self._named(name):
                    if not isinstance(row.get("id"), str) or not row["id"]:
                        raise ContractBroken(f"{self._system} lists an application without an id.", system=self._system)
                    found.setdefault(row["id"], row)
        self._ids = frozenset(found)
        return list(found.values())

    async def _named(self, name: str) -> list[dict[str, Any]]:
        top = {"$select": FIELDS, "$top": str(MOST)}
        if name == ALL:
            rows = await self._graph.rows("servicePrincipals", {"$filter": f"tags/any(t:t eq '{ENTERPRISE}')", **top})
            return [row for row in rows if ENTERPRISE in (row.get("tags") or [])]
        key = "appId" if APP_ID.fullmatch(name) else "displayName"
        rows = await self._graph.rows("servicePrincipals", {"$filter": f"{key} eq {literal(name)}", **top})
        hits = [row for row in rows if str(row.get(key) or "").casefold() == name.casefold()]
        if len(hits) > 1:
            raise Ambiguous(
                f"{self._system} has {len(hits)} applications called {name[:80]}; name it by its application id.",
                system=self._system,
            )
        if not hits:
            raise Invalid(
                f"{self._system} has no application {name[:80]}; correct `applications` in the settings.",
                system=self._system,
            )
        return hits

    async def _assigned(self, application_id: str) -> list[dict[str, Any]]:
        with explained(self._system, "app roles", READING):
            return await self._graph.rows(_path(application_id), {"$top": str(MOST)})

    async def _assigned_to(self, account_id: str) -> list[dict[str, Any]]:
        with explained(self._system, "app roles", READING):
            return await self._graph.rows(f"{user_path(account_id)}/appRoleAssignments", {"$top": str(MOST)})

    async def _of_role(self, account_id: str, entitlement_id: str) -> list[dict[str, Any]]:
        return [row for row in await self._assigned_to(account_id) if _entitlement(row) == entitlement_id]

    async def _members(self, group_id: str) -> list[str]:
        try:
            return await self._directory.members(f"{GROUP}{group_id}")
        except NotFound:  # the group is gone since
            return []


def _application(application_id: str) -> str:
    return f"servicePrincipals/{quote(application_id, safe='')}"


def _path(application_id: str) -> str:
    return f"{_application(application_id)}/appRoleAssignedTo"


def _parts(entitlement_id: str) -> tuple[str, str]:
    application_id, _, role_id = entitlement_id.removeprefix(PERMISSION).partition("/")
    if not application_id or not role_id:
        raise NotFound(f"There is no app role {entitlement_id[:80]}.")
    return application_id, role_id


def _entitlement(row: Mapping[str, Any]) -> str:
    return f"{PERMISSION}{row.get('resourceId')}/{row.get('appRoleId')}"


def _is_direct(row: Mapping[str, Any], account_id: str) -> bool:
    return row.get("principalType") == "User" and row.get("principalId") == account_id


def _named(row: Mapping[str, Any]) -> str:
    return str(row.get("displayName") or row.get("id"))[:90]


def _roles(row: Mapping[str, Any], name: str) -> list[Entitlement]:
    """The roles of one application that users can have. What a role allows is the application's own affair."""
    place = f"{PERMISSION}{row['id']}"
    roles = [one for one in row.get("appRoles") or [] if "User" in (one.get("allowedMemberTypes") or [])]
    found = [Entitlement(f"{place}/{one.get('id')}", "permission", f"{name}: {_role_name(one)}") for one in roles]
    return [*found, Entitlement(f"{place}/{NO_ROLE}", "permission", f"{name}: access")]


def _role_name(role: Mapping[str, Any]) -> str:
    return str(role.get("displayName") or role.get("value") or role.get("id"))[:100]
