"""Groups that must keep members: a plan may not take the last administrator out of the room."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, MutableMapping
from dataclasses import replace

from .diff import DiffLine
from .diff_kind import DiffKind
from .operation import Cap

Place = tuple[str, str]
"""(system, id of an entitlement there)."""


def least_of(target: str, keep_at_least: Mapping[str, int]) -> int:
    """How many members an entitlement must keep, by the strictest pattern; 0 when none speaks of it.

    `target` is `kind:name`; a pattern is about the name, or about both where it begins with the kind.
    """
    folded = target.casefold()
    texts = (folded, folded.partition(":")[2])
    found = [
        least
        for pattern, least in keep_at_least.items()
        if any(fnmatch.fnmatchcase(text, pattern.casefold()) for text in texts)
    ]
    return max(found, default=0)


def keep_enough(
    lines: tuple[DiffLine, ...], members: MutableMapping[Place, int], keep_at_least: Mapping[str, int]
) -> tuple[DiffLine, ...]:
    """The lines, those blocked that would leave too few members.

    `members` says how many each such entitlement has now, without those whose removal is planned already; it is
    lowered by what these lines remove, so that one plan after another is counted.
    """
    found = []
    for line in lines:
        place = (line.system, line.entitlement_id)
        if line.kind is DiffKind.REMOVE and line.operation is Cap.REVOKE and place in members:
            least = least_of(line.target, keep_at_least)
            if members[place] - 1 < least:
                reason = f"{members[place]} left in {line.target}; the guard keeps at least {least}: name another first"
                line = replace(line, kind=DiffKind.BLOCKED, operation=None, reason=reason)
            else:
                members[place] -= 1
        found.append(line)
    return tuple(found)
