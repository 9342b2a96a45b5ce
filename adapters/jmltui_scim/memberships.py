"""Who belongs to a group, and changing it.

RFC 7643 section 4.2 makes `members[].value` the id of a user. Some servers list userNames there instead, and one that
is looked for by id would be told "no member" while still being one. So a few listed values are tried as ids once; where
none is, members are known by both.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from jmltui.adapter_api import (
    Cap,
    Clock,
    ContractBroken,
    Evidence,
    Invalid,
    NotFound,
    Outcome,
    OutcomeUnknown,
    Proof,
    Receipt,
    Stale,
    Step,
    Unsupported,
    Verdict,
)

from .batches import chunks
from .listing import Group
from .profiles import Profile, Way
from .replacing import Replacing
from .resources import Resources, group_path, user_path

TRIES: Final = 3
"""How often the whole list is written when others change it at the same time."""
ASKED: Final = 3
"""How many listed members are tried as ids: some may be of users that are gone."""


class Memberships:
    """The memberships of one server."""

    def __init__(self, resources: Resources, profile: Profile, replacing: Replacing) -> None:
        self._resources = resources
        self._profile = profile
        self._system = resources.system
        self._replacing = replacing
        self._by_id: bool | None = None

    async def add(self, group_id: str, account_ids: Sequence[str]) -> Mapping[str, Receipt | Exception]:
        """Make all of them members by as few PATCHes as possible: by value alone, else with the user's address.

        Where the server takes no PATCH the whole group is written. Raises ContractBroken when somebody else went.
        """
        group = await self._resources.group(group_id)
        held = await self.listed(group, account_ids)
        missing = [a for a in dict.fromkeys(account_ids) if a not in held]
        for part in chunks(missing, self._profile.changes):
            if not await self._added(group_id, part):
                await self._replacing.members(group_id, add=part)
                await self._check_added(group, part)
        changed = set(missing)
        return {a: _receipt(a in changed, was=a in held, now=True) for a in account_ids}

    async def _added(self, group_id: str, account_ids: Sequence[str]) -> bool:
        """Whether the server takes PATCH; then it took this one. False only where PUT may be tried."""
        base, refused = self._resources.transport.base, None
        plain = [{"value": a} for a in account_ids]
        whole = [{"value": a, "$ref": f"{base}{user_path(a)}", "type": "User"} for a in account_ids]
        for members in (plain, whole) if self._resources.patches else ():
            try:
                await self._resources.patch(group_path(group_id), [{"op": "add", "path": "members", "value": members}])
            except (Invalid, Unsupported) as error:
                refused = refused or error
            else:
                return True
        if Way.WHOLE in self._profile.removal and (refused is None or isinstance(refused, Unsupported)):
            return False
        raise refused or Unsupported(f"{self._system} takes no change of groups.", system=self._system)

    async def _check_added(self, group: Group, account_ids: Sequence[str]) -> None:
        """By another read. Raises ContractBroken when they are no members, or somebody is none any more."""
        after = await self._resources.group(group.id)
        self._check_bystanders(values(group), values(after), set(), group)
        missing = set(account_ids) - (await self.listed(after, account_ids)).keys()
        if missing:
            raise ContractBroken(
                f"{self._system} accepts the change of {group.displayName} and leaves it as it was.",
                system=self._system,
            )

    async def take_out(self, group_id: str, account_ids: Sequence[str]) -> Mapping[str, Receipt | Exception]:
        """Make none of them members: by a filter path, by values or by the list of all others, checking who left.

        Raises ContractBroken when somebody stays or somebody else went.
        """
        group = await self._resources.group(group_id)
        held = await self.listed(group, account_ids)
        meant = set(held.values())
        if meant:
            after = await self._take_out(group, meant)
            if after:
                raise ContractBroken(
                    f"{self._system} does not take {len(after)} members out of {group.displayName}; "
                    "it refuses the change or leaves it as it was. Take them out by hand.",
                    system=self._system,
                )
        return {a: _receipt(a in held, was=a in held, now=False) for a in account_ids}

    async def _take_out(self, group: Group, meant: set[str]) -> set[str]:
        """Which of these listed values are still there after every way was tried."""
        before = left = values(group)
        takes_patch = False
        for way in self._ways():
            try:
                # Whoever is to go and whoever is to stay are told apart in one write, or part by part.
                for part in (
                    [sorted(meant)] if way == self._all_others else chunks(sorted(meant), self._profile.changes)
                ):
                    await way(group.id, part)
            except Unsupported:
                continue
            except (Invalid, Stale):
                takes_patch = True
                continue
            except OutcomeUnknown as error:
                # A server that answered so may be unable to read this form; what it did is read below.
                if not error.code.startswith("5"):
                    raise
            takes_patch = True
            left = values(await self._resources.group(group.id))
            self._check_bystanders(before, left, meant, group)
            if not left & meant:
                break
        if not takes_patch and Way.WHOLE in self._profile.removal:
            await self._replacing.members(group.id, remove=meant)
            left = values(await self._resources.group(group.id))
            self._check_bystanders(before, left, meant, group)
        return left & meant

    def _ways(self) -> list[Callable[[str, Sequence[str]], Awaitable[None]]]:
        """The forms of a removal that this server is asked in, in their order."""
        forms = {
            Way.FILTER: [self._by_filter],
            Way.VALUES: [self._by_value],
            Way.OTHERS: [self._all_others] * (TRIES if self._resources.conditional else 0),
            Way.WHOLE: [],
        }
        return [form for way in self._profile.removal for form in forms[way]] if self._resources.patches else []

    async def _by_filter(self, group_id: str, meant: Sequence[str]) -> None:
        operations = [{"op": "remove", "path": f"members[value eq {json.dumps(value)}]"} for value in meant]
        await self._resources.patch(group_path(group_id), operations)

    async def _by_value(self, group_id: str, meant: Sequence[str]) -> None:
        operation = {"op": "remove", "path": "members", "value": [{"value": value} for value in meant]}
        await self._resources.patch(group_path(group_id), [operation])

    async def _all_others(self, group_id: str, meant: Sequence[str]) -> None:
        """Write the list without them, as it was read, on condition that nobody changed it meanwhile.

        Some servers call members required and therefore refuse every removal.
        """
        body = await self._resources.transport.json(group_path(group_id))
        meta = body.get("meta")
        version = meta.get("version") if isinstance(meta, dict) else None
        if not isinstance(version, str):
            raise Unsupported(f"{self._system} gives its groups no version.", system=self._system)
        others = [m for m in body.get("members") or [] if isinstance(m, dict) and m.get("value") not in meant]
        operation = {"op": "replace", "path": "members", "value": others}
        await self._resources.patch(group_path(group_id), [operation], version)

    def _check_bystanders(self, before: set[str], after: set[str], meant: set[str], group: Group) -> None:
        lost = before - after - meant
        if lost:
            raise ContractBroken(
                f"{self._system} removed {len(lost)} others from {group.displayName} as well: "
                f"{', '.join(sorted(lost)[:5])}. Put them back by hand.",
                system=self._system,
            )

    async def listed(self, group: Group, account_ids: Sequence[str]) -> dict[str, str]:
        """Those of the accounts that a group lists, each with the value that it is listed by."""
        there = values(group)
        found = {a: a for a in account_ids if a in there}
        if len(found) == len(set(account_ids)) or not there or await self._lists_ids(group):
            return found
        by_login = {value.casefold(): value for value in there}
        for account_id in dict.fromkeys(account_ids):
            if account_id in found:
                continue
            try:
                login = (await self._resources.user(account_id)).userName.casefold()
            except NotFound:
                continue
            if login in by_login:
                found[account_id] = by_login[login]
        return found

    async def _lists_ids(self, group: Group) -> bool:
        """Whether the members of this server are ids; asked once."""
        if self._by_id is None:
            people = [m.value for m in group.members or [] if m.value and m.type != "Group"]
            if not people:
                return False
            self._by_id = await self._is_any_id(people[:ASKED])
        return self._by_id

    async def _is_any_id(self, listed: Sequence[str]) -> bool:
        for value in listed:
            try:
                await self._resources.user(value)
            except (NotFound, ContractBroken, Invalid):
                # Of somebody who is gone, or no id.
                continue
            return True
        return False

    async def says_user(self, account_id: str, group: Group) -> bool:
        """Whether the user's own `groups` hold a group that does not list them; a gone user is in no group."""
        try:
            user = await self._resources.user(account_id)
        except NotFound:
            return False
        return any(one.value == group.id for one in user.groups or [])

    async def evidence(self, steps: Sequence[Step], clock: Clock) -> Sequence[Evidence]:
        """Read back steps of membership, each group once."""
        groups = {group_id: await self._resources.group(group_id) for group_id in {step.target or "" for step in steps}}
        listed = {
            group_id: await self.listed(group, [s.account_id for s in steps if s.target == group_id])
            for group_id, group in groups.items()
        }
        at = clock()
        found = []
        for step in steps:
            group_id = step.target or ""
            held = step.account_id in listed[group_id]
            if not held:
                held = await self.says_user(step.account_id, groups[group_id])
            good = held is (step.cap is Cap.GRANT)
            verdict = Verdict.CONFIRMED if good else Verdict.CONTRADICTED
            found.append(Evidence(verdict, Proof.READ_BACK, {"member": held}, at, f"GET /Groups/{step.target}"))
        return found


def values(group: Group) -> set[str]:
    """What a group lists as members."""
    return {member.value for member in group.members or [] if member.value}


def _receipt(changed: bool, *, was: bool, now: bool) -> Receipt:
    outcome = Outcome.CHANGED if changed else Outcome.ALREADY
    return Receipt(outcome, before={"member": was}, after={"member": now})
