"""What a description says of tickets: how one is read, its comments are looked through, written, and its status moved.

A comment is found again by a key that stands in its text, because no ticketing system takes an idempotency key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from .block import Block, Names
from .calls import CallShape, read_call
from .expression import Expression
from .lists import Columns, ListShape, read_columns, read_list
from .sections import ReadShape
from .ticket_text import STYLES

TICKET: Final[Names] = frozenset({"ticket.id", "ticket.*"})
"""`ticket.id` is what was asked for; what the other columns of the ticket are called comes after the dot."""
STATUS: Final[Names] = frozenset({"status.id", "status.name"})


@dataclass(frozen=True, slots=True)
class Statuses:
    """The statuses that a ticket can go to: listed (by `name`, or the name of the way there), or known for good."""

    list: ListShape | None
    columns: Columns
    fixed: Mapping[str, str | int]
    """A status's name → what the system calls it."""


@dataclass(frozen=True, slots=True)
class TicketShape:
    """Tickets of a system. `text` is how a comment is written; `settle` how long it may take to be listed.

    Where `attach` is given, `comments` are looked for wherever they are, `note` makes one that belongs to nothing yet,
    `note_id` finds its id in the answer, and the column `notes` of the ticket lists those that belong to it. `closing`
    moves a ticket to one of the statuses that it `closes` with, which need more than the others.
    """

    read: ReadShape
    columns: Columns
    comments: ListShape
    comment_columns: Columns
    note: CallShape
    note_id: Expression | None
    attach: CallShape | None
    statuses: Statuses | None
    transition: CallShape | None
    closing: CallShape | None
    closes: frozenset[str]
    text: str
    settle: timedelta
    remark: str


def read_ticket(root: Block) -> TicketShape | None:
    """The section `ticket`."""
    block = root.block("ticket")
    if block is None:
        return None
    text = block.text("text", "plain", choices=STYLES)
    settle = timedelta(seconds=block.number("settle", 0, least=0, most=3600))
    remark = block.text("remark")
    columns = read_columns(block, ("id", "title", "status"))
    read = _read(block)
    listing, comment_columns = _comments(block)
    note, note_id = _note(block)
    attach = _call(block, "attach", TICKET | {"note.id"}, required=False)
    statuses = _statuses(block)
    transition = _call(block, "transition", TICKET | STATUS, required=statuses is not None)
    closes = frozenset(name.casefold() for name in block.texts("closes"))
    closing = _call(block, "closing", TICKET | STATUS, required=bool(closes))
    block.done()
    if attach is not None and (note_id is None or "notes" not in columns.columns):
        block.problem_at("attach", "“attach” needs “id” of “note”, and a column “notes” of the ticket.")
    if read is None or listing is None or note is None:
        return None
    return TicketShape(
        read=read,
        columns=columns,
        comments=listing,
        comment_columns=comment_columns,
        note=note,
        note_id=note_id,
        attach=attach,
        statuses=statuses,
        transition=transition,
        closing=closing,
        closes=closes,
        text=text,
        settle=settle,
        remark=remark,
    )


def _call(block: Block, key: str, names: Names, *, required: bool) -> CallShape | None:
    inner = block.block(key, required=required)
    if inner is None:
        return None
    call_block = inner.block("call", required=True)
    inner.done()
    return read_call(call_block, names, reads=False) if call_block is not None else None


def _read(block: Block) -> ReadShape | None:
    inner = block.block("read", required=True)
    if inner is None:
        return None
    call_block, record = inner.block("call", required=True), inner.expression("record")
    inner.done()
    call = read_call(call_block, frozenset({"ticket.id"}), reads=True) if call_block is not None else None
    return ReadShape(call, record) if call is not None else None


def _comments(block: Block) -> tuple[ListShape | None, Columns]:
    inner = block.block("comments", required=True)
    if inner is None:
        return None, Columns({}, {})
    listing, columns = read_list(inner, TICKET | {"note.key"}), read_columns(inner, ("id", "text"), ("id", "text"))
    inner.done()
    return listing, columns


def _note(block: Block) -> tuple[CallShape | None, Expression | None]:
    inner = block.block("note", required=True)
    if inner is None:
        return None, None
    call_block, found = inner.block("call", required=True), inner.expression("id")
    inner.done()
    names = TICKET | frozenset({"note.text", "note.key", "note.public", "note.internal"})
    names |= {"note.public_text", "note.internal_text"}
    return (read_call(call_block, names, reads=False) if call_block is not None else None), found


def _statuses(block: Block) -> Statuses | None:
    inner = block.block("statuses")
    if inner is None:
        return None
    fixed_block = inner.block("fixed")
    fixed = _fixed(fixed_block) if fixed_block is not None else {}
    list_block = inner.block("list")
    listing, columns = None, Columns({}, {})
    if list_block is not None:
        listing = read_list(list_block, TICKET)
        columns = read_columns(list_block, ("id", "name"), ("id", "name", "way"))
        list_block.done()
    if bool(fixed) == (list_block is not None):
        inner.problem_at("", f"{inner.title} needs either “fixed” or “list”.")
    inner.done()
    return Statuses(listing, columns, fixed)


def _fixed(block: Block) -> dict[str, str | int]:
    """Names of statuses and what the system calls them: a number stays one."""
    found: dict[str, str | int] = {}
    for name in block.names():
        node = block.get(name, required=True)
        if node is not None and isinstance(node.value, str | int) and not isinstance(node.value, bool):
            found[name] = node.value
        elif node is not None:
            block.problem(node, f"“{name}” must be a text or a number, not {node.word}.")
    return found
