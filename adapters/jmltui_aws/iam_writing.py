"""Changing IAM: each change looks first, and is made so.

What stands in the way of DeleteUser, and in which order it goes: IAM API reference, DeleteUser. `aws:TokenIssueTime`
and that a deny outweighs every allow: IAM User Guide, “Revoking IAM role temporary security credentials” and “Policy
evaluation logic”.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any, Final

from jmltui.adapter_api import Account, Conflict, Forbidden, Invalid, NotFound, Outcome, Receipt

from .iam_credentials import IamCredentials
from .iam_reading import IamReading
from .iam_records import (
    DISABLED,
    DISPLAY_TAG,
    EMAIL_TAG,
    ENDED,
    GROUP,
    KEYS_TAG,
    NUMBER_TAG,
    POLICY,
    account,
    deny,
    is_login,
    tag,
    tags_of,
)
from .link import AwsLink

CHANGEABLE: Final = {"display": DISPLAY_TAG, "emails": EMAIL_TAG, "external_id": NUMBER_TAG}


class IamWriting:
    """Writes the users of one AWS account. `own` is the ARN that jmltui itself acts as."""

    def __init__(self, link: AwsLink, reading: IamReading, credentials: IamCredentials, own: str) -> None:
        self._link, self._reading, self._credentials, self._own = link, reading, credentials, own
        self._system = link.system

    # ---- accounts

    async def create(self, wanted: Account) -> tuple[Account, Receipt]:
        """Make the user exist: without a password or key. Raises Conflict, Invalid."""
        if not is_login(wanted.login):
            raise Invalid(f"“{wanted.login[:80]}” cannot be the name of an IAM user.", system=self._system)
        found = await self._reading.named(wanted.login)
        if found is not None:
            there = await self._reading.told(found)
            if there.external_id != wanted.external_id or there.login != wanted.login:
                raise Conflict(
                    f"{self._system} has a user {there.login} already, of somebody else.", system=self._system
                )
            return there, Receipt(Outcome.ALREADY, after=_seen(there))
        tags = [tag(NUMBER_TAG, wanted.external_id or ""), tag(DISPLAY_TAG, wanted.display)]
        if wanted.emails:
            tags.append(tag(EMAIL_TAG, wanted.emails[0]))
        tags = [one for one in tags if one["Value"]]
        answer = await self._link.write("iam", "CreateUser", UserName=wanted.login, Tags=tags)
        made = account({**(answer.get("User") or {}), "Tags": tags}, False, self._link.options, self._system)
        return made, Receipt(Outcome.CHANGED, _request(answer), after=_seen(made))

    async def update(self, account_id: str, changes: Mapping[str, object]) -> Receipt:
        """Make the display name, the address, the number or the login so. Raises Invalid for anything else."""
        user = await self._reading.user(account_id)
        now, before, after = tags_of(user), dict[str, object](), dict[str, object]()
        for name, value in changes.items():
            if name != "login" and name not in CHANGEABLE:
                raise Invalid(f"An IAM user has no “{name[:40]}”.", system=self._system)
            first = value[0] if isinstance(value, tuple | list) and value else value
            text = "" if first is None or isinstance(first, tuple | list) else str(first)
            old = str(user["UserName"]) if name == "login" else now.get(CHANGEABLE[name], "")
            if text != old:
                before[name], after[name] = old, text
        due = [tag(CHANGEABLE[name], str(value)) for name, value in after.items() if name != "login"]
        if due:
            await self._link.write("iam", "TagUser", UserName=user["UserName"], Tags=due)
        if "login" in after:
            await self._rename(user, str(after["login"]))
        return Receipt(Outcome.CHANGED if after else Outcome.ALREADY, before=before, after=after)

    async def _rename(self, user: Mapping[str, Any], login: str) -> None:
        self._refuse_self(user)
        if not is_login(login):
            raise Invalid(f"“{login[:80]}” cannot be the name of an IAM user.", system=self._system)
        await self._link.write("iam", "UpdateUser", UserName=user["UserName"], NewUserName=login)

    async def disable(self, account_id: str) -> Receipt:
        """Refuse the user everything, make the access keys inactive and delete the console password."""
        user = await self._reading.user(account_id)
        self._refuse_self(user)
        login = str(user["UserName"])
        denied = await self._reading.inline(login, DISABLED) is not None
        active = [str(one["AccessKeyId"]) for one in await self._credentials.keys(login) if one["Status"] == "Active"]
        profile = await self._credentials.profile(login)
        before = {"denied": denied, "active keys": active, "password": profile is not None}
        if denied and not active and profile is None:
            return Receipt(Outcome.ALREADY, before=before, after=before)
        if active:
            kept = set(tags_of(user).get(KEYS_TAG, "").split())
            tags = [tag(KEYS_TAG, " ".join(sorted(kept | set(active))))]
            await self._link.write("iam", "TagUser", UserName=login, Tags=tags)
        if not denied:
            await self._link.write("iam", "PutUserPolicy", UserName=login, PolicyName=DISABLED, PolicyDocument=deny())
        for key in active:
            await self._switch(login, key, "Inactive")
        if profile is not None:
            await self._credentials.take_away(account_id, login, "password:login-profile")
        return Receipt(Outcome.CHANGED, before=before, after={"denied": True, "active keys": [], "password": False})

    async def enable(self, account_id: str) -> Receipt:
        """Take the refusal back, and make the access keys active that a disable made inactive."""
        user = await self._reading.user(account_id)
        login, tags = str(user["UserName"]), tags_of(user)
        denied = await self._reading.inline(login, DISABLED) is not None
        kept = set(tags.get(KEYS_TAG, "").split())
        there = {str(one["AccessKeyId"]) for one in await self._credentials.keys(login) if one["Status"] != "Active"}
        before = {"denied": denied, "inactive keys": sorted(kept & there)}
        for key in sorted(kept & there):
            await self._switch(login, key, "Active")
        if denied:
            await self._unset(login, DISABLED)
        if KEYS_TAG in tags:
            await self._link.write("iam", "UntagUser", UserName=login, TagKeys=[KEYS_TAG])
        changed = denied or bool(kept & there)
        after = {"denied": False, "inactive keys": []}
        return Receipt(Outcome.CHANGED if changed else Outcome.ALREADY, before=before, after=after)

    async def _switch(self, login: str, key: str, status: str) -> None:
        await self._link.write("iam", "UpdateAccessKey", UserName=login, AccessKeyId=key, Status=status)

    async def _unset(self, login: str, policy: str) -> None:
        try:
            await self._link.write("iam", "DeleteUserPolicy", UserName=login, PolicyName=policy)
        except NotFound:
            return

    async def delete(self, account_id: str) -> Receipt:
        """Make the user not exist, all that stands in the way first. Asking again goes on where it stopped."""
        try:
            user = await self._reading.user(account_id)
        except NotFound:
            return Receipt(Outcome.ALREADY, after={"present": False})
        self._refuse_self(user)
        login, link = str(user["UserName"]), self._link
        credentials = await self._credentials.take_away(account_id, login, None)
        policies, groups = await self._reading.attached_to(login), await self._reading.groups_of(login)
        for arn in policies:
            await link.write("iam", "DetachUserPolicy", UserName=login, PolicyArn=arn)
        for name in await link.all("iam", "ListUserPolicies", "PolicyNames", UserName=login):
            await self._unset(login, str(name))
        for name in groups:
            await link.write("iam", "RemoveUserFromGroup", UserName=login, GroupName=name)
        before = {"login": login, "policies": policies, "groups": groups, **credentials.before}
        try:
            await link.write("iam", "DeleteUser", UserName=login)
        except NotFound:
            return Receipt(Outcome.ALREADY, before=before, after={"present": False})
        return Receipt(Outcome.CHANGED, before=before, after={"present": False})

    async def end_sessions(self, account_id: str) -> Receipt:
        """Refuse whatever was signed in before now. A disabled user is refused everything already."""
        user = await self._reading.user(account_id)
        self._refuse_self(user)
        login = str(user["UserName"])
        if await self._reading.inline(login, DISABLED) is not None:
            return Receipt(Outcome.ALREADY, after={"denied": True})
        until = self._link.clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        document = deny({"Condition": {"DateLessThan": {"aws:TokenIssueTime": until}}})
        await self._link.write("iam", "PutUserPolicy", UserName=login, PolicyName=ENDED, PolicyDocument=document)
        return Receipt(Outcome.CHANGED, after={"signed in before": until})

    async def revoke_credential(self, account_id: str, credential_id: str | None) -> Receipt:
        """Make one credential, or all, not be there. Raises NotFound for an unknown user."""
        user = await self._reading.user(account_id)
        self._refuse_self(user)
        return await self._credentials.take_away(account_id, str(user["UserName"]), credential_id)

    # ---- grants

    async def set(self, account_id: str, entitlement_id: str, held: bool) -> Receipt:
        """Make the user hold a group or policy, or not. Raises NotFound for an unknown one."""
        login = str((await self._reading.user(account_id))["UserName"])
        if entitlement_id.startswith(GROUP):
            name = entitlement_id.removeprefix(GROUP)
            inside = name in await self._reading.groups_of(login)
            operation = "AddUserToGroup" if held else "RemoveUserFromGroup"
            given = {"UserName": login, "GroupName": name}
        elif entitlement_id.startswith(POLICY):
            arn = entitlement_id.removeprefix(POLICY)
            inside = arn in await self._reading.attached_to(login)
            operation = "AttachUserPolicy" if held else "DetachUserPolicy"
            given = {"UserName": login, "PolicyArn": arn}
        else:
            raise NotFound(f"{self._system} has no entitlement {entitlement_id[:80]}.", system=self._system)
        facts = {"user": login, "entitlement": entitlement_id}
        if inside is held:
            return Receipt(Outcome.ALREADY, before={**facts, "held": held}, after={**facts, "held": held})
        answer = await self._link.write("iam", operation, **given)
        after = {**facts, "held": held}
        return Receipt(Outcome.CHANGED, _request(answer), before={**facts, "held": inside}, after=after)

    def _refuse_self(self, user: Mapping[str, Any]) -> None:
        if user.get("Arn") and user["Arn"] == self._own:
            raise Forbidden(
                f"{user['UserName']} is the user that jmltui itself signs in as on {self._system}.", system=self._system
            )


def _seen(found: Account) -> dict[str, object]:
    return {"id": found.id, "login": found.login, "state": found.state.value, "number": found.external_id}


def _request(answer: Mapping[str, Any]) -> str | None:
    found = (answer.get("ResponseMetadata") or {}).get("RequestId")
    return str(found) if found else None
