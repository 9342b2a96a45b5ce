"""What can be done with one step, alike in the case and the walkthrough: run, approve, refuse, attest, skip, undo."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import suppress
from typing import Any, Final

from jmltui.domain.case import StepState
from jmltui.domain.danger import Danger
from jmltui.domain.operation import Proof
from jmltui.domain.procedure import Do
from jmltui.errors import JmltuiError
from jmltui.ui.case_text import VERBS
from jmltui.ui.text import show

from .base import BaseScreen
from .dialogs import Ask, Confirm, TypeIn

SHOWN_CALLS: Final = 8
OF_STEP: Final = ("run_step", "approve", "refuse", "attest", "skip", "undo")
OF_CASE: Final = ("run_case", "claim", "hand_over", "replan", "overlap", "successor")


class StepScreen(BaseScreen):
    """A screen over one case with a step in its focus."""

    def __init__(self, case_id: int) -> None:
        super().__init__()
        self.case_id = case_id
        self.case: dict[str, Any] | None = None
        self.waiting: dict[str, Any] = {}
        """Steps that wait for an approval, with whether whoever looks may give it; empty until the desk has said."""

    @property
    @abstractmethod
    def step(self) -> dict[str, Any] | None:
        """The step in focus."""

    @abstractmethod
    def show_case(self) -> None:
        """Draw what was read."""

    def read_case(self) -> None:
        """Read the case again and draw it."""
        self.case = self.dashboard.board.case(self.case_id)
        self.show_case()
        self.show_title()
        self.show_keys()
        if self.case is not None and self.case["approvals"]:
            self.run_worker(self._ask_who_decides(), group="waiting", exclusive=True)

    async def _ask_who_decides(self) -> None:
        with suppress(JmltuiError):  # whoever decides all the same is told what is wrong
            self.waiting = await self.dashboard.desk.waiting(self.case_id)
            self.show_case()
            self.show_keys()

    def changed(self, refs: set[tuple[str, str]]) -> None:
        """Others changed the case."""
        if any(ref in (str(self.case_id), "") or kind != "case" for kind, ref in refs):
            self.read_case()

    def why_not(self, name: str) -> str:
        """Why a step cannot be run, approved, attested, skipped or undone now."""
        if name not in (*OF_STEP, *OF_CASE):
            return ""
        case, step = self.case, self.step
        if case is None:
            return "This case is gone."
        if case["state"] == "question":
            return "First say whether the person left or stays: A."
        if case["state"] == "held":
            return "A guard holds this case; its batch must be released first (queue, b)."
        if case["state"] != "open" and name != "undo":
            return f"This case is {case['state']}."
        if name in OF_CASE:
            return ""
        if step is None:
            return "There is no step under the cursor."
        reason = _why_not_step(name, step)
        waits = self.waiting.get(str(step["key"])) if name in ("approve", "refuse") and not reason else None
        return f"{waits.why_not} {waits.sentence}" if waits is not None and not waits.mine else reason

    # Running

    def do_run_step(self) -> None:
        """Confirm, then hand the step to the worker."""
        case, step = self.case, self.step
        if case is None or step is None:
            return
        key, version, danger = str(step["key"]), int(step["version"]), Danger(step["danger"])

        def decided(value: str | None) -> None:
            if value:
                self.request(
                    lambda: self.dashboard.desk.run_step(self.case_id, key, version),
                    f"“{show(step['title'])}” is with the worker.",
                )

        if danger is Danger.SAFE:
            decided("yes")
            return
        text = [f"{show(case['person_name'])} ({show(case['person_key'])}), {danger.word}:", *_calls(step)]
        if danger is Danger.DESTRUCTIVE:
            login = next((str(a["login"]) for a in step["actions"] if a["danger"] == danger and a["login"]), "")
            word = login or str(case["person_key"])
            text.append("This cannot be taken back.")
            self.app.push_screen(TypeIn("Run this step", text, word, f"login ({show(word)})"), decided)
        else:
            self.app.push_screen(Confirm("Run this step", text, [("yes", "Run")]), decided)

    # Deciding

    def do_approve(self) -> None:
        """Approve the plan that is shown."""
        self._decide(approve=True)

    def do_refuse(self) -> None:
        """Refuse it, with a reason."""
        self._decide(approve=False)

    def _decide(self, *, approve: bool) -> None:
        case, step = self.case, self.step
        if case is None or step is None:
            return
        key, plan = str(step["key"]), str(step["plan_hash"])
        desk = self.dashboard.desk

        def given(reason: str | None) -> None:
            if reason is not None:
                word = "approved" if approve else "refused"
                self.request(
                    lambda: desk.decide(self.case_id, key, plan, approve=approve, reason="" if approve else reason),
                    f"“{show(step['title'])}” is {word}.",
                )

        asked = case["requested_by"] or case["claimed_by"] or case["opened_by"]
        text = [f"For {show(case['person_name'])} ({show(case['person_key'])}), asked by {show(asked)}:", *_calls(step)]
        if approve:
            text.append(f"Your approval is bound to plan {plan[:12]}; a changed plan needs a new one.")
            self.app.push_screen(Confirm("Approve", text, [("yes", "Approve")]), given)
        else:
            self.app.push_screen(Ask("Refuse: why?", text, draft=f"refuse-{self.case_id}-{key}"), given)

    # Words of a person

    def do_attest(self) -> None:
        """State that it was done."""
        step = self.step
        if step is None:
            return
        key = str(step["key"])
        blind = [a for a in step["actions"] if a["state"] in ("unverifiable", "contradicted", "failed", "blocked")]
        ask = "What did you see with your own eyes, and where?" if blind else "What did you do? (serial numbers, names)"

        def written(text: str | None) -> None:
            if text:
                self.request(
                    lambda: self.dashboard.desk.attest(self.case_id, key, text), f"“{show(step['title'])}” is attested."
                )

        text = [f"{show(step['title'])}.", *_calls(step, "unverifiable", "contradicted", "failed", "blocked"), ask]
        self.app.push_screen(Ask("Attest", text, draft=f"attest-{self.case_id}-{key}"), written)

    def do_skip(self) -> None:
        """Leave it out."""
        step = self.step
        if step is None:
            return
        key = str(step["key"])

        def written(text: str | None) -> None:
            if text:
                self.request(
                    lambda: self.dashboard.desk.skip(self.case_id, key, text), f"“{show(step['title'])}” is skipped."
                )

        text = [f"{show(step['title'])} will not be done. Why? The journal keeps the reason."]
        self.app.push_screen(Ask("Skip", text, draft=f"skip-{self.case_id}-{key}"), written)

    def do_undo(self) -> None:
        """Plan the way back."""
        step = self.step
        if step is None:
            return
        key = str(step["key"])

        def decided(value: str | None) -> None:
            if value:
                self.request(
                    lambda: self.dashboard.desk.undo(self.case_id, key),
                    "The way back is planned as a new step; nothing was called yet. Run it (r).",
                )

        text = [f"“{show(step['title'])}” was done. A new step takes back what it changed:", *_calls(step)]
        self.app.push_screen(Confirm("Undo", text, [("yes", "Plan the way back")]), decided)


def _why_not_step(name: str, step: dict[str, Any]) -> str:
    state = StepState(step["state"])
    title = f"“{show(step['title'])}”"
    if name in ("approve", "refuse"):
        return "" if state is StepState.APPROVAL else f"{title} waits for no approval; it is {state.value}."
    if name in ("run_step", "attest") and Do(step["do"]).is_by_itself and state is StepState.READY:
        return f"{title} is done by itself, once everything else is settled."
    if name == "run_step":
        if not step["actions"]:
            return f"{title} is done by a person; attest it (t)."
        if state is StepState.APPROVAL:
            return f"{title} waits for an approval by somebody else."
        if state is StepState.WAITING:
            return f"{title} waits for other steps."
        if state in (StepState.QUEUED, StepState.RUNNING):
            return f"{title} is with the worker already."
        return "" if state in (StepState.READY, StepState.ATTENTION) else f"{title} is {state.value}."
    if name == "attest":
        if state is StepState.ATTENTION or (state is StepState.READY and not step["actions"]):
            return ""
        if Do(step["do"]).is_decided and state in (StepState.READY, StepState.APPROVAL):
            return ""
        return f"{title} is carried out by the worker; run it (r)." if step["actions"] else f"{title} is {state.value}."
    if name == "skip":
        if state in (StepState.DONE, StepState.SKIPPED, StepState.QUEUED, StepState.RUNNING):
            return f"{title} is {state.value}."
        return ""
    return "" if state is StepState.DONE and step["actions"] else f"{title} changed nothing yet that could be undone."


def _calls(step: dict[str, Any], *states: str) -> list[str]:
    """What a step calls, one line each; with `states` only the calls in these."""
    found = [action for action in step["actions"] if not states or action["state"] in states]
    told = []
    for action in found[:SHOWN_CALLS]:
        verb = VERBS.get(str(action["operation"]), str(action["operation"]))
        target = "" if action["target"] in ("account", "") else f" {show(action['target'])}"
        blind = " (cannot be verified there)" if action["proof"] == Proof.NONE else ""
        told.append(f"  {show(action['system'])}: {verb}{target}, {show(action['login']) or 'new account'}{blind}")
    if len(found) > SHOWN_CALLS:
        told.append(f"  and {len(found) - SHOWN_CALLS} more")
    return told
