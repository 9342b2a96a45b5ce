"""What another policy changes beside who is due what: who must agree, for how long, and what holds a mistake back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final

from jmltui.domain.guards import Guards, Protected, Threshold
from jmltui.domain.separation import SeparationRule

from .model import BreakGlass, Definitions, Licence, PolicyEntitlement, PolicyRole, Requirements, ReviewRule, Team
from .procedures_changed import procedure_changes
from .rule_change import Approval, RuleChange, Subject, is_longer, opens_wider, path_changes

_KEEP: Final = "keep"
_NO_REQUIREMENTS: Final = Requirements(ends=False, sponsor=False, max_contract=None)


def rules_changed(old: Definitions, new: Definitions) -> tuple[RuleChange, ...]:
    """Every changed rule, one sentence each, in the order of the parts of a policy."""
    return tuple(_changes(old, new))


def _changes(old: Definitions, new: Definitions) -> Iterator[RuleChange]:
    names = _renamed(old, new)
    yield from _entitlements(old, new)
    yield from _roles(old, new)
    yield from _approval_paths(old, new)
    yield from _separation(old, new, names)
    yield from _guards(old.guards, new.guards)
    yield from _break_glass(old.break_glass, new.break_glass)
    yield from procedure_changes(old, new)
    yield from _reviews(old, new)
    yield from _teams(old, new)
    yield from _system_owners(old, new)
    policy = Subject("policy")
    yield from policy.differs("timezone", old.timezone, new.timezone)
    yield from policy.members("attributes of movers", old.mover_attributes, new.mover_attributes, more=False)


def _renamed(old: Definitions, new: Definitions) -> Mapping[str, str]:
    """The new id of what the old policy calls otherwise: the same target on the same system is the same."""
    ids = {(e.system, e.target): e.id for e in new.entitlements.values()}
    return {e.id: ids.get((e.system, e.target), e.id) for e in old.entitlements.values()}


# ---- entitlements and roles


def _entitlements(old: Definitions, new: Definitions) -> Iterator[RuleChange]:
    after = {(e.system, e.target): e for e in new.entitlements.values()}
    for before in old.entitlements.values():
        entitlement = after.get((before.system, before.target))
        if entitlement is None:
            gone = Subject("entitlement", before.id)
            yield gone.says(f" ({before.target} on {before.system}) is spoken of no longer", looser=True)
            continue
        subject = Subject("entitlement", entitlement.id)
        was = Approval.of(before.approval, before.approval_path, old.approvals)
        now = Approval.of(entitlement.approval, entitlement.approval_path, new.approvals)
        yield from was.changes(now, subject)
        yield from _entitlement(subject, before, entitlement)


def _entitlement(subject: Subject, old: PolicyEntitlement, new: PolicyEntitlement) -> Iterator[RuleChange]:
    tiers = ("birthright", "elevated", "jit")
    looser = tiers.index(new.tier.value) < tiers.index(old.tier.value)
    yield from subject.differs("tier", old.tier.value, new.tier.value, looser=looser)
    yield from subject.longer("longest", old.max_duration, new.max_duration)
    yield from subject.added("break glass", old.break_glass, new.break_glass)
    yield from subject.dropped("privileged", old.privileged, new.privileged)
    yield from subject.dropped("a way in from outside", old.remote_access, new.remote_access)
    hours = [each.window.told() if each.window is not None else "always" for each in (old, new)]
    yield from subject.differs("hours", *hours, looser=opens_wider(old.window, new.window))
    condition = [each.when.text if each.when is not None else "none" for each in (old, new)]
    yield from subject.differs("condition", *condition, looser=new.when is None)
    yield from subject.differs("licence", _licence(old.licence), _licence(new.licence))


def _licence(licence: Licence | None) -> str:
    if licence is None:
        return "none"
    return f"{licence.sku} at {licence.monthly_cost}" if licence.monthly_cost else licence.sku


def _roles(old: Definitions, new: Definitions) -> Iterator[RuleChange]:
    for name, role in old.roles.items():
        if name in new.roles:
            yield from _role(Subject("role", name), role, new.roles[name])


def _role(subject: Subject, old: PolicyRole, new: PolicyRole) -> Iterator[RuleChange]:
    was, now = old.require or _NO_REQUIREMENTS, new.require or _NO_REQUIREMENTS
    yield from subject.dropped("a last day is required", was.ends, now.ends)
    yield from subject.dropped("a sponsor is required", was.sponsor, now.sponsor)
    yield from subject.longer("longest contract", was.max_contract, now.max_contract)
    looser = old.warn_before_end is not None and is_longer(new.warn_before_end or timedelta(0), old.warn_before_end)
    yield from subject.differs("warns before the end", old.warn_before_end, new.warn_before_end, looser=looser)


# ---- who agrees


def _approval_paths(old: Definitions, new: Definitions) -> Iterator[RuleChange]:
    for name, path in old.approvals.items():
        subject = Subject("approval path", name)
        if name in new.approvals:
            yield from path_changes(subject, path, new.approvals[name])
        else:
            yield subject.says(" is gone")
    for name in sorted(new.approvals.keys() - old.approvals.keys()):
        yield Subject("approval path", name).says(" is new")


def _teams(old: Definitions, new: Definitions) -> Iterator[RuleChange]:
    nobody = Team("", (), "", "")
    for name in sorted(old.teams.keys() | new.teams.keys()):
        subject = Subject("team", name)
        was, now = old.teams.get(name, nobody), new.teams.get(name, nobody)
        if name not in new.teams:
            yield subject.says(" is gone")
            continue
        if name not in old.teams:
            yield subject.says(" is new")
        yield from subject.members("members", was.members, now.members, more=True)
        yield from subject.differs("group of this host", was.group, now.group, looser=bool(now.group))


def _system_owners(old: Definitions, new: Definitions) -> Iterator[RuleChange]:
    for system in sorted(old.system_owners.keys() | new.system_owners.keys()):
        subject = Subject("system", system)
        yield from subject.differs("owner", old.system_owners.get(system), new.system_owners.get(system))


def _break_glass(old: BreakGlass | None, new: BreakGlass | None) -> Iterator[RuleChange]:
    subject = Subject("emergency access")
    if old is None or new is None:
        yield from subject.added("is allowed", old is not None, new is not None)
        return
    yield from subject.members("who may take it", old.who, new.who, more=True)
    yield from subject.longer("longest", old.max_duration, new.max_duration)
    yield from subject.longer("reviewed within", old.review_within, new.review_within)
    yield from subject.members("who is told", old.tell, new.tell, more=False)


# ---- what holds a mistake back


def _separation(old: Definitions, new: Definitions, names: Mapping[str, str]) -> Iterator[RuleChange]:
    for name, rule in old.separation.items():
        subject = Subject("separation rule", name)
        if name in new.separation:
            yield from _rule(subject, rule, new.separation[name], names)
        else:
            yield subject.says(" is gone", looser=True)
    for name in sorted(new.separation.keys() - old.separation.keys()):
        yield Subject("separation rule", name).says(f" is new: {new.separation[name].reason.rstrip('.')}")


def _rule(subject: Subject, old: SeparationRule, new: SeparationRule, names: Mapping[str, str]) -> Iterator[RuleChange]:
    severity = ["block" if rule.blocks else "warn" for rule in (old, new)]
    yield from subject.differs("severity", *severity, looser=old.blocks and not new.blocks)
    for what, before, after in (("one side", old.any_of, new.any_of), ("other side", old.with_any_of, new.with_any_of)):
        yield from subject.members(what, [names.get(each, each) for each in before], after, more=False)


def _guards(old: Guards, new: Guards) -> Iterator[RuleChange]:
    yield from _threshold(Subject("guard", "leavers"), old.leavers, new.leavers)
    yield from _threshold(Subject("guard", "removals"), old.removals, new.removals)
    feed, was, now = Subject("guard", "feed"), old.feed, new.feed
    yield from feed.lowered("fewest rows", was.min_rows, now.min_rows)
    yield from feed.raised("shrinks by at most percent", was.max_shrink_percent, now.max_shrink_percent)
    yield from feed.lowered("keeps keys at least percent", was.min_key_overlap_percent, now.min_key_overlap_percent)
    yield from feed.longer("oldest", was.max_age, now.max_age)
    yield from _protected(Subject("guard", "protected"), old.protected, new.protected)
    yield from Subject("guard", "stale").longer("oldest plan", old.max_plan_age, new.max_plan_age)


def _threshold(subject: Subject, old: Threshold, new: Threshold) -> Iterator[RuleChange]:
    yield from subject.raised("floor", old.floor, new.floor)
    yield from subject.raised("percent", old.percent, new.percent)
    yield from subject.raised("ceiling", old.ceiling, new.ceiling)
    # Within a shorter time fewer of them come together, so the guard trips later.
    yield from subject.differs("window", old.window, new.window, looser=new.window < old.window)


def _protected(subject: Subject, old: Protected, new: Protected) -> Iterator[RuleChange]:
    yield from subject.members("accounts", old.accounts, new.accounts, more=False)
    yield from subject.members("groups", old.groups, new.groups, more=False)
    for name in sorted(old.keep_at_least.keys() | new.keep_at_least.keys()):
        was, now = old.keep_at_least.get(name, 0), new.keep_at_least.get(name, 0)
        yield from subject.lowered(f"fewest left of {name}", was, now)


def _reviews(old: Definitions, new: Definitions) -> Iterator[RuleChange]:
    for name, review in old.reviews.items():
        subject = Subject("review", name)
        if name in new.reviews:
            yield from _review(subject, review, new.reviews[name])
        else:
            yield subject.says(" is gone", looser=True)
    for name in sorted(new.reviews.keys() - old.reviews.keys()):
        yield Subject("review", name).says(" is new")


def _review(subject: Subject, old: ReviewRule, new: ReviewRule) -> Iterator[RuleChange]:
    yield from subject.longer("every", old.every, new.every)
    yield from subject.differs("about", old.scope, new.scope)
    yield from subject.differs("reviewer", old.reviewer, new.reviewer)
    yield from subject.differs("reviewer who steps in", old.fallback, new.fallback)
    looser = new.on_no_answer == _KEEP
    yield from subject.differs("without an answer", old.on_no_answer, new.on_no_answer, looser=looser)
    yield from subject.longer("answered within", old.answer_within, new.answer_within)
