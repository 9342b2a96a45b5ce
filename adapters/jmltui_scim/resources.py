"""Single resources: read by id and believed only when they are the one that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote

import msgspec

from jmltui.adapter_api import ContractBroken

from .listing import Group, WholeUser

if TYPE_CHECKING:
    from .transport import Transport

PATCH: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

Found = TypeVar("Found", WholeUser, Group)


class Resources:
    """Users and groups of one server, one at a time.

    `patches`: it does not say that it takes no PATCH. `conditional`: it says that it keeps to If-Match (RFC 7644
    section 3.14).
    """

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.system = transport.system
        self.patches = True
        self.conditional = False

    async def user(self, account_id: str) -> WholeUser:
        """One user. Raises NotFound, and ContractBroken for somebody else."""
        return self._same(await self.transport.json(user_path(account_id)), WholeUser, account_id)

    async def group(self, group_id: str) -> Group:
        """One group. Raises NotFound, and ContractBroken for another one."""
        return self._same(await self.transport.json(group_path(group_id)), Group, group_id)

    async def patch(self, path: str, operations: list[dict[str, Any]], version: str | None = None) -> None:
        """Change a resource (RFC 7644 section 3.5.2)."""
        await self.transport.write("PATCH", path, {"schemas": [PATCH], "Operations": operations}, version)

    def _same(self, body: dict[str, Any], kind: type[Found], wanted_id: str) -> Found:
        try:
            found = msgspec.convert(body, kind, strict=False)
        except msgspec.ValidationError as error:
            raise ContractBroken(f"{self.system} answered something that is no SCIM resource: {error}.") from None
        self.same(found.id, wanted_id)
        return found

    def same(self, found_id: str, wanted_id: str) -> None:
        """Raise ContractBroken unless the answer is about what was asked for."""
        if found_id != wanted_id:
            raise ContractBroken(
                f"{self.system} was asked for {wanted_id} and answered somebody else ({found_id[:100]}).",
                system=self.system,
            )


def user_path(account_id: str) -> str:
    """Where a user is, below the base address."""
    return f"Users/{quote(account_id, safe='')}"


def group_path(group_id: str) -> str:
    """Where a group is, below the base address."""
    return f"Groups/{quote(group_id, safe='')}"
