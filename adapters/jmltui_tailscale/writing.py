"""Changing a tailnet: each change looks first, and is made so.

POST users/{id}/suspend, /restore, /delete and /role, POST device/{id}/expire, DELETE tailnet/{t}/keys/{id}: Tailscale's
OpenAPI description (see `tailnet`). A user has one role; taking it away leaves a member.
"""

from __future__ import annotations

from urllib.parse import quote

from jmltui.adapter_api import Conflict, Forbidden, NotFound, Outcome, Receipt

from .tailnet import OWNER, PLAIN, ROLE, ROLES, Tailnet, seen, user_path


class Writing:
    """Writes one tailnet."""

    def __init__(self, tailnet: Tailnet) -> None:
        self._tailnet = tailnet
        self._http = tailnet.http
        self._system = tailnet.system

    async def set_suspended(self, account_id: str, value: bool) -> Receipt:
        """Suspend the user, or restore a suspended one."""
        before = await self._tailnet.user(account_id)
        if (before["status"] == "suspended") is value:
            return Receipt(Outcome.ALREADY, before=seen(before), after=seen(before))
        self._refuse_owner(before["role"], before["loginName"], "suspended")
        await self._http.send("POST", f"{user_path(account_id)}/{'suspend' if value else 'restore'}")
        return Receipt(Outcome.CHANGED, before=seen(before))

    async def delete(self, account_id: str) -> Receipt:
        """Make the user and its devices not be in the tailnet."""
        try:
            before = await self._tailnet.user(account_id)
            self._refuse_owner(before["role"], before["loginName"], "deleted")
            await self._http.send("POST", f"{user_path(account_id)}/delete")
        except NotFound:
            return Receipt(Outcome.ALREADY, after={"present": False})
        return Receipt(Outcome.CHANGED, before=seen(before), after={"present": False})

    async def set_role(self, account_id: str, entitlement_id: str, held: bool) -> Receipt:
        """Make the user hold this role, or be a plain member. Raises Conflict where another role would be lost."""
        before = await self._tailnet.user(account_id)
        role, has = entitlement_id.removeprefix(ROLE), before["role"]
        if not entitlement_id.startswith(ROLE) or role not in ROLES:
            raise NotFound(f"{self._system} has no role {entitlement_id[:80]}.", system=self._system)
        if (has == role) is held or (role == PLAIN and held):
            return Receipt(Outcome.ALREADY, before=seen(before), after=seen(before))
        self._refuse_owner(has, before["loginName"], "changed")
        if role in (OWNER, PLAIN):
            raise Forbidden(f"The role {role} of {self._system} is neither given nor taken here.", system=self._system)
        if held and has != PLAIN:
            raise Conflict(
                f"{before['loginName']} of {self._system} is {has[:40]} and can have one role; take that one first.",
                system=self._system,
            )
        wanted = role if held else PLAIN
        await self._http.send("POST", f"{user_path(account_id)}/role", json={"role": wanted})
        return Receipt(Outcome.CHANGED, before=seen(before), after={**seen(before), "role": wanted})

    async def end_sessions(self, account_id: str, session_id: str | None) -> Receipt:
        """Expire the keys of connected devices: each has to sign in again."""
        row = await self._tailnet.user(account_id)
        todo = [one.id for one in await self._tailnet.sessions_of(row) if session_id in (None, one.id)]
        for one in todo:
            await self._expire(one)
        return Receipt(Outcome.CHANGED if todo else Outcome.ALREADY, before={"connected": len(todo)})

    async def revoke_credential(self, account_id: str, credential_id: str | None) -> Receipt:
        """Expire device keys and delete other keys, one or all."""
        row = await self._tailnet.user(account_id)
        live = [one.id for one in await self._tailnet.credentials_of(row) if one.active]
        todo = [one for one in live if credential_id in (None, one)]
        for one in todo:
            kind, _, name = one.partition(":")
            if kind == "device":
                await self._expire(name)
            else:
                await self._gone("DELETE", f"{self._tailnet.path}/keys/{quote(name, safe='')}")
        outcome = Outcome.CHANGED if todo else Outcome.ALREADY
        return Receipt(outcome, before={"live": len(live)}, after={"live": len(live) - len(todo)})

    async def _expire(self, device: str) -> None:
        await self._gone("POST", f"device/{quote(device, safe='')}/expire")

    async def _gone(self, method: str, path: str) -> None:
        try:
            await self._http.send(method, path)
        except NotFound:  # it went meanwhile
            return

    def _refuse_owner(self, role: str, login: str, what: str) -> None:
        if role == OWNER:
            raise Forbidden(
                f"{login} owns the tailnet {self._system} and cannot be {what} here; hand the ownership over first.",
                system=self._system,
            )
