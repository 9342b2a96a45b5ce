"""Tickets of a described system: a comment is looked for by its key before it is posted, a status by its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jmltui.adapter_api import (
    Ambiguous,
    ContractBroken,
    Invalid,
    NotFound,
    Outcome,
    OutcomeUnknown,
    Receipt,
    Ticket,
    Unsupported,
)
from jmltui.domain.nearest import did_you_mean

from .calling import Caller
from .expression import CannotTell, Expression
from .paging import pages
from .template import Values, text_of
from .ticket import TicketShape
from .ticket_text import written


@dataclass(frozen=True, slots=True)
class _Read:
    """A ticket as it was read: what is known of it, and what `{ticket.…}` stands for."""

    ticket: Ticket
    values: Values
    notes: frozenset[str]


class Tickets:
    """Reads and writes the tickets of one system."""

    def __init__(self, caller: Caller, shape: TicketShape) -> None:
        self._caller, self._shape, self._system = caller, shape, caller.system

    async def ticket(self, ticket: str) -> Ticket:
        """One ticket. Raises NotFound only where the system itself said so."""
        return (await self._read(ticket)).ticket

    async def note(self, ticket: str, text: str, *, key: str, public: bool = False) -> Receipt:
        """Make the ticket hold a comment with this key. PENDING where it was taken and is not listed yet."""
        shape, found = self._shape, await self._read(ticket)
        values = {**found.values, "note.key": key}
        note = await self._commented(values, key)
        if note is not None and (shape.attach is None or note in found.notes):
            return Receipt(Outcome.ALREADY, request_id=note)
        if note is None:
            note = await self._write(values, written(shape.text, text, key), public=public)
        if shape.attach is not None:
            await self._caller.call(shape.attach, {**found.values, "note.id": note})
        return Receipt(await self._listed(ticket, values, key), request_id=note or None)

    async def _write(self, values: Values, text: str, *, public: bool) -> str:
        shown = {"note.public_text": text} if public else {"note.internal_text": text}
        given = {**values, "note.text": text, "note.public": public, "note.internal": not public, **shown}
        answer = await self._caller.call(self._shape.note, given)
        if self._shape.note_id is None:
            return ""
        try:
            note = self._shape.note_id.of(answer.json())
        except ContractBroken as error:
            raise OutcomeUnknown(error.message, system=self._system, operation=answer.operation) from error
        if not isinstance(note, str | int) or isinstance(note, bool) or note == "":
            told = f"{self._system} took a comment and did not say what it is called."
            raise OutcomeUnknown(told, system=self._system, operation=answer.operation)
        return str(note)

    async def _listed(self, ticket: str, values: Values, key: str) -> Outcome:
        """What another read says of a comment that was taken just now."""
        note = await self._commented(values, key)
        if note is not None and self._shape.attach is not None:
            note = note if note in (await self._read(ticket)).notes else None
        return Outcome.CHANGED if note is not None else Outcome.PENDING

    async def _commented(self, values: Values, key: str) -> str | None:
        """The id of the comment that has this key in its text, whatever the system's own filter does."""
        columns = self._shape.comment_columns.columns
        async for page in pages(self._caller, self._shape.comments, values):
            for record in page.records:
                if key in text_of(columns["text"].of(record) or ""):
                    return text_of(columns["id"].of(record) or "")
        return None

    async def transition(self, ticket: str, to: str) -> Receipt:
        """Make the ticket stand at a status, by its name. Raises Invalid where no way leads there."""
        shape, found = self._shape, await self._read(ticket)
        before = found.ticket.status
        if before.casefold() == to.casefold():
            return Receipt(Outcome.ALREADY, before={"status": before}, after={"status": before})
        if shape.statuses is None or shape.transition is None:
            raise Unsupported(f"The description of {self._system} moves no tickets.", system=self._system)
        status, name = await self._status(found.values, to)
        call = shape.closing if shape.closing is not None and name.casefold() in shape.closes else shape.transition
        await self._caller.call(call, {**found.values, "status.id": status, "status.name": name})
        after = (await self._read(ticket)).ticket.status
        if after.casefold() not in (name.casefold(), to.casefold()):
            told = f"{self._system} took the move of ticket {ticket} to “{to}”, but it stands at “{after[:80]}”."
            raise Invalid(told, system=self._system)
        return Receipt(Outcome.CHANGED, before={"status": before}, after={"status": after})

    async def _status(self, values: Values, to: str) -> tuple[str | int, str]:
        """What the system calls a status, and its name as the system writes it."""
        statuses, known = self._shape.statuses, dict[str, tuple[str | int, str]]()
        assert statuses is not None
        for name, own in statuses.fixed.items():
            known[name.casefold()] = own, name
        if statuses.list is not None:
            columns = statuses.columns.columns
            async for page in pages(self._caller, statuses.list, values):
                for record in page.records:
                    own, name = columns["id"].of(record), text_of(columns["name"].of(record))
                    way = text_of(columns["way"].of(record)) if "way" in columns else name
                    known.setdefault(way.casefold(), (own, name))
                    known[name.casefold()] = own, name
        if to.casefold() not in known:
            hint = did_you_mean(to, sorted(name for _, name in known.values()), kind="From here it can go to")
            raise Invalid(f"No way leads ticket {values['ticket.id']} of {self._system} to “{to}”. {hint}".strip(),
                          system=self._system)  # fmt: skip
        return known[to.casefold()]

    async def _read(self, ticket: str) -> _Read:
        shape = self._shape
        answer = await self._caller.call(shape.read.call, {"ticket.id": ticket})
        record: Any = answer.json()
        record = shape.read.record.of(record) if shape.read.record is not None else record
        if isinstance(record, list):
            record = self._only(record, ticket)
        if not isinstance(record, dict):
            raise self._broken(answer.operation, "without a ticket")
        found = {name: _value(name, expression, record) for name, expression in shape.columns.columns.items()}
        if text_of(found["id"] or "").casefold() != ticket.casefold():
            raise self._broken(answer.operation, "with another ticket")
        notes = found.pop("notes", None) or []
        status = self._status_name(text_of(found["status"] if found["status"] is not None else ""))
        plain: Mapping[str, Any] = {f"ticket.{name}": value for name, value in found.items() if value is not None}
        one = Ticket(ticket, text_of(found["title"] or ""), status, text_of(found.get("url") or ""))
        return _Read(one, {**plain, "ticket.id": ticket}, frozenset(map(text_of, notes)))

    def _only(self, records: list[Any], ticket: str) -> Any:
        """The one record of a search for a ticket by its number."""
        if len(records) > 1:
            raise Ambiguous(f"{self._system} has {len(records)} tickets called {ticket}.", system=self._system)
        if not records:
            raise NotFound(f"{self._system} has no ticket {ticket}.", system=self._system)
        return records[0]

    def _status_name(self, own: str) -> str:
        fixed = self._shape.statuses.fixed if self._shape.statuses is not None else {}
        return next((name for name, theirs in fixed.items() if str(theirs) == own), own)

    def _broken(self, operation: str, what: str) -> ContractBroken:
        told = f"{self._system} answered {operation} {what}; the answer is not used."
        return ContractBroken(told, system=self._system, operation=operation)


def _value(name: str, expression: Expression, record: Any) -> Any:
    """A column of a ticket. Where a person opens it is a convenience; a ticket without that is one all the same."""
    try:
        return expression.of(record)
    except CannotTell:
        if name != "url":
            raise
        return None
