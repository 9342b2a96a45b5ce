"""What `jmltui policy diff` prints."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from jmltui.domain.text import clean
from jmltui.lifecycle.policy_diff import WindowCounts
from jmltui.policy.compare import hours
from jmltui.policy.rules_changed import rules_changed

from .context import Context
from .table import print_table

if TYPE_CHECKING:
    from jmltui.lifecycle.policy_diff import PersonChange, PolicyDiff
    from jmltui.policy.compare import Comparison, Effect, Right

PARTS: Final = (
    ("gains", "+", "gain"),
    ("loses", "-", "lose"),
    ("shuts", "-", "lose it outside"),
    ("freed", "?", "unexplained"),
    ("clouded", ".", "cannot tell"),
    ("explained", "=", "explained now"),
    ("requestable", ">", "may ask now"),
    ("not_requestable", "<", "may not ask any more"),
)
"""The parts of an effect, each with its sign and its words."""

COLUMNS: Final = (
    ("gains", "+", "GIVEN"),
    ("loses", "-", "LOST"),
    ("shuts", "-", "SHUT NOW"),
    ("freed", "", "UNEXPLAINED"),
    ("clouded", "", "CANNOT TELL"),
    ("explained", "", "HELD, NOW DUE"),
    ("no_longer_due", "", "NO LONGER DUE"),
    ("requestable", "", "MAY ASK NOW"),
    ("not_requestable", "", "MAY NOT ASK"),
)
"""The columns of the table of entitlements: the count, its sign, its head."""

RULES: Final = 100
"""How many changed rules are told in words; JSON tells all."""

NAMED: Final = 12
"""How many entitlements of one part of a person are named."""


class DiffOutput:
    """Tells people as they are found, and at the end the numbers."""

    def __init__(self, comparison: Comparison, context: Context) -> None:
        self._comparison = comparison
        self._context = context
        self._changes = rules_changed(comparison.old.definitions, comparison.new.definitions)
        self._people: list[dict[str, Any]] = []

    def tell(self, change: PersonChange) -> None:
        """Tell of one person."""
        if self._context.json:
            self._people.append(self._as_json(change))
        else:
            self._context.say(clean(f"{change.name} ({change.key}): {self._told(change.effect)}", limit=2000))

    def finish(self, found: PolicyDiff) -> None:
        """Tell the numbers."""
        if self._context.json:
            self._json(found)
            return
        say = self._context.say
        old, new = (policy.hash[:12] for policy in (self._comparison.old, self._comparison.new))
        say(
            f"Policy {old} → {new}, over {found.people} people; left out are {found.leaving} who have left and "
            f"{found.waiting} still to begin."
        )
        shut = f", {found.shut_out} of them only until a window opens" if found.shut_out else ""
        say(
            f"{found.affected} notice something: {found.gaining} are given something, {found.losing} lose something"
            f"{shut}."
        )
        self._rights(found)
        self._roles(found)
        self._windows(found)
        self._rules()
        if found.most:
            say("\nWho changes the most:")
            for change in found.most:
                say(clean(f"  {change.name} ({change.key}): {self._told(change.effect)}", limit=2000))
        for sentence in found.held_by:
            say(f"\nThe guard would hold this: {sentence}.")

    def _rights(self, found: PolicyDiff) -> None:
        """A table of the entitlements, with the columns that say something."""
        counts = [(right, asdict(counts)) for right, counts in sorted(found.rights.items())]
        shown = [(name, sign, head) for name, sign, head in COLUMNS if any(each[name] for _, each in counts)]
        rows = [
            (self._comparison.name(right), *(_signed(sign, each[name]) for name, sign, _ in shown))
            for right, each in counts
        ]
        if shown:
            self._context.say()
            print_table(self._context.out, ("ENTITLEMENT", *(head for _, _, head in shown)), rows, shrink=0)

    def _roles(self, found: PolicyDiff) -> None:
        names = sorted(found.roles_gained.keys() | found.roles_lost.keys())
        if names:
            self._context.say()
            rows = [(n, _signed("+", found.roles_gained[n]), _signed("-", found.roles_lost[n])) for n in names]
            print_table(self._context.out, ("ROLE", "NEW PEOPLE", "NO LONGER"), rows, shrink=0)

    def _windows(self, found: PolicyDiff) -> None:
        """What is due at other hours, with both numbers: to how many at all, and for how many it is shut now."""
        for right, before, after in self._comparison.windows():
            counts, held = found.windows.get(right), found.rights.get(right)
            told = f"{self._comparison.name(right)}: due {before} → due {after}"
            if counts is not None:
                told += f"; due to {counts.due} at all, shut now for {counts.shut}"
            if held is not None and held.shuts:
                told += f", {held.shuts} of whom lose it until it opens"
            self._context.say(clean(told, limit=500))

    def _rules(self) -> None:
        """What changes beside who is due what, first what loosens control."""
        changes = sorted(self._changes, key=lambda change: not change.looser)
        if changes:
            self._context.say("\nRules changed:")
        for change in changes[:RULES]:
            self._context.say(clean(f"  {'looser: ' if change.looser else ''}{change.sentence}", limit=1000))
        if len(changes) > RULES:
            self._context.say(f"  … and {len(changes) - RULES} more; --json tells them all.")

    def _told(self, effect: Effect) -> str:
        parts = []
        for name, sign, words in PARTS:
            rights = self._shut(effect.shuts) if name == "shuts" else self._names(getattr(effect, name))
            if rights:
                more = f" and {len(rights) - NAMED} more" if len(rights) > NAMED else ""
                parts.append(f"{sign} {words} {', '.join(rights[:NAMED])}{more}")
        return "; ".join(parts)

    def _names(self, rights: Iterable[Right]) -> list[str]:
        return sorted(self._comparison.name(right) for right in rights)

    def _shut(self, rights: Iterable[Right]) -> list[str]:
        new = self._comparison.new
        return sorted(f"{hours(new, right)}: {self._comparison.name(right)}" for right in rights)

    def _json(self, found: PolicyDiff) -> None:
        numbers = (
            *("people", "leaving", "waiting", "affected", "gaining", "losing", "shut_out", "stripped"),
            *("losses", "shuts", "freed", "grants"),
        )
        rights = [
            {"entitlement": self._comparison.name(right), "system": right[0], "target": right[1], **asdict(counts)}
            for right, counts in sorted(found.rights.items())
        ]
        names = sorted(found.roles_gained.keys() | found.roles_lost.keys())
        self._context.print_json(
            {
                "old": self._comparison.old.hash,
                "new": self._comparison.new.hash,
                **{name: getattr(found, name) for name in numbers},
                "entitlements": rights,
                "roles": [{"role": n, "gained": found.roles_gained[n], "lost": found.roles_lost[n]} for n in names],
                "windows": [
                    {"entitlement": self._comparison.name(right), "old": before, "new": after}
                    | asdict(found.windows.get(right, WindowCounts()))
                    for right, before, after in self._comparison.windows()
                ],
                "rules": [asdict(change) for change in self._changes],
                "most": [self._as_json(change) for change in found.most],
                "changes": self._people,
                "held_by": found.held_by,
            }
        )

    def _as_json(self, change: PersonChange) -> dict[str, Any]:
        effect = {name: self._names(getattr(change.effect, name)) for name, _, _ in PARTS}
        return {"person": change.key, "name": change.name, **effect}


def _signed(sign: str, count: int) -> str:
    return f"{sign}{count}" if count else ""
