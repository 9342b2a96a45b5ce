"""What a listing of a description is: its call, its pages, its records, and what is looked up for each of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from jmltui.domain.nearest import did_you_mean

from .block import Block, Names
from .calls import CallShape, read_call
from .expression import Expression

PAGE: Final[Names] = frozenset({"page.size", "page.cursor", "page.offset", "page.number"})
"""What the call of a paged listing may name."""


KEEP: Final = 24
"""Hours that an answer of a second call is used again where the description does not say."""


class PagingKind(StrEnum):
    """How a listing goes on."""

    NONE = "none"
    LINK = "link"
    NEXT = "next"
    CURSOR = "cursor"
    OFFSET = "offset"
    PAGE = "page"
    ODATA = "odata"


ODATA_NEXT: Final = '"@odata.nextLink" || "odata.nextLink" || d.__next'

BY_ADDRESS: Final = frozenset({PagingKind.LINK, PagingKind.NEXT, PagingKind.ODATA})


@dataclass(frozen=True, slots=True)
class Paging:
    """How a listing goes on. `next` finds the next address or cursor in an answer; `more`, where given, must be true
    for another page to be asked for. `first` is the number of the first item (offset) or page (page)."""

    kind: PagingKind = PagingKind.NONE
    next: Expression | None = None
    more: Expression | None = None
    first: int = 0


@dataclass(frozen=True, slots=True)
class Lookup:
    """A second call for each record; what `value` finds in its answer stands in the record under this name.

    While `unchanged` of the record is the same, the answer is used again, but no longer than `keep`.
    """

    name: str
    call: CallShape
    value: Expression | None = None
    when: Expression | None = None
    unchanged: Expression | None = None
    keep: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class ListShape:
    """A listing. `records` finds the items of an answer, `id` what tells them apart, `total` how many there are.

    `where` must be true of a record that counts. `each` finds several items within a record.
    """

    call: CallShape
    paging: Paging
    records: Expression
    id: Expression | None = None
    total: Expression | None = None
    where: Expression | None = None
    each: Expression | None = None
    lookups: tuple[Lookup, ...] = ()


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each attribute stands in a record, and which words of the system mean which of ours."""

    columns: Mapping[str, Expression]
    words: Mapping[str, Mapping[str, str]]
    """Attribute → the system's word, case folded → ours."""

    def word(self, attribute: str, text: str) -> str:
        """Our word for one of the system's: the one for `*` where it is none of those named, else the system's own."""
        known = self.words.get(attribute, {}) if text else {}
        return known.get(text.casefold(), known.get("*", text))


def read_list(block: Block, names: Names, *, keeps: bool = False) -> ListShape | None:
    """The listing that a mapping describes: `call`, `paging`, `records` and the rest. Other keys are the caller's.

    `keeps`: answers of second calls may be used again.
    """
    paging = _paging(block)
    call_block = block.block("call", required=True)
    call = read_call(call_block, names | PAGE, reads=True) if call_block is not None else None
    records = block.expression("records", required=True)
    shape = {key: block.expression(key) for key in ("id", "total", "where", "each")}
    read = (_lookup(name, one, names, keeps) for name, one in block.blocks("lookups"))
    lookups = tuple(found for found in read if found is not None)
    if shape["id"] is None and any(one.unchanged is not None for one in lookups):
        block.problem_at("lookups", "“unchanged” needs “id”, which tells whose answer it is.")
    if call is None or records is None:
        return None
    _check_paging(block, paging, call)
    return ListShape(call, paging, records, lookups=lookups, **shape)


def _paging(block: Block) -> Paging:
    inner = block.block("paging")
    if inner is None:
        return Paging()
    kind = PagingKind(inner.text("kind", "none", required=True, choices=list(PagingKind)))
    wants_next = kind in (PagingKind.NEXT, PagingKind.CURSOR)
    found = Paging(
        kind,
        inner.expression("next", required=True) if wants_next else None,
        inner.expression("more") if kind is not PagingKind.NONE else None,
        inner.integer("first", 0, least=0, most=1) if kind in (PagingKind.OFFSET, PagingKind.PAGE) else 0,
    )
    if kind is PagingKind.ODATA:
        from .expression import parse_expression

        found = Paging(kind, parse_expression(ODATA_NEXT), found.more)
    inner.done()
    return found


def _check_paging(block: Block, paging: Paging, call: CallShape) -> None:
    """A listing that goes on by a value has to send it; otherwise every page would be the first."""
    needed = {
        PagingKind.CURSOR: "page.cursor",
        PagingKind.OFFSET: "page.offset",
        PagingKind.PAGE: "page.number",
    }.get(paging.kind)
    if needed and needed not in named(call):
        mark = "?" if needed == "page.cursor" else ""
        told = f"The listing goes on by {paging.kind.value}, but its call does not send {{{needed}{mark}}}."
        block.problem_at("call", told, "Put it into the query or the body.")
    if paging.kind in BY_ADDRESS and call.method != "GET":
        block.problem_at("paging", f"Paging by {paging.kind.value} needs a GET.")


def named(call: CallShape) -> frozenset[str]:
    """All names that a call's templates use."""
    from .template import Template

    found: set[str] = set()

    def collect(shape: object) -> None:
        if isinstance(shape, Template):
            found.update(slot.name for slot in shape.slots)
        elif isinstance(shape, Mapping):
            for part in shape.values():
                collect(part)
        elif isinstance(shape, list):
            for part in shape:
                collect(part)

    for part in (call.path, call.query, call.headers, call.form, call.body.shape if call.body else None):
        collect(part)
    return frozenset(found)


def _lookup(name: str, block: Block, names: Names, keeps: bool) -> Lookup | None:
    value, when = block.expression("value"), block.expression("when")
    unchanged = block.expression("unchanged") if keeps else None
    keep = block.number("keep", KEEP, least=0, most=168) if keeps else 0
    call_block = block.block("call", required=True)
    block.done()
    if call_block is None:
        return None
    call = read_call(call_block, names | {"record.*"}, reads=True)
    return None if call is None else Lookup(name, call, value, when, unchanged, timedelta(hours=keep))


def read_columns(
    block: Block,
    required: tuple[str, ...],
    known: tuple[str, ...] = (),
    ours: Mapping[str, Iterable[str]] | None = None,
) -> Columns:
    """`columns` and `words` of a mapping. `known`: the only attributes that may stand there, any where empty.

    `ours`: the only words of ours that an attribute may have.
    """
    inner = block.block("columns", required=True)
    columns: dict[str, Expression] = {}
    if inner is not None:
        for name in inner.names() if not known else [name for name in known if inner.has(name)]:
            found = inner.expression(name)
            if found is not None:
                columns[name] = found
        for name in required:
            if not inner.has(name):
                inner.problem_at("", f"{inner.title} lacks “{name}”.")
        inner.done()
    return Columns(columns, _words(block, columns, ours or {}))


def _words(
    block: Block, columns: Mapping[str, Expression], allowed: Mapping[str, Iterable[str]]
) -> dict[str, dict[str, str]]:
    """`words: {status: {left: [Inactive, Terminated]}}` by attribute, then by the system's word."""
    found: dict[str, dict[str, str]] = {}
    for attribute, inner in block.blocks("words"):
        if attribute not in columns:
            block.problem_at("words", f"“{attribute}” has words, but no column.")
        known = tuple(allowed.get(attribute, ()))
        for ours in inner.names():
            if known and ours not in known:
                inner.problem_at(ours, f"“{ours}” is no {attribute}: {', '.join(known)}.", did_you_mean(ours, known))
            for theirs in inner.texts(ours):
                already = found.setdefault(attribute, {}).setdefault(theirs.casefold(), ours)
                if already != ours:
                    inner.problem_at(ours, f"“{theirs}” means both {already} and {ours}.")
    return found
