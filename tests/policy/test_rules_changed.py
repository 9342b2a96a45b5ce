"""What another policy changes of the rules, beside who is due what: told, and marked where control gets looser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import date, time, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from jmltui.domain.access import Tier
from jmltui.domain.procedure import Do, Overlap
from jmltui.domain.window import Window
from jmltui.policy import load
from jmltui.policy.model import Definitions
from jmltui.policy.rule_change import RuleChange
from jmltui.policy.rules_changed import rules_changed

POLICY = """\
timezone: Europe/Berlin
entitlements:
  - {id: staff, system: crm, target: "group:Staff"}
  - {id: vpn, system: crm, target: "group:VPN", tier: elevated, approval: true, remote_access: true}
  - {id: pay, system: crm, target: "role:Pay", tier: elevated, approval: two, privileged: true, max_duration: 8h,
     window: {days: [mon, tue, wed, thu, fri], hours: "08:00-18:00"}, licence: {sku: P1, monthly_cost: 10}}
  - {id: release, system: crm, target: "role:Release"}
roles:
  - {id: everybody, match: {person.type: employee}, grants: [staff], may_request: [pay, vpn]}
  - {id: guests, match: {person.type: contractor}, grants: [staff], may_request: [release],
     require: {ends: true, sponsor: true, max_contract: 52w}, warn_before_end: 14d}
separation:
  - {id: four-eyes, any_of: [pay], with_any_of: [release], severity: block, reason: nobody pays alone}
approvals:
  - {id: two, steps: [{any: 1, from: [manager], fallback: [owner], fallback_after: 2d}, {any: 2, from: ["team:fin"]}],
     expires_after: 7d}
  - {id: one, steps: [{any: 1, from: [manager], fallback: [owner], fallback_after: 48h}], expires_after: 168h}
teams: {fin: [bob, cid, dan], it: [eve]}
system_owners: {crm: "user:bob"}
break_glass: {who: ["team:it"], max_duration: 4h, review_within: 24h, tell: ["team:fin"]}
reviews:
  - {id: yearly, every: 52w, scope: all, reviewer: manager, fallback: owner, on_no_answer: revoke, answer_within: 14d}
guards:
  leavers: {floor: 5, percent: 5, ceiling: 50}
  removals: {floor: 20, percent: 10, ceiling: 500, window: 24h}
  protected: {accounts: [root, "svc-*"], groups: ["Domain Admins"], keep_at_least: {"group:Admins": 2}}
mover: {attributes: [department, title]}
procedures:
  - id: leaver
    title: Leaver
    owner: team:it
    fallback_owner: team:fin
    target: 24h
    trigger: {event: leaver, when: 3d before person.ends}
    urgent: {if: "person.type == 'contractor'", target: 1h}
    steps:
      - {id: disable, do: account.disable, title: Disable, target: 15m}
      - {id: groups, do: group.remove_all, title: Groups, needs: [disable], approval: two}
      - {id: verify, do: access.verify, title: Read back, needs: [groups]}
  - id: mover
    title: Mover
    owner: team:it
    fallback_owner: team:fin
    target: 2d
    overlap: {max: 14d, approval: two}
    steps:
      - {id: groups, do: entitlements.apply, title: New groups}
      - {id: remove, do: entitlements.remove, title: Old groups, needs: [groups]}
"""


@pytest.fixture
def old(tmp_path: Path) -> Definitions:
    return written(tmp_path, POLICY)


def written(folder: Path, text: str) -> Definitions:
    file = folder / "policy.yaml"
    file.write_text(text, encoding="utf-8")
    return load(file).definitions


def changed(tmp_path: Path, *pairs: str) -> tuple[RuleChange, ...]:
    """What changes when each text is replaced by the one after it."""
    text = POLICY
    for before, after in zip(pairs[::2], pairs[1::2], strict=True):
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    return rules_changed(written(tmp_path, POLICY), written(tmp_path, text))


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (
            "tier: elevated, approval: true,",
            "tier: elevated, approval: false,",
            "“vpn”: approval by anybody else → none.",
        ),
        ("approval: two, privileged", "approval: one, privileged", "“pay”: approval by “two” → “one”."),
        ("approval: two, privileged", "approval: true, privileged", "“pay”: approval by “two” → anybody else."),
        ("max_duration: 8h", "max_duration: 2d", "“pay”: longest 8h → 2d."),
        (" max_duration: 8h,", "", "“pay”: longest 8h → none."),
        ("privileged: true,", "privileged: true, break_glass: true,", "“pay”: break glass no → yes."),
        ("privileged: true,", "privileged: false,", "“pay”: privileged yes → no."),
        ("remote_access: true", "remote_access: false", "“vpn”: a way in from outside yes → no."),
        ("08:00-18:00", "06:00-18:00", "“pay”: hours mon-fri 08:00-18:00 → mon-fri 06:00-18:00."),
        ("severity: block", "severity: warn", "separation rule “four-eyes”: severity block → warn."),
        (
            "{any: 2, from",
            "{any: 1, from",
            "approval path “two”: 1 of manager (or owner after 2d), then 2 of team:fin →",
        ),
        (
            "[manager], fallback: [owner], fallback_after: 2d",
            "[manager, sponsor], fallback: [owner], fallback_after: 2d",
            "approval path “two”: ",
        ),
        ("fallback_after: 2d", "fallback_after: 1h", "approval path “two”: "),
        ("expires_after: 7d", "expires_after: 30d", "approval path “two”: expires after 1w → 30d."),
        ("fin: [bob, cid, dan]", "fin: [bob, cid, dan, eva]", "team “fin”: members now with eva."),
        ('who: ["team:it"], max_duration: 4h', 'who: ["team:it"], max_duration: 8h', "access: longest 4h → 8h."),
        ("review_within: 24h", "review_within: 48h", "emergency access: reviewed within 1d → 2d."),
        ("every: 52w", "every: 104w", "review “yearly”: every 52w → 104w."),
        ("on_no_answer: revoke", "on_no_answer: keep", "review “yearly”: without an answer revoke → keep."),
        ("floor: 20, percent: 10", "floor: 20, percent: 50", "guard “removals”: percent 10 → 50."),
        ("ceiling: 500, window: 24h", "ceiling: 500, window: 1h", "guard “removals”: window 1d → 1h."),
        ('accounts: [root, "svc-*"]', "accounts: [root]", "guard “protected”: accounts without svc-* now."),
        ('"group:Admins": 2', '"group:Admins": 1', "guard “protected”: fewest left of group:Admins 2 → 1."),
        (
            "require: {ends: true, sponsor: true, max_contract: 52w}, ",
            "",
            "role “guests”: a last day is required yes → no.",
        ),
        ("max_contract: 52w", "max_contract: 104w", "role “guests”: longest contract 52w → 104w."),
        ("warn_before_end: 14d", "warn_before_end: 3d", "role “guests”: warns before the end 2w → 3d."),
        ("[department, title]", "[department]", "policy: attributes of movers without title now."),
        (", target: 15m}", ", target: 5d}", "step “leaver: disable”: target 15m → 5d."),
        ("needs: [disable], approval: two", "needs: [disable]", "“leaver: groups”: approval by “two” → none."),
        (
            "      - {id: verify, do: access.verify, title: Read back, needs: [groups]}\n  - id: mover",
            "  - id: mover",
            "procedure “leaver” has no step “verify” any more (access.verify).",
        ),
        ("overlap: {max: 14d", "overlap: {max: 28d", "procedure “mover”: overlap 2w → 4w."),
        ("{max: 14d, approval: two}", "{max: 14d, approval: true}", "“mover: overlap”: approval by “two” → anybody"),
    ],
)
def test_what_loosens_control_is_marked_and_taking_it_back_is_not(
    tmp_path: Path, before: str, after: str, sentence: str
) -> None:
    found = changed(tmp_path, before, after)
    (change,) = [change for change in found if sentence in change.sentence]
    assert change.looser
    new = written(tmp_path, POLICY.replace(before, after))
    back = rules_changed(new, written(tmp_path, POLICY))
    assert back
    assert not [change for change in back if change.looser]


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("timezone: Europe/Berlin", "timezone: Asia/Tokyo", "The policy: timezone Europe/Berlin → Asia/Tokyo."),
        ("{sku: P1, monthly_cost: 10}", "{sku: P2}", "The entitlement “pay”: licence P1 at 10 → P2."),
        ('crm: "user:bob"', 'crm: "user:cid"', "The system “crm”: owner user:bob → user:cid."),
        ("when: 3d before person.ends", "when: immediate", "“leaver”: due 3d before person.ends → immediate."),
        ("scope: all", "scope: privileged", "The review “yearly”: about all → privileged."),
        ("fallback_owner: team:fin\n    target: 24h", "fallback_owner: team:it\n    target: 24h", "who steps in"),
    ],
)
def test_what_is_neither_looser_nor_stricter_is_told(tmp_path: Path, before: str, after: str, sentence: str) -> None:
    (change,) = changed(tmp_path, before, after)
    assert sentence in change.sentence
    assert not change.looser


def test_what_vanishes_is_told(tmp_path: Path, old: Definitions) -> None:
    bare = "\n".join(POLICY.split("separation:")[0].replace("approval: two", "approval: true").splitlines()) + "\n"
    sentences = {change.sentence for change in rules_changed(old, written(tmp_path, bare)) if change.looser}
    for part in (
        "The separation rule “four-eyes” is gone.",
        "The review “yearly” is gone.",
        "The guard “protected”: accounts without root, svc-* now.",
        "The guard “protected”: groups without Domain Admins now.",
        "The guard “protected”: fewest left of group:Admins 2 → 0.",
    ):
        assert part in sentences
    gone = POLICY.replace('  - {id: staff, system: crm, target: "group:Staff"}\n', "").replace("grants: [staff], ", "")
    (change,) = rules_changed(old, written(tmp_path, gone))
    assert change.sentence == "The entitlement “staff” (group:Staff on crm) is spoken of no longer."


def test_another_name_for_the_same_thing_changes_no_rule(tmp_path: Path) -> None:
    assert changed(tmp_path, "id: release,", "id: let-go,", "[release], severity", "[let-go], severity",
                   "may_request: [release]", "may_request: [let-go]") == ()  # fmt: skip


def test_a_further_stage_is_not_looser(tmp_path: Path) -> None:
    (change,) = changed(tmp_path, "two, steps: [{any: 1, from: [manager], ", "two, steps: [{any: 1, from: [owner]}, "
                        "{any: 1, from: [manager], ")  # fmt: skip
    assert not change.looser


APPROVALS = {"PolicyEntitlement.approval_path", "StepTemplate.approval_path", "Overlap.approval_path"}
"""Names of paths, which have to be there; each has a case above."""

TOLD_BY_WHO_IS_DUE_WHAT = {"PolicyRole.match", "PolicyRole.grants", "PolicyRole.when", "PolicyRole.may_request"}
SAYS_NOTHING = {"place", "id", "title", "reason", "expression", "system", "event", "never_self", "kind"}
"""Places and texts for people, and what makes it another thing altogether."""


def test_every_field_of_a_rule_is_told_when_it_changes(old: Definitions) -> None:
    silent = []
    for where, new in variants(old, ""):
        if not rules_changed(old, new):
            silent.append(where)
    assert not silent


def variants(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    """The value with one thing in it changed, for everything in it."""
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            name = f"{type(value).__name__}.{field.name}"
            if name in TOLD_BY_WHO_IS_DUE_WHAT | APPROVALS or field.name in SAYS_NOTHING:
                continue
            if name in ("Definitions.attributes", "Definitions.built_in"):
                continue
            for deeper, made in variants(getattr(value, field.name), name):
                yield f"{where} {deeper}", replace(value, **{field.name: made})
    elif isinstance(value, dict):
        for key, member in value.items():
            for deeper, made in variants(member, f"{where}[{key}]"):
                yield deeper, {**value, key: made}
    elif isinstance(value, tuple) and value and is_dataclass(value[0]):
        for number, member in enumerate(value):
            for deeper, made in variants(member, f"{where}[{number}]"):
                yield deeper, (*value[:number], made, *value[number + 1 :])
    elif value is not None:
        yield where, another(value)


def another(value: Any) -> Any:
    """Something else of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, Enum):
        return next(each for each in type(value) if each is not value)
    if isinstance(value, (int, float)):
        return value + 1
    if isinstance(value, timedelta):
        return value + timedelta(minutes=1)
    if isinstance(value, time):
        return value.replace(minute=value.minute ^ 1)
    if isinstance(value, date):
        return value + timedelta(days=1)
    if isinstance(value, tuple):
        return ("sun",) if value and value[0] in ("mon", "tue") else (*value, "another")
    assert isinstance(value, str)
    return f"{value}-other"


def test_what_appears_where_nothing_was_is_told(old: Definitions) -> None:
    staff, leaver = old.entitlements["staff"], old.procedures["leaver"]
    sunday = Window(("sun",), time(3), time(3, 30))
    step = replace(leaver.steps[0], verify="no_active_sessions", do=Do.ACCOUNT_DELETE)
    for new in (
        replace(old, entitlements={**old.entitlements, "staff": replace(staff, window=sunday)}),
        replace(old, entitlements={**old.entitlements, "staff": replace(staff, tier=Tier.JIT)}),
        replace(old, entitlements={**old.entitlements, "staff": replace(staff, max_duration=timedelta(1))}),
        replace(old, break_glass=None),
        replace(old, procedures={**old.procedures, "leaver": replace(leaver, urgent=None)}),
        replace(old, procedures={**old.procedures, "leaver": replace(leaver, overlap=Overlap(timedelta(1), ""))}),
        replace(old, procedures={**old.procedures, "leaver": replace(leaver, steps=(step, *leaver.steps[1:]))}),
        replace(old, procedures={**old.procedures, "leaver": replace(leaver, steps=leaver.steps[::-1])}),
    ):
        assert rules_changed(old, new)
    assert not rules_changed(old, old)
