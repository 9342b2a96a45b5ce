"""Findings about accounts: they belong to nobody, nobody uses them, their person left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlmodel import Session

from jmltui.cache import mirrors, people
from jmltui.cache.mirrors import Seen
from jmltui.domain.access import Link
from jmltui.domain.finding import Finding, FindingKind, finding_key, worse
from jmltui.domain.person import NOT_HUMAN, Person, PersonStatus
from jmltui.domain.proposal import Proposal

from .census import Census
from .proposals import Likenesses

AT_ONCE: Final = 500
SHOWN: Final = 5
"""How many accounts a sentence names."""

TARGETS_SHOWN: Final = 20


def of_nobody(
    session: Session, accounts: Sequence[Seen], likenesses: Likenesses, privileged: Collection[int]
) -> Iterator[Finding]:
    """Accounts in use that nobody confirmed a person for, with whose they may be."""
    for start in range(0, len(accounts), AT_ONCE):
        some = accounts[start : start + AT_ONCE]
        held = mirrors.targets_held(session, [seen.number for seen in some])
        persons = {p.id: p for p in people.persons(session, {seen.person_id for seen in some if seen.person_id})}
        for seen in some:
            proposals = likenesses.of(seen)
            guess = persons.get(seen.person_id) if seen.link is Link.PROPOSED else None
            yield _nobodys(seen, guess, proposals, held.get(seen.number, []), seen.number in privileged)


def _nobodys(
    seen: Seen, guess: Person | None, proposals: Sequence[Proposal], holds: Sequence[str], privileged: bool
) -> Finding:
    human = seen.account.kind not in NOT_HUMAN
    kind = FindingKind.ORPHAN if human else FindingKind.OWNERLESS
    best = guess or (proposals[0].person if proposals and proposals[0].score else None)
    maybe = f"; it looks like that of {_named(best)}" if best is not None else ""
    whose = "belongs to nobody" if human else f"is a {seen.account.kind} account that nobody owns"
    return Finding(
        kind=kind,
        key=finding_key(kind, seen.system, seen.account.id),
        detail=f"{_place(seen)} {whose}, so no leaver would ever close it{maybe}; {_used(seen)}.",
        danger=worse(kind.danger, by=privileged),
        person_id=guess.id if guess is not None else 0,
        person_key=guess.key if guess is not None else "",
        person_name=guess.name if guess is not None else "",
        system=seen.system,
        account_id=seen.account.id,
        login=seen.account.login,
        facts={
            **_stated(seen),
            "link": seen.link.value,
            "holds": list(holds[:TARGETS_SHOWN]),
            "number": len(holds),
            "privileged": privileged,
            "proposals": [_proposal(proposal) for proposal in proposals],
        },
    )


def unused(
    session: Session, census: Census, privileged: Collection[int], unused_for: timedelta, now: datetime
) -> Iterator[Finding]:
    """Enabled accounts of people who stay that nobody used for a time. What came less long ago is not dormant yet."""
    before = now - unused_for
    for seen in mirrors.accounts_unused(session, before):
        begun = seen.starts is None or seen.starts < before.date()
        if begun and seen.person_id in census.staying:
            kind, days = FindingKind.DORMANT, unused_for // timedelta(days=1)
            leave = ", who is on leave" if seen.on_leave else ""
            yield Finding(
                kind=kind,
                key=finding_key(kind, seen.system, seen.account.id),
                detail=(
                    f"{_place(seen)}, of {seen.person_name} ({seen.person_key}){leave}, is unused for more than "
                    f"{days} days: nobody would notice a stranger in it; {_used(seen)}."
                ),
                danger=worse(kind.danger, by=seen.number in privileged),
                person_id=seen.person_id,
                person_key=seen.person_key,
                person_name=seen.person_name,
                system=seen.system,
                account_id=seen.account.id,
                login=seen.account.login,
                facts={**_stated(seen), "privileged": seen.number in privileged, "on_leave": seen.on_leave},
            )


def left_over(
    session: Session, census: Census, privileged: Collection[int], leaving: Mapping[int, int]
) -> Iterator[Finding]:
    """Accounts in use of people who left, by person; and those of no human whose owner is absent."""
    by_person: dict[int, list[Seen]] = defaultdict(list)
    absent: list[Seen] = []
    for seen in mirrors.accounts_left_over(session):
        if seen.person_id in census.left:
            by_person[seen.person_id].append(seen)
        elif seen.account.kind in NOT_HUMAN:
            absent.append(seen)
    for part in _parts(by_person):
        for person in people.persons(session, part):
            yield _ended(person, by_person[person.id], privileged, leaving.get(person.id, 0))
    owners = {p.id: p for p in people.persons(session, {seen.person_id for seen in absent})}
    for seen in absent:
        owner = owners.get(seen.person_id)
        if owner is not None and owner.type.is_human:
            yield _owner_absent(seen, owner, privileged)


def _ended(person: Person, accounts: Sequence[Seen], privileged: Collection[int], case: int) -> Finding:
    why = f"left on {person.ends}" if person.ends is not None else "left"
    named = ", ".join(_place(seen) for seen in accounts[:SHOWN])
    more = f" and {len(accounts) - SHOWN} more" if len(accounts) > SHOWN else ""
    what = "an account" if len(accounts) == 1 else f"{len(accounts)} accounts"
    kind = FindingKind.ENDED
    return Finding(
        kind=kind,
        key=finding_key(kind, person.id),
        detail=f"{_named(person)} {why} and can still sign in with {what}: {named}{more}.",
        danger=worse(kind.danger, by=any(seen.number in privileged for seen in accounts)),
        person_id=person.id,
        person_key=person.key,
        person_name=person.name,
        system=accounts[0].system if len({seen.system for seen in accounts}) == 1 else "",
        facts={
            "ends": person.ends.isoformat() if person.ends else "",
            "status": PersonStatus(person.status).value,
            "department": person.department,
            "manager": person.manager,
            "accounts": [{"system": seen.system, "account_id": seen.account.id, **_stated(seen)} for seen in accounts],
        },
        case=case,
    )


def _owner_absent(seen: Seen, owner: Person, privileged: Collection[int]) -> Finding:
    kind = FindingKind.OWNERLESS
    return Finding(
        kind=kind,
        key=finding_key(kind, seen.system, seen.account.id),
        detail=(
            f"{_place(seen)} is a {seen.account.kind} account of {_named(owner)}, who is absent from the feed: nobody "
            f"answers for it; {_used(seen)}."
        ),
        danger=worse(kind.danger, by=seen.number in privileged),
        person_id=owner.id,
        person_key=owner.key,
        person_name=owner.name,
        system=seen.system,
        account_id=seen.account.id,
        login=seen.account.login,
        facts={**_stated(seen), "link": seen.link.value, "owner": owner.key},
    )


def _place(seen: Seen) -> str:
    return f"{seen.account.login} on {seen.system}"


def _named(person: Person) -> str:
    return f"{person.name} ({person.key})"


def _used(seen: Seen) -> str:
    if seen.account.last_seen is not None:
        return f"it was last used on {seen.account.last_seen:%Y-%m-%d}"
    return "it was never seen in use"


def _stated(seen: Seen) -> dict[str, object]:
    """What identifies an account on a screen."""
    account = seen.account
    return {
        "login": account.login,
        "display": account.display,
        "emails": list(account.emails),
        "kind": account.kind,
        "state": account.state.value,
        "last_used": account.last_seen.astimezone(UTC).isoformat() if account.last_seen else "",
        "known_since": seen.since.astimezone(UTC).isoformat(),
        "expires": account.expires.astimezone(UTC).isoformat() if account.expires else "",
    }


def _proposal(proposal: Proposal) -> dict[str, object]:
    person = proposal.person
    return {
        "person_id": person.id,
        "key": person.key,
        "name": person.name,
        "department": person.department,
        "title": person.title,
        "manager": person.manager,
        "starts": person.starts.isoformat() if person.starts else "",
        "status": person.status.value,
        "score": proposal.score,
        "reasons": list(proposal.reasons),
        "warnings": list(proposal.warnings),
    }


def _parts(numbers: Iterable[int]) -> Iterator[list[int]]:
    wanted = sorted(numbers)
    for start in range(0, len(wanted), AT_ONCE):
        yield wanted[start : start + AT_ONCE]
