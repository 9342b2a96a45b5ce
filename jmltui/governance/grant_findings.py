"""Findings about grants of which no policy speaks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sqlmodel import Session

from jmltui.cache import mirrors, systems
from jmltui.cache.mirrors import Holding
from jmltui.domain.access import Entitlement
from jmltui.domain.diff import target_of
from jmltui.domain.finding import Finding, FindingKind, finding_key, worse
from jmltui.policy import Policy

AT_ONCE: Final = 500

ALIKE: Final = 200
"""More accounts than this with the same unexplained grant are a gap of the policy, and one finding."""


def unexplained(session: Session, policy: Policy) -> Iterator[Finding]:
    """Grants of people who stay, given directly, of what the policy does not speak of."""
    entitlements = {
        number: (system, entitlement)
        for number, (system, entitlement) in systems.entitlements(session).items()
        if entitlement.grantable and (system, target_of(entitlement)) not in policy.by_target
    }
    mirrors.ask_for(session, entitlements)
    counts = mirrors.holders(session)
    by_system: Counter[str] = Counter()
    for number, count in counts.items():
        by_system[entitlements[number][0]] += count
    unknown = {name for name, count in by_system.items() if count > ALIKE and name not in policy.managed_systems}
    for name in sorted(unknown):
        yield _system_unknown(name, by_system[name])
    single = set()
    for number, count in sorted(counts.items()):
        system, entitlement = entitlements[number]
        if system in unknown:
            continue
        if count > ALIKE:
            yield _target_unknown(system, entitlement, count)
        else:
            single.add(number)
    mirrors.ask_for(session, single)
    batch: list[Holding] = []
    for held in mirrors.holdings(session):
        if held.direct:
            batch.append(held)
        if len(batch) == AT_ONCE:
            yield from _grants_unknown(session, entitlements, batch)
            batch = []
    yield from _grants_unknown(session, entitlements, batch)


def _system_unknown(system: str, count: int) -> Finding:
    kind = FindingKind.UNEXPLAINED
    return Finding(
        kind=kind,
        key=finding_key(kind, system),
        detail=f"No policy speaks of {system}: nobody decided any of the {count} grants there, and no move ends one.",
        danger=kind.danger,
        system=system,
        facts={"number": count},
    )


def _target_unknown(system: str, entitlement: Entitlement, count: int) -> Finding:
    kind, target = FindingKind.UNEXPLAINED, target_of(entitlement)
    return Finding(
        kind=kind,
        key=finding_key(kind, system, "", target),
        detail=f"{count} accounts on {system} hold {target}, of which no policy speaks: no move ever ends it.",
        danger=worse(kind.danger, by=entitlement.privileged),
        system=system,
        target=target,
        facts={"number": count, "privileged": entitlement.privileged},
    )


def _grants_unknown(
    session: Session, entitlements: Mapping[int, tuple[str, Entitlement]], batch: Sequence[Holding]
) -> Iterator[Finding]:
    accounts = mirrors.accounts(session, {held.account for held in batch})
    kind = FindingKind.UNEXPLAINED
    for held in batch:
        system, entitlement = entitlements[held.entitlement]
        seen, target = accounts[held.account], target_of(entitlement)
        yield Finding(
            kind=kind,
            key=finding_key(kind, system, seen.account.id, target),
            detail=(
                f"{seen.account.login} on {system}, of {seen.person_name} ({seen.person_key}), holds {target}, "
                "of which no policy speaks: nobody here decided it, and no move ends it."
            ),
            danger=worse(kind.danger, by=entitlement.privileged),
            person_id=seen.person_id,
            person_key=seen.person_key,
            person_name=seen.person_name,
            system=system,
            account_id=seen.account.id,
            login=seen.account.login,
            target=target,
            facts={"privileged": entitlement.privileged},
        )
