"""`jmltui explain`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from jmltui.domain.text import clean

from .context import Context
from .workshop import add_json, opened

if TYPE_CHECKING:
    from jmltui.domain.exception import AccessException
    from jmltui.domain.person import Person
    from jmltui.lifecycle.workshop import Workshop


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    add_explained(parser)


def add_explained(parser: argparse.ArgumentParser) -> None:
    """What is to be explained."""
    parser.add_argument("person", metavar="KEY", help="the person's key in the source")
    parser.add_argument("entitlement", nargs="?", metavar="ENTITLEMENT", help="only this entitlement of the policy")
    parser.add_argument("--at", metavar="INSTANT", help="as it is then (2026-06-30T18:00), in the company's zone")


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Tell why each entitlement is due, is not, or cannot be told."""
    return explain(context, arguments.person, arguments.entitlement, arguments.at)


def explain(context: Context, key: str, entitlement: str | None, instant: str | None) -> int:
    """Tell why a person is due an entitlement or is not, at an instant; of all when none is named."""
    from jmltui.domain.nearest import did_you_mean
    from jmltui.errors import UsageError

    with opened(context) as workshop:
        person, exceptions = somebody(workshop, key)
        at = workshop.clock() if instant is None else _instant(instant, workshop.zone)
        policy = workshop.policy
        if entitlement is not None and entitlement not in policy.entitlements:
            hint = did_you_mean(entitlement, policy.entitlements)
            raise UsageError(f"The policy has no entitlement “{entitlement}”.", hint=hint)
        explanation = policy.explain(person, entitlement, at=at, exceptions=exceptions)
    lines = [clean(line, limit=500) for line in explanation.lines()]
    if context.json:
        context.print_json({"person": person.key, "at": at, "policy": policy.hash, "explanation": lines})
        return 0
    local = at.astimezone(person.zone_info(policy.zone))
    context.say(f"At {at:%Y-%m-%d %H:%M} UTC, {local:%a %H:%M} in {local.tzinfo}; policy {policy.hash[:12]}")
    for line in lines:
        context.say(line)
    return 0


def somebody(workshop: Workshop, key: str) -> tuple[Person, Sequence[AccessException]]:
    """A person, and the exceptions that are theirs. Raises UsageError."""
    from jmltui.cache.exceptions import standing_of
    from jmltui.cache.people import person_by_key
    from jmltui.errors import UsageError

    with workshop.cache.read() as session:
        person = person_by_key(session, key)
        if person is None:
            raise UsageError(f"No source has a person with the key {key}.", hint="Run `jmltui sync`.")
        return person, standing_of(session, [person.id]).get(person.id, ())


def _instant(text: str, zone: str) -> datetime:
    from jmltui.errors import UsageError

    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        hint = "Write it like 2026-06-30T18:00, or with its offset."
        raise UsageError(f"“{text}” is no instant.", hint=hint) from None
    return (found if found.tzinfo is not None else found.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
