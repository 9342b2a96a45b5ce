"""A proposal of roles as the text of a policy file: read it, edit it, compare it, and only then use it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from jmltui.domain.access import ACCOUNT_TARGET
from jmltui.domain.person import ATTRIBUTES

from .attributes import full_name
from .mining import KIND, Holding, Limits, Proposal, Proposed, ProposedRole
from .yaml_text import quoted

LISTED: Final = 300
"""How many of the rights that nothing explains are named at the end."""

NAMED: Final = 3
"""How many values the name of a role names."""

_LONGEST_ID: Final = 80
_NOT_IN_ID: Final = re.compile(r"[^A-Za-z0-9._-]+")


class Names:
    """Ids that are of a policy's form, each given once."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def give(self, *words: str) -> str:
        """An id made of some words."""
        slugs = (_NOT_IN_ID.sub("-", word.casefold()).strip("-._") for word in words)
        base = "-".join(filter(None, slugs))[: _LONGEST_ID - 6].strip("-._") or "unnamed"
        name, number = base, 1
        while name in self._given:
            number += 1
            name = f"{base}-{number}"
        self._given.add(name)
        return name

    def keep(self, name: str) -> str:
        """An id that exists already; another one where it was given before."""
        if name in self._given:
            return self.give(name)
        self._given.add(name)
        return name


class ProposalText:
    """Writes one proposal. `known` are the ids that the policy in force has for (system, target)."""

    def __init__(
        self,
        proposal: Proposal,
        holdings: Sequence[Holding],
        people: int,
        limits: Limits,
        known: Mapping[tuple[str, str], str],
    ) -> None:
        self._proposal, self._holdings, self._people, self._limits = proposal, holdings, people, limits
        given = {each.holding for role in proposal.roles for each in role.gives}
        names = Names()
        by_place = sorted(given, key=lambda n: (holdings[n].system, holdings[n].target))
        kept = {n: known.get((holdings[n].system, holdings[n].target), "") for n in by_place}
        self._ids = {n: names.keep(name) for n, name in kept.items() if name}
        self._ids |= {n: self._name(names, holdings[n]) for n, name in kept.items() if not name}

    def lines(self) -> Iterator[str]:
        """The file, line by line."""
        yield from self._head()
        yield from self._attributes()
        yield "entitlements:" if self._ids else "entitlements: []"
        for number in sorted(self._ids, key=lambda n: (self._holdings[n].system, self._holdings[n].target)):
            yield from self._entitlement(number)
        yield ""
        yield "roles:" if self._proposal.roles else "roles: []"
        names = Names()
        for role in self._proposal.roles:
            yield from self._role(role, names)
        yield from self._rest()

    def _head(self) -> Iterator[str]:
        total = sum(len(holding.holders) for holding in self._holdings)
        left = sum(self._proposal.unexplained.values())
        share = f"{100 * (total - left) / total:.1f} %" if total else "none"
        limits = self._limits
        yield "# Roles proposed from what people hold today. Nothing here is in force."
        yield "#"
        yield f"# {self._people} people hold {total} rights; these roles explain {total - left} of them ({share})."
        yield f"# A role is for {limits.support} people or more; {limits.share:.0%} at least hold what it gives."
        yield "# Read every role: what people hold is not always what they should hold. Then look what it would change:"
        yield "#   jmltui policy diff THIS_FILE"
        yield "version: 1"
        yield ""

    def _attributes(self) -> Iterator[str]:
        names = dict.fromkeys(name for role in self._proposal.roles for name, _ in role.match)
        own = sorted(name for name in names if name not in ATTRIBUTES)
        if own:
            yield "attributes:"
            for name in own:
                yield f"  {full_name(name)}: {{type: string, nullable: true}}"
            yield ""

    def _entitlement(self, number: int) -> Iterator[str]:
        holding = self._holdings[number]
        held, left = len(holding.holders), self._proposal.unexplained.get(number, 0)
        flags = ", tier: elevated, approval: true, privileged: true" if holding.privileged else ""
        if holding.privileged:
            yield f"  # {people(held)} it today. It is privileged, so it is only to be asked for: without an exception"
            yield "  # each of them would lose it. Let them ask first (jmltui request)."
        elif left:
            yield f"  # {people(held)} it, {left} of them in no role below that gives it; they would lose it."
        system, target = quoted(holding.system), quoted(holding.target)
        yield f"  - {{id: {self._ids[number]}, system: {system}, target: {target}{flags}}}"

    def _role(self, role: ProposedRole, names: Names) -> Iterator[str]:
        granted = [each for each in role.gives if not self._holdings[each.holding].privileged]
        asked = [each for each in role.gives if self._holdings[each.holding].privileged]
        yield f"  # {people(role.people, 'matches', 'match')}. It explains {role.explains} grants."
        yield f"  - id: {self._role_id(role, names)}"
        match = ", ".join(f"{full_name(name)}: {_values(values)}" for name, values in role.match)
        yield f"    match: {{{match}}}"
        for key, gives in (("grants", granted), ("may_request", asked)):
            if gives:
                yield from self._granted(key, gives, role.people)

    def _granted(self, key: str, gives: Sequence[Proposed], size: int) -> Iterator[str]:
        """What all of them hold on one line; what some do not hold on a line each, with how many would gain it."""
        if all(each.held == size for each in gives):
            yield f"    {key}: [{', '.join(self._ids[each.holding] for each in gives)}]"
            return
        yield f"    {key}:"
        for each in gives:
            missing = size - each.held
            told = f"  # {each.held} of {size} hold it; {people(missing, 'gains', 'gain')} it" if missing else ""
            if key != "grants" and missing:
                told = f"  # {each.held} of {size} hold it"
            yield f"      - {self._ids[each.holding]}{told}"

    def _role_id(self, role: ProposedRole, names: Names) -> str:
        """A name made of the values. The kinds of people that most roles are for go without saying."""
        first = self._proposal.roles[0]
        common = first.match if [name for name, _ in first.match] == [KIND] else ()
        if role is first and common and 2 * role.people > self._people:
            return names.give("everybody")
        words: list[str] = []
        for name, values in role.match:
            if len(role.match) > 1 and (name, values) in common:
                continue
            words += [name] * (name != KIND)
            words += values if len(values) <= NAMED else [*values[:NAMED], "and", str(len(values) - NAMED), "more"]
        return names.give(*words)

    def _rest(self) -> Iterator[str]:
        """What no role gives. It is not in the policy, so nobody loses it."""
        left = self._proposal.left_out
        if not left:
            return
        yield ""
        yield "# Not proposed, because no role would explain enough of it. No policy speaks of it, so nobody loses it:"
        by_size = sorted(left, key=lambda n: (-len(self._holdings[n].holders), self._holdings[n].system, n))
        for number in by_size[:LISTED]:
            holding = self._holdings[number]
            marked = ", privileged" if holding.privileged else ""
            held = f"held by {len(holding.holders)}, unexplained"
            yield f"#   {quoted(holding.target)} on {quoted(holding.system)}: {held}{marked}"
        if len(by_size) > LISTED:
            yield f"#   and {len(by_size) - LISTED} more"

    def _name(self, names: Names, holding: Holding) -> str:
        name = holding.target.partition(":")[2]
        return names.give(holding.system, ACCOUNT_TARGET) if not name else names.give(name)


def people(count: int, one: str = "holds", many: str = "hold") -> str:
    """A number of people and what they do."""
    return f"1 person {one}" if count == 1 else f"{count} people {many}"


def _values(values: Iterable[str]) -> str:
    found = [quoted(value) for value in values]
    return found[0] if len(found) == 1 else f"[{', '.join(found)}]"
