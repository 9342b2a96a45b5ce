"""Changing IAM Identity Center: each change looks first, and is made so.

Assignments are made and taken away by a request that goes on after its answer, and is asked after by its id:
CreateAccountAssignment and DescribeAccountAssignmentCreationStatus of the API reference.
"""

from __future__ import annotations

import re
from typing import Any, Final

from jmltui.adapter_api import Account, AdapterError, Conflict, Invalid, NotFound, Outcome, OutcomeUnknown, Receipt

from .center_reading import ADMIN, GROUP, ROLE, STORE, CenterReading, role_of
from .link import AwsLink

LOGIN: Final = re.compile(r"[^\s\x00-\x1f\x7f]{1,128}")


class CenterWriting:
    """Writes one instance."""

    def __init__(self, link: AwsLink, reading: CenterReading) -> None:
        self._link, self._reading, self._system = link, reading, link.system
        self._store = {"IdentityStoreId": reading.instance.store}
        self._admin = {"InstanceArn": reading.instance.arn}

    async def create(self, wanted: Account) -> tuple[Account, Receipt]:
        """Make the user exist. AWS mails nobody and sets no password by this call. Raises Conflict, Invalid."""
        if not LOGIN.fullmatch(wanted.login):
            raise Invalid(f"“{wanted.login[:80]}” cannot be a name in {self._system}.", system=self._system)
        there = await self._reading.find(wanted.login)
        if there is None:
            try:
                answer = await self._link.write(STORE, "CreateUser", **self._user(wanted), **self._store)
            except Conflict as error:
                raise Conflict(
                    f"{self._system} has somebody with the name or address of {wanted.login} already.",
                    system=self._system,
                    operation=error.operation,
                    code=error.code,
                ) from error
            made = await self._made(str(answer.get("UserId") or ""), wanted.login)
            return made, Receipt(Outcome.CHANGED, _request(answer), after=_seen(made))
        if there.external_id != wanted.external_id:
            raise Conflict(f"{self._system} has a user {there.login} already, of somebody else.", system=self._system)
        return there, Receipt(Outcome.ALREADY, after=_seen(there))

    async def _made(self, account_id: str, login: str) -> Account:
        try:
            return await self._reading.read(account_id)
        except AdapterError as error:
            told = f"{login} was made on {self._system}, and cannot be read since."
            raise OutcomeUnknown(told, system=self._system, operation=error.operation) from error

    def _user(self, wanted: Account) -> dict[str, Any]:
        display = wanted.display or wanted.login
        given, _, family = display.rpartition(" ")
        found: dict[str, Any] = {
            "UserName": wanted.login,
            "DisplayName": display,
            "Name": {"GivenName": given or display, "FamilyName": family or display},
        }
        if wanted.emails:
            found["Emails"] = [{"Value": wanted.emails[0], "Type": "work", "Primary": True}]
        if wanted.external_id:
            found[self._link.options.number_in] = wanted.external_id
        return found

    async def delete(self, account_id: str) -> Receipt:
        """Make the user not exist: assignments and memberships first, for an assignment outlives its user."""
        try:
            before = await self._reading.read(account_id)
        except NotFound:
            return Receipt(Outcome.ALREADY, after={"present": False})
        held = [one for one in await self._reading.grants_of(account_id) if one.direct]
        for one in held:
            await self.set(account_id, one.entitlement_id, False)
        facts = {**_seen(before), "held": [one.entitlement_id for one in held]}
        try:
            answer = await self._link.write(STORE, "DeleteUser", UserId=account_id, **self._store)
        except NotFound:
            return Receipt(Outcome.ALREADY, before=facts, after={"present": False})
        return Receipt(Outcome.CHANGED, _request(answer), before=facts, after={"present": False})

    async def set(self, account_id: str, entitlement_id: str, held: bool) -> Receipt:
        """Make the user hold a group or permission set, or not. Raises NotFound for an unknown one."""
        await self._reading.read(account_id)
        if entitlement_id.startswith(GROUP):
            return await self._set_group(account_id, entitlement_id.removeprefix(GROUP), held)
        if entitlement_id.startswith(ROLE) and all(role_of(entitlement_id)):
            return await self._set_role(account_id, entitlement_id, held)
        raise NotFound(f"{self._system} has no entitlement {entitlement_id[:80]}.", system=self._system)

    async def _set_group(self, account_id: str, group_id: str, held: bool) -> Receipt:
        membership = (await self._reading.memberships_of(account_id)).get(group_id)
        before, after = {"group": group_id, "held": not held}, {"group": group_id, "held": held}
        if (membership is not None) is held:
            return Receipt(Outcome.ALREADY, before=after, after=after)
        operation = "CreateGroupMembership" if held else "DeleteGroupMembership"
        given: dict[str, Any] = {"MembershipId": membership}
        if held:
            given = {"GroupId": group_id, "MemberId": {"UserId": account_id}}
        try:
            answer = await self._link.write(STORE, operation, **given, **self._store)
        except NotFound:
            if held:
                raise
            return Receipt(Outcome.ALREADY, before=before, after=after)
        return Receipt(Outcome.CHANGED, _request(answer), before=before, after=after)

    async def _set_role(self, account_id: str, entitlement_id: str, held: bool) -> Receipt:
        account, arn = role_of(entitlement_id)
        now = any(
            one.direct and one.entitlement_id == entitlement_id
            for one in await self._reading.assignments_of(account_id)
        )
        facts = {"account": account, "permission set": arn}
        if now is held:
            return Receipt(Outcome.ALREADY, before={**facts, "held": held}, after={**facts, "held": held})
        verb, name = ("Create", "Creation") if held else ("Delete", "Deletion")
        answer = await self._link.write(
            ADMIN,
            f"{verb}AccountAssignment",
            TargetId=account,
            TargetType="AWS_ACCOUNT",
            PermissionSetArn=arn,
            PrincipalType="USER",
            PrincipalId=account_id,
            **self._admin,
        )
        status = answer.get(f"AccountAssignment{name}Status") or {}
        if status.get("Status") == "FAILED":
            reason = str(status.get("FailureReason") or "no reason given")[:200]
            raise Conflict(f"{self._system} did not change the assignment: {reason}.", system=self._system)
        done = status.get("Status") == "SUCCEEDED"
        job = None if done else str(status.get("RequestId") or "") or None
        after = {**facts, "held": held}
        outcome = Outcome.CHANGED if done else Outcome.PENDING
        return Receipt(outcome, _request(answer), job, {**facts, "held": now}, after)


def _seen(found: Account) -> dict[str, object]:
    return {"id": found.id, "login": found.login, "state": found.state.value, "number": found.external_id}


def _request(answer: dict[str, Any]) -> str | None:
    found = (answer.get("ResponseMetadata") or {}).get("RequestId")
    return str(found) if found else None
