"""Whether an effect stands, by another call than the one that made it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from jmltui.adapter_api import Cap, Clock, Evidence, NotFound, Proof, Step, Verdict

from .credentials import Credentials
from .customer import Customer
from .directory import GROUP, LICENCE, group_path, licence_id, user_path
from .roles import ROLE
from .transfers import TRANSFERS
from .users import number, seen


class Proofs:
    """Reads effects back."""

    def __init__(self, customer: Customer, clock: Clock) -> None:
        self._customer, self._directory = customer, customer.directory
        self._clock = clock

    async def of(self, step: Step) -> Evidence:
        """The evidence for one step. Never writes. That sessions ended Google does not tell."""
        if step.cap in (Cap.GRANT, Cap.REVOKE) and step.target:
            return await self._held(step, step.target)
        if step.cap is Cap.TRANSFER and step.target and self._customer.transfers is not None:
            verdict, observed = await self._customer.transfers.look(step.account_id, step.target)
            return Evidence(verdict, Proof.READ_BACK, observed, self._clock(), f"GET {TRANSFERS}")
        if step.cap is Cap.WIPE_DEVICE and step.target and self._customer.wiping is not None:
            look = await self._customer.wiping.look_at(step.target)
            return Evidence(look.verdict, Proof.READ_BACK, look.observed, self._clock(), look.source)
        if step.cap is Cap.REVOKE_CREDENTIALS:
            return await self._credentials(step)
        if step.cap in (Cap.CREATE, Cap.DELETE, Cap.ENABLE, Cap.DISABLE):
            return await self._account(step)
        return Evidence(Verdict.UNVERIFIABLE, Proof.NONE, {}, self._clock(), "nothing tells of it")

    async def _account(self, step: Step) -> Evidence:
        row: Mapping[str, Any] | None
        try:
            directory = self._directory
            row = await (directory.user(step.account_id) if step.account_id else directory.find(step.login))
        except NotFound:
            row = None
        wanted = step.wanted.get("external_id") or None
        off = row is not None and (row.get("suspended") is True or row.get("archived") is True)
        right = {
            Cap.CREATE: row is not None and (wanted is None or number(row) == wanted),
            Cap.DELETE: row is None,
            Cap.ENABLE: row is not None and not off,
            Cap.DISABLE: row is None or off,
        }[step.cap]
        source = f"GET {user_path(step.account_id or step.login)}"
        return self._told(right, seen(row) if row else {"present": False}, source)

    async def _held(self, step: Step, target: str) -> Evidence:
        """A membership by the group's own record of it, a licence by the product's list, a role by its assignments."""
        source = f"GET {group_path(target)}/members/{quote(step.account_id, safe='')}"
        held = False
        try:
            if target.startswith(GROUP):
                row = (await self._directory.admin.get(source.removeprefix("GET "))).object()
                held = row.get("id") == step.account_id
            elif target.startswith(LICENCE):
                product = target.removeprefix(LICENCE).partition("/")[0]
                source = f"GET /apps/licensing/v1/product/{product}/users"
                login = str((await self._directory.user(step.account_id))["primaryEmail"]).casefold()
                rows = await self._directory.assignments(product)
                held = any(licence_id(r) == target and str(r.get("userId")).casefold() == login for r in rows)
            elif target.startswith(ROLE) and self._customer.roles is not None:
                source = f"GET roleassignments?roleId={target.removeprefix(ROLE)[:80]}"
                held = bool(await self._customer.roles.by_role(target, step.account_id))
        except NotFound:
            held = False
        return self._told(held is (step.cap is Cap.GRANT), {"target": target, "held": held}, source)

    async def _credentials(self, step: Step) -> Evidence:
        source = f"GET {user_path(step.account_id)}/tokens and asps"
        try:
            found = [one.id for one in await Credentials(self._directory).of(step.account_id)]
        except NotFound:
            found = []
        left = [one for one in found if step.target in (None, one)]
        return self._told(not left, {"left": len(left)}, source)

    def _told(self, right: bool, observed: Mapping[str, object], source: str) -> Evidence:
        verdict = Verdict.CONFIRMED if right else Verdict.CONTRADICTED
        return Evidence(verdict, Proof.READ_BACK, observed, self._clock(), source)
