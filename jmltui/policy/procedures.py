"""The `procedures` section: steps, what they need, who owns them; and the built-in procedures behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from jmltui.domain.nearest import did_you_mean
from jmltui.domain.procedure import Do, Procedure, StepTemplate

from .fields import Fields, Problems, Where

KINDS: Final = ("joiner", "rehire", "mover", "leaver")
LATER_KINDS: Final = ("expiry", "orphan", "review", "exception")
OWNER_WORDS: Final = ("manager", "sponsor", "owner", "requester")
OWNER_KINDS: Final = ("team", "group", "user")
DEFAULT_TARGET: Final = timedelta(hours=24)

TITLES: Final[Mapping[Do, str]] = {
    Do.ACCOUNT_CREATE: "Create the accounts",
    Do.ACCOUNT_ENABLE: "Enable the accounts",
    Do.ACCOUNT_DISABLE: "Disable the accounts",
    Do.ACCOUNT_DELETE: "Delete the accounts",
    Do.GRANTS_ADD: "Grant what is due",
    Do.GRANTS_REMOVE: "Remove what is no longer due",
    Do.GRANTS_REMOVE_ALL: "Remove every group and entitlement",
    Do.SESSIONS_END: "End live sessions",
    Do.CREDENTIALS_REVOKE: "Revoke tokens and keys",
    Do.APPROVAL: "Collect the approval",
    Do.MANUAL: "Do by hand",
    Do.VERIFY: "Read everything back",
    Do.EVIDENCE: "File the evidence",
}
"""The title of a step that has none of its own."""


@dataclass(slots=True)
class ProcedureDraft:
    """A procedure as read, with the places that its checks need."""

    id: str
    procedure: Procedure
    needs: list[tuple[str, tuple[tuple[str, Where], ...]]]
    where: Where

    @classmethod
    def read(cls, item: Fields) -> ProcedureDraft:
        """Read one procedure."""
        item.only(("id", "title", "owner", "fallback_owner", "target", "together", "steps"))
        name = _kind(item)
        owner, fallback = _owner(item, "owner"), _owner(item, "fallback_owner")
        steps, needs = _steps(item, owner, fallback)
        procedure = Procedure(
            id=name,
            title=item.text("title", name.capitalize()),
            owner=owner,
            fallback_owner=fallback,
            target=item.duration("target", DEFAULT_TARGET) or DEFAULT_TARGET,
            steps=tuple(steps),
            together=item.truth("together", False),
            place=str(item.where),
        )
        draft = cls(name, procedure, needs, item.where)
        draft._check_needs(item.problems)
        return draft

    def _check_needs(self, problems: Problems) -> None:
        known = [step for step, _ in self.needs]
        edges: dict[str, list[str]] = {}
        for step, needs in self.needs:
            for need, where in needs:
                if need not in known:
                    problems.add(where, f"The procedure “{self.id}” has no step “{need}”.", did_you_mean(need, known))
                else:
                    edges.setdefault(step, []).append(need)
        cycle = _cycle(edges)
        if cycle:
            place = next(
                where for step, needs in self.needs if step == cycle[0] for need, where in needs if need == cycle[1]
            )
            message = f"These steps wait for each other for ever: {' → '.join(cycle)}."
            problems.add(place, message, "Take one of the needs out.")


def complete(
    own: Mapping[str, ProcedureDraft], defaults: Mapping[str, ProcedureDraft], problems: Problems
) -> tuple[dict[str, Procedure], frozenset[str]]:
    """All four procedures: the folder's own, else (rehire) the folder's joiner, else the built-in ones."""
    found: dict[str, Procedure] = {}
    built_in = set()
    for kind in KINDS:
        if kind in own:
            found[kind] = own[kind].procedure
        elif kind == "rehire" and "joiner" in own:
            found[kind] = replace(own["joiner"].procedure, id="rehire")
        else:
            found[kind] = defaults[kind].procedure
            built_in.add(kind)
    return found, frozenset(built_in)


def _kind(item: Fields) -> str:
    name = item.text("id", required=True)
    if name in KINDS or not name:
        return name
    if name in LATER_KINDS:
        message = f"Procedures for “{name}” are not known to this version of jmltui."
        item.problems.add(item.place("id"), message, f"It knows {', '.join(KINDS)}.")
    else:
        item.problems.add(item.place("id"), f"There is no case kind “{name}”.", did_you_mean(name, KINDS))
    return ""


def _owner(item: Fields, key: str, default: str = "") -> str:
    value = item.text(key, default)
    if key not in item.nodes or value in OWNER_WORDS:
        return value
    kind, colon, name = value.partition(":")
    if not colon or kind not in OWNER_KINDS or not name:
        near = did_you_mean(value, OWNER_WORDS) if not colon else did_you_mean(kind, OWNER_KINDS)
        hint = (
            near
            if near.startswith("Did")
            else f"Write team:{name or value or 'NAME'}, or one of {', '.join(OWNER_WORDS)}."
        )
        item.problems.add(item.place(key), f"“{value}” names no owner.", hint)
    return value


def _steps(
    item: Fields, owner: str, fallback: str
) -> tuple[list[StepTemplate], list[tuple[str, tuple[tuple[str, Where], ...]]]]:
    steps: list[StepTemplate] = []
    needs: list[tuple[str, tuple[tuple[str, Where], ...]]] = []
    seen: dict[str, Where] = {}
    for line in item.items("steps", "a step"):
        step, wanted = _step(line, owner, fallback)
        where = line.place("id")
        if step.id and seen.setdefault(step.id, where) is not where:
            item.problems.add(where, f"The step “{step.id}” is defined twice; the first is at {seen[step.id]}.")
        steps.append(step)
        needs.append((step.id, wanted))
    if not steps:
        item.problems.add(item.place("steps"), "A procedure needs at least one step.")
    return steps, needs


def _step(line: Fields, owner: str, fallback: str) -> tuple[StepTemplate, tuple[tuple[str, Where], ...]]:
    line.only(("id", "do", "title", "on", "needs", "owner", "fallback_owner", "target", "approval", "text"))
    if "do" not in line.nodes:
        line.problems.add(line.where, "A step lacks “do”.", f"For a step done by people: do: {Do.MANUAL.value}")
    do = Do(line.choice("do", [do.value for do in Do], Do.MANUAL.value))
    text = line.text("text")
    if do is Do.MANUAL and "do" in line.nodes and not text.strip():
        line.problems.add(
            line.where, "A manual step lacks “text”: what is to be done, and how one knows that it is done."
        )
    wanted = line.texts("needs")
    step = StepTemplate(
        id=line.identifier(),
        do=do,
        title=line.text("title", TITLES[do]),
        on=_on(line),
        needs=tuple(need for need, _ in wanted),
        owner=_owner(line, "owner", owner),
        fallback_owner=_owner(line, "fallback_owner", fallback),
        target=line.duration("target", None),
        approval=line.truth("approval", do is Do.APPROVAL),
        text=text.strip(),
    )
    return step, wanted


def _on(line: Fields) -> str:
    value = line.text("on", "all")
    if value in ("all", "remote_access") or (value.startswith("system:") and len(value) > len("system:")):
        return value
    hint = did_you_mean(value, ("all", "remote_access", "system:NAME"))
    line.problems.add(line.place("on"), f"“{value}” selects nothing.", hint)
    return "all"


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
