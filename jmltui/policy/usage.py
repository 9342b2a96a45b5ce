"""What one part of a policy uses of another: the words for people, the approval paths, the attributes."""

from __future__ import annotations

from collections.abc import Iterator

from jmltui.domain.procedure import Procedure, Urgent

from .attributes import PERSON
from .model import Condition, Definitions


def people_words(definitions: Definitions) -> Iterator[str]:
    """Every word that names people, as often as it is written."""
    for path in definitions.approvals.values():
        for stage in path.stages:
            yield from (*stage.approvers, *stage.fallback)
    for procedure in definitions.procedures.values():
        yield from owners(procedure)
    for review in definitions.reviews.values():
        yield from (review.reviewer, review.fallback)
    yield from definitions.system_owners.values()
    if definitions.break_glass is not None:
        yield from (*definitions.break_glass.who, *definitions.break_glass.tell)


def owners(procedure: Procedure) -> Iterator[str]:
    """Every owner and fallback owner of a procedure and its steps."""
    yield from (procedure.owner, procedure.fallback_owner)
    for step in procedure.steps:
        yield from (step.owner, step.fallback_owner)


def approval_paths(definitions: Definitions) -> frozenset[str]:
    """The ids of the approval paths that something goes by."""
    used = {entitlement.approval_path for entitlement in definitions.entitlements.values()}
    for procedure in definitions.procedures.values():
        used |= {step.approval_path for step in procedure.steps}
        if procedure.overlap is not None:
            used.add(procedure.overlap.approval_path)
    return frozenset(used - {""})


def attributes(definitions: Definitions) -> frozenset[str]:
    """The attributes, as the model names them, that something looks at."""
    used = set(definitions.mover_attributes)
    for role in definitions.roles.values():
        used |= {matcher.attribute for matcher in role.match}
    for procedure in definitions.procedures.values():
        if procedure.trigger is not None:
            used.add(procedure.trigger.attribute)
    for condition in _conditions(definitions):
        used |= {name.removeprefix(PERSON) for name in condition.expression.attributes}
    return frozenset(used)


def _conditions(definitions: Definitions) -> Iterator[Condition]:
    stated = [role.when for role in definitions.roles.values()]
    stated += [entitlement.when for entitlement in definitions.entitlements.values()]
    yield from (condition for condition in stated if condition is not None)
    for procedure in definitions.procedures.values():
        if isinstance(procedure.urgent, Urgent) and isinstance(procedure.urgent.condition, Condition):
            yield procedure.urgent.condition
