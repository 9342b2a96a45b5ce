"""Asking that somebody may break a separation rule for a time: in the same words wherever a rule stands in the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from jmltui.errors import JmltuiError
from jmltui.ui import times
from jmltui.ui.text import show

from .base import BaseScreen
from .forms import Field, Form, Pick, at_least

NO_RULE: Final = "No separation rule blocks the line under the cursor."
HINT: Final = "B asks that the rule may be broken for a time."


def ask_to_break(screen: BaseScreen, key: str, name: str, rules: Sequence[str]) -> None:
    """Ask by which rule, where several stand in the way, then until when and why."""
    screen.run_worker(_ask(screen, key, name, rules))


async def _ask(screen: BaseScreen, key: str, name: str, rules: Sequence[str]) -> None:
    try:
        known = await screen.dashboard.desk.separation_rules()
    except JmltuiError as error:
        screen.complain(error)
        return
    found = [rule for rule in rules if rule in known]

    def chosen(rule: str | None) -> None:
        if rule:
            _form(screen, key, name, rule, known[rule])

    if not found:
        screen.say("The policy has this rule no more; plan anew (P).", "warn")
    elif len(found) == 1:
        chosen(found[0])
    else:
        _pick(screen, found, known, chosen)


def _pick(
    screen: BaseScreen, found: Sequence[str], known: Mapping[str, str], chosen: Callable[[str | None], None]
) -> None:
    choices = [(rule, f"{rule}: {known[rule]}") for rule in found]
    text = ["Several rules stand in the way. Each needs an exception of its own; which one first?"]
    screen.app.push_screen(Pick("Break a rule", text, choices), chosen)


def _form(screen: BaseScreen, key: str, name: str, rule: str, why: str) -> None:
    now, desk = screen.dashboard.outside.clock(), screen.dashboard.desk

    async def work(form: Mapping[str, str]) -> str:
        until = times.until(form["until"], now)
        number = await desk.request_separation(key, rule, form["reason"], until)
        return f"Case {number} asks for it until {times.stamp(until)}; see the requests (7)."

    def given(form: Mapping[str, str] | None) -> None:
        if form:
            screen.request(lambda: work(form))

    fields = [
        Field("until", "Until (2026-12-31, or 14d)", check=lambda text: times.until(text, now)),
        Field("reason", "Why is that right?", draft=f"separation-{key}-{rule}", check=at_least(3, "A reason")),
    ]
    text = [
        f"The rule “{show(rule)}”: {show(why, 400)}",
        f"{show(name)} ({show(key)}) may break it until a day, if somebody else agrees. It ends by itself.",
    ]
    screen.app.push_screen(Form("Ask to break a rule", text, fields), given)
