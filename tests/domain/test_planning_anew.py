"""Planning a case anew: what stands, what falls away, what comes on top."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from jmltui.domain.case import ActionState, StepState
from jmltui.domain.operation import Cap
from jmltui.domain.plan import Plan, PlannedAction, PlannedStep
from jmltui.domain.procedure import Do, Procedure, StepTemplate
from jmltui.domain.replan import IN_FLIGHT, Replan, StandingAction, StandingStep, replan

GROUPS = StepTemplate("groups", Do.GRANTS_REMOVE_ALL, "Out of every group")
VERIFY = StepTemplate("verify", Do.VERIFY, "Read back", needs=("groups",))
PROCEDURE = Procedure("leaver", "Leaver", "team:a", "team:b", timedelta(days=1), (GROUPS, VERIFY))


def revoke(group: str, login: str = "ana") -> PlannedAction:
    return PlannedAction("dir", Cap.REVOKE, f"id-{login}", login, group, f"group:{group}", "left")


def plan(*groups: str, approval: bool = False) -> Plan:
    steps = (PlannedStep(GROUPS, tuple(map(revoke, groups)), approval), PlannedStep(VERIFY, (), False))
    return Plan(PROCEDURE, (), steps, "policy")


def case(state: StepState, *actions: StandingAction, verify: StepState = StepState.WAITING) -> list[StandingStep]:
    return [
        StandingStep("groups", state, GROUPS.do, GROUPS.title, (), False, "", actions),
        StandingStep("verify", verify, VERIFY.do, VERIFY.title, VERIFY.needs, False, ""),
    ]


def standing(number: int, group: str, state: ActionState, attempts: int = 0) -> StandingAction:
    return StandingAction(number, revoke(group), state, attempts)


def asked(change: Replan) -> set[str]:
    return {action.entitlement_id for written in change.rounds for action in written.planned.actions}


def test_the_same_plan_changes_nothing() -> None:
    steps = case(StepState.READY, standing(1, "IT", ActionState.PLANNED), standing(2, "VPN", ActionState.PLANNED))
    assert replan(steps, plan("IT", "VPN")).is_empty


def test_what_nobody_began_is_exchanged_in_its_place() -> None:
    change = replan(case(StepState.APPROVAL, standing(1, "IT", ActionState.PLANNED)), plan("VPN"))
    assert [(written.key, written.new) for written in change.rounds] == [("groups", False)]
    assert (asked(change), change.drop, change.give_up) == ({"VPN"}, {1}, frozenset())


def test_what_is_done_stays_and_the_rest_is_another_round_with_another_read_back() -> None:
    steps = case(StepState.DONE, standing(1, "IT", ActionState.CONFIRMED, 1), verify=StepState.DONE)
    change = replan(steps, plan("VPN"))
    assert [(written.key, written.new) for written in change.rounds] == [
        ("groups-again-2", True),
        ("verify-again-2", True),
    ]
    assert not change.drop | change.give_up


def test_another_round_waits_for_the_other_rounds_of_what_it_needs() -> None:
    steps = case(StepState.DONE, standing(1, "IT", ActionState.CONFIRMED, 1), verify=StepState.DONE)
    verify = replan(steps, plan("VPN")).rounds[1]
    assert verify.planned.template.needs == ("groups", "groups-again-2")
    waiting = replace(steps[1], state=StepState.WAITING)
    [groups, same] = replan([steps[0], waiting], plan("VPN")).rounds
    assert (groups.key, same.key, same.new) == ("groups-again-2", "verify", False)
    assert same.planned.template.needs == ("groups", "groups-again-2"), "nothing is read back before it is done"
    again = StandingStep("groups-again-2", StepState.READY, GROUPS.do, "Out of every group (again)", (), False, "",
                         (standing(2, "VPN", ActionState.PLANNED),))  # fmt: skip
    settled = [steps[0], replace(waiting, needs=same.planned.template.needs), again]
    assert replan(settled, plan("VPN")).is_empty


def test_what_a_person_skipped_is_not_planned_again_but_what_came_back_is() -> None:
    skipped = case(StepState.SKIPPED, standing(1, "IT", ActionState.SKIPPED))
    assert replan(skipped, plan("IT")).is_empty
    confirmed = case(StepState.DONE, standing(1, "IT", ActionState.CONFIRMED, 1))
    assert asked(replan(confirmed, plan("IT"))) == {"IT"}
    fresh = case(StepState.DONE, replace(standing(1, "IT", ActionState.CONFIRMED, 1), fresh=True))
    assert replan(fresh, plan("IT")).is_empty, "the listing was begun before it was done"
    undone = case(StepState.DONE, replace(standing(1, "IT", ActionState.CONFIRMED, 1), undone=True))
    assert replan(undone, plan("IT")).is_empty, "somebody took it back on purpose"


def test_an_account_of_another_name_gets_a_call_of_its_own() -> None:
    steps = case(StepState.ATTENTION, standing(1, "IT", ActionState.BLOCKED, 1))
    renamed = Plan(PROCEDURE, (), (PlannedStep(GROUPS, (revoke("IT", "ana.b"),), False), plan().steps[1]), "policy")
    change = replan(steps, renamed)
    assert change.give_up == {1}
    assert [a.login for written in change.rounds for a in written.planned.actions] == ["ana.b"]


def test_an_undo_is_no_part_of_it() -> None:
    back = StandingAction(9, replace(revoke("IT"), operation=Cap.GRANT), ActionState.PLANNED)
    undo = StandingStep("undo-groups-3", StepState.APPROVAL, Do.GRANTS_ADD, "Undo", (), True, "", (back,), own=True)
    steps = [*case(StepState.DONE, replace(standing(1, "IT", ActionState.CONFIRMED, 1), undone=True)), undo]
    assert replan(steps, plan("IT")).is_empty


actions = st.lists(
    st.tuples(st.sampled_from(["IT", "VPN", "HR", "Ops"]), st.sampled_from(list(ActionState)), st.integers(0, 3)),
    max_size=4,
    unique_by=lambda action: action[0],
)


@given(
    found=actions,
    state=st.sampled_from(list(StepState)),
    wanted=st.sets(st.sampled_from(["IT", "VPN", "HR", "Ops"])),
)
def test_everything_asked_for_is_asked_for_once_and_nothing_under_way_is_touched(
    found: list[tuple[str, ActionState, int]], state: StepState, wanted: set[str]
) -> None:
    mine = [standing(number, *action) for number, action in enumerate(found, start=1)]
    change = replan(case(state, *mine), plan(*sorted(wanted)))
    touched = change.drop | change.give_up
    for action in mine:
        group, begun = action.planned.entitlement_id, action.begun
        if action.state in IN_FLIGHT or action.state.is_settled:
            assert action.id not in touched, "what is under way, proved or stated stays"
        if action.id in change.drop:
            assert not begun
        if not action.state.is_settled and action.state not in IN_FLIGHT and group not in wanted:
            assert action.id in touched, "what is not asked for any more does not run"
    waiting = [
        action.planned.entitlement_id for action in mine if action.id not in touched and not action.state.is_settled
    ]
    settled_by_person = {
        a.planned.entitlement_id for a in mine if a.state in (ActionState.SKIPPED, ActionState.ATTESTED)
    }
    asked_now = [a.entitlement_id for written in change.rounds for a in written.planned.actions]
    assert len(asked_now) == len(set(asked_now))
    assert not set(asked_now) & set(waiting), "never twice"
    assert wanted <= set(asked_now) | set(waiting) | settled_by_person
