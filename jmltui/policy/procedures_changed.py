"""What another policy changes of procedures: the steps, who agrees to them, when they begin and end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from jmltui.domain.duration import format_duration
from jmltui.domain.procedure import Do, Overlap, Procedure, StepTemplate, Urgent
from jmltui.domain.trigger import Trigger, TriggerWhen
from jmltui.domain.working_time import WorkingTime

from .model import Definitions
from .rule_change import Approval, RuleChange, Subject

_GIVING: Final = frozenset({Do.ACCOUNT_CREATE, Do.ACCOUNT_ENABLE, Do.GRANTS_ADD, Do.ROLE_IDENTIFY, Do.FIRST_SECRET})
"""Steps without which nobody gets more."""


def procedure_changes(old: Definitions, new: Definitions) -> Iterator[RuleChange]:
    """What changes of the procedures; every case kind has one in each policy, its own or the built-in one."""
    for kind, before in old.procedures.items():
        after = new.procedures.get(kind)
        if after is None:
            yield Subject("procedure", kind).says(" is gone", looser=True)
            continue
        subject = Subject("procedure", kind)
        if kind in new.built_in and kind not in old.built_in:
            yield subject.says(" is no longer the policy's own but the built-in one")
        if kind in old.built_in and kind not in new.built_in:
            yield subject.says(" is the policy's own now, no longer the built-in one")
        yield from _procedure(subject, before, after)
        yield from _overlap(subject, before.overlap, after.overlap, old, new)
        yield from _steps(subject, before, after, old, new)
    for kind in sorted(new.procedures.keys() - old.procedures.keys()):
        yield Subject("procedure", kind).says(" is new")


def _procedure(subject: Subject, old: Procedure, new: Procedure) -> Iterator[RuleChange]:
    yield from subject.differs("owner", old.owner, new.owner)
    yield from subject.differs("owner who steps in", old.fallback_owner, new.fallback_owner)
    yield from subject.longer("target", old.target, new.target)
    yield from subject.dropped("all or nothing", old.together, new.together)
    yield from subject.differs("due", _trigger(old.trigger), _trigger(new.trigger))
    yield from subject.differs("urgent", _urgent(old.urgent), _urgent(new.urgent), looser=new.urgent is None)
    yield from subject.differs("working time", _hours(old.working_time), _hours(new.working_time))


def _trigger(trigger: Trigger | None) -> str:
    if trigger is None:
        return "when the event says"
    if trigger.when is not TriggerWhen.DATE:
        return trigger.when.value
    attribute = f"person.{trigger.attribute.removeprefix('person.')}"
    if not trigger.offset:
        return attribute
    side = "before" if trigger.offset < timedelta(0) else "after"
    return f"{format_duration(abs(trigger.offset))} {side} {attribute}"


def _urgent(urgent: Urgent | None) -> str:
    return "nobody" if urgent is None else f"if {urgent.condition.text}, within {format_duration(urgent.target)}"


def _hours(working: WorkingTime | None) -> str:
    if working is None:
        return "day and night"
    days = f" without {', '.join(map(str, working.holidays))}" if working.holidays else ""
    return f"{working.told()}{days}"


def _overlap(
    subject: Subject, was: Overlap | None, now: Overlap | None, old: Definitions, new: Definitions
) -> Iterator[RuleChange]:
    if was is None or now is None:
        longest = [None if each is None else each.longest for each in (was, now)]
        yield from subject.differs("overlap", *longest, looser=was is None)
        return
    yield from subject.longer("overlap", was.longest, now.longest)
    before = Approval.of(True, was.approval_path, old.approvals)
    after = Approval.of(True, now.approval_path, new.approvals)
    yield from before.changes(after, Subject(subject.part, f"{subject.name}: overlap"))


def _steps(
    subject: Subject, before: Procedure, after: Procedure, old: Definitions, new: Definitions
) -> Iterator[RuleChange]:
    now = {step.id: step for step in after.steps}
    was = {step.id: step for step in before.steps}
    for name, step in was.items():
        if name not in now:
            yield subject.says(f" has no step “{name}” any more ({step.do})", looser=step.do not in _GIVING)
            continue
        each = Subject("step", f"{subject.name}: {name}")
        first = Approval.of(step.approval, step.approval_path, old.approvals)
        second = Approval.of(now[name].approval, now[name].approval_path, new.approvals)
        yield from first.changes(second, each)
        yield from _step(each, step, now[name])
        yield from _owners(each, (before, step), (after, now[name]))
    for name, step in now.items():
        if name not in was:
            yield subject.says(f" has a new step “{name}” ({step.do})")
    if [name for name in was if name in now] != [name for name in now if name in was]:
        yield subject.says(" has its steps in another order")


def _step(subject: Subject, old: StepTemplate, new: StepTemplate) -> Iterator[RuleChange]:
    yield from subject.differs("does", old.do.value, new.do.value, looser=old.do not in _GIVING)
    yield from subject.differs("about", old.on, new.on)
    yield from subject.members("waits for steps", old.needs, new.needs, more=False)
    yield from subject.longer("target", old.target, new.target)
    yield from subject.differs("is verified by", old.verify, new.verify, looser=not new.verify)
    yield from subject.differs("text", old.text, new.text)


def _owners(
    subject: Subject, old: tuple[Procedure, StepTemplate], new: tuple[Procedure, StepTemplate]
) -> Iterator[RuleChange]:
    """Another owner of a step; not where both times it is that of the whole procedure, whose change is told."""
    for what, name in (("owner", "owner"), ("owner who steps in", "fallback_owner")):
        (of_all, was), (of_all_now, now) = ((getattr(p, name), getattr(s, name)) for p, s in (old, new))
        if was != of_all or now != of_all_now:
            yield from subject.differs(what, was, now)
