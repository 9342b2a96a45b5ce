"""Writing whole resources by PUT (RFC 7644 section 3.5.1), for servers that take no PATCH.

PUT replaces everything, and a server may clear what is not sent. So what is sent is what was read, unknown attributes
and all, but for what is meant to change. It is sent on condition that nobody changed the resource meanwhile (If-Match,
section 3.14); a server without versions is asked again just before, which leaves the time of one exchange. What is gone
afterwards is told.

A group is written only when its list of members is known to be whole: whoever is not sent is taken out.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Final

from jmltui.adapter_api import ContractBroken, NotFound, Stale, Unsupported

from .listings import Listings
from .resources import Resources, group_path, user_path

TRIES: Final = 3
"""How often it is read and written anew when others change it at the same time."""
EMPTY: Final[tuple[object, ...]] = (None, "", [], {})

Body = dict[str, Any]


class Replacing:
    """Users and groups of one server, written whole."""

    def __init__(self, resources: Resources, listings: Listings) -> None:
        self._resources = resources
        self._listings = listings
        self._system = resources.system

    async def user(self, account_id: str, values: Mapping[str, object], version: str | None = None) -> None:
        """Give a user these values. Raises Stale where the user is another than at this version, if one is given."""

        async def changed(body: Body) -> Body:
            return body | {_name(body, name): value for name, value in values.items()}

        await self._replace(user_path(account_id), account_id, changed, version)

    async def members(self, group_id: str, *, add: Sequence[str] = (), remove: Collection[str] = ()) -> None:
        """Add members to a group, and take out those that are listed by these values.

        Raises Unsupported where it cannot be told who belongs to the group, and Stale where others change it all the
        time; then nothing was changed.
        """

        async def changed(body: Body) -> Body:
            members = await self._whole_list(body, group_id)
            kept = [member for member in members if member["value"] not in remove]
            return body | {_name(body, "members"): [*kept, *({"value": one} for one in add)]}

        await self._replace(group_path(group_id), group_id, changed, None)

    async def _replace(
        self, path: str, resource_id: str, changed: Callable[[Body], Awaitable[Body]], version: str | None
    ) -> None:
        for _ in range(TRIES):
            body, tag = await self._read(path, resource_id)
            if version is not None and tag not in (None, version):
                break
            wanted = await changed(body)
            if not (tag and self._resources.conditional):
                again, its_tag = await self._read(path, resource_id)
                if (_settled(again), its_tag) != (_settled(body), tag):
                    continue
            try:
                await self._resources.transport.write("PUT", path, wanted, tag)
            except Stale:
                continue
            await self._check_kept(path, resource_id, wanted)
            return
        raise Stale(
            f"{path} of {self._system} is changed by somebody else at the same time; nothing was changed here.",
            system=self._system,
        )

    async def _read(self, path: str, resource_id: str) -> tuple[Body, str | None]:
        """A resource with all that is told of it, and its version, also where only the header tells it."""
        answer = await self._resources.transport.get(path)
        body = answer.object()
        self._resources.same(str(body.get("id")), resource_id)
        meta = body.get("meta")
        version = meta.get("version") if isinstance(meta, dict) else None
        return body, version if isinstance(version, str) and version else answer.headers.get("etag")

    async def _check_kept(self, path: str, resource_id: str, wanted: Body) -> None:
        """Raise ContractBroken when something else went with the change."""
        try:
            after, _ = await self._read(path, resource_id)
        except NotFound:  # to disable is to remove for some
            return
        lost = [name for name, value in wanted.items() if value not in EMPTY and after.get(name) in EMPTY]
        if lost:
            raise ContractBroken(
                f"{self._system} lost {', '.join(sorted(lost)[:5])} of {path} when it was written whole. "
                "Put it back by hand.",
                system=self._system,
            )

    async def _whole_list(self, body: Body, group_id: str) -> list[Mapping[str, Any]]:
        """The members of a group, when nothing says that there are more. Raises Unsupported."""
        members = body.get(_name(body, "members")) or []
        is_list = isinstance(members, list) and all(isinstance(m, dict) and m.get("value") for m in members)
        if not is_list or (not members and not await self._lists_members(group_id)):
            raise self._unknown(body, "no group there lists any" if is_list else "its list is none")
        listed = {str(member["value"]).casefold() for member in members}
        async for users in self._listings.belonging():
            for user in users:
                names = {user.id.casefold(), str(user.body.get("userName") or "").casefold()}
                if not names & listed and _belongs(user.body, group_id):
                    raise self._unknown(body, "users say that they belong to it whom it does not list")
        return members

    async def _lists_members(self, group_id: str) -> bool:
        """Whether any other group has members to show, so that an empty list is an empty group."""
        async for groups in self._listings.groups():
            if any(group.members for group in groups if group.id != group_id):
                return True
        return False

    def _unknown(self, body: Body, why: str) -> Unsupported:
        name = str(body.get("displayName") or body.get("id"))[:100]
        return Unsupported(
            f"{self._system} takes no PATCH, and who belongs to {name} cannot be told for sure ({why}); "
            "its list is not written.",
            system=self._system,
        )


def _name(body: Mapping[str, Any], name: str) -> str:
    """What an attribute is called there: its name in any case (RFC 7643 section 2.1)."""
    return name if name in body else next((key for key in body if key.casefold() == name.casefold()), name)


def _belongs(user: Mapping[str, Any], group_id: str) -> bool:
    """Whether a user's own `groups` name a group, unless through another one (RFC 7643 section 4.1.2)."""
    groups = user.get("groups")
    found = [one for one in groups if isinstance(one, dict)] if isinstance(groups, list) else []
    return any(one.get("value") == group_id and one.get("type") != "indirect" for one in found)


def _settled(value: Any) -> str:
    """A resource as text that is the same in whatever order a server lists values."""
    return json.dumps(_ordered(value), sort_keys=True)


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _ordered(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return sorted((_ordered(inner) for inner in value), key=lambda inner: json.dumps(inner, sort_keys=True))
    return value
