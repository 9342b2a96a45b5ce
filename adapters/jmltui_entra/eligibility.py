"""Eligible roles as entitlements: whoever may activate a directory role holds something, active or not.

What Graph tells of it and how it is changed: see `schedules`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from jmltui.adapter_api import Conflict, Entitlement, Forbidden, Grant, Invalid, NotFound, Outcome

from .chosen import Standing
from .directory import ROLE, Directory
from .graph import literal
from .schedules import ELIGIBILITY, ELIGIBILITY_REQUESTS, Schedules, end_of, later, target_of

ELIGIBLE: Final = "eligible:"


class Eligibility:
    """Roles that a user may activate, as entitlements beside the roles themselves."""

    name: ClassVar[str] = "pim"
    prefix: ClassVar[str] = ELIGIBLE

    def __init__(self, directory: Directory, schedules: Schedules) -> None:
        self._directory = directory
        self._schedules = schedules
        self._system = directory.system

    async def probe(self) -> str:
        """That the schedules are readable."""
        await self._schedules.eligible()
        return "readable"

    async def entitlements(self) -> list[Entitlement]:
        """One beside each role; whoever may activate a role is privileged."""
        return [
            Entitlement(f"{ELIGIBLE}{one.id.removeprefix(ROLE)}", "role", f"{one.name} (eligible)", True, one.grantable)
            for one in await self._directory.roles()
        ]

    async def grants(self, accounts: Collection[str]) -> list[Grant]:
        """Who may activate what; what a group may is shown as the group."""
        return [one for one in _grants(await self._schedules.eligible()) if one.account_id in accounts]

    async def of(self, account_id: str) -> list[Grant]:
        """What one user may activate."""
        return _grants(await self._rows_of(account_id))

    async def set_held(self, account_id: str, entitlement_id: str, held: bool, expires: datetime | None) -> Outcome:
        """Make the user eligible in the whole tenant, or in no scope at all. Raises Invalid, Forbidden."""
        role_id = entitlement_id.removeprefix(ELIGIBLE)
        present = await self._of_role(account_id, role_id)
        if bool(present) is held:
            return Outcome.ALREADY
        if held:
            target = {"principalId": account_id, "roleDefinitionId": role_id, "directoryScopeId": "/"}
            body = {"action": "adminAssign", **target, "scheduleInfo": self._period(expires)}
            return await self._ask(account_id, role_id, held, body)
        own = [row for row in present if _is_direct(row)]
        if not own:
            raise Forbidden(
                f"This user of {self._system} may activate the role by a group; take the user out of that group.",
                system=self._system,
            )
        outcomes = [
            await self._ask(account_id, role_id, held, {"action": "adminRemove", **target_of(row)}) for row in own
        ]
        return Outcome.PENDING if Outcome.PENDING in outcomes else Outcome.CHANGED

    async def standing(self, account_id: str, entitlement_id: str) -> Standing:
        """By the role's own list."""
        role_id = entitlement_id.removeprefix(ELIGIBLE)
        rows = await self._schedules.eligible(f"roleDefinitionId eq {literal(role_id)}")
        mine = [r for r in rows if r.get("principalId") == account_id and r.get("roleDefinitionId") == role_id]
        return Standing(bool(mine), f"GET /{ELIGIBILITY} of the role")

    async def _ask(self, account_id: str, role_id: str, held: bool, body: Mapping[str, Any]) -> Outcome:
        try:
            return await self._schedules.ask(ELIGIBILITY_REQUESTS, body)
        except (
            Conflict,
            Invalid,
            NotFound,
        ):  # RoleAssignmentExists, RoleAssignmentDoesNotExist: it came or went meanwhile
            if bool(await self._of_role(account_id, role_id)) is held:
                return Outcome.ALREADY
            raise

    async def _rows_of(self, account_id: str) -> list[dict[str, Any]]:
        rows = await self._schedules.eligible(f"principalId eq {literal(account_id)}")
        return [row for row in rows if row.get("principalId") == account_id]

    async def _of_role(self, account_id: str, role_id: str) -> list[dict[str, Any]]:
        return [row for row in await self._rows_of(account_id) if row.get("roleDefinitionId") == role_id]

    def _period(self, expires: datetime | None) -> dict[str, Any]:
        expiration = (
            {"type": "noExpiration"} if expires is None else {"type": "afterDateTime", "endDateTime": _z(expires)}
        )
        return {"startDateTime": _z(self._schedules.graph.clock()), "expiration": expiration}


def _grants(rows: Collection[Mapping[str, Any]]) -> list[Grant]:
    """One for each user and role, whatever the scopes: it lasts as long as the longest."""
    found: dict[tuple[str, str], Grant] = {}
    for row in rows:
        who, what = str(row.get("principalId")), f"{ELIGIBLE}{row.get('roleDefinitionId')}"
        one = Grant(who, what, direct=_is_direct(row), expires=end_of(row))
        known = found.get((who, what))
        if known is not None:
            one = Grant(who, what, known.direct or one.direct, expires=later(known.expires, one.expires))
        found[who, what] = one
    return [found[key] for key in sorted(found)]


def _is_direct(row: Mapping[str, Any]) -> bool:
    return row.get("memberType") in (None, "Direct")


def _z(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
