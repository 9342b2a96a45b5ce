"""Binding cases to tickets of a helpdesk's ticketing system, and showing how their messages stand."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any, Final, cast

from jmltui.adapter_api import AdapterError, Cap, NotFound, Ticket, TicketSink
from jmltui.cache import actions, cases, tickets
from jmltui.cache.tables import LimitRow, TicketRow
from jmltui.domain.case import CaseState
from jmltui.domain.nearest import did_you_mean
from jmltui.domain.text import clean
from jmltui.errors import JmltuiError, NotAllowed, UsageError

from .workshop import AdapterPool, Workshop

LONGEST: Final = 200
_REFERENCE: Final = re.compile(r"([^:\s]+):([A-Za-z0-9][A-Za-z0-9._-]{0,63})")


class TicketUnread(JmltuiError):
    """The ticketing system could not be asked about a ticket, or has none of that number."""


@dataclass(frozen=True, slots=True)
class Found:
    """A ticket that was read just now, and the system that it is of."""

    system: str
    ticket: Ticket


def look(workshop: Workshop, reference: str) -> Found:
    """Read the ticket that `SYSTEM:ID` names. Raises UsageError, TicketUnread."""
    system, number = _named(workshop, reference)
    pool = workshop.adapters.another()  # the loop of this call ends with it, and so must its connections

    async def read() -> Ticket:
        try:
            async with asyncio.timeout(workshop.settings.systems[system].deadline.total_seconds()):
                return await (await sink(pool, system)).ticket(number)
        finally:
            await pool.close()

    try:
        return Found(system, asyncio.run(read()))
    except AdapterError as error:
        hint = "Look whether the number is right." if isinstance(error, NotFound) else error.advice
        raise TicketUnread(error.message, hint=hint) from error
    except TimeoutError:
        raise TicketUnread(f"{system} did not answer in time.", hint="Nothing was bound; try again.") from None


async def sink(pool: AdapterPool, system: str) -> TicketSink:
    """The opened adapter of a system that keeps tickets. Raises UsageError for another one, AdapterError."""
    adapter = await pool.get(system)
    if Cap.TICKET not in adapter.capabilities() or not isinstance(adapter, TicketSink):
        raise UsageError(f"{system} keeps no tickets.", hint="`jmltui systems --capabilities` tells which system does.")
    return cast("TicketSink", adapter)


def bind(workshop: Workshop, case_id: int, found: Found) -> str:
    """Bind a case to a ticket that was read just now; one bound before is let go. A sentence.

    Raises NotAllowed for a case that ended undone, or that is bound to this ticket already.
    """
    now, ticket = workshop.clock(), found.ticket
    with workshop.cache.write() as session:
        case = cases.case_row(session, case_id)
        if case.state == CaseState.CANCELLED.value:
            raise NotAllowed(f"Case {case_id} ended before it was done; no ticket can be bound to it.")
        before = tickets.active(session, case_id)
        if before is not None and (before.system, before.ticket) == (found.system, ticket.id):
            raise NotAllowed(f"Case {case_id} is bound to this ticket already.")
        row = TicketRow(
            case_id=case_id,
            system=found.system,
            ticket=ticket.id,
            title=clean(ticket.title, LONGEST),
            status=clean(ticket.status, LONGEST),
            url=clean(ticket.url, LONGEST * 2),
            bound_by=workshop.actor,
            bound_at=now,
        )
        tickets.bind(session, case, row, workshop.actor, now)
    return f"Case {case_id} is bound to ticket {ticket.id} of {found.system}: {clean(ticket.title, LONGEST)}."


def bind_named(workshop: Workshop, case_id: int, reference: str) -> str:
    """Read the ticket that `SYSTEM:ID` names and bind a case to it. A sentence."""
    with workshop.cache.read() as session:
        cases.case_row(session, case_id)
    return bind(workshop, case_id, look(workshop, reference))


def unbind(workshop: Workshop, case_id: int) -> str:
    """Let a case and its ticket go: it is told nothing more. Raises NotAllowed where there is none."""
    with workshop.cache.write() as session:
        left = tickets.unbind(session, cases.case_row(session, case_id), workshop.actor, workshop.clock())
    if left is None:
        raise _unbound(case_id)
    told = f" {left} messages are not posted any more." if left else ""
    return f"Case {case_id} is bound to no ticket any more.{told}"


def retry(workshop: Workshop, case_id: int) -> str:
    """Let what failed or waits be tried now, and a stopped ticketing system go on. Raises NotAllowed."""
    now = workshop.clock()
    with workshop.cache.write() as session:
        count = tickets.retry(session, cases.case_row(session, case_id), workshop.actor, now)
        row = tickets.active(session, case_id)
        if count is None or row is None:
            raise _unbound(case_id)
        limit = session.get(LimitRow, row.system)
        if limit is not None and (limit.stopped or (limit.wait_until or now) > now):
            actions.go_on(session, row.system, workshop.actor, now)
    return f"{count} messages are tried now." if count else "Nothing waits to be posted."


def standing(workshop: Workshop, case_id: int) -> dict[str, Any]:
    """The ticket of a case with its messages, and why its system is stopped. Raises NotAllowed where there is none."""
    with workshop.cache.read() as session:
        cases.case_row(session, case_id)
        found = tickets.shown(session, [case_id]).get(case_id)
        if found is None:
            raise _unbound(case_id)
        limit = session.get(LimitRow, found["system"])
        stopped = limit.reason if limit is not None and limit.stopped else ""
        return {**found, "system_stopped": stopped, "messages": tickets.messages(session, found["id"])}


def _named(workshop: Workshop, reference: str) -> tuple[str, str]:
    match = _REFERENCE.fullmatch(reference.strip())
    if match is None:
        raise UsageError(f"“{reference}” names no ticket.", hint="Write SYSTEM:ID, as helpdesk:1042.")
    if match[1] not in workshop.settings.systems:
        hint = did_you_mean(match[1], workshop.settings.systems, kind="Systems")
        raise UsageError(f"There is no system called {match[1]} in the settings.", hint=hint)
    return match[1], match[2]


def _unbound(case_id: int) -> NotAllowed:
    return NotAllowed(f"Case {case_id} is bound to no ticket.", hint=f"`jmltui ticket bind {case_id} SYSTEM:ID`")
