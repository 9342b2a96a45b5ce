"""The `procedures` section: owners, targets, triggers and steps; and the built-in procedures behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from jmltui.domain.case import CaseKind
from jmltui.domain.duration import format_duration
from jmltui.domain.nearest import did_you_mean
from jmltui.domain.procedure import Overlap, Procedure, Urgent
from jmltui.domain.trigger import Trigger, TriggerWhen, parse_trigger_when
from jmltui.domain.working_time import WorkingTime

from .attributes import full_name, known_attribute
from .conditions import read_condition
from .entitlements import read_approval
from .fields import Fields, Problems, Where
from .hours import of_procedure
from .known import Known
from .people_words import OWNERS, read_word
from .steps import Needs, read_steps

KINDS: Final = tuple(kind.value for kind in CaseKind)
DEFAULT_TARGET: Final = timedelta(hours=24)
_ANY_DAY: Final = datetime(2001, 1, 1, tzinfo=UTC)

_KEYS: Final = (
    "id",
    "title",
    "owner",
    "fallback_owner",
    "target",
    "together",
    "trigger",
    "urgent",
    "working_time",
    "overlap",
    "steps",
)


@dataclass(slots=True)
class ProcedureDraft:
    """A procedure as read; `where` is the place of its id."""

    id: str
    procedure: Procedure
    where: Where


def read_procedure(item: Fields, known: Known, working_time: WorkingTime | None) -> ProcedureDraft:
    """Read one procedure. `working_time` is that of the folder; the id is "" where it is no case kind."""
    item.only(_KEYS)
    name = _kind(item)
    owner = read_word(item, "owner", "owner", OWNERS, known)
    fallback = read_word(item, "fallback_owner", "owner", OWNERS, known)
    steps, needs = read_steps(item, known, owner, fallback)
    procedure = Procedure(
        id=name,
        title=item.text("title", name.capitalize()),
        owner=owner,
        fallback_owner=fallback,
        target=item.duration("target", DEFAULT_TARGET, positive=True) or DEFAULT_TARGET,
        steps=tuple(steps),
        together=item.truth("together", False),
        place=str(item.where),
        trigger=_trigger(item, name, known),
        urgent=_urgent(item, known),
        working_time=of_procedure(item, known, working_time),
        overlap=_overlap(item, name, known),
    )
    _check_needs(procedure, needs, item.problems)
    _check_targets(procedure, item)
    return ProcedureDraft(name, procedure, item.place("id"))


def complete(
    own: Mapping[str, ProcedureDraft], defaults: Mapping[str, ProcedureDraft]
) -> tuple[dict[str, Procedure], frozenset[str]]:
    """A procedure for every case kind: the folder's own, else (rehire) the folder's joiner, else the built-in one."""
    found: dict[str, Procedure] = {}
    built_in = set()
    for kind in KINDS:
        if kind in own:
            found[kind] = own[kind].procedure
        elif kind == CaseKind.REHIRE and CaseKind.JOINER in own:
            found[kind] = _as_rehire(own[CaseKind.JOINER].procedure)
        else:
            found[kind] = defaults[kind].procedure
            built_in.add(kind)
    return found, frozenset(built_in)


def _as_rehire(joiner: Procedure) -> Procedure:
    trigger = replace(joiner.trigger, event=CaseKind.REHIRE.value) if joiner.trigger else None
    return replace(joiner, id=CaseKind.REHIRE.value, trigger=trigger)


def _check_targets(procedure: Procedure, item: Fields) -> None:
    """A target that the hours of the procedure do not hold within years is a mistake."""
    working = procedure.working_time
    targets = [procedure.target, *(step.target for step in procedure.steps if step.target is not None)]
    if working is None:
        return
    try:
        working.after(_ANY_DAY, max(targets))
    except OverflowError:
        told = f"The target {format_duration(max(targets))} of “{procedure.id}” is never reached in {working.told()}."
        item.problems.add(item.where, told, "Count it in days, or widen the hours.")


def _kind(item: Fields) -> str:
    name = item.text("id", required=True)
    if name in KINDS or not name:
        return name
    item.problems.add(item.place("id"), f"There is no case kind “{name}”.", did_you_mean(name, KINDS))
    return ""


def _trigger(item: Fields, name: str, known: Known) -> Trigger | None:
    section = item.mapping("trigger", "a trigger")
    if section is None:
        return None
    section.only(("event", "when"))
    event = section.text("event", required=True)
    if event and name and event != name:
        message = f"The trigger's event is “{event}”, and the procedure is for “{name}”."
        section.problems.add(section.place("event"), message, f"Write event: {name}.")
    text = section.text("when", TriggerWhen.EFFECTIVE.value)
    where = section.place("when")
    try:
        when, offset, attribute = parse_trigger_when(text)
    except ValueError as error:
        section.problems.add(where, str(error))
        return None
    if attribute:
        found = known_attribute(full_name(attribute), where, known, "timestamp")
        if found is not None and found.type != "timestamp":
            message = f"“{full_name(attribute)}” is a {found.type}, and a trigger needs a timestamp."
            section.problems.add(where, message)
    return Trigger(name, when, offset, attribute)


def _urgent(item: Fields, known: Known) -> Urgent | None:
    section = item.mapping("urgent", "urgent")
    if section is None:
        return None
    section.only(("if", "target"))
    section.text("if", required=True)
    condition = read_condition(section, "if", known)
    target = section.needed_duration("target")
    return Urgent(condition, target) if condition is not None else None


def _overlap(item: Fields, name: str, known: Known) -> Overlap | None:
    section = item.mapping("overlap", "an overlap")
    if section is None:
        return None
    section.only(("max", "approval"))
    if name and name != CaseKind.MOVER:
        message = "Only a mover can keep what the old place gave for a while."
        section.problems.add(item.key_place("overlap"), message, "Take “overlap” out.")
    approval, path = read_approval(section, known, default=True)
    if not approval:
        section.problems.add(section.place("approval"), "An overlap cannot do without an approval.")
    return Overlap(section.needed_duration("max"), path)


def _check_needs(procedure: Procedure, needs: list[Needs], problems: Problems) -> None:
    known = [step.id for step in procedure.steps]
    edges: dict[str, list[str]] = {}
    places: dict[tuple[str, str], Where] = {}
    for step, wanted in zip(known, needs, strict=True):
        for need, where in wanted:
            if need not in known:
                message = f"The procedure “{procedure.id}” has no step “{need}”."
                problems.add(where, message, did_you_mean(need, known))
            else:
                edges.setdefault(step, []).append(need)
                places.setdefault((step, need), where)
    cycle = _cycle(edges)
    if cycle:
        message = f"These steps wait for each other for ever: {' → '.join(cycle)}."
        problems.add(places[cycle[0], cycle[1]], message, "Take one of the needs out.")


def _cycle(edges: Mapping[str, list[str]]) -> list[str]:
    """The steps of one cycle, first one repeated at the end; empty when there is none.

    Iterative depth-first search.
    """
    state: dict[str, int] = {}
    for start in edges:
        path: list[str] = []
        stack = [(start, iter(edges.get(start, ())))] if state.get(start) is None else []
        if stack:
            state[start], path = 1, [start]
        while stack:
            _, following = stack[-1]
            step = next(following, None)
            if step is None:
                stack.pop()
                state[path.pop()] = 2
            elif state.get(step) == 1:
                return [*path[path.index(step) :], step]
            elif state.get(step) is None:
                state[step] = 1
                path.append(step)
                stack.append((step, iter(edges.get(step, ()))))
    return []
