"""The `guards` section of a policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from jmltui.domain.guards import FeedGuard, Guards, Protected, Threshold

from .fields import Fields, Problems

_NO_AGE: Final = "none"
_ASK: Final = "ask"
"""What the absence of a person from a feed means unless the settings of its source say otherwise."""


class GuardSections:
    """Reads the section; what it does not state keeps its default."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.guards = Guards()

    def read(self, section: Fields) -> None:
        """Read the section."""
        section.only(("leavers", "removals", "feed", "protected", "stale"))
        guards = self.guards
        self.guards = replace(
            guards,
            leavers=_threshold(section.mapping("leavers", "leavers"), guards.leavers),
            removals=_threshold(section.mapping("removals", "removals"), guards.removals),
            feed=self._feed(section.mapping("feed", "feed")),
            protected=self._protected(section.mapping("protected", "protected")),
        )
        self._stale(section.mapping("stale", "stale"))

    def finish(self) -> Guards:
        """The guards."""
        return self.guards

    def _feed(self, item: Fields | None) -> FeedGuard:
        default = self.guards.feed
        if item is None:
            return default
        if item.text("absent_means", _ASK) != _ASK:
            hint = 'Set absent = "ask" or "leaver" for each source in the settings file.'
            self.problems.add(item.key_place("absent_means"), "“absent_means” is decided per source.", hint)
        item.only(("min_rows", "max_shrink_percent", "min_key_overlap_percent", "max_age", "absent_means"))
        age = None if item.text("max_age") == _NO_AGE else item.duration("max_age", default.max_age)
        return FeedGuard(
            min_rows=item.integer("min_rows", default.min_rows, least=1),
            max_shrink_percent=item.number("max_shrink_percent", default.max_shrink_percent, most=100),
            min_key_overlap_percent=item.number("min_key_overlap_percent", default.min_key_overlap_percent, most=100),
            max_age=age,
        )

    def _protected(self, item: Fields | None) -> Protected:
        if item is None:
            return self.guards.protected
        item.only(("accounts", "groups", "keep_at_least", "never_self"))
        if not item.truth("never_self", True):
            message = "“never_self” cannot be switched off: nobody disables their own account."
            self.problems.add(item.place("never_self"), message)
        return Protected(
            accounts=tuple(pattern for pattern, _ in item.texts("accounts")),
            groups=tuple(pattern for pattern, _ in item.texts("groups")),
            keep_at_least=_numbers(item.mapping("keep_at_least", "keep_at_least")),
        )

    def _stale(self, item: Fields | None) -> None:
        if item is None:
            return
        item.only(("reread_before_apply", "max_plan_age"))
        if not item.truth("reread_before_apply", True):
            message = "“reread_before_apply” cannot be switched off: every target is read before it is changed."
            self.problems.add(item.place("reread_before_apply"), message)
        age = item.duration("max_plan_age", self.guards.max_plan_age)
        self.guards = replace(self.guards, max_plan_age=age or self.guards.max_plan_age)


def _threshold(item: Fields | None, default: Threshold) -> Threshold:
    if item is None:
        return default
    item.only(("floor", "percent", "ceiling", "window"))
    return Threshold(
        floor=item.integer("floor", default.floor),
        percent=item.number("percent", default.percent, most=100),
        ceiling=item.integer("ceiling", default.ceiling),
        window=item.duration("window", default.window) or default.window,
    )


def _numbers(item: Fields | None) -> Mapping[str, int]:
    return {} if item is None else {key: item.integer(key, 0) for key in item.nodes}
