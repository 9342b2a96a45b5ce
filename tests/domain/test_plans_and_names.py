"""Plans bind what was approved; names warn of look-alikes; templates and durations say what they mean."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jmltui.domain.access import Account, AccountState, Link
from jmltui.domain.diff import DiffLine, HeldAccount
from jmltui.domain.diff_kind import DiffKind
from jmltui.domain.duration import format_duration, parse_duration
from jmltui.domain.layout import make_plan, unplanned
from jmltui.domain.names import fold, is_mixed_script, skeleton
from jmltui.domain.operation import Cap, Proof, Support
from jmltui.domain.person import Person
from jmltui.domain.procedure import Do, Procedure, StepTemplate
from jmltui.domain.template import MissingValue, TemplateError, parse_template

ANA = Person(key="E1", name="Ana María Díaz", email="Ana@Example.org", id=1)
ACCOUNT = HeldAccount("dir", Account("1", "ana", AccountState.ACTIVE), Link.CONFIRMED)
CAN = {"dir": {cap: Support(Proof.READ_BACK, reversible=True) for cap in Cap}}

operations = st.sampled_from([Cap.CREATE, Cap.ENABLE, Cap.DISABLE, Cap.GRANT, Cap.REVOKE])
lines = st.lists(
    st.builds(
        lambda operation, number: DiffLine(
            DiffKind.ADD, "dir", operation, "1", "ana", f"e{number}", f"group:g{number}", "why"
        ),
        operations,
        st.integers(0, 30),
    ),
    max_size=20,
    unique_by=lambda line: (line.operation, line.entitlement_id),
)
procedures = st.lists(st.sampled_from(list(Do)), max_size=12).map(
    lambda does: Procedure(
        "mover", "Mover", "", "", timedelta(1), tuple(StepTemplate(f"s{i}", do, "t") for i, do in enumerate(does))
    )
)


@given(lines, procedures)
def test_each_line_lands_in_one_step_or_is_reported(found: list[DiffLine], procedure: Procedure) -> None:
    plan = make_plan(ANA, procedure, found, [ACCOUNT], CAN, {}, "policy")
    planned = Counter((a.operation, a.entitlement_id) for step in plan.steps for a in step.actions)
    left = {(line.operation, line.entitlement_id) for line in unplanned(plan)}
    for line in found:
        assert planned[line.operation, line.entitlement_id] == (
            0 if (line.operation, line.entitlement_id) in left else 1
        )


def test_the_hash_changes_with_everything_that_was_approved() -> None:
    step = StepTemplate("grant", Do.GRANTS_ADD, "Grant", text="how")
    procedure = Procedure("joiner", "Joiner", "", "", timedelta(1), (step,))
    line = DiffLine(DiffKind.ADD, "dir", Cap.GRANT, "1", "ana", "e1", "group:g1", "why")

    def hash_of(
        line: DiffLine = line, step: StepTemplate = step, account: HeldAccount = ACCOUNT, policy: str = "p"
    ) -> str:
        return make_plan(ANA, replace(procedure, steps=(step,)), [line], [account], CAN, {}, policy).hash()

    off = replace(ACCOUNT, account=replace(ACCOUNT.account, state=AccountState.DISABLED))
    hashes = [
        hash_of(),
        hash_of(replace(line, entitlement_id="e2")),
        hash_of(replace(line, target="group:g2")),
        hash_of(replace(line, login="bob")),
        hash_of(replace(line, approval=True)),
        hash_of(step=replace(step, text="otherwise")),
        hash_of(step=replace(step, id="other")),
        hash_of(account=off),
        hash_of(policy="q"),
    ]
    assert len(set(hashes)) == len(hashes)
    assert hash_of() == hashes[0]


def test_what_a_system_cannot_do_is_for_a_person() -> None:
    procedure = Procedure(
        "leaver", "Leaver", "", "", timedelta(1), (StepTemplate("s", Do.SESSIONS_END, "End live sessions"),)
    )
    plan = make_plan(ANA, procedure, [], [ACCOUNT], {"dir": {}}, {}, "p")
    (action,) = plan.steps[0].actions
    assert action.manual
    assert action.proof is Proof.NONE
    assert "by hand" in action.note


def test_look_alikes() -> None:
    cyrillic = "\u0440\u0430\u0443\u0440\u0430l"
    assert is_mixed_script(cyrillic)
    assert skeleton(cyrillic) == "paypal"
    assert not is_mixed_script("Иван Petrov")
    assert fold("  Zoë  O'NEIL ") == "zoe o'neil"


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=4)))
def test_durations_come_back(value: timedelta) -> None:
    whole = timedelta(seconds=int(value.total_seconds()))
    assert parse_duration(format_duration(value)) == whole


@pytest.mark.parametrize("text", ["", "15", "m", "1.5h", "-3d", "15 minutes", "１５m"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="30s, 15m, 24h"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{key|lower}", "e1"),
        ("{email|before_at|lower}", "ana"),
        ("{name|first|initial}.{name|last}", "A.Díaz"),
        ("{{{key}}}", "{E1}"),
    ],
)
def test_templates(template: str, text: str) -> None:
    assert parse_template(template).render(ANA) == text


def test_a_template_needs_its_values_and_a_known_filter() -> None:
    with pytest.raises(MissingValue, match="no title"):
        parse_template("{title}").render(ANA)
    for wrong in ("{key|uper}", "{key", "key}", "{}", "{key.__class__|lower|}"):
        with pytest.raises(TemplateError):
            parse_template(wrong)
