"""Who holds which group, directly and through what, as of one reading of all groups."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from jmltui.adapter_api import Entitlement, Grant

from .dialect import Dialect
from .entry import Entry
from .filters import is_under, same_name
from .groups import named
from .options import DirectoryOptions

if TYPE_CHECKING:
    from .connection import Link
    from .estate import Estate
    from .grants import Grants

PRIMARY: Final = "primary group"
RULE: Final = "a search of the group's own"


class Picture:
    """Groups, and what they name."""

    def __init__(self, groups: Sequence[Entry], dialect: Dialect, options: DirectoryOptions) -> None:
        self._dialect = dialect
        self._options = options
        self._groups = {dialect.id_of(group): group for group in groups}
        self._names = {one: dialect.group_name(group) for one, group in self._groups.items()}
        self._keys = {one: same_name(group.dn) for one, group in self._groups.items()}
        self._by_name: dict[str, list[str]] = {}
        self._by_login: dict[str, list[str]] = {}
        self._by_primary: dict[str, str] = {}
        for one, group in sorted(self._groups.items()):
            self._take_in(one, group)

    @property
    def ids(self) -> set[str]:
        """The ids of all groups."""
        return set(self._groups)

    @property
    def nested(self) -> set[str]:
        """The groups that are in others."""
        return {one for one, key in self._keys.items() if key in self._by_name}

    @property
    def of_themselves(self) -> set[str]:
        """Groups that an account is in without being named by them: primary ones, and those that a search finds."""
        return {*self._by_primary.values(), *filter(self._is_rule, self._groups)}

    def naming(self, account: Entry) -> set[str]:
        """The groups that name an account."""
        login = account.text(self._dialect.login_attribute)
        return {*self._by_name.get(same_name(account.dn), ()), *self._by_login.get(login, ())}

    def naming_nobody(self, accounts: Sequence[Entry], placeholder: str) -> set[str]:
        """The groups that name what is neither one of these accounts, which are all, nor a group."""
        names = {same_name(entry.dn) for entry in accounts} | set(self._keys.values())
        names.add(same_name(placeholder))
        logins = {entry.text(self._dialect.login_attribute) for entry in accounts}
        by_name = (ids for name, ids in self._by_name.items() if name not in names)
        by_login = (ids for login, ids in self._by_login.items() if login not in logins)
        return {one for ids in (*by_name, *by_login) for one in ids}

    def names_missing_group(self) -> bool:
        """Whether a group names an entry where groups lie that is none of them."""
        groups, base = set(self._keys.values()), self._options.groups_base
        return any(name not in groups and is_under(name, base) for name in self._by_name)

    def with_above(self, ids: Iterable[str]) -> set[str]:
        """These groups, and all that are held by who holds one of them."""
        return {*ids, *(above for one in ids for above in self._above(self._keys[one]))}

    def _take_in(self, one: str, group: Entry) -> None:
        for attribute in self._dialect.member_attributes:
            for value in group.texts(attribute):
                self._by_name.setdefault(same_name(named(value)), []).append(one)
        for attribute in self._dialect.login_member_attributes:
            for login in group.texts(attribute):
                self._by_login.setdefault(login, []).append(one)
        primary = self._dialect.primary_key(group)
        if primary:
            self._by_primary.setdefault(primary, one)

    def entitlements(self) -> Iterator[Entitlement]:
        """All groups in the order of their ids; two of one name are told apart by where they lie."""
        twice = {name for name, count in Counter(self._names.values()).items() if count > 1}
        for one in sorted(self._groups):
            group, name = self._groups[one], self._names[one]
            yield Entitlement(
                one,
                "group",
                group.dn if name in twice else name,
                self._is_privileged(group, name),
                self._dialect.is_grantable(group) and not self._options.is_protected(name, group.dn),
            )

    def _is_privileged(self, group: Entry, name: str) -> bool:
        """Whether it is, or leads to one that is."""
        chain = [group, *(self._groups[one] for one in self._above(self._keys[self._dialect.id_of(group)]))]
        return any(
            self._dialect.is_privileged(each)
            or self._options.is_privileged(self._names[self._dialect.id_of(each)], each.dn)
            for each in chain
        )

    def _above(self, key: str) -> set[str]:
        found: set[str] = set()
        waiting = deque([key])
        while waiting:
            for one in self._by_name.get(waiting.popleft(), ()):
                if one not in found:
                    found.add(one)
                    waiting.append(self._keys[one])
        return found

    def grants_of(self, account: Entry) -> list[Grant]:
        """What an account holds: groups that name it, its primary group, and those that name these groups."""
        account_id = self._dialect.id_of(account)
        login = account.text(self._dialect.login_attribute)
        paths: dict[str, tuple[str, ...]] = {}
        for one in (*self._by_name.get(same_name(account.dn), ()), *self._by_login.get(login, ())):
            paths[one] = (RULE,) if self._is_rule(one) else ()
        primary = self._by_primary.get(self._dialect.primary_of(account) or "\0")
        if primary is not None:
            paths.setdefault(primary, (PRIMARY,))
        waiting = deque(paths)
        while waiting:
            at = waiting.popleft()
            for one in self._by_name.get(self._keys[at], ()):
                if one not in paths:
                    paths[one] = (*paths[at], self._names[at])
                    waiting.append(one)
        return [Grant(account_id, one, not path, path) for one, path in paths.items()]

    def _is_rule(self, one: str) -> bool:
        """Whether nobody can be made a member by hand: a search says who is one."""
        return self._dialect.membership(self._groups[one], Entry("")) is None


async def held_now(link: Link, account: Entry, estate: Estate, grants: Grants, dialect: Dialect) -> list[Grant]:
    """What one account holds at this moment: the groups that name it, each asked, and those above them."""
    account_id = dialect.id_of(account)
    paths: dict[str, tuple[str, ...]] = {}
    names: dict[str, str] = {}
    layer: list[Entry] = [account]
    primary = dialect.primary_of(account)
    while layer:
        above: list[Entry] = []
        for group in await estate.holders(link, layer):
            one = dialect.id_of(group)
            below = await _named_by(link, group, layer, grants, dialect)
            if one in paths or below is None:
                continue
            names[one] = dialect.group_name(group)
            if below is account:
                paths[one] = () if dialect.membership(group, account) is not None else (RULE,)
            else:
                under = dialect.id_of(below)
                paths[one] = (*paths[under], names[under])
            above.append(group)
        if layer == [account] and primary:
            for group in await estate.with_primary_key(link, primary):
                one = dialect.id_of(group)
                if one not in paths:
                    paths[one], names[one] = (PRIMARY,), dialect.group_name(group)
                    above.append(group)
        layer = above
    return [Grant(account_id, one, not path, path) for one, path in sorted(paths.items())]


async def _named_by(link: Link, group: Entry, layer: Sequence[Entry], grants: Grants, dialect: Dialect) -> Entry | None:
    """Which of these the group names, if any; a group whose members a search finds is taken at the filter's word."""
    for one in layer:
        if dialect.membership(group, one) is None or await grants.holds(link, group, one):
            return one
    return None
