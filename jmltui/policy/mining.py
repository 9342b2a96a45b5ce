"""Role mining: business roles proposed from what people hold today.

A candidate is everybody with one value of an attribute, or with one value of each of two attributes; it could give what
nearly all of them hold. Of the candidates, again and again the one is taken that explains most of what nothing has
explained yet, until the best one would explain too little. What is proposed is counted, never applied.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Final

from jmltui.domain.access import ACCOUNT_TARGET

KIND: Final = "type"
"""The attribute that the roles for everybody are made of."""


Match = tuple[tuple[str, tuple[str, ...]], ...]
"""Attributes, each with the values of which a person must have one."""


@dataclass(frozen=True, slots=True)
class Holding:
    """Who holds an entitlement, as positions in the list of people, each once."""

    system: str
    target: str
    privileged: bool
    holders: Sequence[int]


@dataclass(frozen=True, slots=True)
class Limits:
    """How sure a proposal must be.

    A role has `support` people at least, and gives what at least `share` of them hold and what explains `least` grants
    more. An entitlement of whose holders the roles explain less than `explained` is left out, as is a system of whose
    accounts they explain less. `attributes` and `roles` are the most that are looked at and proposed.
    """

    support: int = 5
    share: float = 0.9
    least: int = 5
    explained: float = 0.5
    attributes: int = 6
    roles: int = 500


@dataclass(frozen=True, slots=True)
class Proposed:
    """An entitlement in a proposed role: how many of its people hold it today."""

    holding: int
    held: int


@dataclass(frozen=True, slots=True)
class ProposedRole:
    """People with these values, and what nearly all of them hold; `explains` counts the grants that no role before it
    explains.
    """

    match: Match
    people: int
    gives: tuple[Proposed, ...]
    explains: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """The roles in the order in which they were found.

    `unexplained` counts, by position of the holding, the holders whom no role explains; `left_out` are the holdings
    that no proposed role gives.
    """

    roles: tuple[ProposedRole, ...]
    unexplained: Mapping[int, int]
    left_out: tuple[int, ...]


def mine(columns: Mapping[str, Sequence[str]], holdings: Sequence[Holding], limits: Limits = Limits()) -> Proposal:
    """Propose roles. `columns` are the values of attributes by position of the person, "" for none."""
    return _Mine(columns, holdings, limits).run()


def chosen(columns: Mapping[str, Sequence[str]], limits: Limits) -> list[str]:
    """The attributes that roles can be made of: at least `support` people a value on average, fewest values first."""
    values = {name: Counter(column) for name, column in columns.items()}
    found = []
    for name, counts in values.items():
        stated = counts.total() - counts[""]
        different = len(counts) - ("" in counts)
        if different and stated >= different * limits.support:
            found.append((different, name))
    return [name for _, name in sorted(found)][: limits.attributes]


class _Groups:
    """Everybody by their value of one attribute, or of two; -1 where a value is empty.

    `within` narrows it to people of some kinds, `inside` are their positions.
    """

    def __init__(
        self,
        names: tuple[str, ...],
        columns: Sequence[Sequence[str]],
        within: tuple[str, ...] = (),
        inside: Sequence[bool] = (),
    ) -> None:
        self.names, self.within = names, within
        numbers: dict[tuple[str, ...], int] = {}
        codes: list[int] = []
        for values in zip(*columns, strict=True):
            codes.append(numbers.setdefault(values, len(numbers)) if all(values) else -1)
        self.codes = [code if kept else -1 for code, kept in zip(codes, inside, strict=True)] if within else codes
        self.values = list(numbers)
        self.sizes = Counter(self.codes)
        del self.sizes[-1]
        self._members: dict[int, list[int]] | None = None

    def match(self, code: int) -> Match:
        """Whom a role for a group matches."""
        own = tuple((name, (value,)) for name, value in zip(self.names, self.values[code], strict=True))
        return ((KIND, self.within), *own) if self.within else own

    def members(self, code: int) -> list[int]:
        """The positions of the people of a group."""
        if self._members is None:
            self._members = defaultdict(list)
            for person, found in enumerate(self.codes):
                self._members[found].append(person)
        return self._members[code]


@dataclass(slots=True)
class _Candidate:
    """A group and the holdings that it could explain, with how many of its people hold each. `gain` is how many grants
    that explains which nothing explained when it was found, less those who would gain what they do not hold.
    """

    groups: _Groups
    code: int
    held: dict[int, int] = field(default_factory=dict)
    gain: int = 0


class _Mine:
    """One search."""

    def __init__(self, columns: Mapping[str, Sequence[str]], holdings: Sequence[Holding], limits: Limits) -> None:
        self._columns = columns
        self._holdings = holdings
        self._limits = limits
        self._left = [set(holding.holders) for holding in holdings]
        self._accounts = {h.system: n for n, h in enumerate(holdings) if h.target == ACCOUNT_TARGET}
        self._kinds: tuple[str, ...] = ()
        self._taken: list[tuple[ProposedRole, Collection[int]]] = []

    def run(self) -> Proposal:
        """Roles for everybody first, then the best of what is left."""
        if KIND in self._columns:
            self._for_everybody(_Groups((KIND,), [self._columns[KIND]]))
        self._greedy(self._candidates(chosen(self._columns, self._limits)))
        left_out = self._doubtful()
        kept = self._pruned([(_without(role, left_out), members) for role, members in self._taken])
        self._left = [set(holding.holders) for holding in self._holdings]
        roles = [replace(role, explains=self._explain(role, members)) for role, members in kept if role.gives]
        given = {each.holding for role in roles for each in role.gives}
        systems = {self._holdings[n].system for n in given}
        given |= {n for system, n in self._accounts.items() if system in systems}
        rest = tuple(n for n, holding in enumerate(self._holdings) if n not in given and holding.holders)
        unexplained = {n: len(left) for n, left in enumerate(self._left)}
        return Proposal(tuple(_merged(_merged(roles, -1), 0)), unexplained, rest)

    # ---- everybody

    def _for_everybody(self, groups: _Groups) -> None:
        """One role for each set of kinds of people that hold the same; the one that explains most comes first."""
        found: dict[frozenset[int], dict[int, int]] = defaultdict(dict)
        for number, holding in enumerate(self._holdings):
            held = Counter(map(groups.codes.__getitem__, holding.holders))
            kinds = frozenset(code for code, count in held.items() if self._nearly_all(count, groups.sizes[code]))
            people = sum(groups.sizes[code] for code in kinds)
            if people >= self._limits.support:
                found[kinds][number] = sum(held[code] for code in kinds)
        most = sorted(found.items(), key=lambda each: (-sum(each[1].values()), sorted(each[0])))
        for kinds, held_by in most:
            values = tuple(sorted(groups.values[code][0] for code in kinds))
            members = [person for code in kinds for person in groups.members(code)]
            self._take(((KIND, values),), members, held_by)
            if not self._kinds:
                self._kinds = values

    def _nearly_all(self, count: int, size: int) -> bool:
        """A small kind of people counts only where all of them hold it."""
        return count == size if size < self._limits.support else count >= self._limits.share * size

    # ---- candidates

    def _candidates(self, names: Sequence[str]) -> Iterator[_Candidate]:
        for groups in self._groupings(names):
            found: dict[int, _Candidate] = {}
            for number in range(len(self._holdings)):
                for code, held, gain in self._explained_by(groups, number):
                    candidate = found.setdefault(code, _Candidate(groups, code))
                    candidate.held[number] = held
                    candidate.gain += gain
            yield from found.values()

    def _groupings(self, names: Sequence[str]) -> Iterator[_Groups]:
        """By each attribute, also among the kinds of people who hold the same alone; and by each pair of them."""
        columns = self._columns
        inside = [kind in self._kinds for kind in columns[KIND]] if self._kinds else []
        within = self._kinds if not all(inside) else ()
        worth = [name for name in names if len(set(columns[name])) > 1]
        for name in names:
            yield _Groups((name,), [columns[name]])
            if within and name != KIND:
                yield _Groups((name,), [columns[name]], within, inside)
        for pair in combinations(worth, 2):
            both = [columns[name] for name in pair]
            yield _Groups(pair, both)
            if within and KIND not in pair:
                yield _Groups(pair, both, within, inside)

    def _explained_by(self, groups: _Groups, number: int) -> Iterator[tuple[int, int, int]]:
        """The groups that nearly all hold it, how many of them do, and how many of these nothing explains yet."""
        left = self._left[number]
        if len(left) < self._limits.least:
            return
        code_of = groups.codes.__getitem__
        gains = Counter(map(code_of, left))
        enough = [code for code, gain in gains.items() if gain >= self._limits.least and code >= 0]
        if not enough:
            return
        holders = self._holdings[number].holders
        held = gains if len(left) == len(holders) else Counter(map(code_of, holders))
        for code in enough:
            size = groups.sizes[code]
            gain = gains[code] - (size - held[code])
            if size >= self._limits.support and held[code] >= self._limits.share * size and gain >= self._limits.least:
                yield code, held[code], gain

    # ---- choice

    def _greedy(self, candidates: Iterable[_Candidate]) -> None:
        """Take the best, again and again. What a candidate explains can only shrink, so a candidate whose gain counted
        anew is still the largest is the best, and most need not be counted anew.
        """
        heap: list[tuple[int, int, Match, int]] = []
        known: list[_Candidate] = []
        for candidate in candidates:
            match = candidate.groups.match(candidate.code)
            heap.append((-candidate.gain, len(match), match, len(known)))
            known.append(candidate)
        heapq.heapify(heap)
        while heap and len(self._taken) < self._limits.roles:
            bound, width, match, number = heapq.heappop(heap)
            candidate = known[number]
            people = candidate.groups.members(candidate.code)
            gain = self._gains(candidate, set(people))
            total = sum(gain.values())
            if not gain:
                continue
            if total < -bound and heap and (-total, width, match) > heap[0][:3]:
                heapq.heappush(heap, (-total, width, match, number))
                continue
            self._take(match, people, {n: candidate.held[n] for n in gain})

    def _gains(self, candidate: _Candidate, members: set[int]) -> dict[int, int]:
        size, least = len(members), self._limits.least
        counted = {n: len(self._left[n] & members) - (size - held) for n, held in candidate.held.items()}
        return {n: count for n, count in counted.items() if count >= least}

    def _take(self, match: Match, people: Sequence[int], held: Mapping[int, int]) -> None:
        """Make a role of it. An account that another right on its system brings along is not named."""
        brought = {self._holdings[n].system for n in held if self._gives_account(n)}
        given = [
            Proposed(n, count)
            for n, count in held.items()
            if self._holdings[n].target != ACCOUNT_TARGET or self._holdings[n].system not in brought
        ]
        role = ProposedRole(match, len(people), tuple(given), 0)
        self._explain(role, people)
        self._taken.append((role, people))

    def _gives_account(self, number: int) -> bool:
        holding = self._holdings[number]
        return not holding.privileged and holding.target != ACCOUNT_TARGET

    # ---- what is left out

    def _doubtful(self) -> set[int]:
        """Holdings of which the roles explain too little: a policy that speaks of them would take them from many."""
        found = set()
        for number, holding in enumerate(self._holdings):
            count = len(holding.holders)
            if count and count - len(self._left[number]) < self._limits.explained * count:
                found.add(number)
        systems = {self._holdings[n].system for n in found if self._holdings[n].target == ACCOUNT_TARGET}
        return found | {n for n, holding in enumerate(self._holdings) if holding.system in systems}

    def _pruned(
        self, taken: Sequence[tuple[ProposedRole, Collection[int]]]
    ) -> Iterator[tuple[ProposedRole, Collection[int]]]:
        """The roles without what other roles give to all of their people as well; smaller roles give way to larger."""
        givers: dict[int, set[int]] = defaultdict(set)
        bringers: dict[int, set[int]] = defaultdict(set)
        for number, (role, _) in enumerate(taken):
            for each in role.gives:
                givers[each.holding].add(number)
                if self._gives_account(each.holding):
                    bringers[self._accounts.get(self._holdings[each.holding].system, -1)].add(number)
        dropped: dict[int, set[int]] = defaultdict(set)
        for holding, roles in givers.items():
            every = roles | bringers[holding]
            if len(every) < 2:
                continue
            times = Counter(person for number in every for person in taken[number][1])
            for number in sorted(roles, key=lambda n: (len(taken[n][1]), -n)):
                people = taken[number][1]
                if all(times[person] > 1 for person in people):
                    times.subtract(people)
                    dropped[number].add(holding)
        for number, (role, people) in enumerate(taken):
            yield _without(role, dropped[number]), people

    def _explain(self, role: ProposedRole, people: Collection[int]) -> int:
        """Take what a role explains from what is left; how many grants that were."""
        explained = {each.holding for each in role.gives}
        for number in tuple(explained):
            account = self._accounts.get(self._holdings[number].system)
            if account is not None and self._gives_account(number):
                explained.add(account)
        members, count = set(people), 0
        for number in explained:
            count += len(self._left[number] & members)
            self._left[number] -= members
        return count


def _without(role: ProposedRole, left_out: set[int]) -> ProposedRole:
    return replace(role, gives=tuple(each for each in role.gives if each.holding not in left_out))


def _merged(roles: Sequence[ProposedRole], open_at: int) -> list[ProposedRole]:
    """Roles that give the same and differ in the values of one attribute alone become one, where the first stood."""
    found: dict[object, list[ProposedRole]] = {}
    for role in roles:
        names = tuple(name for name, _ in role.match)
        fixed = role.match[:-1] if open_at else role.match[1:]
        found.setdefault((names, fixed, tuple(sorted(each.holding for each in role.gives))), []).append(role)
    return [_one_of(alike, open_at) for alike in found.values()]


def _one_of(roles: Sequence[ProposedRole], open_at: int) -> ProposedRole:
    first = roles[0]
    if len(roles) == 1:
        return first
    held = Counter[int]()
    for role in roles:
        held.update({each.holding: each.held for each in role.gives})
    values = tuple(sorted({value for role in roles for value in role.match[open_at][1]}))
    match = list(first.match)
    match[open_at] = (match[open_at][0], values)
    gives = tuple(Proposed(each.holding, held[each.holding]) for each in first.gives)
    return ProposedRole(tuple(match), sum(r.people for r in roles), gives, sum(r.explains for r in roles))
