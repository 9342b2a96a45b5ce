"""Changing a tenant: each change looks first, and is made so.

PATCH, POST and DELETE of users: learn.microsoft.com/graph/api/user-update, -post-users, -delete (restorable for 30
days), -revokesigninsessions, -assignlicense. Members: …/api/group-post-members and group-delete-members (`/$ref`,
without which the user itself would be deleted). Roles: …/api/rbacapplication-post-roleassignments.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from jmltui.adapter_api import Account, Conflict, Forbidden, Invalid, NotFound, Outcome, OutcomeUnknown, Receipt

from .directory import ASSIGNMENTS, GROUP, LICENCE, ROLE, Directory, group_path, user_path
from .users import account, body_of, differing, properties, refuse_synced, seen


class Writing:
    """Writes one tenant."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._graph = directory.graph
        self._system = directory.system

    async def create(self, wanted: Account) -> tuple[Account, Receipt]:
        """Make the user exist. A taken name is ours only when the employee id is the same. Raises Conflict."""
        present = await self._directory.find(wanted.login)
        if present is None:
            body = body_of(wanted)
            try:
                row = await self._graph.write("POST", "users", body)
            except Conflict:
                present = await self._directory.find(wanted.login)
            else:
                if not isinstance(row.get("id"), str) or row.get("userPrincipalName") != wanted.login:
                    raise OutcomeUnknown(f"{self._system} made a user it does not name.", system=self._system)
                made = account({"accountEnabled": True, "employeeId": wanted.external_id, **row}, self._system)
                return made, Receipt(Outcome.CHANGED, request_id=made.id, after=seen(row))
        if present is None or (present.get("employeeId") or None) != wanted.external_id:
            raise Conflict(
                f"{self._system} already holds a user called {wanted.login[:80]} that belongs to somebody else.",
                system=self._system,
                operation="create",
            )
        return account(present, self._system), Receipt(Outcome.ALREADY, after=seen(present))

    async def update(self, account_id: str, changes: Mapping[str, object]) -> Receipt:
        """Make these properties so."""
        before = await self._directory.user(account_id)
        more = await self._graph.one(user_path(account_id), {"$select": ",".join(["id", *properties(changes)])})
        row = {**before, **more}
        todo = differing(row, changes)
        if not todo:
            return Receipt(Outcome.ALREADY, before=seen(before), after=dict(changes))
        refuse_synced(before, self._system)
        await self._graph.write("PATCH", user_path(account_id), todo)
        return Receipt(Outcome.CHANGED, before=seen(before), after=dict(changes))

    async def set_enabled(self, account_id: str, value: bool) -> Receipt:
        """Make the user able to sign in, or not."""
        before = await self._directory.user(account_id)
        if before.get("accountEnabled") is value:
            return Receipt(Outcome.ALREADY, before=seen(before), after=seen(before))
        refuse_synced(before, self._system)
        await self._graph.write("PATCH", user_path(account_id), {"accountEnabled": value})
        return Receipt(Outcome.CHANGED, before=seen(before), after={**seen(before), "enabled": value})

    async def delete(self, account_id: str) -> Receipt:
        """Make the user not exist; for 30 days it can be restored."""
        try:
            before = await self._directory.user(account_id)
        except NotFound:
            return Receipt(Outcome.ALREADY, after={"present": False})
        refuse_synced(before, self._system)
        try:
            await self._graph.write("DELETE", user_path(account_id))
        except NotFound:
            return Receipt(Outcome.ALREADY, before=seen(before), after={"present": False})
        return Receipt(Outcome.CHANGED, before=seen(before), after={"present": False})

    async def end_sessions(self, account_id: str) -> Receipt:
        """End refresh tokens and browser sessions; asked again it does so again, which is harmless."""
        before = await self._directory.user(account_id)
        await self._graph.write("POST", f"{user_path(account_id)}/revokeSignInSessions")
        return Receipt(Outcome.CHANGED, before=seen(before), after=seen(before))

    async def set_held(
        self, account_id: str, entitlement_id: str, held: bool, expires: datetime | None = None
    ) -> Receipt:
        """Make the user hold an entitlement, or not. Raises NotFound for an unknown one."""
        kind, _, name = entitlement_id.partition(":")
        call = {"group": self._set_member, "role": self._set_role, "licence": self._set_licence}.get(kind)
        holding = self._directory.holding(entitlement_id)
        if not name or (call is None and holding is None):
            raise NotFound(f"{self._system} has no entitlement {entitlement_id[:80]}.", system=self._system)
        await self._directory.user(account_id)
        if holding is not None:
            outcome = await holding.set_held(account_id, entitlement_id, held, expires)
        else:
            assert call is not None
            outcome = Outcome.CHANGED if await call(account_id, entitlement_id, held) else Outcome.ALREADY
        facts, was = {"user": account_id, "target": entitlement_id}, held is (outcome is Outcome.ALREADY)
        return Receipt(outcome, before={**facts, "held": was}, after={**facts, "held": held})

    async def _set_member(self, account_id: str, entitlement_id: str, held: bool) -> bool:
        group = await self._directory.group(entitlement_id)
        if (entitlement_id in await self._directory.groups_of(account_id)) is held:
            return False
        if not group.grantable:
            raise Forbidden(
                f"Who is in {group.name} of {self._system} is decided elsewhere: "
                "by a rule, Active Directory or Exchange.",
                system=self._system,
            )
        path = f"{group_path(entitlement_id)}/members"
        if held:
            reference = {"@odata.id": self._graph.address(f"directoryObjects/{quote(account_id, safe='')}")}
            await self._graph.write("POST", f"{path}/$ref", reference)
            return True
        try:
            await self._graph.write("DELETE", f"{path}/{quote(account_id, safe='')}/$ref")
        except NotFound:
            return False
        return True

    async def _set_role(self, account_id: str, entitlement_id: str, held: bool) -> bool:
        role_id = entitlement_id.removeprefix(ROLE)
        present = [one for one in await self._directory.roles_of(account_id) if one.get("roleDefinitionId") == role_id]
        if bool(present) is held:
            return False
        if held:
            body: dict[str, Any] = {"@odata.type": "#microsoft.graph.unifiedRoleAssignment", "directoryScopeId": "/"}
            body |= {"roleDefinitionId": role_id, "principalId": account_id}
            await self._graph.write("POST", ASSIGNMENTS, body)
        schedules = self._directory.schedules
        scheduled = await schedules.scheduled(account_id) if schedules is not None and present else {}
        for one in present:  # of every scope: who loses a role loses it everywhere
            if schedules is not None and (row := scheduled.get(str(one["id"]))) is not None:
                await schedules.end(row)
            else:
                await self._graph.write("DELETE", f"{ASSIGNMENTS}/{quote(str(one['id']), safe='')}")
        return True

    async def _set_licence(self, account_id: str, entitlement_id: str, held: bool) -> bool:
        sku = entitlement_id.removeprefix(LICENCE)
        present = {one.entitlement_id: one for one in await self._directory.licences_of(account_id)}.get(entitlement_id)
        if (present is not None) is held:
            return False
        if present is not None and not present.direct:
            group_id = present.via[0].removeprefix(GROUP)
            raise Forbidden(
                f"This licence comes by the group {group_id} of {self._system}; take the user out of that group.",
                system=self._system,
            )
        body = {
            "addLicenses": [{"skuId": sku, "disabledPlans": []}] if held else [],
            "removeLicenses": [] if held else [sku],
        }
        try:
            await self._graph.write("POST", f"{user_path(account_id)}/assignLicense", body)
        except Invalid as error:
            raise Invalid(
                f"{error.message} (a licence needs usageLocation, and one to be free)", system=self._system
            ) from error
        return True
