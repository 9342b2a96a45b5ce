"""The settings' `[people]`: which sources state the same people, and whose word counts for which attribute."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Final

from jmltui.domain.merging import Merging
from jmltui.domain.nearest import did_you_mean
from jmltui.domain.person import PersonType

if TYPE_CHECKING:
    from .settings import SourceSettings
    from .table import Table

FEWEST: Final = 2
_TYPES: Final = tuple(kind.value for kind in PersonType)


def merging_of(root: Table, sources: Mapping[str, SourceSettings]) -> Merging | None:
    """How people of several sources are merged, None where each source has people of its own."""
    table = root.table("people")
    stating, completing = _sources(table, "stated_by", sources), _sources(table, "completed_by", sources)
    every = (*stating, *completing)
    final = _sources(table, "final", stating)
    precedence = table.table("precedence")
    attributes: dict[str, tuple[str, ...]] = {}
    by_type: dict[str, Mapping[str, tuple[str, ...]]] = {}
    for name in precedence.names():
        if isinstance(precedence.data[name], dict):
            block = precedence.table(name)
            if name not in _TYPES:
                precedence.problem(name, f"“{name}” is no type of person.", did_you_mean(name, _TYPES))
            by_type[name] = {attribute: _sources(block, attribute, every) for attribute in block.names()}
        else:
            attributes[name] = _sources(precedence, name, every)
    table.refuse_unknown()
    if not table.data:
        return None
    if len(set(every)) < FEWEST or not stating:
        table.problem(
            "stated_by" if "stated_by" in table.data else "",
            "[people] needs “stated_by” with the sources that state who there is, and two sources in all.",
            'For example: stated_by = ["hr", "contractors"]',
        )
        return None
    twice = next((name for name in every if every.count(name) > 1), None)
    if twice:
        table.problem("completed_by", f"“{twice}” stands in [people] twice.")
    return Merging(stating, completing, final, attributes, by_type)


def _sources(table: Table, key: str, known: Collection[str]) -> tuple[str, ...]:
    """A list of names of sources; what is no such list is a problem."""
    value = table.raw(key)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        table.problem(key, f"“{key}” must be a list of names of sources.", f'For example: {key} = ["hr"]')
        return ()
    for name in value:
        if name not in known:
            table.problem(key, f"“{name}” is no source that may stand here.", did_you_mean(name, known))
    return tuple(name for name in value if name in known)
