"""Making and changing accounts. Each write is read back by the entry's own name before it is believed."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from jmltui.adapter_api import (
    Account,
    Conflict,
    ContractBroken,
    Forbidden,
    NotFound,
    Outcome,
    Receipt,
    Stale,
)

from .attributes import OURS, further_attribute
from .connection import Directory, Link
from .dialect import Dialect
from .entry import Change, Control, Entry
from .estate import Estate
from .filters import encoded, first_of, is_under, parent_of, rdn, same_name
from .grants import Grants
from .options import RANDOM, DirectoryOptions

ASSERTION: Final = "1.3.6.1.1.12"
"""The assertion control (RFC 4528): a change is made only while the entry meets a filter."""
_QUALITY: Final = "!aA1"
"""What password policies ask for besides length; the secret itself is all before it."""


class Accounts:
    """Writes the accounts of one directory. `asserts` when it knows the assertion control."""

    def __init__(
        self,
        directory: Directory,
        dialect: Dialect,
        estate: Estate,
        grants: Grants,
        options: DirectoryOptions,
        *,
        asserts: bool,
    ) -> None:
        self._directory = directory
        self._dialect = dialect
        self._estate = estate
        self._grants = grants
        self._options = options
        self._system = options.system
        self._asserts = asserts

    def told(self, entry: Entry) -> Account:
        """The account that an entry is."""
        return self._dialect.account(entry)

    async def create(self, wanted: Account) -> tuple[Account, Receipt]:
        """Make the account exist. Raises Conflict for somebody else's login, and for groups that wait for its name."""
        new = self._dialect.new_account(wanted)
        dn = f"{new.relative_name},{self._options.create_base}"
        async with self._directory.link("create") as link:
            present = await self._estate.called(link, wanted.login)
            if not present:
                await self._refuse_leftovers(link, dn, wanted.login)
                try:
                    await link.add(dn, new.attributes)
                except Conflict as error:
                    present = await self._estate.called(link, wanted.login)
                    if not present:
                        raise Conflict(
                            f"{error.message} Another entry has this name or one of these values.",
                            system=self._system,
                            operation="create",
                            code=error.code,
                        ) from error
            if present:
                account = self.told(self._same_person(present, wanted))
                return account, Receipt(Outcome.ALREADY, after=seen(account))
            secret = secrets.token_urlsafe(24) + _QUALITY if self._options.first_secret == RANDOM else ""
            await self._dialect.first_secret(link, dn, secret)
            account = self.told(await self._again(link, dn))
        if account.login != wanted.login or account.external_id != wanted.external_id:
            raise ContractBroken(f"{self._system} made another account than was asked for.", system=self._system)
        return account, Receipt(Outcome.CHANGED, request_id=account.id, after=seen(account))

    async def _refuse_leftovers(self, link: Link, dn: str, login: str) -> None:
        """A new account must not inherit what groups still give to an old one of the same name. Raises Conflict."""
        ghost = Entry(dn, {self._dialect.login_attribute.lower(): [encoded(login)]})
        names = [self._dialect.group_name(group) for group in await self._held(link, ghost)]
        if names:
            raise Conflict(
                f"{', '.join(sorted(names))[:200]} of {self._system} still names a former “{login[:60]}”, whose access "
                "the new account would get. Take that name out first.",
                system=self._system,
                operation="create",
            )

    def _same_person(self, present: Sequence[Entry], wanted: Account) -> Entry:
        """The account that is there already, if it is this person's. Raises Conflict."""
        found = self.told(present[0])
        if (
            len(present) > 1
            or found.login.casefold() != wanted.login.casefold()
            or found.external_id != wanted.external_id
            or self._estate.is_excluded(present[0])
        ):
            raise Conflict(
                f"{self._system} already holds “{wanted.login[:60]}”, and it belongs to somebody else.",
                system=self._system,
                operation="create",
            )
        return present[0]

    async def update(self, account_id: str, changes: Mapping[str, object], if_version: str | None) -> Receipt:
        """Make these attributes so, renaming the entry where its name is made of the login."""
        async with self._directory.link("update") as link:
            entry = await self._again(link, (await self.touched(link, account_id)).dn, further(changes))
            before = self.told(entry)
            if if_version is not None and before.version != if_version:
                raise Stale(f"{before.login} of {self._system} changed since it was read.", system=self._system)
            planned = list(self._dialect.updating(entry, changes))
            if not planned:
                return Receipt(Outcome.ALREADY, before=seen(before), after=seen(before))
            entry = await self._again(link, await self._renamed(link, entry, changes), further(changes))
            planned = list(self._dialect.updating(entry, changes))
            held = await self._held(link, entry) if "login" in changes else []
            if planned:
                await link.modify(entry.dn, planned, controls=self._unless_changed(entry, if_version))
            after = await self._again(link, entry.dn, further(changes))
            for group in held:
                await self._grants.follow(link, group, entry, after)
            if self._dialect.updating(after, changes):
                raise ContractBroken(
                    f"{self._system} accepts the change of {before.login} and leaves it as it was.", system=self._system
                )
        return Receipt(Outcome.CHANGED, before=seen(before), after=seen(self.told(after)))

    async def _renamed(self, link: Link, entry: Entry, changes: Mapping[str, object]) -> str:
        """The name of the entry after it was renamed, where the login is what it is named by."""
        attribute = first_of(entry.dn).partition("=")[0].strip()
        login = str(changes.get("login") or "")
        before = entry.text(self._dialect.login_attribute)
        is_login = attribute.casefold() == self._dialect.login_attribute.casefold()
        if not login or login == before:
            return entry.dn
        if not is_login and same_name(first_of(entry.dn)) != same_name(rdn(attribute, before)):
            return entry.dn
        return (await self._placed(link, entry, rdn(attribute, login), None)).dn

    async def enable(self, account_id: str) -> Receipt:
        """Let it sign in again, and take it back from the leavers."""
        back = self._options.create_base if self._options.leavers_base else ""
        return await self._switched(account_id, "enable", self._dialect.enabling, back)

    async def disable(self, account_id: str) -> Receipt:
        """Let it not sign in any more, and put it among the leavers where the settings have such a place."""
        return await self._switched(account_id, "disable", self._dialect.disabling, self._options.leavers_base)

    async def _switched(
        self, account_id: str, operation: str, wanted: Callable[[Entry], Sequence[Change]], place: str
    ) -> Receipt:
        async with self._directory.link(operation) as link:
            entry = await self.touched(link, account_id)
            before = self.told(entry)
            planned = list(wanted(entry))
            moves = self._must_move(entry.dn, place)
            if not planned and not moves:
                return Receipt(Outcome.ALREADY, before=seen(before), after=seen(before))
            if planned:
                await link.modify(entry.dn, planned)
            if moves:
                entry = await self._placed(link, entry, first_of(entry.dn), place)
            after = await self._again(link, entry.dn)
            if wanted(after):
                raise ContractBroken(
                    f"{self._system} accepts to {operation} {before.login} and leaves it as it was.",
                    system=self._system,
                )
        return Receipt(Outcome.CHANGED, before=seen(before), after=seen(self.told(after)))

    def _must_move(self, dn: str, place: str) -> bool:
        """Whether an account has to change its place: into the leavers' one, or out of it."""
        leavers = self._options.leavers_base
        if not place or not leavers:
            return False
        return is_under(dn, leavers) != (same_name(place) == same_name(leavers))

    async def _placed(self, link: Link, entry: Entry, relative_name: str, place: str | None) -> Entry:
        """The entry under another name, the groups that named it with it."""
        held = await self._held(link, entry)
        await link.rename(entry.dn, relative_name, place)
        moved = await self._again(link, f"{relative_name},{place or parent_of(entry.dn)}")
        for group in held:
            await self._grants.follow(link, group, entry, moved)
        return moved

    async def _held(self, link: Link, entry: Entry) -> list[Entry]:
        """The groups that name an account."""
        holders = await self._estate.holders(link, [entry])
        return [group for group in holders if await self._grants.holds(link, group, entry)]

    async def delete(self, account_id: str) -> Receipt:
        """Take it out of its groups, then make it not exist. Groups that would be left empty get the placeholder."""
        async with self._directory.link("delete") as link:
            if await self._estate.account(link, account_id) is None:
                return Receipt(Outcome.ALREADY)
            entry = await self.touched(link, account_id)
            before = self.told(entry)
            left = await self._out_of_groups(link, entry)
            try:
                await link.delete(entry.dn)
            except NotFound:
                return Receipt(Outcome.ALREADY, before=seen(before))
            if await link.read(entry.dn, (self._dialect.id_attribute,)) is not None:
                raise ContractBroken(f"{self._system} deletes {before.login} and still shows it.", system=self._system)
        return Receipt(Outcome.CHANGED, before={**seen(before), "groups": sorted(left)})

    async def _out_of_groups(self, link: Link, entry: Entry) -> list[str]:
        """Take an account out of every group that names it; which those were. Raises Forbidden for a protected one."""
        groups = await self._estate.holders(link, [entry])
        for group in groups:
            name = self._dialect.group_name(group)
            if self._options.is_protected(name, group.dn) and await self._grants.holds(link, group, entry):
                login = entry.text(self._dialect.login_attribute)
                raise Forbidden(
                    f"{login} is in {name} of {self._system}, which the settings protect; take it out by hand first.",
                    system=self._system,
                )
        return [self._dialect.group_name(group) for group in groups if await self._grants.let_go(link, group, entry)]

    async def touched(self, link: Link, account_id: str) -> Entry:
        """The account that is to be changed. Raises NotFound and Forbidden."""
        found = await self._estate.account(link, account_id)
        if found is None:
            raise NotFound(f"{self._system} holds no account {account_id[:60]}.", system=self._system)
        login = found.text(self._dialect.login_attribute)
        own = self._options.target.user
        names = {login, found.text("userPrincipalName"), f"{login}@{own.rpartition('@')[2]}"}
        if same_name(found.dn) == same_name(own) or own.rpartition("\\")[2].casefold() in map(str.casefold, names):
            raise Forbidden(f"{login} is what jmltui itself signs in as on {self._system}.", system=self._system)
        if self._estate.is_excluded(found):
            raise Forbidden(f"The settings keep {login} of {self._system} out.", system=self._system)
        return found

    async def _again(self, link: Link, dn: str, attributes: Sequence[str] = ()) -> Entry:
        """The entry as it is now, with further attributes. Raises ContractBroken when it is not there."""
        found = await link.read(dn, tuple(dict.fromkeys((*self._dialect.account_attributes, *attributes))))
        if found is None:
            raise ContractBroken(f"{self._system} accepts a change and does not show {dn[:200]}.", system=self._system)
        return found

    def _unless_changed(self, entry: Entry, if_version: str | None) -> Sequence[Control]:
        """The condition that the entry still is of the version that was read, where the server can check it."""
        attribute = self._dialect.version_attribute
        if if_version is None or not self._asserts or entry.text(attribute) != if_version:
            return ()
        return (Control(ASSERTION, True, equality_filter(attribute, if_version)),)


def further(changes: Mapping[str, object]) -> tuple[str, ...]:
    """The attributes that changes name by their own names. Raises Invalid for one that may not be set."""
    return tuple(further_attribute(name) for name in changes if name not in OURS)


def equality_filter(attribute: str, value: str) -> bytes:
    """`(attribute=value)` in BER, as controls take it: equalityMatch [3] of two octet strings (RFC 4511, 4.5.1.7)."""
    parts = b"".join(b"\x04" + _length(len(part)) + part for part in (attribute.encode(), value.encode()))
    return b"\xa3" + _length(len(parts)) + parts


def _length(number: int) -> bytes:
    if number < 128:
        return bytes([number])
    digits = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return bytes([128 | len(digits)]) + digits


def seen(account: Account) -> dict[str, object]:
    """What a receipt says of an account."""
    return {
        "dn": str(account.raw.get("dn", "")),
        "login": account.login,
        "state": account.state.value,
        "display": account.display,
        "emails": list(account.emails),
        "external_id": account.external_id,
        "expires": account.expires.isoformat() if account.expires else None,
    }
