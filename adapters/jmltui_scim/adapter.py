"""The SCIM adapter: make it so, then read it back by another call."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar

import msgspec

from jmltui.adapter_api import (
    Account,
    Ambiguous,
    Cap,
    Capabilities,
    Conflict,
    ContractBroken,
    Entitlement,
    Evidence,
    Grant,
    Invalid,
    NotFound,
    Option,
    OptionType,
    Outcome,
    OutcomeUnknown,
    Page,
    Proof,
    Query,
    Receipt,
    Setup,
    Stale,
    Step,
    Support,
    Unavailable,
    Unsupported,
    Verdict,
)

from .listing import GROUPS, USERS, Group, User, list_body, matching, pages
from .memberships import Memberships
from .resources import Resources, user_path
from .transport import Transport
from .users import account, differing, is_active, resource, seen


class ScimAdapter:
    """One SCIM 2.0 server."""

    kind: ClassVar[str] = "scim"
    EXERCISED_AGAINST: ClassVar[str] = (
        "scim2-server 0.8, with index and with cursor paging; SCIMMY 1.3 on Express 5; Canaille 0.3"
    )
    OPTIONS: ClassVar[tuple[Option, ...]] = (
        Option("url", OptionType.URL, "The base address, up to and without /Users.", required=True),
        Option("token", OptionType.SECRET, "The bearer token.", required=True),
        Option("ca_file", OptionType.PATH, "Your own certificate authority.", None),
        Option("page_size", OptionType.INTEGER, "How many are asked for at once.", 200),
        Option("exchange_seconds", OptionType.NUMBER, "How long one exchange may take.", 20),
    )

    def __init__(self, setup: Setup) -> None:
        self.name = setup.name
        self._setup = setup
        self._opened: tuple[Resources, Memberships] | None = None
        self._by_cursor = False
        self._page_size = int(str(setup.options.get("page_size") or 200))
        self._facts: dict[str, str] = {}

    # ---- life

    def capabilities(self) -> Capabilities:
        """What SCIM offers: accounts and groups, each provable by another read."""
        proved = Support(Proof.READ_BACK, reversible=True)
        lists = (Cap.LIST_ACCOUNTS, Cap.LIST_ENTITLEMENTS, Cap.LIST_GRANTS, Cap.FIND)
        writes = (Cap.CREATE, Cap.UPDATE, Cap.ENABLE, Cap.DISABLE, Cap.GRANT, Cap.REVOKE)
        gone = Support(Proof.READ_BACK, reversible=False, note="a deleted account cannot be brought back")
        return {**dict.fromkeys((*lists, *writes), proved), Cap.DELETE: gone}

    async def open(self) -> None:
        """Connect and learn what the server announces (RFC 7643 section 5). Raises AdapterError."""
        if self._opened is None:
            options = self._setup.options
            transport = Transport(
                self.name,
                str(options["url"]),
                self._setup.secret(str(options["token"])),
                float(str(options.get("exchange_seconds") or 20)),
                self._setup.clock,
                str(options["ca_file"]) if options.get("ca_file") else None,
            )
            resources = Resources(transport)
            self._opened = (resources, Memberships(resources))
        try:
            announced = await self._http.json("ServiceProviderConfig")
        except (NotFound, Unsupported, ContractBroken):
            announced = {}
        paging, versions = announced.get("pagination"), announced.get("etag")
        self._memberships.conditional = isinstance(versions, dict) and versions.get("supported") is True
        self._by_cursor = isinstance(paging, dict) and paging.get("cursor") is True
        self._facts = {
            "paging": "cursor" if self._by_cursor else "index",
            "announces": "ServiceProviderConfig" if announced else "nothing",
        }

    async def close(self) -> None:
        """Let go of connections."""
        if self._opened is not None:
            resources, self._opened = self._opened[0], None
            await resources.transport.close()

    def clock_offset(self) -> timedelta | None:
        """The server's time less ours, by its newest answer."""
        return self._http.clock_offset

    async def check(self) -> Mapping[str, str]:
        """Reachable, authenticated, how it pages."""
        await list_body(self._http, "Users", {"count": "1", "startIndex": "1"})
        return {"reachable": "yes", "authenticated": "yes", **self._facts}

    @property
    def _http(self) -> Transport:
        return self._resources.transport

    @property
    def _resources(self) -> Resources:
        if self._opened is None:
            raise Unavailable(f"{self.name} is not open.", system=self.name)
        return self._opened[0]

    @property
    def _memberships(self) -> Memberships:
        if self._opened is None:
            raise Unavailable(f"{self.name} is not open.", system=self.name)
        return self._opened[1]

    # ---- reading

    async def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
        """All users. Paging never trusted."""
        async for users in pages(self._http, "Users", USERS, count=self._count(query), by_cursor=self._by_cursor):
            yield Page([account(user) for user in users])

    async def entitlements(self, query: Query) -> AsyncIterator[Page[Entitlement]]:
        """All groups, without their members."""
        async for groups in self._groups(query, "id,displayName"):
            yield Page([Entitlement(group.id, "group", group.displayName) for group in groups])

    async def grants(self, query: Query) -> AsyncIterator[Page[Grant]]:
        """All memberships. Raises ContractBroken for members that are no known account: they are unresolved."""
        known: dict[str, str] = {}
        async for users in self._users(query):
            for user in users:
                known[user.id] = user.id
                known.setdefault(user.userName, user.id)
        async for groups in self._groups(query, ""):
            yield Page([grant for group in groups for grant in self._members(group, known)])

    async def read(self, account_id: str) -> Account:
        """One user by id."""
        return account(await self._resources.user(account_id))

    async def find(self, login: str) -> Account | None:
        """The user with exactly this userName.

        Every hit is compared here, since some servers ignore filters. RFC 7643 makes userName case-insensitive, so
        two that differ only in case are ambiguous. Some servers do not know the escapes of a JSON string (RFC 7644
        section 3.4.2.2): they refuse such a filter or find nobody, and are asked for the whole listing.
        """
        literal = json.dumps(login)
        try:
            hits = await matching(self._http, "Users", USERS, f"userName eq {literal}")
        except (Invalid, Unsupported):
            return await self._listed(login)
        same = {user.id: user for user in hits if user.userName.casefold() == login.casefold()}
        if len(same) > 1:
            raise Ambiguous(f"{self.name} holds {len(same)} accounts called {login}.", system=self.name)
        if not same and literal != f'"{login}"':
            return await self._listed(login)
        return account(next(iter(same.values()))) if same else None

    async def grants_of(self, account_id: str) -> Sequence[Grant]:
        """The groups that hold one user, from the groups themselves."""
        found = []
        async for groups in self._groups(Query(page_size=self._page_size), ""):
            for group in groups:
                if await self._memberships.listed(group, [account_id]):
                    found.append(Grant(account_id, group.id))
        return found

    # ---- writing accounts

    async def create(self, wanted: Account, *, key: str) -> tuple[Account, Receipt]:
        """Make the user exist. A taken userName is ours only when the external id is the same."""
        del key
        present = await self.find(wanted.login)
        if present is None:
            try:
                body = await self._post(wanted)
                made = msgspec.convert(body, User, strict=False)
                return account(made), Receipt(Outcome.CHANGED, request_id=made.id, after=seen(made))
            except Conflict:
                present = await self.find(wanted.login)
            except msgspec.ValidationError:
                raise OutcomeUnknown(f"{self.name} created something it did not name.", system=self.name) from None
        if present is None or present.external_id != wanted.external_id:
            raise Conflict(
                f"{self.name} already holds an account called {wanted.login} that belongs to somebody else.",
                system=self.name,
                operation="create",
            )
        return present, Receipt(Outcome.ALREADY, after={"id": present.id})

    async def _post(self, wanted: Account) -> dict[str, Any]:
        """Create by the usual body, else, where that was refused, by one of bare e-mail addresses."""
        body = resource(wanted)
        try:
            return await self._http.write("POST", "Users", body)
        except Invalid:
            if not wanted.emails:
                raise
        return await self._http.write("POST", "Users", {**body, "emails": [{"value": v} for v in wanted.emails]})

    async def update(self, account_id: str, changes: Mapping[str, object], *, if_version: str | None = None) -> Receipt:
        """Replace these attributes (RFC 7644 section 3.5.2.3), and see that they are replaced."""
        before = await self._resources.user(account_id)
        if if_version is not None and before.meta and before.meta.version not in (None, if_version):
            raise Stale(f"{before.userName} of {self.name} changed since it was read.", system=self.name)
        todo = differing(before, changes)
        if not todo:
            return Receipt(Outcome.ALREADY, before=seen(before), after=dict(changes))
        operations = [{"op": "replace", "path": path, "value": value} for path, value in todo.items()]
        await self._resources.patch(user_path(account_id), operations, if_version)
        if differing(await self._resources.user(account_id), changes):
            raise ContractBroken(
                f"{self.name} accepts the change of {before.userName} and leaves it as it was.", system=self.name
            )
        return Receipt(Outcome.CHANGED, before=seen(before), after=dict(changes))

    async def enable(self, account_id: str) -> Receipt:
        """Set active."""
        return await self._set_active(account_id, True)

    async def disable(self, account_id: str) -> Receipt:
        """Set inactive."""
        return await self._set_active(account_id, False)

    async def delete(self, account_id: str) -> Receipt:
        """Remove the user."""
        try:
            await self._http.write("DELETE", user_path(account_id))
        except NotFound:
            return Receipt(Outcome.ALREADY)
        return Receipt(Outcome.CHANGED)

    async def _set_active(self, account_id: str, value: bool) -> Receipt:
        """PATCH with a path first, then without one, each believed only after another read."""
        before = await self._resources.user(account_id)
        if is_active(before) is value:
            return Receipt(Outcome.ALREADY, before=seen(before), after=seen(before))
        rungs = (
            {"op": "replace", "path": "active", "value": value},
            {"op": "replace", "value": {"active": value}},
        )
        for rung in rungs:
            try:
                await self._resources.patch(user_path(account_id), [rung])
            except (Invalid, Unsupported):
                continue
            after = await self._resources.user(account_id)
            if is_active(after) is value:
                return Receipt(Outcome.CHANGED, before=seen(before), after=seen(after))
        raise ContractBroken(
            f"{self.name} accepts the change of {before.userName} and leaves it as it was.", system=self.name
        )

    # ---- writing memberships

    async def grant(self, account_id: str, entitlement_id: str, *, expires: datetime | None = None) -> Receipt:
        """Make the user a member."""
        if expires is not None:
            raise Unsupported("SCIM memberships cannot end by themselves.", system=self.name)
        return _single(await self.grant_many(entitlement_id, [account_id]), account_id)

    async def revoke(self, account_id: str, entitlement_id: str) -> Receipt:
        """Make the user no member."""
        return _single(await self.revoke_many(entitlement_id, [account_id]), account_id)

    async def grant_many(self, entitlement_id: str, account_ids: Sequence[str]) -> Mapping[str, Receipt | Exception]:
        """Make all of them members by as few PATCHes as possible."""
        return await self._memberships.add(entitlement_id, account_ids)

    async def revoke_many(self, entitlement_id: str, account_ids: Sequence[str]) -> Mapping[str, Receipt | Exception]:
        """Make none of them members: by a filter path, else by a list of values, checking who left."""
        return await self._memberships.take_out(entitlement_id, account_ids)

    # ---- proof

    async def verify(self, step: Step) -> Evidence:
        """Read the effect back by GET. Never writes."""
        if step.cap in (Cap.GRANT, Cap.REVOKE):
            return (await self.verify_many([step]))[0]
        found = await self._find_for(step)
        at, source = (
            self._setup.clock(),
            f"GET /Users/{found.id}" if found else f"GET /Users?userName={step.login}",
        )
        want = {
            Cap.CREATE: found is not None,
            Cap.DELETE: found is None,
            Cap.ENABLE: found is not None and is_active(found) is True,
            Cap.DISABLE: found is None or is_active(found) is False,
        }.get(step.cap)
        if want is None:
            return Evidence(Verdict.UNVERIFIABLE, Proof.NONE, {}, at, source)
        verdict = Verdict.CONFIRMED if want else Verdict.CONTRADICTED
        return Evidence(verdict, Proof.READ_BACK, seen(found) if found else {"present": False}, at, source)

    async def verify_many(self, steps: Sequence[Step]) -> Sequence[Evidence]:
        """Read back membership steps, each group once."""
        groups = {group_id: await self._resources.group(group_id) for group_id in {step.target or "" for step in steps}}
        listed = {
            group_id: await self._memberships.listed(group, [s.account_id for s in steps if s.target == group_id])
            for group_id, group in groups.items()
        }
        at = self._setup.clock()
        found = []
        for step in steps:
            group_id = step.target or ""
            held = step.account_id in listed[group_id]
            if not held:
                held = await self._memberships.says_user(step.account_id, groups[group_id])
            good = held is (step.cap is Cap.GRANT)
            verdict = Verdict.CONFIRMED if good else Verdict.CONTRADICTED
            found.append(Evidence(verdict, Proof.READ_BACK, {"member": held}, at, f"GET /Groups/{step.target}"))
        return found

    async def _find_for(self, step: Step) -> User | None:
        if step.account_id:
            try:
                return await self._resources.user(step.account_id)
            except NotFound:
                return None
        known = await self.find(step.login)
        if known is None:
            known = await self._listed(step.login)
        return await self._resources.user(known.id) if known else None

    async def _listed(self, login: str) -> Account | None:
        """The user of this login from the whole listing, since an empty answer to a filter proves no absence."""
        found = {}
        async for users in self._users(Query(page_size=self._page_size)):
            found.update({user.id: user for user in users if user.userName.casefold() == login.casefold()})
        if len(found) > 1:
            raise Ambiguous(f"{self.name} holds {len(found)} accounts called {login}.", system=self.name)
        return account(next(iter(found.values()))) if found else None

    # ---- pieces

    def _count(self, query: Query) -> int:
        return min(query.page_size, self._page_size)

    def _groups(self, query: Query, attributes: str) -> AsyncIterator[list[Group]]:
        return pages(
            self._http,
            "Groups",
            GROUPS,
            count=self._count(query),
            by_cursor=self._by_cursor,
            attributes=attributes,
        )

    def _users(self, query: Query) -> AsyncIterator[list[User]]:
        return pages(
            self._http,
            "Users",
            USERS,
            count=self._count(query),
            by_cursor=self._by_cursor,
            attributes="userName",
        )

    def _members(self, group: Group, known: Mapping[str, str]) -> list[Grant]:
        found = []
        for member in group.members or []:
            if member.type == "Group":
                continue
            account_id = known.get(member.value or "")
            if account_id is None:
                raise ContractBroken(
                    f"{self.name} lists a member of {group.displayName} that is no account it knows; "
                    "who belongs to the group cannot be told.",
                    system=self.name,
                )
            found.append(Grant(account_id, group.id))
        return found


def _single(answers: Mapping[str, Receipt | Exception], account_id: str) -> Receipt:
    answer = answers[account_id]
    if isinstance(answer, Exception):
        raise answer
    return answer
