"""Changing an Okta organization: each change looks first, and is made so.

Lifecycle operations and from which status each is allowed (suspend from ACTIVE alone), that a delete needs a
deprovisioned user, and `DELETE /users/{id}/sessions?oauthTokens=true`: Okta Users, User Lifecycle, User Sessions and
User Factors API references.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from jmltui.adapter_api import (
    Account,
    AdapterError,
    Conflict,
    Invalid,
    NotFound,
    Outcome,
    OutcomeUnknown,
    Receipt,
    Stale,
    Unsupported,
)

from .reading import OktaReading, user_path
from .records import DEPROVISIONED, GROUP, SHUT, account

CHANGEABLE: Final = {"display": "displayName", "emails": "email", "login": "login"}


class OktaWriting:
    """Writes one organization."""

    def __init__(self, reading: OktaReading, activate: bool) -> None:
        self._reading, self._http, self._system = reading, reading.http, reading.system
        self._activate = activate

    async def create(self, wanted: Account) -> tuple[Account, Receipt]:
        """Make the user exist, without a password: Okta mails the person to choose one. Raises Conflict, Invalid."""
        there = await self._reading.find(wanted.login)
        if there is not None:
            if there.external_id != wanted.external_id:
                raise Conflict(
                    f"{self._system} has a user {there.login} already, of somebody else.", system=self._system
                )
            return there, Receipt(Outcome.ALREADY, after=_seen(there))
        display = wanted.display or wanted.login
        first, _, last = display.rpartition(" ")
        profile: dict[str, Any] = {
            "login": wanted.login,
            "email": wanted.emails[0] if wanted.emails else wanted.login,
            "firstName": first or display,
            "lastName": last or display,
            "displayName": display,
        }
        if wanted.external_id:
            profile[self._reading.number_in] = wanted.external_id
        activate = "true" if self._activate else "false"
        answer = await self._http.send(
            "POST", "/api/v1/users", params={"activate": activate}, json={"profile": profile}
        )
        made = account(answer.object(), self._reading.number_in, self._system)
        return made, Receipt(Outcome.CHANGED, _request(answer.headers), after=_seen(made))

    async def update(self, account_id: str, changes: Mapping[str, object], if_version: str | None) -> Receipt:
        """Make the display name, the address, the number or the login so. Raises Stale, Invalid."""
        now = await self._reading.read(account_id)
        if if_version is not None and now.version != if_version:
            raise Stale(f"{now.login} on {self._system} changed since it was read.", system=self._system)
        profile: dict[str, str] = {}
        before: dict[str, object] = {}
        old = {"display": now.display, "emails": now.emails[:1], "login": now.login, "external_id": now.external_id}
        for name, value in changes.items():
            if name not in old:
                raise Invalid(f"A user of Okta has no “{name[:40]}” that can be changed.", system=self._system)
            text = _text(value)
            if text != _text(old[name]):
                profile[CHANGEABLE.get(name, self._reading.number_in)], before[name] = text, _text(old[name])
        if not profile:
            return Receipt(Outcome.ALREADY, before=_seen(now), after=_seen(now))
        answer = await self._http.send("POST", user_path(account_id), json={"profile": profile})
        return Receipt(Outcome.CHANGED, _request(answer.headers), before=before, after=profile)

    async def disable(self, account_id: str) -> Receipt:
        """Suspend an active user. Any other status cannot be suspended: it is deactivated."""
        now = await self._reading.read(account_id)
        if now.raw["status"] in SHUT:
            return Receipt(Outcome.ALREADY, before=_seen(now), after=_seen(now))
        return await self._lifecycle(now, "suspend" if now.raw["status"] == "ACTIVE" else "deactivate")

    async def enable(self, account_id: str) -> Receipt:
        """Unsuspend a suspended user. One who was deactivated is activated anew, and Okta mails the person."""
        now = await self._reading.read(account_id)
        if now.raw["status"] not in SHUT:
            return Receipt(Outcome.ALREADY, before=_seen(now), after=_seen(now))
        if now.raw["status"] == DEPROVISIONED:
            return await self._lifecycle(now, "activate?sendEmail=true")
        return await self._lifecycle(now, "unsuspend")

    async def _lifecycle(self, now: Account, verb: str) -> Receipt:
        answer = await self._http.send("POST", f"{user_path(now.id)}/lifecycle/{verb}")
        try:
            after = await self._reading.read(now.id)
        except AdapterError as error:
            told = f"{self._system} was asked to {verb.partition('?')[0]} {now.login}, and cannot be read since."
            raise OutcomeUnknown(told, system=self._system, operation=answer.operation) from error
        done = not after.raw["becoming"]
        outcome = Outcome.CHANGED if done else Outcome.PENDING
        return Receipt(outcome, _request(answer.headers), before=_seen(now), after=_seen(after))

    async def delete(self, account_id: str) -> Receipt:
        """Deactivate the user, then delete. PENDING while the deactivation goes on: asked again, it goes on."""
        try:
            now = await self._reading.read(account_id)
        except NotFound:
            return Receipt(Outcome.ALREADY, after={"present": False})
        if now.raw["status"] != DEPROVISIONED:
            shut = await self._lifecycle(now, "deactivate")
            if shut.after.get("status") != DEPROVISIONED:
                return Receipt(Outcome.PENDING, shut.request_id, before=_seen(now), after=shut.after)
        try:
            answer = await self._http.send("DELETE", user_path(account_id))
        except NotFound:
            return Receipt(Outcome.ALREADY, before=_seen(now), after={"present": False})
        return Receipt(Outcome.CHANGED, _request(answer.headers), before=_seen(now), after={"present": False})

    async def end_sessions(self, account_id: str) -> Receipt:
        """End all sessions, and revoke the tokens that Okta gave to applications."""
        now = await self._reading.read(account_id)
        answer = await self._http.send("DELETE", f"{user_path(account_id)}/sessions", params={"oauthTokens": "true"})
        return Receipt(Outcome.CHANGED, _request(answer.headers), after={"login": now.login, "tokens": "revoked"})

    async def revoke_factor(self, account_id: str, credential_id: str | None) -> Receipt:
        """Take one factor, or all, off the user. Raises NotFound for an unknown user."""
        found = await self._reading.factors(account_id)
        due = [one.id for one in found if credential_id in (None, one.id)]
        for factor_id in due:
            try:
                await self._http.send("DELETE", f"{user_path(account_id)}/factors/{quote(factor_id, safe='')}")
            except NotFound:
                continue
        before = {"factors": [one.id for one in found]}
        after = {"factors": [one.id for one in found if one.id not in due]}
        return Receipt(Outcome.CHANGED if due else Outcome.ALREADY, before=before, after=after)

    async def set(self, account_id: str, entitlement_id: str, held: bool) -> Receipt:
        """Make the user a member of the group, or not. Raises NotFound, Unsupported for a group that a rule fills."""
        if not entitlement_id.startswith(GROUP):
            raise NotFound(f"{self._system} has no entitlement {entitlement_id[:80]}.", system=self._system)
        group_id = entitlement_id.removeprefix(GROUP)
        await self._reading.read(account_id)
        found = await self._reading.group(group_id)
        now = group_id in await self._reading.groups_of(account_id)
        facts = {"group": found.name, "held": now}
        if now is held:
            return Receipt(Outcome.ALREADY, before=facts, after=facts)
        if not found.grantable:
            raise Unsupported(
                f"Who is in {found.name} on {self._system} follows from a rule, a directory or Okta itself; change "
                "what it follows from.",
                system=self._system,
            )
        path = f"/api/v1/groups/{quote(group_id, safe='')}/users/{quote(account_id, safe='')}"
        answer = await self._http.send("PUT" if held else "DELETE", path)
        return Receipt(Outcome.CHANGED, _request(answer.headers), before=facts, after={**facts, "held": held})


def _seen(found: Account) -> dict[str, object]:
    status = found.raw["status"]
    return {"id": found.id, "login": found.login, "status": status, "number": found.external_id}


def _text(value: object) -> str:
    first = (value[0] if value else "") if isinstance(value, tuple | list) else value
    return "" if first is None else str(first)


def _request(headers: Mapping[str, str]) -> str | None:
    return headers.get("x-okta-request-id") or None
