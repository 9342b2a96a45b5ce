"""Reading IAM Identity Center: users, groups, permission sets and who is assigned what.

Operations, paging by NextToken, and that `ListAccountAssignmentsForPrincipal` tells of assignments through groups too:
the API references of the identity store and of IAM Identity Center.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from jmltui.adapter_api import Account, AccountState, Entitlement, Grant, NotFound, Page, Query

from .link import AwsLink

GROUP: Final = "group:"
ROLE: Final = "role:"
STORE: Final = "identitystore"
ADMIN: Final = "sso-admin"
_STATES: Final = {"ENABLED": AccountState.ACTIVE, "DISABLED": AccountState.DISABLED}


@dataclass(frozen=True, slots=True)
class Instance:
    """One Identity Center instance and its identity store."""

    arn: str
    store: str


class CenterReading:
    """Reads one instance."""

    def __init__(self, link: AwsLink, instance: Instance) -> None:
        self.link, self.system, self.instance = link, link.system, instance
        self._store = {"IdentityStoreId": instance.store}
        self._admin = {"InstanceArn": instance.arn}

    # ---- users

    async def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
        """All users, each once."""
        known: set[str] = set()
        size = min(max(query.page_size, 1), 100)
        async for page, cursor in self.link.pages(
            STORE, "ListUsers", "Users", query.cursor, MaxResults=size, **self._store
        ):
            fresh = [one for one in map(self._account, page) if one.id not in known]
            if cursor is not None and not fresh:
                raise self.link.broken("the users are listed without end")
            known.update(one.id for one in fresh)
            yield Page(fresh, cursor=cursor)

    def _account(self, user: Mapping[str, Any]) -> Account:
        user_id, login = user.get("UserId"), user.get("UserName")
        if not isinstance(user_id, str) or not isinstance(login, str) or not user_id or not login:
            raise self.link.broken("a user is listed without an id or name")
        emails = sorted(user.get("Emails") or (), key=lambda one: not one.get("Primary"))
        name = user.get("Name") or {}
        display = user.get("DisplayName") or f"{name.get('GivenName', '')} {name.get('FamilyName', '')}".strip()
        return Account(
            user_id,
            login,
            _STATES.get(str(user.get("UserStatus") or "ENABLED"), AccountState.UNKNOWN),
            tuple(str(one["Value"]) for one in emails if one.get("Value")),
            str(user.get(self.link.options.number_in) or "") or None,
            str(display or login),
            raw={"from": [str(one.get("Issuer")) for one in user.get("ExternalIds") or ()]},
        )

    async def read(self, account_id: str) -> Account:
        """One user. Raises NotFound."""
        found = self._account(await self.link.read(STORE, "DescribeUser", UserId=account_id, **self._store))
        if found.id != account_id:
            raise self.link.broken("one user was asked for, and another was told")
        return found

    async def find(self, login: str) -> Account | None:
        """The user of exactly this name: GetUserId, and the user of that id compared again."""
        named = {"UniqueAttribute": {"AttributePath": "userName", "AttributeValue": login}}
        try:
            answer = await self.link.read(STORE, "GetUserId", AlternateIdentifier=named, **self._store)
            if not answer.get("UserId"):
                raise self.link.broken("GetUserId was answered without an id")
            found = await self.read(str(answer["UserId"]))
        except NotFound:
            return None
        return found if found.login.casefold() == login.casefold() else None

    # ---- entitlements

    async def entitlements(self, query: Query) -> AsyncIterator[Page[Entitlement]]:
        """Groups, then each permission set in each account that it is provisioned to."""
        groups = await self.link.all(STORE, "ListGroups", "Groups", **self._store)
        privileged = self.link.options.is_privileged
        yield Page(
            [
                Entitlement(f"{GROUP}{one['GroupId']}", "group", name, privileged(name))
                for one in groups
                for name in [str(one.get("DisplayName") or one["GroupId"])[:200]]
            ]
        )
        for arn in await self._sets():
            answer = await self.link.read(ADMIN, "DescribePermissionSet", PermissionSetArn=arn, **self._admin)
            name = str((answer.get("PermissionSet") or {}).get("Name") or arn)
            attached = await self.link.all(
                ADMIN, "ListManagedPoliciesInPermissionSet", "AttachedManagedPolicies",
                PermissionSetArn=arn, **self._admin,
            )  # fmt: skip
            is_strong = privileged(name, *(str(one.get("Name")) for one in attached))
            accounts = await self._accounts_of(arn)
            yield Page([Entitlement(role_id(one, arn), "role", f"{name} in {one}", is_strong) for one in accounts])

    async def _sets(self) -> list[str]:
        found = await self.link.all(ADMIN, "ListPermissionSets", "PermissionSets", **self._admin)
        return [str(one) for one in found]

    async def _accounts_of(self, arn: str) -> list[str]:
        found = await self.link.all(
            ADMIN, "ListAccountsForProvisionedPermissionSet", "AccountIds", PermissionSetArn=arn, **self._admin
        )
        return [str(one) for one in found]

    # ---- grants

    async def grants(self, query: Query) -> AsyncIterator[Page[Grant]]:
        """All memberships, then all assignments, those of groups as held by their members."""
        members: dict[str, list[str]] = {}
        for group in await self.link.all(STORE, "ListGroups", "Groups", **self._store):
            group_id = str(group["GroupId"])
            members[group_id] = sorted((await self.memberships(group_id)).keys())
            yield Page([Grant(one, f"{GROUP}{group_id}") for one in members[group_id]])
        for arn in await self._sets():
            for account in await self._accounts_of(arn):
                yield Page(await self._assigned(account, arn, members))

    async def _assigned(self, account: str, arn: str, members: Mapping[str, list[str]]) -> list[Grant]:
        held, found = role_id(account, arn), dict[str, Grant]()
        listed = await self.assignments(account, arn)
        for kind, principal in sorted(listed, key=lambda one: one[0] != "USER"):
            if kind == "USER":
                found[principal] = Grant(principal, held)
            for one in members.get(principal, ()) if kind == "GROUP" else ():
                found.setdefault(one, Grant(one, held, direct=False, via=(f"{GROUP}{principal}",)))
        return list(found.values())

    async def memberships(self, group_id: str) -> dict[str, str]:
        """The members of a group, each with the id of its membership. Raises NotFound."""
        listed = await self.link.all(STORE, "ListGroupMemberships", "GroupMemberships", GroupId=group_id, **self._store)
        found = {}
        for one in listed:
            user_id = (one.get("MemberId") or {}).get("UserId")
            if not user_id or not one.get("MembershipId"):
                raise self.link.broken("a membership is listed without a user or an id")
            found[str(user_id)] = str(one["MembershipId"])
        return found

    async def memberships_of(self, account_id: str) -> dict[str, str]:
        """The groups of a user, each with the id of the membership."""
        listed = await self.link.all(
            STORE, "ListGroupMembershipsForMember", "GroupMemberships", MemberId={"UserId": account_id}, **self._store
        )
        return {str(one.get("GroupId")): str(one.get("MembershipId")) for one in listed}

    async def assignments(self, account: str, arn: str) -> list[tuple[str, str]]:
        """Who is assigned a permission set in an account: USER or GROUP, and the id."""
        listed = await self.link.all(
            ADMIN, "ListAccountAssignments", "AccountAssignments",
            AccountId=account, PermissionSetArn=arn, **self._admin,
        )  # fmt: skip
        return [(str(one.get("PrincipalType")), str(one.get("PrincipalId"))) for one in listed]

    async def assignments_of(self, account_id: str) -> list[Grant]:
        """What is assigned to a user, directly and through groups."""
        listed = await self.link.all(
            ADMIN, "ListAccountAssignmentsForPrincipal", "AccountAssignments",
            PrincipalId=account_id, PrincipalType="USER", **self._admin,
        )  # fmt: skip
        found: dict[str, Grant] = {}
        for one in sorted(listed, key=lambda row: row.get("PrincipalType") != "USER"):
            held = role_id(str(one.get("AccountId")), str(one.get("PermissionSetArn")))
            direct = one.get("PrincipalType") == "USER"
            via = () if direct else (f"{GROUP}{one.get('PrincipalId')}",)
            found.setdefault(held, Grant(account_id, held, direct, via))
        return list(found.values())

    async def grants_of(self, account_id: str) -> list[Grant]:
        """What one user holds. Raises NotFound."""
        await self.read(account_id)
        groups = [Grant(account_id, f"{GROUP}{one}") for one in await self.memberships_of(account_id)]
        return [*groups, *await self.assignments_of(account_id)]


def role_id(account: str, arn: str) -> str:
    """The entitlement of a permission set in an account."""
    return f"{ROLE}{account}/{arn}"


def role_of(entitlement_id: str) -> tuple[str, str]:
    """Account and permission set of such an entitlement."""
    account, _, arn = entitlement_id.removeprefix(ROLE).partition("/")
    return account, arn
