"""The steps of a procedure: what each does, on what, and who does it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from jmltui.domain.nearest import did_you_mean
from jmltui.domain.procedure import DECIDED, Do, StepTemplate

from .entitlements import read_approval
from .fields import Fields, Where
from .known import Known
from .people_words import OWNERS, read_word

SELECTIONS: Final = (
    "all",
    "birthright",
    "elevated",
    "newly_due",
    "no_longer_due",
    "requested",
    "remote_access",
    "licensed",
    "privileged",
    "devices",
    "owned:service",
    "owned:shared",
    "owned:all",
)
"""What a step's `on` may say, beside system:NAME and entitlement:ID."""

CHECKS: Final = ("no_active_sessions",)
"""What a step's `verify` may say."""

TITLES: Final[Mapping[Do, str]] = {
    Do.ACCOUNT_CREATE: "Create the accounts",
    Do.ACCOUNT_ENABLE: "Enable the accounts",
    Do.ACCOUNT_DISABLE: "Disable the accounts",
    Do.ACCOUNT_DELETE: "Delete the accounts",
    Do.GRANTS_ADD: "Grant what is due",
    Do.GRANTS_REMOVE: "Remove what is no longer due",
    Do.GRANTS_REMOVE_ALL: "Remove every group and entitlement",
    Do.GRANTS_EXPIRE: "Let what was granted end by itself",
    Do.REMOTE_REMOVE: "Remove remote access",
    Do.SESSIONS_END: "End live sessions",
    Do.CREDENTIALS_REVOKE: "Revoke tokens and keys",
    Do.FACTORS_RESET: "Reset the second factors",
    Do.KEYS_REVOKE: "Revoke the API keys",
    Do.LICENCES_RECLAIM: "Reclaim the licences",
    Do.TRANSFER: "Hand over the mailbox",
    Do.DEVICES: "Recover or wipe the devices",
    Do.GRANTS_REVIEW: "Review what they hold",
    Do.OWNED_REASSIGN: "Give what they own a new owner",
    Do.OWNED_ROTATE: "Change the secrets of what they own",
    Do.ROLE_IDENTIFY: "Find out the role",
    Do.FIRST_SECRET: "Hand over the first secret",
    Do.APPROVAL: "Collect the approval",
    Do.MANUAL: "Do by hand",
    Do.VERIFY: "Read everything back",
    Do.EVIDENCE: "File the evidence",
    Do.HAND_OVER: "Hand over what the accounts own",
    Do.DEVICE_WIPE: "Recover or wipe a device",
}
"""The title of a step that has none of its own."""

TEXTS: Final[Mapping[Do, str]] = {
    Do.LICENCES_RECLAIM: "Take back the paid licences of this person, and write down which ones were reclaimed.",
    Do.TRANSFER: "Ask the manager who takes over the mailbox and until when; hand it over, and remove personal "
    "forwarding rules.",
    Do.DEVICES: "Recover each device of this person, or wipe it where it cannot be recovered. Write down the serial "
    "number of each and what became of it.",
    Do.GRANTS_REVIEW: "Look at what this person holds and at what is proposed to be removed and granted. Say that it "
    "fits the new place, or have the policy or the source corrected first.",
    Do.OWNED_REASSIGN: "Give each account that this person owns a new owner, or retire it. Attest when none is left.",
    Do.OWNED_ROTATE: "Change every secret of these accounts that this person knew, where they are used as well. "
    "Attest when all of them are changed.",
    Do.ROLE_IDENTIFY: "Say which role this person has from the first day. Have the source corrected where department, "
    "title or kind are wrong.",
    Do.FIRST_SECRET: "Hand over the first password or key to this person alone, after you made sure who they are.",
}
"""What people are told to do in a step for people that has no text of its own."""

_KEYS: Final = (
    "id",
    "do",
    "title",
    "on",
    "needs",
    "owner",
    "fallback_owner",
    "target",
    "approval",
    "text",
    "verify",
)
_TAGGED: Final = "tagged:remote_access"

Needs = tuple[tuple[str, Where], ...]


def read_steps(item: Fields, known: Known, owner: str, fallback: str) -> tuple[list[StepTemplate], list[Needs]]:
    """The steps, and for each the steps it needs with their places."""
    steps: list[StepTemplate] = []
    needs: list[Needs] = []
    seen: dict[str, Where] = {}
    for line in item.items("steps", "a step"):
        step = _step(line, known, owner, fallback)
        where = line.place("id")
        if step.id and seen.setdefault(step.id, where) is not where:
            item.problems.add(where, f"The step “{step.id}” is defined twice; the first is at {seen[step.id]}.")
        steps.append(step)
        needs.append(line.texts("needs"))
    if not steps:
        item.problems.add(item.place("steps"), "A procedure needs at least one step.")
    return steps, needs


def _step(line: Fields, known: Known, owner: str, fallback: str) -> StepTemplate:
    line.only(_KEYS)
    if "do" not in line.nodes:
        line.problems.add(line.where, "A step lacks “do”.", f"For a step done by people: do: {Do.MANUAL.value}")
    do = Do(line.choice("do", [do.value for do in Do if do not in DECIDED], Do.MANUAL.value))
    text = line.text("text").strip()
    if line.text("do") == Do.MANUAL.value and not text:
        message = "A manual step lacks “text”: what is to be done, and how one knows that it is done."
        line.problems.add(line.where, message)
    approval, path = read_approval(line, known, default=do is Do.APPROVAL)
    if do is Do.APPROVAL and not approval:
        line.problems.add(line.place("approval"), "A step that collects an approval cannot do without one.")
    return StepTemplate(
        id=line.identifier(),
        do=do,
        title=line.text("title", TITLES[do]),
        on=_on(line, known),
        needs=tuple(need for need, _ in line.texts("needs")),
        owner=read_word(line, "owner", "owner", OWNERS, known, owner),
        fallback_owner=read_word(line, "fallback_owner", "owner", OWNERS, known, fallback),
        target=line.duration("target", None),
        approval=approval,
        text=text or TEXTS.get(do, ""),
        approval_path=path,
        verify=line.choice("verify", CHECKS, ""),
    )


def _on(line: Fields, known: Known) -> str:
    """What the step is about, as the model writes it: a bare name becomes system:NAME or entitlement:ID."""
    value = line.text("on", "all")
    if "on" not in line.nodes or value in SELECTIONS:
        return value
    if value == _TAGGED:
        return "remote_access"
    where = line.place("on")
    kind, _, name = value.partition(":")
    if kind == "system" and name.strip():
        known.named_systems.append((name, where))
        return value
    if kind == "entitlement" and name:
        known.has("entitlement", name, where, known.entitlements)
        return value
    is_system, is_entitlement = value in known.systems, value in known.entitlements
    if is_system and is_entitlement:
        hint = f"Write system:{value} or entitlement:{value}."
        line.problems.add(where, f"“{value}” is both a system and an entitlement.", hint)
    elif is_system or is_entitlement:
        return f"{'system' if is_system else 'entitlement'}:{value}"
    elif known.complete:
        hint = did_you_mean(value, _words(known))
        line.problems.add(where, f"“{value}” selects nothing.", hint)
    return "all"


def _words(known: Known) -> Iterator[str]:
    yield from (*SELECTIONS, _TAGGED, "system:NAME", "entitlement:ID")
    yield from known.systems
    yield from known.entitlements
