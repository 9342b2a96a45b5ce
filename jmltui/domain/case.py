"""Cases, steps and actions: their states, and the only moves between them.

Three state machines, one inside the other. A case has steps, an automatic step has actions. Every move is
named by an event; `case_after`, `step_after` and `action_after` return the next state or raise
`IllegalMove`. Nothing else in jmltui sets a state.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class IllegalMove(Exception):
    """The event does not apply in this state: somebody else was faster, or the caller is wrong."""

    def __init__(self, what: str, state: str, event: str) -> None:
        super().__init__(f"A {what} that is {state} cannot take “{event}”.")
        self.what, self.state, self.event = what, state, event


class CaseKind(StrEnum):
    """What happened to the person."""

    JOINER = "joiner"
    REHIRE = "rehire"
    MOVER = "mover"
    LEAVER = "leaver"
    EXPIRY = "expiry"
    ORPHAN = "orphan"
    REVIEW = "review"
    EXCEPTION = "exception"


class CaseState(StrEnum):
    """`question`: a person must say what the event was. `held`: a guard holds its batch."""

    QUESTION = "question"
    HELD = "held"
    OPEN = "open"
    DONE = "done"
    CANCELLED = "cancelled"

    @property
    def is_live(self) -> bool:
        """Whether the case still stands in the queue."""
        return self in (CaseState.QUESTION, CaseState.HELD, CaseState.OPEN)


class CaseEvent(StrEnum):
    ANSWER = "answer"
    HOLD = "hold"
    RELEASE = "release"
    COMPLETE = "complete"
    CANCEL = "cancel"
    REOPEN = "reopen"


class StepState(StrEnum):
    """States of one checklist line; `attention` means that a person has to look."""

    WAITING = "waiting"
    APPROVAL = "approval"
    READY = "ready"
    QUEUED = "queued"
    RUNNING = "running"
    ATTENTION = "attention"
    DONE = "done"
    SKIPPED = "skipped"
    REFUSED = "refused"

    @property
    def is_settled(self) -> bool:
        """Whether nothing more is to be done for the line."""
        return self in (StepState.DONE, StepState.SKIPPED)


class StepEvent(StrEnum):
    NEEDS_MET = "needs met"
    NEEDS_APPROVAL = "needs approval"
    APPROVE = "approve"
    REFUSE = "refuse"
    VOID = "approval void"
    RUN = "run"
    START = "start"
    FINISH = "finish"
    ATTEST = "attest"
    TROUBLE = "trouble"
    RETRY = "retry"
    SKIP = "skip"
    UNDO = "undo"
    STOP = "stop"
    REPLAN = "plan anew"


class ActionState(StrEnum):
    """States of one adapter action (the execution journal's unit).

    `applied` means the system answered the write and the read-back is still to come; `unknown` that no
    answer came. `confirmed`, `attested` and `skipped` are the only ends that let a step be done.
    """

    PLANNED = "planned"
    READY = "ready"
    RUNNING = "running"
    APPLIED = "applied"
    UNKNOWN = "unknown"
    VERIFYING = "verifying"
    CONFIRMED = "confirmed"
    CONTRADICTED = "contradicted"
    UNVERIFIABLE = "unverifiable"
    ATTESTED = "attested"
    FAILED = "failed"
    BLOCKED = "blocked"
    SKIPPED = "skipped"

    @property
    def is_settled(self) -> bool:
        """Whether the action lets its step be done."""
        return self in (ActionState.CONFIRMED, ActionState.ATTESTED, ActionState.SKIPPED)

    @property
    def needs_person(self) -> bool:
        """Whether only a person can move the action on."""
        return self in (
            ActionState.CONTRADICTED,
            ActionState.UNVERIFIABLE,
            ActionState.FAILED,
            ActionState.BLOCKED,
        )


class ActionEvent(StrEnum):
    RELEASE = "release"
    CLAIM = "claim"
    RETRY_LATER = "retry later"
    APPLY = "apply"
    LOSE = "lose"
    CHECK = "check"
    CONFIRM = "confirm"
    CONTRADICT = "contradict"
    ABSENT = "absent"
    CANNOT_TELL = "cannot tell"
    CHECK_LATER = "check later"
    FAIL = "fail"
    BLOCK = "block"
    ATTEST = "attest"
    SKIP = "skip"
    WITHDRAW = "withdraw"


CASE_MOVES: Final[dict[tuple[CaseState, CaseEvent], CaseState]] = {
    (CaseState.QUESTION, CaseEvent.ANSWER): CaseState.OPEN,
    (CaseState.QUESTION, CaseEvent.HOLD): CaseState.HELD,
    (CaseState.QUESTION, CaseEvent.CANCEL): CaseState.CANCELLED,
    (CaseState.HELD, CaseEvent.RELEASE): CaseState.OPEN,
    (CaseState.HELD, CaseEvent.CANCEL): CaseState.CANCELLED,
    (CaseState.OPEN, CaseEvent.HOLD): CaseState.HELD,
    (CaseState.OPEN, CaseEvent.COMPLETE): CaseState.DONE,
    (CaseState.OPEN, CaseEvent.CANCEL): CaseState.CANCELLED,
    (CaseState.DONE, CaseEvent.REOPEN): CaseState.OPEN,
}

STEP_MOVES: Final[dict[tuple[StepState, StepEvent], StepState]] = {
    (StepState.WAITING, StepEvent.NEEDS_MET): StepState.READY,
    (StepState.WAITING, StepEvent.NEEDS_APPROVAL): StepState.APPROVAL,
    (StepState.WAITING, StepEvent.SKIP): StepState.SKIPPED,
    (StepState.WAITING, StepEvent.REPLAN): StepState.WAITING,
    (StepState.APPROVAL, StepEvent.REPLAN): StepState.WAITING,
    (StepState.REFUSED, StepEvent.REPLAN): StepState.WAITING,
    (StepState.READY, StepEvent.REPLAN): StepState.WAITING,
    (StepState.QUEUED, StepEvent.REPLAN): StepState.WAITING,
    (StepState.APPROVAL, StepEvent.APPROVE): StepState.READY,
    (StepState.APPROVAL, StepEvent.REFUSE): StepState.REFUSED,
    (StepState.APPROVAL, StepEvent.ATTEST): StepState.DONE,
    (StepState.APPROVAL, StepEvent.SKIP): StepState.SKIPPED,
    (StepState.REFUSED, StepEvent.VOID): StepState.APPROVAL,
    (StepState.REFUSED, StepEvent.SKIP): StepState.SKIPPED,
    (StepState.READY, StepEvent.VOID): StepState.APPROVAL,
    (StepState.READY, StepEvent.RUN): StepState.QUEUED,
    (StepState.READY, StepEvent.ATTEST): StepState.DONE,
    (StepState.READY, StepEvent.FINISH): StepState.DONE,
    (StepState.READY, StepEvent.SKIP): StepState.SKIPPED,
    (StepState.QUEUED, StepEvent.START): StepState.RUNNING,
    (StepState.QUEUED, StepEvent.FINISH): StepState.DONE,
    (StepState.QUEUED, StepEvent.TROUBLE): StepState.ATTENTION,
    (StepState.QUEUED, StepEvent.STOP): StepState.READY,
    (StepState.QUEUED, StepEvent.VOID): StepState.APPROVAL,
    (StepState.RUNNING, StepEvent.VOID): StepState.APPROVAL,
    (StepState.RUNNING, StepEvent.FINISH): StepState.DONE,
    (StepState.RUNNING, StepEvent.TROUBLE): StepState.ATTENTION,
    (StepState.ATTENTION, StepEvent.RETRY): StepState.QUEUED,
    (StepState.ATTENTION, StepEvent.ATTEST): StepState.DONE,
    (StepState.ATTENTION, StepEvent.FINISH): StepState.DONE,
    (StepState.ATTENTION, StepEvent.SKIP): StepState.SKIPPED,
    (StepState.ATTENTION, StepEvent.VOID): StepState.APPROVAL,
    (StepState.DONE, StepEvent.UNDO): StepState.READY,
    (StepState.SKIPPED, StepEvent.UNDO): StepState.READY,
}

ACTION_MOVES: Final[dict[tuple[ActionState, ActionEvent], ActionState]] = {
    (ActionState.PLANNED, ActionEvent.RELEASE): ActionState.READY,
    (ActionState.PLANNED, ActionEvent.SKIP): ActionState.SKIPPED,
    (ActionState.PLANNED, ActionEvent.BLOCK): ActionState.BLOCKED,
    (ActionState.READY, ActionEvent.CLAIM): ActionState.RUNNING,
    (ActionState.READY, ActionEvent.WITHDRAW): ActionState.PLANNED,
    (ActionState.READY, ActionEvent.SKIP): ActionState.SKIPPED,
    (ActionState.RUNNING, ActionEvent.APPLY): ActionState.APPLIED,
    (ActionState.RUNNING, ActionEvent.LOSE): ActionState.UNKNOWN,
    (ActionState.RUNNING, ActionEvent.RETRY_LATER): ActionState.READY,
    (ActionState.RUNNING, ActionEvent.FAIL): ActionState.FAILED,
    (ActionState.RUNNING, ActionEvent.BLOCK): ActionState.BLOCKED,
    (ActionState.APPLIED, ActionEvent.CHECK): ActionState.VERIFYING,
    (ActionState.UNKNOWN, ActionEvent.CHECK): ActionState.VERIFYING,
    (ActionState.VERIFYING, ActionEvent.LOSE): ActionState.UNKNOWN,
    (ActionState.VERIFYING, ActionEvent.CHECK_LATER): ActionState.APPLIED,
    (ActionState.VERIFYING, ActionEvent.CONFIRM): ActionState.CONFIRMED,
    (ActionState.VERIFYING, ActionEvent.CONTRADICT): ActionState.CONTRADICTED,
    (ActionState.VERIFYING, ActionEvent.ABSENT): ActionState.READY,
    (ActionState.VERIFYING, ActionEvent.CANNOT_TELL): ActionState.UNVERIFIABLE,
    (ActionState.UNVERIFIABLE, ActionEvent.ATTEST): ActionState.ATTESTED,
    (ActionState.UNVERIFIABLE, ActionEvent.RELEASE): ActionState.READY,
    (ActionState.UNVERIFIABLE, ActionEvent.SKIP): ActionState.SKIPPED,
    (ActionState.CONTRADICTED, ActionEvent.RELEASE): ActionState.READY,
    (ActionState.CONTRADICTED, ActionEvent.ATTEST): ActionState.ATTESTED,
    (ActionState.CONTRADICTED, ActionEvent.SKIP): ActionState.SKIPPED,
    (ActionState.FAILED, ActionEvent.RELEASE): ActionState.READY,
    (ActionState.FAILED, ActionEvent.ATTEST): ActionState.ATTESTED,
    (ActionState.FAILED, ActionEvent.SKIP): ActionState.SKIPPED,
    (ActionState.BLOCKED, ActionEvent.ATTEST): ActionState.ATTESTED,
    (ActionState.BLOCKED, ActionEvent.RELEASE): ActionState.READY,
    (ActionState.BLOCKED, ActionEvent.SKIP): ActionState.SKIPPED,
}


def case_after(state: CaseState, event: CaseEvent) -> CaseState:
    """The state of a case after an event. Raises IllegalMove."""
    try:
        return CASE_MOVES[state, event]
    except KeyError:
        raise IllegalMove("case", state.value, event.value) from None


def step_after(state: StepState, event: StepEvent) -> StepState:
    """The state of a step after an event. Raises IllegalMove."""
    try:
        return STEP_MOVES[state, event]
    except KeyError:
        raise IllegalMove("step", state.value, event.value) from None


def action_after(state: ActionState, event: ActionEvent) -> ActionState:
    """The state of an action after an event. Raises IllegalMove."""
    try:
        return ACTION_MOVES[state, event]
    except KeyError:
        raise IllegalMove("action", state.value, event.value) from None
