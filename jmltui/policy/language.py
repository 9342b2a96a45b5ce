"""The policy language in one description: every mapping with its keys, what each may hold, and what it is for.

`schema` makes a JSON Schema of it. What the reader accepts and what stands here are held together by a test.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from jmltui.domain.access import Tier
from jmltui.domain.case import CaseKind
from jmltui.domain.procedure import DECIDED, Do
from jmltui.domain.trigger import FORMS
from jmltui.domain.window import WEEKDAYS

from .attributes import NOW, STANDARD, full_name
from .entitlements import TARGET_KINDS
from .fixture_reader import PROBLEM_CODES
from .people_words import APPROVERS, OWNERS
from .reviews import ON_NO_ANSWER
from .shapes import (
    CONDITION,
    DAY,
    DURATION,
    HOURS,
    IDENTITY,
    INSTANT,
    TEXT,
    TRUTH,
    Key,
    Schema,
    Shape,
    number,
    people_word,
    reference,
    some,
    words,
)
from .steps import CHECKS, SELECTIONS

_ID: Final = Key("The name by which everything else speaks of it; unique in the folder.", IDENTITY, required=True)
_APPROVAL: Final[Schema] = {"anyOf": [TRUTH, {"type": "string", "minLength": 1}]}
_OWNER: Final = people_word(OWNERS)
_APPROVER: Final = people_word(APPROVERS)
_NAMED: Final = people_word(())
_SCOPE: Final = "(?:all|privileged|(?:system|role|type|unused):.+)"
_ENTITLEMENTS: Final = some(TEXT)


def _matched() -> Mapping[str, Key]:
    """What every person has, as keys of a match, with the values where there are only some."""
    return {
        full_name(a.name): Key(
            f"One value, or several; a {a.type}.", some({"enum": list(a.values)} if a.values else TEXT)
        )
        for a in STANDARD.values()
        if not a.name.startswith(NOW)
    }


LANGUAGE: Final[Mapping[str, Shape]] = {
    "a policy file": Shape(
        "A file of a policy folder. All files of the folder together are the policy.",
        {
            "version": Key("The version of the policy language.", {"const": 1}),
            "timezone": Key("The time zone of people who have none, such as Europe/Berlin.", TEXT),
            "attributes": Key("Further columns of a source that rules may look at.", of="attributes"),
            "teams": Key("Who a team: is.", of="teams"),
            "system_owners": Key("Who owns a system, by its name.", of="system_owners"),
            "entitlements": Key("What accounts can hold.", of="an entitlement", listed=True),
            "roles": Key("Who gets what.", of="a role", listed=True),
            "separation": Key("What one person must not hold together.", of="a separation rule", listed=True),
            "approvals": Key("Who has to agree.", of="an approval path", listed=True),
            "procedures": Key("What is done, step by step, for each kind of case.", of="a procedure", listed=True),
            "reviews": Key("Access reviews that open by themselves.", of="a review", listed=True),
            "runbook_tests": Key("Rehearsals of procedures; read, and not run by this version.", of="a runbook test",
                                 listed=True),
            "working_time": Key("The hours in which the targets of procedures run.", of="working_time"),
            "guards": Key("What holds a change that looks like a disaster.", of="guards"),
            "mover": Key("Which further changes of a person are a move.", of="mover"),
            "break_glass": Key("Who may take access at once in an emergency.", of="break_glass"),
            "tests": Key("Invented people and what the policy should make of them.", of="a test", listed=True),
        },
    ),
    "attributes": Shape("Attributes by their full names.", {}, rest=reference("the attribute")),
    "the attribute": Shape(
        "An attribute of people (person.floor) or of something else that a source states (device.managed).",
        {
            "type": Key("Of what type its values are.", words(("string", "int", "bool", "timestamp", "list"))),
            "nullable": Key("Whether a rule may compare it with null.", TRUTH),
            "values": Key("The only values there are.", some(TEXT, 1)),
        },
    ),
    "teams": Shape(
        "Teams by their names.",
        {},
        rest={"anyOf": [{"type": "array", "items": TEXT}, reference("the team")]},
    ),
    "the team": Shape(
        "Who is in a team.",
        {"members": Key("Logins.", some(TEXT)), "group": Key("A group of this host whose members are in it.", TEXT)},
    ),
    "system_owners": Shape("Owners by the name of the system.", {}, rest=_NAMED),
    "an entitlement": Shape(
        "Something an account can hold.",
        {
            "id": _ID,
            "system": Key("The system's name in the settings.", TEXT, required=True),
            "target": Key("account for the bare account, or kind:name as the system lists it.",
                          {"type": "string", "pattern": rf"^(?:account|(?:{'|'.join(TARGET_KINDS)}):.*\S.*)$"},
                          required=True),
            "tier": Key("birthright comes with the role; elevated is asked for or approved; jit ends by itself.",
                        words(t.value for t in Tier)),
            "approval": Key("Whether somebody else must agree, or by which approval path.", _APPROVAL),
            "remote_access": Key("A way in from outside: it stands on every leaver's list.", TRUTH),
            "privileged": Key("Whoever holds it can do great harm.", TRUTH),
            "when": Key("A condition that must hold beside the role's.", CONDITION),
            "window": Key("The hours in which it is granted; it is taken away outside of them.", of="a window"),
            "max_duration": Key("How long what was asked for may be held at most.", DURATION),
            "break_glass": Key("Whether it may be taken at once in an emergency.", TRUTH),
            "licence": Key("What it costs.", of="a licence"),
        },
    ),
    "a window": Shape(
        "Hours of the week.",
        {
            "days": Key("Days of the week.", some(words(WEEKDAYS), 1), required=True),
            "hours": Key("From and until, such as 06:00-20:00; until may lie on the next day.", HOURS, required=True),
        },
    ),
    "a licence": Shape(
        "A paid licence.",
        {
            "sku": Key("The vendor's name of it.", TEXT, required=True),
            "monthly_cost": Key("A decimal number.", {"type": ["string", "number"]}),
        },
    ),
    "a role": Shape(
        "A business role: whom it matches, and what they get.",
        {
            "id": _ID,
            "match": Key("Whom it matches: every attribute must have one of its values.", of="match"),
            "when": Key("A condition that must hold as well.", CONDITION),
            "grants": Key("The ids of the entitlements it gives.", _ENTITLEMENTS),
            "may_request": Key("The ids of the entitlements its people may ask for.", _ENTITLEMENTS),
            "require": Key("What its people must have before anything is given.", of="require"),
            "warn_before_end": Key("How long before their last day a warning is due.", DURATION),
        },
        needs_one_of=("match", "when"),
    ),
    "match": Shape("Attributes and the values they must have.", _matched(), rest=some(TEXT, 1)),
    "require": Shape(
        "Requirements on people.",
        {
            "ends": Key("A last day.", TRUTH),
            "sponsor": Key("A sponsor.", TRUTH),
            "max_contract": Key("How long after the first day the last one may be.", DURATION),
        },
    ),
    "a separation rule": Shape(
        "Entitlements that one person must not hold together.",
        {
            "id": _ID,
            "any_of": Key("One of these …", some(TEXT, 1), required=True),
            "with_any_of": Key("… together with one of these.", some(TEXT, 1), required=True),
            "severity": Key("block keeps it from being given, warn only tells.", words(("block", "warn"))),
            "reason": Key("Why.", TEXT, required=True),
        },
    ),
    "an approval path": Shape(
        "Who has to agree, one stage after the other. Requester and subject never count, and a person counts once.",
        {
            "id": _ID,
            "steps": Key("The stages.", of="a stage", listed=True),
            "stages": Key("The same as steps.", of="a stage", listed=True),
            "not": Key("Who never counts: requester and subject.", some(words(("requester", "subject")))),
            "expires_after": Key("After how long it has to be asked for again.", DURATION),
        },
        needs_one_of=("steps", "stages"),
    ),
    "a stage": Shape(
        "One stage of an approval.",
        {
            "any": Key("How many different people must agree.", number(1, 20, whole=True)),
            "from": Key("Who may agree.", some(_APPROVER, 1), required=True),
            "fallback": Key("Who may agree when nobody of these does in time.", some(_APPROVER)),
            "fallback_after": Key("After how long.", DURATION),
        },
    ),
    "a procedure": Shape(
        "What is done for one kind of case. It replaces the built-in procedure of the same id.",
        {
            "id": Key("The kind of case.", words(kind.value for kind in CaseKind), required=True),
            "title": Key("What people read.", TEXT),
            "owner": Key("Who does its steps.", _OWNER),
            "fallback_owner": Key("Who does them when the owner does not.", _OWNER),
            "target": Key("How long the whole case may take.", DURATION),
            "together": Key("Whether nothing is granted before everything is removed, and the other way round.", TRUTH),
            "trigger": Key("When it becomes due.", of="a trigger"),
            "urgent": Key("For whom everything is due at once.", of="urgent"),
            "working_time": Key("The hours in which its targets run; none for day and night.",
                                {"anyOf": [{"const": "none"}, reference("working_time")]}),
            "overlap": Key("How long a mover may keep what the old place gave.", of="an overlap"),
            "steps": Key("The checklist.", of="a step", listed=True, required=True),
        },
    ),
    "a trigger": Shape(
        "When a procedure becomes due.",
        {
            "event": Key("The kind of case.", words(kind.value for kind in CaseKind), required=True),
            "when": Key(f"{FORMS[0].upper()}{FORMS[1:]}.", TEXT),
        },
    ),
    "urgent": Shape(
        "People who are dealt with at once.",
        {
            "if": Key("The condition.", CONDITION, required=True),
            "target": Key("How long it may take then.", DURATION, required=True),
        },
    ),
    "an overlap": Shape(
        "What a mover may keep for a while.",
        {
            "max": Key("How long at most.", DURATION, required=True),
            "approval": Key("Who agrees.", {"anyOf": [{"const": True}, {"type": "string", "minLength": 1}]}),
        },
    ),
    "a step": Shape(
        "One line of a checklist.",
        {
            "id": _ID,
            "do": Key("What happens.", words(do.value for do in Do if do not in DECIDED), required=True),
            "title": Key("What people read.", TEXT),
            "on": Key(f"What it is about: {', '.join(SELECTIONS)}, system:NAME or entitlement:ID.", TEXT),
            "needs": Key("The steps that come before it.", some(TEXT)),
            "owner": Key("Who does it.", _OWNER),
            "fallback_owner": Key("Who does it when the owner does not.", _OWNER),
            "target": Key("How long after the case's beginning it may take.", DURATION),
            "approval": Key("Whether somebody else must agree, or by which approval path.", _APPROVAL),
            "text": Key("What people are to do, and how they know that it is done.", TEXT),
            "verify": Key("What must be seen before the step is done.", words(CHECKS)),
        },
    ),
    "working_time": Shape(
        "Working hours.",
        {
            "zone": Key("The time zone.", TEXT),
            "days": Key("Days of the week.", some(words(WEEKDAYS), 1), required=True),
            "hours": Key("From and until, such as 09:00-17:00.", HOURS, required=True),
            "holidays": Key("Days on which nobody works.", some(DAY)),
        },
    ),
    "guards": Shape(
        "What stands between a bad feed or a bad merge and a disaster.",
        {
            "leavers": Key("How many people may leave.", of="a threshold"),
            "removals": Key("How many entitlements movers may lose.", of="a threshold"),
            "feed": Key("What a feed must satisfy before it is believed.", of="feed"),
            "protected": Key("What nothing touches.", of="protected"),
            "stale": Key("How old a plan may be when it is carried out.", of="stale"),
        },
    ),
    "a threshold": Shape(
        "Holds what exceeds the larger of floor and percent, or ceiling, within the window.",
        {
            "floor": Key("So many always pass.", number(whole=True)),
            "percent": Key("So many percent of all pass.", number(0, 100)),
            "ceiling": Key("More than so many never pass.", number(whole=True)),
            "window": Key("Within what time they are counted.", DURATION),
        },
    ),
    "feed": Shape(
        "A feed of people.",
        {
            "min_rows": Key("The fewest people.", number(1, whole=True)),
            "max_shrink_percent": Key("By how much it may shrink.", number(0, 100)),
            "min_key_overlap_percent": Key("How many of the known keys must be in it again.", number(0, 100)),
            "max_age": Key("How old it may be; none for any age.", {"anyOf": [{"const": "none"}, DURATION]}),
            "absent_means": Key("What an absence means is set for each source in the settings.", words(("ask",))),
        },
    ),
    "protected": Shape(
        "Accounts and groups that no plan touches.",
        {
            "accounts": Key("Patterns of logins.", some(TEXT)),
            "groups": Key("Patterns of names.", some(TEXT)),
            "keep_at_least": Key("How many active members a group must keep, by its name.",
                                 {"type": "object", "additionalProperties": number(whole=True)}),
            "never_self": Key("Nobody disables their own account.", {"const": True}),
        },
    ),
    "stale": Shape(
        "Plans of yesterday.",
        {
            "reread_before_apply": Key("Every target is read before it is changed.", {"const": True}),
            "max_plan_age": Key("How old a plan may be.", DURATION),
        },
    ),
    "mover": Shape("Moves.", {"attributes": Key("Attributes whose change is a move.", some(TEXT))}),
    "break_glass": Shape(
        "Emergency access.",
        {
            "who": Key("Who may take it.", some(_NAMED, 1), required=True),
            "max_duration": Key("For how long at most.", DURATION, required=True),
            "reason": Key("Whoever takes it says why.", {"const": "required"}),
            "review_within": Key("Within what time somebody else looks at it.", DURATION),
            "tell": Key("Who is told at once.", some(_NAMED)),
        },
    ),
    "a review": Shape(
        "An access review that opens by itself.",
        {
            "id": _ID,
            "every": Key("How often.", DURATION, required=True),
            "scope": Key(
                "Of what: all, privileged, system:NAME, role:ID, type:KIND, unused:DURATION, or several by commas.",
                {"type": "string", "pattern": f"^{_SCOPE}(?:, *{_SCOPE})*$"},
            ),
            "reviewer": Key("Who answers.", _APPROVER, required=True),
            "fallback": Key("Who answers when the reviewer does not.", _APPROVER),
            "on_no_answer": Key("What becomes of what nobody answered.", words(ON_NO_ANSWER)),
            "answer_within": Key("How long reviewers have.", DURATION),
        },
    ),
    "a runbook test": Shape(
        "A rehearsal of a procedure.",
        {
            "procedure": Key("Which one.", words(kind.value for kind in CaseKind), required=True),
            "every": Key("How often.", DURATION, required=True),
            "with": Key("With what.", TEXT, required=True),
            "owner": Key("Who rehearses.", _OWNER, required=True),
        },
    ),
    "a test": Shape(
        "An invented person, and what the policy should make of them: jmltui policy test.",
        {
            "name": Key("What it is about.", TEXT, required=True),
            "given": Key("The person's attributes; whoever is not said to be otherwise is an employee at work.",
                         {"type": "object"}, required=True),
            "at": Key("When; without it on a Monday morning that never changes.", INSTANT),
            "exceptions": Key("Entitlements that somebody agreed to.",
                              {"type": "array", "items": {"anyOf": [TEXT, reference("an exception")]}}),
            "expect": Key("What is expected; only what is stated is looked at.", of="expect", required=True),
        },
    ),
    "an exception": Shape(
        "Something that somebody agreed to.",
        {
            "entitlement": Key("The id of the entitlement.", TEXT, required=True),
            "until": Key("When it ends.", INSTANT),
            "outside_policy": Key("Whether no role lets the person ask for it.", TRUTH),
        },
    ),
    "expect": Shape(
        "What a policy should make of somebody.",
        {
            "granted": Key("Exactly what is granted.", _ENTITLEMENTS),
            "includes": Key("What is granted, among others.", _ENTITLEMENTS),
            "excludes": Key("What is not granted.", _ENTITLEMENTS),
            "may_request": Key("Exactly what may be asked for.", _ENTITLEMENTS),
            "undecided": Key("Exactly what nobody can tell.", _ENTITLEMENTS),
            "problem": Key("A requirement that is not met, among others.", some(words(PROBLEM_CODES))),
            "problems": Key("Exactly the requirements that are not met.", some(words(PROBLEM_CODES))),
            "conflicts": Key("The ids of exactly the separation rules that are broken.", some(TEXT)),
        },
    ),
}  # fmt: skip
"""By what the reader calls each mapping."""
