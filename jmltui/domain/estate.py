"""What a leaver leaves behind on systems: devices, what the accounts own, licences.

A procedure has steps for people about them. What a system can do of it by itself becomes a step of its own before
that one: a device is wiped only when a person says so, because it may have come back.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from .access import DEVICE, LICENCE, Account, AccountState, Link
from .danger import Danger, grade
from .diff import DiffLine, HeldAccount
from .operation import Cap, Capabilities, Proof
from .plan import PlannedAction
from .procedure import Do, Procedure, StepTemplate


@dataclass(frozen=True, slots=True)
class Successor:
    """Who takes over what the accounts of a leaver own; `accounts` are theirs by system."""

    key: str
    name: str
    accounts: Mapping[str, Account] = field(default_factory=dict)


NOBODY: Final = Successor("", "")


def with_estate(
    procedure: Procedure,
    lines: Sequence[DiffLine],
    accounts: Sequence[HeldAccount],
    capabilities: Mapping[str, Capabilities],
    successor: Successor,
) -> Procedure:
    """The procedure of a leaver, with a step for each thing that a system can do of its steps for people."""
    steps: list[StepTemplate] = []
    for template in procedure.steps:
        added = list(_added(template, lines, accounts, capabilities, successor))
        steps += added
        needs = dict.fromkeys((*template.needs, *(step.id for step in added)))
        steps.append(replace(template, needs=tuple(needs)) if added else template)
    return replace(procedure, steps=tuple(steps))


def _added(
    template: StepTemplate,
    lines: Sequence[DiffLine],
    accounts: Sequence[HeldAccount],
    capabilities: Mapping[str, Capabilities],
    successor: Successor,
) -> Iterator[StepTemplate]:
    match template.do:
        case Do.DEVICES:
            for line in lines:
                if line.operation is Cap.WIPE_DEVICE:
                    yield _of_device(template, line)
        case Do.TRANSFER:
            if any(Cap.TRANSFER in capabilities.get(held.system, {}) for held in accounts if _owns(held)):
                to = f" to {successor.name}" if successor.name else ""
                title = f"Hand over{to} what the accounts own"
                yield replace(template, id=f"{template.id}-accounts", do=Do.HAND_OVER, title=title, text="", on="all")
        case Do.LICENCES_RECLAIM:
            count = sum(line.operation is Cap.REVOKE and is_licence(line) for line in lines)
            if count:
                title = f"Take back {count} licence{'s' if count > 1 else ''}"
                key = f"{template.id}-systems"
                yield replace(template, id=key, do=Do.GRANTS_REMOVE_ALL, title=title, text="", on="licences")


def is_licence(line: DiffLine) -> bool:
    """Whether a line is about a licence that opens nothing itself, so that it may wait for what it keeps alive."""
    return line.target.startswith(f"{LICENCE}:") and not line.remote_access


def device_of(line: DiffLine) -> str:
    """How a step names the device that it is about, and whose."""
    return f"{DEVICE}:{line.system}:{line.entitlement_id}:{line.account_id}"


def _of_device(template: StepTemplate, line: DiffLine) -> StepTemplate:
    name = line.target.partition(":")[2]
    digest = hashlib.sha256(f"{line.system}\0{line.account_id}\0{line.entitlement_id}".encode()).hexdigest()[:8]
    text = (
        "Attest when the device came back, with its serial number and where it is. "
        "Run the step where it will not come back: it is wiped as the plan says, and that cannot be taken back."
    )
    return replace(
        template,
        id=f"{template.id}-{digest}",
        do=Do.DEVICE_WIPE,
        title=f"{name}: recover or wipe",
        text=text,
        on=device_of(line),
    )


def _owns(held: HeldAccount) -> bool:
    return held.link is Link.CONFIRMED and held.account.state is not AccountState.DELETED


def handing_over(
    accounts: Iterable[tuple[str, Account]],
    capabilities: Mapping[str, Capabilities],
    successor: Successor,
) -> Iterator[PlannedAction]:
    """One call for each account whose system can hand over what it owns; by hand where the successor has none there."""
    for system, account in accounts:
        support = capabilities.get(system, {}).get(Cap.TRANSFER)
        if support is None:
            continue
        to = successor.accounts.get(system)
        if to is not None:
            note, target = support.note, f"to {to.login}"
        elif successor.key:
            note = f"{successor.name} has no account in use on {system}: name somebody who has, or hand it over by hand"
            target = "to nobody yet"
        else:
            note, target = "nobody is named who takes it over: name somebody, or hand it over by hand", "to nobody yet"
        yield PlannedAction(
            system=system,
            operation=Cap.TRANSFER,
            account_id=account.id,
            login=account.login,
            entitlement_id=to.id if to is not None else "",
            target=target,
            reason=f"{successor.name or 'somebody'} takes over what {account.login} owns",
            expects={"login": account.login, "state": account.state.value, **({"to": to.login} if to else {})},
            proof=support.proof if to is not None else Proof.NONE,
            danger=grade(Cap.TRANSFER, reversible=support.reversible) if to is not None else Danger.CAREFUL,
            manual=to is None,
            note=note,
        )
