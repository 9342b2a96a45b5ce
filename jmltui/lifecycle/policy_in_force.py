"""The policy by which the worker works, kept with the cache: who begins again knows what changed meanwhile.

A policy that takes away or leaves unexplained more than the guard for removals of the one in force allows waits until
somebody accepts it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from jmltui.cache.engine import Cache
from jmltui.cache.journal import Entry, append, signal_change
from jmltui.cache.policy_marks import ACCEPTED, HELD, IN_FORCE
from jmltui.cache.tables import MetaRow
from jmltui.errors import PolicyError, UsageError
from jmltui.policy import Policy
from jmltui.policy.reader import policy_files

from .kept_policy import kept, read
from .policy_diff import compare_policies
from .workshop import Workshop

HINT: Final = (
    "`jmltui policy diff` tells whom it concerns, `jmltui policy accept --reason TEXT` lets it be taken over; "
    "or put the old one back."
)


@dataclass(frozen=True, slots=True)
class Accepted:
    """A policy that the worker may take over, and the one in force, by their hashes."""

    policy: str
    in_force: str


def policy_in_force(workshop: Workshop) -> Policy | None:
    """The policy that a worker took over last; None before any did. Raises PolicyError where it cannot be read now."""
    found = kept(workshop.cache)
    return read(found, workshop.settings.company_zone) if found else None


def take_over(workshop: Workshop) -> None:
    """Keep the workshop's policy as the one in force; one whose files say something else by now is not kept."""
    found = kept(workshop.cache)
    if found and found["hash"] == workshop.policy.hash:
        return
    folder = Path(workshop.settings.policy_folder)
    root = folder.resolve().name or "policy"
    files = {
        PurePosixPath(root, file.relative_to(folder)).as_posix(): file.read_bytes().decode("utf-8")
        for file, _ in policy_files(folder)
    }
    value = {"hash": workshop.policy.hash, "root": root, "files": files}
    try:
        if read(value, workshop.settings.company_zone).hash != workshop.policy.hash:
            return
    except PolicyError:
        return
    with workshop.cache.write() as session:
        session.merge(MetaRow(key=IN_FORCE, value=json.dumps(value, ensure_ascii=False)))
        for key in (ACCEPTED, HELD):
            session.merge(MetaRow(key=key, value=""))


def why_held(workshop: Workshop, new: Policy) -> str | None:
    """Why a policy may not take the place of the workshop's by itself, as one sentence; None where it may."""
    if accepted(workshop.cache) == new.hash:
        return None
    old = workshop.policy
    told = compare_policies(workshop, old, new).lets_go(old.guards)
    if told is None:
        return None
    return f"The changed policy {new.hash[:12]} is held, and {old.hash[:12]} stays in force: {told}."


def note_held(workshop: Workshop, new: Policy, why: str) -> None:
    """Journal that a policy is held, once however often it is looked at."""
    with workshop.cache.write() as session:
        row = session.get(MetaRow, HELD)
        if row is not None and row.value == new.hash:
            return
        now = workshop.clock()
        session.merge(MetaRow(key=HELD, value=new.hash))
        facts = {"policy_sha256": new.hash, "in_force_sha256": workshop.policy.hash}
        append(session, now, Entry(workshop.actor, "policy.held", why, facts=facts))
        signal_change(session, now, "policy", new.hash)


def note_put_back(workshop: Workshop) -> None:
    """Forget what was held and what was accepted: the policy in force is that of the folder again."""
    with workshop.cache.read() as session:
        rows = [session.get(MetaRow, key) for key in (ACCEPTED, HELD)]
        if not any(row is not None and row.value for row in rows):
            return
    with workshop.cache.write() as session:
        for key in (ACCEPTED, HELD):
            session.merge(MetaRow(key=key, value=""))


def accepted(cache: Cache) -> str:
    """The hash of the policy that somebody accepted and no worker took over yet; "" for none."""
    with cache.read() as session:
        row = session.get(MetaRow, ACCEPTED)
        return row.value if row is not None else ""


def accept(workshop: Workshop, reason: str) -> Accepted:
    """Let the worker take over the policy of the folder, whatever the guard says. Raises UsageError and PolicyError."""
    if not reason.strip():
        raise UsageError("Accepting a policy needs a reason.", hint="It is kept in the journal.")
    if workshop.broken is not None:
        raise workshop.broken
    found, new = kept(workshop.cache), workshop.policy.hash
    if not found:
        raise UsageError("No policy is in force yet; the worker takes this one over when it first runs.")
    old = str(found["hash"])
    if old == new:
        raise UsageError(f"The policy of the folder ({new[:12]}) is in force already; there is nothing to accept.")
    now = workshop.clock()
    summary = f"Accepted the policy {new[:12]} in the place of {old[:12]}: {reason.strip()}"
    facts = {"policy_sha256": new, "in_force_sha256": old, "reason": reason.strip()}
    with workshop.cache.write() as session:
        session.merge(MetaRow(key=ACCEPTED, value=new))
        append(session, now, Entry(workshop.actor, "policy.accepted", summary, facts=facts))
        signal_change(session, now, "policy", new)
    return Accepted(new, old)
