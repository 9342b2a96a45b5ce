"""The SCIM adapter: make it so, then read it back by another call."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final
from urllib.parse import quote

import msgspec

from jmltui.adapter_api import (
    Account,
    AccountState,
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
    Step,
    Support,
    Unavailable,
    Unsupported,
    Verdict,
)

from .listing import GROUPS, USERS, Group, User, WholeUser, matching, pages
from .transport import Transport

PATCH: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
CHUNK: Final = 200
_ACTIVE: Final = AccountState.ACTIVE
_DISABLED: Final = AccountState.DISABLED


class ScimAdapter:
    """One SCIM 2.0 server."""

    kind: ClassVar[str] = "scim"
    EXERCISED_AGAINST: ClassVar[str] = "scim2-server 0.8, with index and with cursor paging; SCIMMY 1.3 on Express 5"
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
        self._transport: Transport | None = None
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
        if self._transport is None:
            options = self._setup.options
            self._transport = Transport(
                self.name,
                str(options["url"]),
                self._setup.secret(str(options["token"])),
                float(str(options.get("exchange_seconds") or 20)),
                self._setup.clock,
                str(options["ca_file"]) if options.get("ca_file") else None,
            )
        try:
            announced = await self._transport.json("ServiceProviderConfig")
        except (NotFound, Unsupported, ContractBroken):
            announced = {}
        paging = announced.get("pagination")
        self._by_cursor = isinstance(paging, dict) and paging.get("cursor") is True
        self._facts = {
            "paging": "cursor" if self._by_cursor else "index",
            "announces": "ServiceProviderConfig" if announced else "nothing",
        }

    async def close(self) -> None:
        """Let go of connections."""
        if self._transport is not None:
            transport, self._transport = self._transport, None
            await transport.close()

    async def check(self) -> Mapping[str, str]:
        """Reachable, authenticated, how it pages."""
        await self._http.read("Users", {"count": "1", "startIndex": "1"})
        return {"reachable": "yes", "authenticated": "yes", **self._facts}

    @property
    def _http(self) -> Transport:
        if self._transport is None:
            raise Unavailable(f"{self.name} is not open.", system=self.name)
        return self._transport

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
        return account(await self._user(account_id))

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
            found += [Grant(account_id, g.id) for g in groups if account_id in self._values(g)]
        return found

    # ---- writing accounts

    async def create(self, wanted: Account, *, key: str) -> tuple[Account, Receipt]:
        """Make the user exist. A taken userName is ours only when the external id is the same."""
        del key
        present = await self.find(wanted.login)
        if present is None:
            try:
                body = await self._http.write("POST", "Users", resource(wanted))
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

    async def update(self, account_id: str, changes: Mapping[str, object], *, if_version: str | None = None) -> Receipt:
        """Replace these attributes (RFC 7644 section 3.5.2.3)."""
        operations = [{"op": "replace", "path": name, "value": value} for name, value in changes.items()]
        before = await self._user(account_id)
        await self._patch(f"Users/{quote(account_id, safe='')}", operations, if_version)
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
            await self._http.write("DELETE", f"Users/{quote(account_id, safe='')}")
        except NotFound:
            return Receipt(Outcome.ALREADY)
        return Receipt(Outcome.CHANGED)

    async def _set_active(self, account_id: str, value: bool) -> Receipt:
        """PATCH with a path first, then without one, each believed only after another read."""
        path = f"Users/{quote(account_id, safe='')}"
        before = await self._user(account_id)
        if is_active(before) is value:
            return Receipt(Outcome.ALREADY, before=seen(before), after=seen(before))
        rungs = (
            {"op": "replace", "path": "active", "value": value},
            {"op": "replace", "value": {"active": value}},
        )
        for rung in rungs:
            try:
                await self._patch(path, [rung], None)
            except (Invalid, Unsupported):
                continue
            after = await self._user(account_id)
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
        held = self._values(await self._group(entitlement_id))
        missing = [a for a in dict.fromkeys(account_ids) if a not in held]
        path = f"Groups/{quote(entitlement_id, safe='')}"
        for at in range(0, len(missing), CHUNK):
            value = [{"value": a} for a in missing[at : at + CHUNK]]
            await self._patch(path, [{"op": "add", "path": "members", "value": value}], None)
        changed = set(missing)
        return {a: _receipt(a in changed, was=a in held, now=True) for a in account_ids}

    async def revoke_many(self, entitlement_id: str, account_ids: Sequence[str]) -> Mapping[str, Receipt | Exception]:
        """Make none of them members: by a filter path, else by a list of values, checking who left."""
        group = await self._group(entitlement_id)
        held = self._values(group)
        there = [a for a in dict.fromkeys(account_ids) if a in held]
        path = f"Groups/{quote(entitlement_id, safe='')}"
        if there:
            by_path: list[dict[str, Any]] = [
                {"op": "remove", "path": f"members[value eq {json.dumps(a)}]"} for a in there
            ]
            by_value: list[dict[str, Any]] = [
                {"op": "remove", "path": "members", "value": [{"value": a} for a in there]}
            ]
            after = held
            for rung in (by_path, by_value):
                try:
                    await self._patch(path, rung, None)
                except (Invalid, Unsupported):
                    continue
                after = self._values(await self._group(entitlement_id))
                self._check_bystanders(held, after, set(there), group)
                if not after & set(there):
                    break
            if after & set(there):
                raise ContractBroken(
                    f"{self.name} does not take {len(after & set(there))} members out of {group.displayName}; "
                    "it refuses the change or leaves it as it was. Take them out by hand.",
                    system=self.name,
                )
        return {a: _receipt(a in there, was=a in held, now=False) for a in account_ids}

    def _check_bystanders(self, before: set[str], after: set[str], meant: set[str], group: Group) -> None:
        lost = before - after - meant
        if lost:
            raise ContractBroken(
                f"{self.name} removed {len(lost)} others from {group.displayName} as well: "
                f"{', '.join(sorted(lost)[:5])}. Put them back by hand.",
                system=self.name,
            )

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
        groups = {group_id: await self._group(group_id) for group_id in {step.target or "" for step in steps}}
        members = {group_id: self._values(group) for group_id, group in groups.items()}
        at = self._setup.clock()
        found = []
        for step in steps:
            held = step.account_id in members[step.target or ""]
            if not held:
                held = await self._says_member(step.account_id, groups[step.target or ""])
            good = held is (step.cap is Cap.GRANT)
            verdict = Verdict.CONFIRMED if good else Verdict.CONTRADICTED
            found.append(Evidence(verdict, Proof.READ_BACK, {"member": held}, at, f"GET /Groups/{step.target}"))
        return found

    async def _says_member(self, account_id: str, group: Group) -> bool:
        """Whether the user belongs to a group that does not list its id.

        Some servers list members by userName, or list none; so the user's own `groups` are asked too, and a gone
        user is in no group.
        """
        try:
            user = await self._user(account_id)
        except NotFound:
            return False
        if any(one.value == group.id for one in user.groups or []):
            return True
        login = user.userName.casefold()
        return any(login == (member.value or "").casefold() for member in group.members or [])

    async def _find_for(self, step: Step) -> User | None:
        if step.account_id:
            try:
                return await self._user(step.account_id)
            except NotFound:
                return None
        known = await self.find(step.login)
        if known is None:
            known = await self._listed(step.login)
        return await self._user(known.id) if known else None

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

    @staticmethod
    def _values(group: Group) -> set[str]:
        return {member.value for member in group.members or [] if member.value}

    async def _user(self, account_id: str) -> WholeUser:
        body = await self._http.json(f"Users/{quote(account_id, safe='')}")
        found: WholeUser = self._same(body, WholeUser, account_id)
        return found

    async def _group(self, group_id: str) -> Group:
        body = await self._http.json(f"Groups/{quote(group_id, safe='')}")
        found: Group = self._same(body, Group, group_id)
        return found

    def _same(self, body: dict[str, Any], kind: type[Any], wanted_id: str) -> Any:
        try:
            found = msgspec.convert(body, kind, strict=False)
        except msgspec.ValidationError as error:
            raise ContractBroken(f"{self.name} answered something that is no SCIM resource: {error}.") from None
        if found.id != wanted_id:
            raise ContractBroken(
                f"{self.name} was asked for {wanted_id} and answered somebody else ({found.id}).",
                system=self.name,
            )
        return found

    async def _patch(self, path: str, operations: list[dict[str, Any]], version: str | None) -> None:
        await self._http.write("PATCH", path, {"schemas": [PATCH], "Operations": operations}, version)


def _single(answers: Mapping[str, Receipt | Exception], account_id: str) -> Receipt:
    answer = answers[account_id]
    if isinstance(answer, Exception):
        raise answer
    return answer


def _receipt(changed: bool, *, was: bool, now: bool) -> Receipt:
    outcome = Outcome.CHANGED if changed else Outcome.ALREADY
    return Receipt(outcome, before={"member": was}, after={"member": now})


def is_active(user: User) -> bool:
    """Whether a user may sign in; absent means yes (RFC 7643 leaves it open), text is accepted."""
    active = user.active
    return active is True or (active.casefold() != "false" if isinstance(active, str) else active is not False)


def seen(user: User) -> dict[str, object]:
    """What goes into evidence about a user."""
    return {"id": user.id, "login": user.userName, "active": is_active(user)}


def account(user: User) -> Account:
    """A SCIM user as an account."""
    emails = user.emails
    return Account(
        user.id,
        user.userName,
        _ACTIVE if is_active(user) else _DISABLED,
        tuple([email.value for email in emails if email.value]) if emails else (),
        user.externalId,
        user.displayName or "",
        version=user.meta.version if user.meta else None,
    )


def resource(wanted: Account) -> dict[str, Any]:
    """The User resource to create (RFC 7643 section 4.1)."""
    body: dict[str, Any] = {"schemas": [USER], "userName": wanted.login, "active": True}
    if wanted.external_id:
        body["externalId"] = wanted.external_id
    if wanted.display:
        body["displayName"] = wanted.display
        body["name"] = {"formatted": wanted.display}
    if wanted.emails:
        body["emails"] = [{"value": value, "primary": index == 0} for index, value in enumerate(wanted.emails)]
    return body
