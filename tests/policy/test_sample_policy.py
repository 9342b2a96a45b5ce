"""A policy that uses the whole language: what it says is what is read, from one file and from a folder of many."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from jmltui.domain.access import Tier
from jmltui.domain.approval import ApprovalStage
from jmltui.domain.duration import parse_duration
from jmltui.domain.person import Person, PersonType
from jmltui.domain.procedure import Do
from jmltui.domain.trigger import TriggerWhen
from jmltui.policy.lint import lint
from jmltui.policy.model import Definitions, Licence, Requirements
from jmltui.policy.policy import load
from jmltui.policy.reader import read_folder

HERE = Path(__file__).parent
NOW = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)  # a Wednesday

ANALYST = Person(
    key="1",
    name="Ana",
    type=PersonType.EMPLOYEE,
    department="Finance",
    location="DE",
    title="Analyst",
    zone="Europe/Berlin",
    attributes={"device.managed": "true"},
)


@pytest.fixture(scope="module")
def sample() -> Definitions:
    return read_folder(HERE / "sample.yaml")


def test_a_folder_means_the_same_as_one_file() -> None:
    assert load(HERE / "sample").hash == load(HERE / "sample.yaml").hash


def test_it_has_no_error_and_these_warnings() -> None:
    report = lint(HERE / "sample.yaml", systems=["directory", "vpn", "remote-access", "erp", "cloud"])
    assert report.policy is not None
    assert report.errors == ()
    told = [(warning.line, warning.message) for warning in report.warnings]
    assert told == [
        (13, "Nothing looks at the attribute “device.kind”."),
        (29, "The worker grants “remote-desktop” and removes it at the edges of mon-fri 06:00-20:00."),
        (41, "Only an exception from the policy can give the entitlement “erp-pay-release”."),
        (170, "This version of jmltui does not run runbook tests, so “leaver” is not rehearsed by itself."),
    ]


def test_attributes_have_their_types(sample: Definitions) -> None:
    assert sample.timezone == "Europe/Berlin"
    types = {name: attribute.type for name, attribute in sample.attributes.items()}
    assert types["ends"] == "timestamp"
    assert types["device.managed"] == "bool"
    assert types["now.hour"] == "int"
    assert sample.attributes["ends"].nullable
    assert sample.attributes["risk"].values == ("low", "high")
    assert sample.mover_attributes == ("type", "department", "title", "location", "device.managed")


def test_entitlements(sample: Definitions) -> None:
    found = sample.entitlements
    assert found["mail"].licence == Licence("mail-e3", "7.50")
    vpn = found["vpn"]
    assert vpn.remote_access
    assert vpn.when is not None
    assert vpn.when.text == 'person.location in ["DE","FR","US"] && device.managed'
    assert vpn.when.expression.attributes == ("person.location", "device.managed")
    assert vpn.when.expression.evaluate({"person.location": "FR", "device.managed": True}) is True
    assert vpn.when.expression.evaluate({"person.location": "FR", "device.managed": None}) is None
    window = found["remote-desktop"].window
    assert window is not None
    assert window.days == ("mon", "tue", "wed", "thu", "fri")
    assert (window.start, window.end) == (time(6), time(20))
    create = found["erp-pay-create"]
    assert (create.tier, create.approval, create.approval_path) == (Tier.ELEVATED, True, "finance-approvers")
    assert create.max_duration == timedelta(days=365)
    admin = found["prod-admin"]
    assert (admin.tier, admin.max_duration, admin.break_glass) == (Tier.JIT, timedelta(hours=8), True)
    assert not found["mail"].approval


def test_roles(sample: Definitions) -> None:
    finance = sample.roles["finance-analyst"]
    assert {m.attribute: m.values for m in finance.match} == {"department": ("Finance",), "type": ("employee",)}
    assert finance.when is not None
    assert finance.when.text == '!(person.title == "Intern")'
    assert finance.grants == ("remote-desktop",)
    assert finance.may_request == ("erp-pay-create",)
    external = sample.roles["external"]
    assert external.grants == external.may_request == ()
    assert external.require == Requirements(ends=True, sponsor=True, max_contract=timedelta(days=180))
    assert external.warn_before_end == timedelta(days=14)


def test_separation_and_approvals(sample: Definitions) -> None:
    rule = sample.separation["pay-create-vs-release"]
    assert (rule.any_of, rule.with_any_of, rule.blocks) == (("erp-pay-create",), ("erp-pay-release",), True)
    assert rule.reason == "one person must not both enter and release a payment"
    path = sample.approvals["finance-approvers"]
    assert path.expires_after == timedelta(days=3)
    assert path.stages == (
        ApprovalStage(1, ("manager",)),
        ApprovalStage(1, ("group:finance-controllers",), ("group:security",), timedelta(hours=8)),
    )
    assert sample.approvals["security-two"].stages == (ApprovalStage(2, ("group:security",)),)


def test_procedures(sample: Definitions) -> None:
    assert sample.built_in == {"expiry", "orphan", "review"}
    joiner, mover, leaver = (sample.procedures[kind] for kind in ("joiner", "mover", "leaver"))
    assert joiner.trigger is not None
    assert (joiner.trigger.when, joiner.trigger.attribute) == (TriggerWhen.DATE, "starts")
    assert joiner.trigger.offset == -timedelta(days=3)
    rehire = sample.procedures["rehire"]
    assert rehire.steps == joiner.steps
    assert rehire.trigger is not None
    assert rehire.trigger.event == rehire.id == "rehire"
    assert mover.together
    assert mover.overlap is not None
    assert (mover.overlap.longest, mover.overlap.approval_path) == (timedelta(days=14), "manager-only")
    assert leaver.trigger is not None
    assert leaver.trigger.when is TriggerWhen.LAST_DAY_END
    assert leaver.urgent is not None
    assert leaver.urgent.condition.expression.evaluate({"person.risk": "high"}) is True
    assert leaver.urgent.target == timedelta(minutes=15)


@pytest.mark.parametrize(
    ("step", "do", "on", "owner"),
    [
        ("joiner/account", Do.ACCOUNT_CREATE, "system:directory", "team:helpdesk"),
        ("joiner/groups", Do.GRANTS_ADD, "birthright", "team:helpdesk"),
        ("joiner/role", Do.ROLE_IDENTIFY, "all", "manager"),
        ("mover/remove", Do.GRANTS_REMOVE, "no_longer_due", "team:helpdesk"),
        ("mover/grant", Do.GRANTS_ADD, "newly_due", "team:helpdesk"),
        ("leaver/remote", Do.REMOTE_REMOVE, "remote_access", "team:helpdesk"),
        ("leaver/rotate", Do.OWNED_ROTATE, "owned:service", "team:platform"),
        ("leaver/device", Do.DEVICES, "devices", "team:endpoint"),
        ("leaver/mailbox", Do.TRANSFER, "entitlement:mail", "manager"),
        ("leaver/licences", Do.LICENCES_RECLAIM, "licensed", "team:helpdesk"),
        ("exception/grant", Do.GRANTS_ADD, "requested", "team:security"),
    ],
)
def test_what_a_step_is_about(sample: Definitions, step: str, do: Do, on: str, owner: str) -> None:
    kind, _, name = step.partition("/")
    [found] = [s for s in sample.procedures[kind].steps if s.id == name]
    assert (found.do, found.on, found.owner) == (do, on, owner)


def test_steps_say_who_agrees_what_is_checked_and_what_is_to_be_done(sample: Definitions) -> None:
    steps = {f"{p.id}/{s.id}": s for p in sample.procedures.values() for s in p.steps}
    mailbox, approve, remote = (steps[name] for name in ("leaver/mailbox", "exception/approve", "leaver/remote"))
    assert (mailbox.approval, mailbox.approval_path) == (True, "manager-only")
    assert (approve.approval, approve.approval_path) == (True, "security-two")
    assert remote.verify == "no_active_sessions"
    assert not steps["leaver/disable"].approval
    for step in steps.values():
        assert step.text or not step.do.is_manual, step.id
        assert step.title


def test_guards_emergencies_and_reviews(sample: Definitions) -> None:
    assert sample.guards.feed.min_rows == 20
    assert sample.guards.protected.keep_at_least == {"role:admin": 2}
    glass = sample.break_glass
    assert glass is not None
    assert (glass.who, glass.max_duration) == (("group:security",), timedelta(hours=2))
    assert (glass.review_within, glass.tell) == (timedelta(days=1), ("group:security", "group:audit"))
    told = {r.id: (r.scope, r.reviewer, r.fallback, r.on_no_answer) for r in sample.reviews.values()}
    assert told == {
        "quarterly": ("all", "manager", "group:security", "revoke_elevated"),
        "service-accounts": ("type:service", "owner", "group:security", "escalate"),
        "dormant": ("unused:45d", "team:helpdesk", "", "disable"),
    }
    assert sample.reviews["dormant"].every == parse_duration("7d")


def test_it_decides() -> None:
    policy = load(HERE / "sample")
    due = {a.entitlement for a in policy.assignments(ANALYST, NOW)}
    assert {"mail", "vpn", "remote-desktop"} <= due
    assert policy.may_request(ANALYST, NOW) == ("erp-pay-create",)
    contractor = Person(key="2", name="Con", type=PersonType.CONTRACTOR, sponsor="1", starts=date(2026, 1, 1))
    assert [problem.code for problem in policy.problems(contractor, NOW)] == ["end-date-missing"]
