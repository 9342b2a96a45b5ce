"""Reading IAM: users, groups, policies and who holds what.

Paging, and that AWS may give fewer than asked for with IsTruncated set: the IAM API reference.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from jmltui.adapter_api import Account, Entitlement, Grant, NotFound, Page, Query

from .iam_records import DISABLED, GROUP, POLICY, account, allows_everything, is_login, names
from .link import AwsLink


class IamReading:
    """Reads the users of one AWS account."""

    def __init__(self, link: AwsLink) -> None:
        self.link, self.system = link, link.system
        self._names: dict[str, str] = {}

    # ---- users

    async def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
        """All users, each once."""
        known: set[str] = set()
        async for page, cursor in self._details("User", "UserDetailList", query.cursor, query.page_size):
            fresh = [one for one in (self._account(user) for user in page) if one.id not in known]
            if cursor is not None and not fresh:
                raise self.link.broken("the users are listed without end")
            known.update(one.id for one in fresh)
            yield Page(fresh, cursor=cursor)

    def _account(self, user: Mapping[str, Any]) -> Account:
        disabled = DISABLED in names(user.get("UserPolicyList") or ())
        found = account(user, disabled, self.link.options, self.system)
        self._names[found.id] = found.login
        return found

    async def user(self, account_id: str, login: str = "") -> dict[str, Any]:
        """The user of this id, whatever its name is now. Raises NotFound only when nobody listed has it."""
        for name in (self._names.get(account_id, ""), login):
            if is_login(name):
                found = await self.named(name)
                if found is not None and found["UserId"] == account_id:
                    return found
        async for page, _ in self.link.pages("iam", "ListUsers", "Users"):
            self._names.update({str(one.get("UserId")): str(one.get("UserName")) for one in page})
            if any(one.get("UserId") == account_id for one in page):
                found = await self.named(self._names[account_id])
                if found is not None and found["UserId"] == account_id:
                    return found
        self._names.pop(account_id, None)
        raise NotFound(f"{self.system} has no user {account_id[:80]}.", system=self.system)

    async def named(self, login: str) -> dict[str, Any] | None:
        """The user of this name, compared again. Raises ContractBroken for somebody else."""
        try:
            answer = await self.link.read("iam", "GetUser", UserName=login)
        except NotFound:
            return None
        found = answer.get("User")
        if not isinstance(found, dict) or not found.get("UserId"):
            raise self.link.broken("GetUser was answered without a user")
        if str(found.get("UserName")).casefold() != login.casefold():
            raise self.link.broken("one user was asked for, and another was told")
        self._names[str(found["UserId"])] = str(found["UserName"])
        return found

    async def read(self, account_id: str, login: str = "") -> Account:
        """One user. Raises NotFound."""
        return await self.told(await self.user(account_id, login))

    async def told(self, user: Mapping[str, Any]) -> Account:
        """A user with the state that goes with it."""
        disabled = await self.inline(str(user["UserName"]), DISABLED) is not None
        return account(user, disabled, self.link.options, self.system)

    async def find(self, login: str) -> Account | None:
        """The user of exactly this name."""
        found = await self.named(login) if is_login(login) else None
        return await self.told(found) if found is not None else None

    async def inline(self, login: str, policy: str) -> object | None:
        """The document of an inline policy of a user; None where there is none."""
        try:
            answer = await self.link.read("iam", "GetUserPolicy", UserName=login, PolicyName=policy)
        except NotFound:
            return None
        if not answer.get("PolicyDocument"):
            raise self.link.broken("GetUserPolicy was answered without a document")
        return answer["PolicyDocument"]  # type: ignore[no-any-return]  # boto3 answers untyped

    # ---- entitlements

    async def entitlements(self, query: Query) -> AsyncIterator[Page[Entitlement]]:
        """Groups, the account's own policies, and those of AWS that somebody has or the settings name."""
        loaded = await self._policies()
        groups = await self._groups()
        yield Page([self._group(one, loaded) for one in groups])
        yield Page(sorted(loaded.values(), key=lambda one: one.id))

    async def _policies(self) -> dict[str, Entitlement]:
        """Managed policies by ARN."""
        documents: dict[str, object] = {}
        async for page, _ in self._details("LocalManagedPolicy", "Policies", None, 200):
            for one in page:
                current = [v for v in one.get("PolicyVersionList") or () if v.get("IsDefaultVersion")]
                documents[str(one.get("Arn"))] = current[0].get("Document") if current else None
        own = await self.link.all("iam", "ListPolicies", "Policies", Scope="Local")
        used = await self.link.all("iam", "ListPolicies", "Policies", Scope="AWS", OnlyAttached=True)
        named = [{"Arn": arn, "PolicyName": arn.rpartition("/")[2]} for arn in self.link.options.policies]
        found = {}
        for one in [*own, *used, *named]:
            arn, name = str(one.get("Arn")), str(one.get("PolicyName"))
            privileged = self.link.options.is_privileged(name, arn) or allows_everything(documents.get(arn))
            found[arn] = Entitlement(f"{POLICY}{arn}", "permission", name[:200], privileged)
        return found

    async def _groups(self) -> list[dict[str, Any]]:
        return [one async for page, _ in self._details("Group", "GroupDetailList", None, 200) for one in page]

    def _group(self, group: Mapping[str, Any], policies: Mapping[str, Entitlement]) -> Entitlement:
        name = str(group.get("GroupName"))
        leads_to = [str(one.get("PolicyArn")) for one in group.get("AttachedManagedPolicies") or ()]
        privileged = (
            self.link.options.is_privileged(name, *(arn.rpartition("/")[2] for arn in leads_to))
            or any(policies[arn].privileged for arn in leads_to if arn in policies)
            or any(allows_everything(one.get("PolicyDocument")) for one in group.get("GroupPolicyList") or ())
        )
        return Entitlement(f"{GROUP}{name}", "group", name, privileged)

    # ---- grants

    async def grants(self, query: Query) -> AsyncIterator[Page[Grant]]:
        """Memberships and attached policies; the policies of a group are held through it."""
        through = {str(one.get("GroupName")): arns(one.get("AttachedManagedPolicies")) for one in await self._groups()}
        known: set[str] = set()
        async for page, cursor in self._details("User", "UserDetailList", query.cursor, query.page_size):
            fresh = [one for one in page if one.get("UserId") not in known]
            if cursor is not None and not fresh:
                raise self.link.broken("the users are listed without end")
            known.update(str(one.get("UserId")) for one in fresh)
            yield Page([grant for one in fresh for grant in _held(one, through)], cursor=cursor)

    async def grants_of(self, account_id: str) -> list[Grant]:
        """What one user holds. Raises NotFound."""
        login = str((await self.user(account_id))["UserName"])
        attached = await self.link.all("iam", "ListAttachedUserPolicies", "AttachedPolicies", UserName=login)
        groups = await self.groups_of(login)
        through = {
            name: arns(await self.link.all("iam", "ListAttachedGroupPolicies", "AttachedPolicies", GroupName=name))
            for name in groups
        }
        return _held({"UserId": account_id, "AttachedManagedPolicies": attached, "GroupList": groups}, through)

    async def groups_of(self, login: str) -> list[str]:
        """The groups of a user, by the user's own list."""
        found = await self.link.all("iam", "ListGroupsForUser", "Groups", UserName=login)
        return [str(one.get("GroupName")) for one in found]

    async def attached_to(self, login: str) -> list[str]:
        """The ARNs of the policies that are attached to a user."""
        return arns(await self.link.all("iam", "ListAttachedUserPolicies", "AttachedPolicies", UserName=login))

    async def _details(
        self, kind: str, field: str, token: str | None, size: int
    ) -> AsyncIterator[tuple[list[Any], str | None]]:
        operation, most = "GetAccountAuthorizationDetails", min(max(size, 1), 1000)
        async for page, following in self.link.pages("iam", operation, field, token, Filter=[kind], MaxItems=most):
            yield page, following


def arns(attached: Any) -> list[str]:
    """The ARNs of attached policies."""
    return [str(one.get("PolicyArn")) for one in attached or ()]


def _held(user: Mapping[str, Any], through: Mapping[str, list[str]]) -> list[Grant]:
    account_id, groups = str(user.get("UserId")), [str(one) for one in user.get("GroupList") or ()]
    direct = [f"{POLICY}{arn}" for arn in arns(user.get("AttachedManagedPolicies"))]
    found = {held: Grant(account_id, held) for held in [*(f"{GROUP}{name}" for name in groups), *direct]}
    for name in groups:
        for arn in through.get(name, ()):
            held = f"{POLICY}{arn}"
            found.setdefault(held, Grant(account_id, held, direct=False, via=(f"{GROUP}{name}",)))
    return list(found.values())
