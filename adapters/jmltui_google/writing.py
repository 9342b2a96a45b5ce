"""Changing a customer: each change looks first, and is made so.

Users and signOut: developers.google.com/workspace/admin/directory/reference/rest/v1/users; members: …/members (409
where one is a member already); tokens and asps: …/tokens, …/asps; licences:
developers.google.com/workspace/admin/licensing/reference/rest/v1/licenseAssignments. A deleted user can be restored for
20 days (support.google.com/a/answer/1397578).
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from jmltui.adapter_api import (
    Account,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Outcome,
    OutcomeUnknown,
    Receipt,
    Stale,
)

from .credentials import Credentials
from .directory import BASE, GROUP, LICENCE, Directory, group_path, user_path
from .roles import ROLE, Roles
from .users import account, body_of, differing, number, seen


class Writing:
    """Writes one customer."""

    def __init__(self, directory: Directory, roles: Roles | None) -> None:
        self._directory, self._roles = directory, roles
        self._admin = directory.admin
        self._system = directory.system

    async def create(self, wanted: Account) -> tuple[Account, Receipt]:
        """Make the user exist. A taken address is ours only when the number is the same. Raises Conflict."""
        present = await self._directory.find(wanted.login)
        if present is None:
            try:
                row = await self._admin.write("POST", f"{BASE}/users", body_of(wanted))
            except Conflict:
                present = await self._directory.find(wanted.login)
            else:
                if str(row.get("primaryEmail")).casefold() != wanted.login.casefold() or not row.get("id"):
                    raise OutcomeUnknown(f"{self._system} made a user it does not name.", system=self._system)
                made = account(row, self._system)
                return made, Receipt(Outcome.CHANGED, request_id=made.id, after=seen(row))
        if present is None or number(present) != wanted.external_id:
            raise Conflict(
                f"{self._system} already holds a user called {wanted.login[:80]} that belongs to somebody else.",
                system=self._system,
                operation="create",
            )
        return account(present, self._system), Receipt(Outcome.ALREADY, after=seen(present))

    async def update(self, account_id: str, changes: Mapping[str, object], if_version: str | None) -> Receipt:
        """Make these so."""
        before = await self._directory.user(account_id)
        if if_version is not None and before.get("etag") != if_version:
            raise Stale(f"{before['primaryEmail']} of {self._system} changed since it was read.", system=self._system)
        todo = differing(before, changes)
        if not todo:
            return Receipt(Outcome.ALREADY, before=seen(before), after=dict(changes))
        await self._admin.write("PATCH", user_path(account_id), todo)
        return Receipt(Outcome.CHANGED, before=seen(before), after=dict(changes))

    async def set_suspended(self, account_id: str, value: bool) -> Receipt:
        """Suspend the user, or take the suspension back."""
        before = await self._directory.user(account_id)
        if not value and before.get("archived") is True:
            raise Forbidden(
                f"{before['primaryEmail']} of {self._system} is archived; to return it needs a licence, by hand.",
                system=self._system,
            )
        if (before.get("suspended") is True) is value:
            return Receipt(Outcome.ALREADY, before=seen(before), after=seen(before))
        await self._admin.write("PATCH", user_path(account_id), {"suspended": value})
        return Receipt(Outcome.CHANGED, before=seen(before), after={**seen(before), "suspended": value})

    async def delete(self, account_id: str) -> Receipt:
        """Make the user not exist; for 20 days it can be restored by hand."""
        try:
            before = await self._directory.user(account_id)
            await self._admin.write("DELETE", user_path(account_id))
        except NotFound:
            return Receipt(Outcome.ALREADY, after={"present": False})
        return Receipt(Outcome.CHANGED, before=seen(before), after={"present": False})

    async def sign_out(self, account_id: str) -> Receipt:
        """End all web and device sessions; asked again it does so again, which is harmless."""
        before = await self._directory.user(account_id)
        await self._admin.write("POST", f"{user_path(account_id)}/signOut")
        return Receipt(Outcome.CHANGED, before=seen(before))

    async def revoke_credential(self, account_id: str, credential_id: str | None) -> Receipt:
        """Take back one token or application password, or all."""
        await self._directory.user(account_id)
        present = [one.id for one in await Credentials(self._directory).of(account_id)]
        todo = [one for one in present if credential_id in (None, one)]
        for one in todo:
            kind, _, name = one.partition(":")
            try:
                await self._admin.write("DELETE", f"{user_path(account_id)}/{kind}s/{quote(name, safe='')}")
            except NotFound:  # it went meanwhile
                continue
        outcome = Outcome.CHANGED if todo else Outcome.ALREADY
        return Receipt(outcome, before={"credentials": len(present)}, after={"credentials": len(present) - len(todo)})

    async def set_held(self, account_id: str, entitlement_id: str, held: bool) -> Receipt:
        """Make the user hold a group, a licence or a role, or not. Raises NotFound for an unknown one."""
        login = str((await self._directory.user(account_id))["primaryEmail"])
        if entitlement_id.startswith(GROUP):
            changed = await self._set_member(account_id, entitlement_id, held)
        elif entitlement_id.startswith(LICENCE) and self._directory.licensing is not None:
            changed = await self._set_licence(login, entitlement_id, held)
        elif entitlement_id.startswith(ROLE) and self._roles is not None:
            changed = await self._roles.set_held(account_id, entitlement_id, held)
        else:
            raise NotFound(f"{self._system} has no entitlement {entitlement_id[:80]}.", system=self._system)
        facts = {"user": account_id, "target": entitlement_id}
        outcome = Outcome.CHANGED if changed else Outcome.ALREADY
        return Receipt(outcome, before={**facts, "held": held is not changed}, after={**facts, "held": held})

    async def _set_member(self, account_id: str, entitlement_id: str, held: bool) -> bool:
        group = {one.id: one for one in await self._directory.groups()}.get(entitlement_id)
        if group is None:
            raise NotFound(f"{self._system} has no group {entitlement_id[:80]}.", system=self._system)
        if (entitlement_id in await self._directory.groups_of(account_id)) is held:
            return False
        if not group.grantable:
            raise Forbidden(f"Who is in {group.name} of {self._system} is decided by its rule.", system=self._system)
        path = f"{group_path(entitlement_id)}/members"
        if held:
            await self._admin.write("POST", path, {"id": account_id, "role": "MEMBER"})
            return True
        try:
            await self._admin.write("DELETE", f"{path}/{quote(account_id, safe='')}")
        except NotFound:  # it went meanwhile
            return False
        return True

    async def _set_licence(self, login: str, entitlement_id: str, held: bool) -> bool:
        licensing = self._directory.licensing
        product, _, sku = entitlement_id.removeprefix(LICENCE).partition("/")
        if licensing is None or not sku:
            raise NotFound(f"{self._system} has no licence {entitlement_id[:80]}.", system=self._system)
        path = f"/apps/licensing/v1/product/{quote(product, safe='')}/sku/{quote(sku, safe='')}/user"
        one = f"{path}/{quote(login, safe='@')}"
        try:
            await licensing.get(one)
            present = True
        except NotFound:
            present = False
        if present is held:
            return False
        try:
            if held:
                await licensing.write("POST", path, {"userId": login})
            else:
                await licensing.write("DELETE", one)
        except Invalid as error:
            raise Invalid(f"{error.message} (an automatic licence goes with its rule)", system=self._system) from error
        return True
