"""Memberships of servers whose groups list nobody: each one is asked for by a filter (AWS ListGroups)."""

from __future__ import annotations

import json
from collections.abc import Sequence

from jmltui.adapter_api import ContractBroken, Invalid, NotFound, OutcomeUnknown, Unsupported

from .batches import chunks, in_parallel
from .listing import GROUPS, Group, matching
from .memberships import Memberships


class AskedMemberships(Memberships):
    """Knows a member only by asking for that one; whether a change took others along cannot be seen."""

    async def listed(self, group: Group, account_ids: Sequence[str]) -> dict[str, str]:
        """Those of the accounts that the group holds, each one asked for."""
        wanted = list(dict.fromkeys(account_ids))
        held = await in_parallel([self._holds(group.id, account_id) for account_id in wanted])
        return {account_id: account_id for account_id, yes in zip(wanted, held, strict=True) if yes}

    async def _holds(self, group_id: str, account_id: str) -> bool:
        question = self._profile.membership.format(group=json.dumps(group_id), user=json.dumps(account_id))
        try:
            hits = await matching(self._resources.transport, "Groups", GROUPS, question)
        except NotFound:  # nobody has this id any more
            return False
        # A server that ignores the filter answers with every group: then the answer says nothing.
        if any(hit.id != group_id for hit in hits):
            raise self._unbelievable(group_id)
        return bool(hits)

    def _unbelievable(self, group_id: str) -> ContractBroken:
        return ContractBroken(
            f"{self._system} was asked who is in the group {group_id} and answered with other groups.",
            system=self._system,
        )

    async def _take_out(self, group: Group, meant: set[str]) -> set[str]:
        left = set(meant)
        for way in self._ways():
            try:
                for part in chunks(sorted(left), self._profile.changes):
                    await way(group.id, part)
            except (Invalid, Unsupported):
                continue
            except OutcomeUnknown as error:
                if not error.code.startswith("5"):
                    raise
            left = set(await self.listed(group, sorted(left)))
            if not left:
                break
        return left

    async def says_user(self, account_id: str, group: Group) -> bool:
        """What was asked for one by one needs no second witness."""
        del account_id, group
        return False
