"""Whether an effect stands in IAM, by other calls than those that made it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from jmltui.adapter_api import Account, AccountState, Cap, Evidence, NotFound, Proof, Step, Verdict
from jmltui.exchange import instant

from .iam_credentials import IamCredentials
from .iam_reading import IamReading
from .iam_records import DISABLED, ENDED, GROUP, POLICY, document

RECENT: Final = timedelta(hours=1)
"""A refusal of earlier sessions that is older says nothing of the ending that is asked about."""


class IamProof:
    """Reads effects back."""

    def __init__(self, reading: IamReading, credentials: IamCredentials) -> None:
        self._reading, self._credentials, self._clock = reading, credentials, reading.link.clock

    async def verify(self, step: Step) -> Evidence:
        """The evidence for one step. Never writes."""
        if step.cap is Cap.CREATE:
            found = await self._reading.find(step.login)
            made = found is not None and found.external_id == (step.wanted.get("external_id") or None)
            return self._said(made, _told(found), f"GetUser {step.login}")
        if step.cap is Cap.DELETE:
            return await self._deleted(step)
        if step.cap in (Cap.ENABLE, Cap.DISABLE):
            return await self._shut(step)
        if step.cap in (Cap.GRANT, Cap.REVOKE) and step.target:
            return await self._held(step, step.target)
        if step.cap is Cap.REVOKE_CREDENTIALS:
            found_ones = [one.id for one in await self._credentials.credentials(step.account_id)]
            left = [one for one in found_ones if step.target in (None, one)]
            return self._said(not left, {"left": left}, "lists of access keys, password, certificates and devices")
        if step.cap is Cap.END_SESSIONS:
            return await self._ended(step)
        if step.cap is Cap.UPDATE:
            return await self._updated(step)
        return Evidence(Verdict.UNVERIFIABLE, Proof.NONE, {}, self._clock(), "nothing tells of it")

    async def _deleted(self, step: Step) -> Evidence:
        try:
            found = await self._reading.user(step.account_id, step.login)
        except NotFound:
            return self._said(True, {"present": False}, "GetUser and ListUsers")
        return self._said(False, {"present": True, "login": found["UserName"]}, "GetUser")

    async def _shut(self, step: Step) -> Evidence:
        """A disabled user is refused everything, has no active key and no password."""
        source = "GetUserPolicy, ListAccessKeys, GetLoginProfile"
        try:
            login = str((await self._reading.user(step.account_id, step.login))["UserName"])
        except NotFound:
            return self._said(False, {"present": False}, "GetUser and ListUsers")
        denied = await self._reading.inline(login, DISABLED) is not None
        if step.cap is Cap.ENABLE:
            return self._said(not denied, {"denied": denied}, "GetUserPolicy")
        active = [str(k["AccessKeyId"]) for k in await self._credentials.keys(login) if k["Status"] == "Active"]
        password = await self._credentials.profile(login) is not None
        observed = {"denied": denied, "active keys": active, "password": password}
        return self._said(denied and not active and not password, observed, source)

    async def _held(self, step: Step, target: str) -> Evidence:
        """A membership by the group's own list; a policy by the user's record in the account's details."""
        try:
            login = str((await self._reading.user(step.account_id, step.login))["UserName"])
            if target.startswith(GROUP):
                name = target.removeprefix(GROUP)
                source = f"GetGroup {name}"
                inside = await self._reading.link.all("iam", "GetGroup", "Users", GroupName=name)
                held = any(one.get("UserId") == step.account_id for one in inside)
            else:
                source = f"ListAttachedUserPolicies {login}"
                held = target.removeprefix(POLICY) in await self._reading.attached_to(login)
        except NotFound:
            held, source = False, "GetUser or GetGroup: NoSuchEntity"
        return self._said(held is (step.cap is Cap.GRANT), {"target": target, "held": held}, source)

    async def _ended(self, step: Step) -> Evidence:
        login = str((await self._reading.user(step.account_id, step.login))["UserName"])
        if await self._reading.inline(login, DISABLED) is not None:
            return self._said(True, {"denied": True}, f"GetUserPolicy {DISABLED}")
        until = _until(await self._reading.inline(login, ENDED))
        observed = {"signed in before": until.isoformat() if until else None, "is refused": until is not None}
        if until is None:
            return self._said(False, observed, f"GetUserPolicy {ENDED}")
        verdict = Verdict.CONFIRMED if until >= self._clock() - RECENT else Verdict.UNVERIFIABLE
        return Evidence(verdict, Proof.READ_BACK, observed, self._clock(), f"GetUserPolicy {ENDED}")

    async def _updated(self, step: Step) -> Evidence:
        found = await self._reading.read(step.account_id, step.login)
        now: Mapping[str, object] = {
            "display": found.display,
            "emails": found.emails[0] if found.emails else "",
            "external_id": found.external_id or "",
            "login": found.login,
        }
        observed = {name: now.get(name, "") for name in step.wanted}
        return self._said(observed == dict(step.wanted), observed, "GetUser")

    def _said(self, stands: bool, observed: Mapping[str, Any], source: str) -> Evidence:
        verdict = Verdict.CONFIRMED if stands else Verdict.CONTRADICTED
        return Evidence(verdict, Proof.READ_BACK, observed, self._clock(), source)


def _told(found: Account | None) -> dict[str, object]:
    if found is None:
        return {"present": False}
    return {"present": True, "id": found.id, "number": found.external_id, "active": found.state is AccountState.ACTIVE}


def _until(found: object) -> datetime | None:
    """The instant before which sessions are refused, of a policy document."""
    for one in document(found).get("Statement") or ():
        moment = instant(((one.get("Condition") or {}).get("DateLessThan") or {}).get("aws:TokenIssueTime"))
        if moment is not None and one.get("Effect") == "Deny":
            return moment
    return None
