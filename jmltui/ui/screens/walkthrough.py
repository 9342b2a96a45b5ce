"""The walkthrough: one step at a time; its text, what will be called, the state before, the result and the proof."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from textual.widget import Widget

from jmltui.domain.case import StepState
from jmltui.domain.procedure import Do
from jmltui.ui import case_text
from jmltui.ui.actions import WALKTHROUGH
from jmltui.ui.lines import line
from jmltui.ui.queue_text import step_glyph
from jmltui.ui.text import show, wrap
from jmltui.ui.widgets.line_list import LineList

from .step_actions import StepScreen


class WalkthroughScreen(StepScreen):
    """Leaves and resumes anywhere: where one stands follows from the steps' own states."""

    ACTIONS = WALKTHROUGH
    NAME = "Walkthrough"

    def __init__(self, case_id: int, key: str = "") -> None:
        super().__init__(case_id)
        self.key = key

    def heading(self) -> str:
        """Whose case, which step."""
        if self.case is None:
            return "Walkthrough"
        number = next((i for i, step in enumerate(self.case["steps"], 1) if step["key"] == self.key), 0)
        name = f"{show(self.case['person_name'], 30)} ({show(self.case['person_key'], 12)})"
        return f"Step {number} of {len(self.case['steps'])}  {self.case['kind']} {name}"

    def body(self) -> Iterable[Widget]:
        """One step over the whole screen."""
        yield LineList(id="signs", cursor=False)
        yield LineList(id="step", cursor_sign=self.dashboard.glyphs.cursor)

    def start(self) -> None:
        """Read the case; without a step, begin at what is to be done next."""
        self.query_one("#signs").styles.height = 1
        self.query_one("#step").focus()
        self.case = self.dashboard.board.case(self.case_id)
        if self.case is not None and not self.key:
            self.key = case_text.next_key(self.case["steps"])
        self.read_case()

    def resized(self) -> None:
        """Lay the lines out for another width."""
        self.show_case()

    @property
    def step(self) -> dict[str, Any] | None:
        """The step that is shown."""
        steps = self.case["steps"] if self.case else []
        return next((step for step in steps if step["key"] == self.key), None)

    def show_case(self, *, top: bool = False) -> None:
        """Draw the step."""
        case, step = self.case, self.step
        if case is None or step is None:
            self.say(f"There is no case {self.case_id}." if case is None else "This case has no steps.", "warn")
            return
        now, width = self.dashboard.outside.clock(), self.app.size.width - 2
        self.query_one("#signs", LineList).set_lines([self.rule(self._signs())])
        told = [line((part, "info")) for part in wrap(f"Now: {self._what_now(step)}", width)]
        detail = case_text.step_detail(case, step, now, width)
        self.query_one("#step", LineList).set_lines([*detail[:1], *told, *detail[1:]], top=top)

    def _signs(self) -> str:
        glyphs = self.dashboard.glyphs
        signs = []
        for step in self.case["steps"] if self.case else []:
            sign = step_glyph(str(step["state"]), glyphs)
            signs.append(f"[{sign}]" if step["key"] == self.key else sign)
        return "".join(signs)

    def _what_now(self, step: dict[str, Any]) -> str:
        """The one thing to do now."""
        if Do(step["do"]).is_decided and not self.why_not("attest"):
            return self._decided_now(step)
        if not self.why_not("run_step"):
            return "r lets the worker do it." if step["state"] == "ready" else "Look at it; r tries again, t attests."
        if not self.why_not("attest"):
            return "When it is done, attest it: t. If it will not be done, skip it with a reason: s."
        if not self.why_not("approve"):
            return "a approves exactly this, x refuses it with a reason."
        if step["state"] in ("done", "skipped"):
            return "This step is settled. Right goes to the next."
        return self.why_not("approve" if step["state"] == StepState.APPROVAL else "run_step")

    def _decided_now(self, step: dict[str, Any]) -> str:
        """What is decided each time: whether the worker does it, or it came about otherwise."""
        otherwise = "the device came back" if step["do"] == Do.DEVICE_WIPE else "it was handed over otherwise"
        if step["state"] == StepState.APPROVAL:
            return f"When {otherwise}, attest it: t. Before the worker does it, somebody else approves it: a or x."
        if not step["actions"] or self.why_not("run_step"):
            return f"When {otherwise}, attest it: t."
        return f"When {otherwise}, attest it: t. Else r lets the worker do it."

    def _turn(self, by: int) -> None:
        if self.case is None:
            return
        keys = [str(step["key"]) for step in self.case["steps"]]
        place = keys.index(self.key) + by if self.key in keys else 0
        if not 0 <= place < len(keys):
            self.say("This is the last step." if by > 0 else "This is the first step.", "warn")
            return
        self.key = keys[place]
        self.say("")
        self.show_case(top=True)
        self.show_title()
        self.show_keys()

    def do_next_step(self) -> None:
        """The next step."""
        self._turn(1)

    def do_previous_step(self) -> None:
        """The previous step."""
        self._turn(-1)
