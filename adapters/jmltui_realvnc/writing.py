"""Changing a team: each change looks first, and is made so.

Methods, If-Match with 412 and 428, and that members of the role ADMIN or higher are neither removed nor changed:
RealVNC's OpenAPI file (see `members`).
"""

from __future__ import annotations

from urllib.parse import quote

from jmltui.adapter_api import ContractBroken, Forbidden, NotFound, Outcome, Receipt
from jmltui.exchange import HttpExchange

from .members import CHANGEABLE, GROUP, ROLE, ROLES, Member, refuse_untouchable
from .team import Team, member_path


class Writing:
    """Writes one team."""

    def __init__(self, http: HttpExchange, team: Team) -> None:
        self._http = http
        self._team = team
        self._system = http.system

    async def remove(self, account_id: str) -> Receipt:
        """Make the member not be in the team. A removed one must be told as removed, or as not there."""
        try:
            before = await self._team.present(account_id)
        except NotFound:
            return Receipt(Outcome.ALREADY, after={"present": False})
        refuse_untouchable(before, "removed", self._system)
        try:
            await self._http.send("DELETE", member_path(account_id))
        except NotFound:
            return Receipt(Outcome.ALREADY, before=before.seen(), after={"present": False})
        return Receipt(Outcome.CHANGED, before=before.seen(), after={"present": False})

    async def set(self, account_id: str, entitlement_id: str, held: bool) -> Receipt:
        """Make the member hold a role or group, or not. Raises NotFound for an unknown one."""
        member = await self._team.present(account_id)
        if entitlement_id.startswith(ROLE) and entitlement_id.removeprefix(ROLE) in ROLES:
            return await self._set_role(member, entitlement_id.removeprefix(ROLE), held)
        if not entitlement_id.startswith(GROUP):
            raise NotFound(f"{self._system} has no entitlement {entitlement_id[:80]}.", system=self._system)
        return await self._set_group(member, entitlement_id, held)

    async def _set_role(self, member: Member, role: str, held: bool) -> Receipt:
        if (role in member.roles) is held:
            return Receipt(Outcome.ALREADY, before=member.seen(), after=member.seen())
        refuse_untouchable(member, "changed", self._system)
        if role not in CHANGEABLE:
            raise Forbidden(
                f"The interface of {self._system} does not grant the role {role}; an Owner does that in the Portal.",
                system=self._system,
            )
        if not member.version:
            raise ContractBroken(f"{self._system} gives {member.login} no version to change.", system=self._system)
        roles = sorted(member.roles | {role} if held else member.roles - {role})
        headers = {"If-Match": member.version}
        await self._http.send("PATCH", member_path(member.id), json={"roles": roles}, headers=headers)
        return Receipt(Outcome.CHANGED, before=member.seen(), after={**member.seen(), "roles": roles})

    async def _set_group(self, member: Member, entitlement_id: str, held: bool) -> Receipt:
        group_id = entitlement_id.removeprefix(GROUP)
        inside = {one.id for one in await self._team.groups_of(member.id)}
        facts = {"member": member.login, "group": group_id}
        if (entitlement_id in inside) is held:
            return Receipt(Outcome.ALREADY, before={**facts, "held": held}, after={**facts, "held": held})
        method = "PUT" if held else "DELETE"
        await self._http.send(method, f"{member_path(member.id)}/groups/{quote(group_id, safe='')}")
        return Receipt(Outcome.CHANGED, before={**facts, "held": not held}, after={**facts, "held": held})
