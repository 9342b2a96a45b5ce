"""Making accounts members of groups, and no members. Each membership is asked for by itself, before and after.

Groups may have very many members: no list of them is ever read for one account.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from jmltui.adapter_api import (
    AdapterError,
    Conflict,
    ContractBroken,
    Forbidden,
    NotFound,
    Outcome,
    Receipt,
    Unsupported,
)

from .connection import Directory, Link
from .dialect import Dialect, Membership
from .entry import Change, Entry, Op
from .estate import Estate
from .filters import encoded
from .options import DirectoryOptions

_LAST_MEMBER: Final = frozenset({65})
"""objectClassViolation: the class of the group wants at least one member."""
_MOVED: Final = frozenset({16, 20})


class Grants:
    """Writes the memberships of one directory."""

    def __init__(self, directory: Directory, dialect: Dialect, estate: Estate, options: DirectoryOptions) -> None:
        self._directory = directory
        self._dialect = dialect
        self._estate = estate
        self._options = options
        self._system = options.system

    async def change(self, group_id: str, account_ids: Sequence[str], give: bool) -> Mapping[str, Receipt | Exception]:
        """Make all of them members, or none of them. Raises NotFound, Forbidden, Unsupported for the group."""
        answers: dict[str, Receipt | Exception] = {}
        async with self._directory.link("grant" if give else "revoke") as link:
            group = await self._group(link, group_id, give)
            ids = list(dict.fromkeys(account_ids))
            accounts = await self._known(link, ids, answers)
            due: list[Entry] = []
            for one in ids:
                entry = accounts.get(one)
                if entry is None:
                    continue
                try:
                    holds = await self.holds(link, group, entry)
                    self._may(group, entry, give)
                except AdapterError as error:
                    answers[one] = error
                    continue
                if holds == give:
                    answers[one] = self._receipt(Outcome.ALREADY, group, give)
                else:
                    due.append(entry)
            if due:
                answers.update(await self._written(link, group, due, give))
        return answers

    async def _known(self, link: Link, ids: Sequence[str], answers: dict[str, Receipt | Exception]) -> dict[str, Entry]:
        """Those accounts that are there and may be touched; the others get their answer."""
        proper: list[str] = []
        for one in ids:
            try:
                self._dialect.id_filter(one)
                proper.append(one)
            except NotFound as error:
                answers[one] = error
        found = await self._estate.accounts(link, proper)
        for one in proper:
            if one not in found:
                told = f"{self._system} holds no account {one[:60]}."
                answers[one] = NotFound(told, system=self._system)
            elif self._estate.is_excluded(found[one]):
                login = found.pop(one).text(self._dialect.login_attribute)
                answers[one] = Forbidden(f"The settings keep {login} of {self._system} out.", system=self._system)
        return found

    async def _written(
        self, link: Link, group: Entry, due: Sequence[Entry], give: bool
    ) -> Mapping[str, Receipt | Exception]:
        """Write all at once, one by one where somebody else changed the same group, and look at each."""
        if give:
            try:
                await self._add(link, group, due, frozenset())
            except Conflict:
                for entry in due:
                    await self._add(link, group, [entry], self._dialect.already_member)
        else:
            for entry in due:
                await self.let_go(link, group, entry)
        answers: dict[str, Receipt | Exception] = {}
        for entry in due:
            if await self.holds(link, group, entry) is not give:
                done = "gives" if give else "takes"
                raise ContractBroken(
                    f"{self._system} {done} {self._dialect.group_name(group)} and shows no trace of it.",
                    system=self._system,
                )
            answers[self._dialect.id_of(entry)] = self._receipt(Outcome.CHANGED, group, give)
        return answers

    async def _add(self, link: Link, group: Entry, due: Sequence[Entry], tolerated: frozenset[int]) -> None:
        ways = [self._way(group, entry) for entry in due]
        values = tuple(encoded(way.value) for way in ways)
        await link.modify(group.dn, [Change(Op.ADD, ways[0].attribute, values)], tolerated=tolerated)

    async def let_go(self, link: Link, group: Entry, account: Entry) -> bool:
        """Make a group name an account no more, in any way; whether it did. Raises Conflict for its last member."""
        found = False
        for way in self._ways(group, account):
            if not await link.holds(group.dn, way.attribute, encoded(way.value)):
                continue
            found = True
            gone = Change(Op.DELETE, way.attribute, (encoded(way.value),))
            tolerated = self._dialect.not_a_member
            code = await link.modify(group.dn, [gone], tolerated=tolerated | _LAST_MEMBER)
            if code not in _LAST_MEMBER or code in tolerated:
                continue
            if not way.filler:
                raise Conflict(
                    f"{self._dialect.group_name(group)} of {self._system} cannot be empty, and this is its last "
                    "member. Set `placeholder` to an entry that stays in it.",
                    system=self._system,
                    code=str(code),
                )
            filler = Change(Op.ADD, way.attribute, (way.filler,))
            await link.modify(group.dn, [filler, gone], tolerated=tolerated)
        return found

    async def holds(self, link: Link, group: Entry, account: Entry) -> bool:
        """Whether a group names an account, in any way."""
        for way in self._ways(group, account):
            if await link.holds(group.dn, way.attribute, encoded(way.value)):
                return True
        return False

    async def follow(self, link: Link, group: Entry, before: Entry, after: Entry) -> None:
        """Let a group name an entry as it is called now; the server may be doing the same at this moment."""
        old, new = self._ways(group, before), self._ways(group, after)
        for was, now in zip(old, new, strict=True):
            if was.value == now.value or not await link.holds(group.dn, was.attribute, encoded(was.value)):
                continue
            await link.modify(group.dn, [Change(Op.ADD, now.attribute, (encoded(now.value),))], tolerated=_MOVED)
            await link.modify(group.dn, [Change(Op.DELETE, was.attribute, (encoded(was.value),))], tolerated=_MOVED)

    async def _group(self, link: Link, group_id: str, give: bool) -> Entry:
        """The group that is to be changed. Raises NotFound, Forbidden, Unsupported."""
        group = await self._estate.group(link, group_id)
        if group is None:
            raise NotFound(f"{self._system} holds no group {group_id[:60]}.", system=self._system)
        name = self._dialect.group_name(group)
        if self._options.is_protected(name, group.dn):
            raise Forbidden(f"The settings protect {name} of {self._system}.", system=self._system)
        if give and not self._dialect.is_grantable(group) and self._dialect.membership(group, Entry("")) is not None:
            raise Forbidden(
                f"{name} is a group of {self._system} that gives power or came with it; list it under `grantable` if "
                "it is meant to be given.",
                system=self._system,
            )
        if self._dialect.membership(group, Entry("")) is None:
            raise Unsupported(f"Who is a member of {name} is not {self._system}'s to be told.", system=self._system)
        return group

    def _may(self, group: Entry, account: Entry, give: bool) -> None:
        """Raises Unsupported for what a membership cannot change: a primary group."""
        primary = self._dialect.primary_of(account)
        if not give and primary and primary == self._dialect.primary_key(group):
            name, login = self._dialect.group_name(group), account.text(self._dialect.login_attribute)
            raise Unsupported(
                f"{name} is the primary group of {login} on {self._system}; give the account another one first.",
                system=self._system,
            )

    def _way(self, group: Entry, account: Entry) -> Membership:
        found = self._dialect.membership(group, account)
        if found is None:
            raise Unsupported(f"{self._dialect.group_name(group)} lists no members.", system=self._system)
        return found

    def _ways(self, group: Entry, account: Entry) -> list[Membership]:
        """All ways in which a group may name an account; none for a group that lists no members."""
        first = self._dialect.membership(group, account)
        if first is None or not first.value:
            return []
        return [first, *(way for way in self._dialect.further_memberships(group, account) if way.value)]

    def _receipt(self, outcome: Outcome, group: Entry, give: bool) -> Receipt:
        told = {"group": self._dialect.group_name(group), "dn": group.dn}
        before = {**told, "member": give if outcome is Outcome.ALREADY else not give}
        return Receipt(outcome, before=before, after={**told, "member": give})
