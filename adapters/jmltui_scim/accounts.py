"""Changing users: make it so, then read it back by another call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from jmltui.adapter_api import (
    Account,
    AdapterError,
    Conflict,
    ContractBroken,
    Invalid,
    NotFound,
    Outcome,
    OutcomeUnknown,
    Receipt,
    Stale,
    Unsupported,
)

from .listing import User
from .listings import Listings
from .profiles import Deletion, Profile
from .replacing import Replacing
from .resources import Resources, user_path
from .users import account, differing, is_active, resource, seen


class Accounts:
    """The users of one server."""

    def __init__(self, resources: Resources, listings: Listings, profile: Profile, replacing: Replacing) -> None:
        self._resources = resources
        self._listings = listings
        self._profile = profile
        self._replacing = replacing
        self._system = resources.system

    async def create(self, wanted: Account) -> tuple[Account, Receipt]:
        """Make the user exist. A taken userName is ours only when the external id is the same."""
        present = await self._listings.find(wanted.login)
        if present is None:
            try:
                body = await self._post(wanted)
                made = msgspec.convert(body, User, strict=False)
                return account(made), Receipt(Outcome.CHANGED, request_id=made.id, after=seen(made))
            except Conflict:
                present = await self._listings.find(wanted.login)
            except msgspec.ValidationError:
                raise OutcomeUnknown(
                    f"{self._system} created something it did not name.", system=self._system
                ) from None
        if present is not None and present.externalId is None:
            present = await self._resources.user(present.id)
        if present is None or present.externalId != wanted.external_id:
            raise Conflict(
                f"{self._system} already holds an account called {wanted.login} that belongs to somebody else.",
                system=self._system,
                operation="create",
            )
        return account(present), Receipt(Outcome.ALREADY, after={"id": present.id})

    async def _post(self, wanted: Account) -> dict[str, Any]:
        """Create by the usual body, else, where that was refused, by one of bare e-mail addresses."""
        http, body = self._resources.transport, resource(wanted)
        try:
            return await http.write("POST", "Users", body)
        except Invalid:
            if not wanted.emails:
                raise
        return await http.write("POST", "Users", {**body, "emails": [{"value": v} for v in wanted.emails]})

    async def update(self, account_id: str, changes: Mapping[str, object], if_version: str | None) -> Receipt:
        """Replace these attributes (RFC 7644 section 3.5.2.3), and see that they are replaced.

        Where the server takes no PATCH the whole user is written.
        """
        before = await self._resources.user(account_id)
        if if_version is not None and before.meta and before.meta.version not in (None, if_version):
            raise Stale(f"{before.userName} of {self._system} changed since it was read.", system=self._system)
        todo = differing(before, changes)
        if not todo:
            return Receipt(Outcome.ALREADY, before=seen(before), after=dict(changes))
        operations: list[dict[str, Any]] = [
            {"op": "replace", "path": path, "value": value} for path, value in todo.items()
        ]
        if self._profile.bare:
            operations = [{"op": "replace", "value": todo}]
        if not await self._patched(account_id, operations, if_version):
            await self._replacing.user(account_id, todo, if_version)
        if differing(await self._resources.user(account_id), changes):
            raise self._unmoved(before)
        return Receipt(Outcome.CHANGED, before=seen(before), after=dict(changes))

    async def _patched(self, account_id: str, operations: list[dict[str, Any]], if_version: str | None) -> bool:
        """Whether the server takes PATCH; then it took this one."""
        if self._resources.patches:
            try:
                await self._resources.patch(user_path(account_id), operations, if_version)
            except Unsupported:
                return False
        return self._resources.patches

    async def set_active(self, account_id: str, value: bool) -> Receipt:
        """PATCH with a path first, then without one, then PUT, each believed only after another read."""
        if value and self._profile.disabling_ends:
            raise Unsupported(f"{self._system} cannot bring back who was disabled; create anew.", system=self._system)
        before = await self._resources.user(account_id)
        if is_active(before) is value:
            return Receipt(Outcome.ALREADY, before=seen(before), after=seen(before))
        bare: dict[str, Any] = {"op": "replace", "value": {"active": value}}
        rungs: list[dict[str, Any]] = (
            [bare] if self._profile.bare else [{"op": "replace", "path": "active", "value": value}, bare]
        )
        refusal: AdapterError | None = None
        for rung in rungs if self._resources.patches else ():
            try:
                await self._resources.patch(user_path(account_id), [rung])
            except (Invalid, Unsupported) as error:
                refusal = error
                continue
            refusal = None
            if (done := await self._became(before, value)) is not None:
                return done
        if isinstance(refusal, Unsupported) or not self._resources.patches:
            await self._replacing.user(account_id, {"active": value})
            refusal = None
            if (done := await self._became(before, value)) is not None:
                return done
        raise refusal or self._unmoved(before)

    async def _became(self, before: User, value: bool) -> Receipt | None:
        """What a change did, by another read; None where it left the user as it was."""
        try:
            after = await self._resources.user(before.id)
        except NotFound:
            if not self._profile.disabling_ends:
                raise
            return Receipt(Outcome.CHANGED, before=seen(before), after={"present": False})
        if is_active(after) is not value:
            return None
        return Receipt(Outcome.CHANGED, before=seen(before), after=seen(after))

    async def delete(self, account_id: str) -> Receipt:
        """Remove the user."""
        if self._profile.deletion is Deletion.DEACTIVATES:
            raise Unsupported(
                f"{self._system} does not delete accounts; DELETE disables them there.", system=self._system
            )
        try:
            await self._resources.transport.write("DELETE", user_path(account_id))
        except NotFound:
            return Receipt(Outcome.ALREADY)
        return Receipt(Outcome.CHANGED)

    def _unmoved(self, before: User) -> ContractBroken:
        return ContractBroken(
            f"{self._system} accepts the change of {before.userName} and leaves it as it was.", system=self._system
        )
