"""How a plan differs where somebody asked for it: who agrees, and what is left out in an emergency."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .procedure import Do, Procedure

if TYPE_CHECKING:
    from .plan import Plan


def agreed_by(procedure: Procedure, path: str, *, approval: bool = True) -> Procedure:
    """The procedure with another approval path, by its id, where it collects the approval; or with none at all."""
    steps = (replace(s, approval_path=path, approval=approval) if s.do is Do.APPROVAL else s for s in procedure.steps)
    return replace(procedure, steps=tuple(steps))


def at_once(plan: Plan) -> Plan:
    """The plan without what a person would have to do or to agree to first: somebody looks at it afterwards."""
    steps = [step for step in plan.steps if step.template.do is not Do.APPROVAL and not step.template.do.is_manual]
    left = {step.template.id for step in steps}
    return replace(
        plan,
        steps=tuple(
            replace(
                step,
                template=replace(
                    step.template,
                    needs=tuple(need for need in step.template.needs if need in left),
                    approval=False,
                    approval_path="",
                ),
                approval=False,
                path=None,
            )
            for step in steps
        ),
    )
