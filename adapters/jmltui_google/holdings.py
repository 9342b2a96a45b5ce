"""What can be held in one customer, and who holds it: groups and licences, and where wanted roles and devices."""

from __future__ import annotations

from collections.abc import AsyncIterator

from jmltui.adapter_api import Entitlement, Grant

from .devices import Devices, entitlements_of
from .directory import Directory, licence_id
from .roles import Roles, grant, merged
from .users import addresses


class Holdings:
    """Reads what accounts hold. `roles` and `devices` are None where they are not wanted."""

    def __init__(self, directory: Directory, roles: Roles | None, devices: Devices | None) -> None:
        self._directory, self._roles, self._devices = directory, roles, devices

    async def entitlements(self) -> list[Entitlement]:
        """Groups, licences that somebody has, roles, devices."""
        found = {one.id: one for one in await self._directory.groups()}
        for product in self._directory.products:
            for row in await self._directory.assignments(product):
                one = Entitlement(licence_id(row), "licence", str(row.get("skuName") or row.get("skuId"))[:200])
                found.setdefault(one.id, one)
        if self._roles is not None:
            found.update({one.id: one for one in await self._roles.all()})
        if self._devices is not None:
            found.update({one.id: one for one in entitlements_of(await self._devices.all())})
        return list(found.values())

    async def grants(self) -> AsyncIterator[list[Grant]]:
        """All direct memberships, licences, roles and devices of users. Members from outside are no accounts."""
        ids = await self._directory.accounts_by_address()
        known = set(ids.values())
        members: dict[str, list[str]] = {}
        for group in await self._directory.groups():
            inside = members[group.id] = [one for one in await self._directory.members(group.id) if one in known]
            yield [Grant(one, group.id) for one in inside]
        for product in self._directory.products:
            held = [
                (ids.get(str(row.get("userId")).casefold()), row) for row in await self._directory.assignments(product)
            ]
            yield [Grant(account_id, licence_id(row)) for account_id, row in held if account_id is not None]
        if self._roles is not None:
            yield await self._role_grants(self._roles, known, members)
        if self._devices is not None:
            yield [
                Grant(account_id, device.id)
                for device in await self._devices.all()
                for account_id in dict.fromkeys(ids[one] for one in sorted(device.addresses) if one in ids)
            ]

    async def _role_grants(self, roles: Roles, known: set[str], members: dict[str, list[str]]) -> list[Grant]:
        found: list[Grant] = []
        for one in await roles.assigned():
            whose = members.get(f"group:{one.assignee}", []) if one.is_group else [one.assignee]
            found += [grant(account_id, one) for account_id in whose if account_id in known]
        return merged(found)

    async def grants_of(self, account_id: str) -> list[Grant]:
        """What one user holds, suspended or not. Raises NotFound."""
        row = await self._directory.user(account_id)
        login = str(row["primaryEmail"]).casefold()
        found = [Grant(account_id, one) for one in sorted(await self._directory.groups_of(account_id))]
        for product in self._directory.products:
            rows = await self._directory.assignments(product)
            found += [Grant(account_id, licence_id(row)) for row in rows if str(row.get("userId")).casefold() == login]
        if self._roles is not None:
            found += merged([grant(account_id, one) for one in await self._roles.of(account_id)])
        if self._devices is not None:
            found += [Grant(account_id, one.id) for one in await self._devices.of(addresses(row))]
        return found
