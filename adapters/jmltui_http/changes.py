"""What a description says of changes: the call that lists them, what of them is gone, where the next one goes on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from .block import Block, Names
from .calls import CallShape, Expired, read_call
from .expression import Expression
from .lists import BY_ADDRESS, ListShape, named, read_list

TIME: Final[Names] = frozenset({"since.day", "since.time", "since.epoch", "since.epoch_ms"})
"""What a call may name of an instant beside `since` itself, which is written as RFC 3339 says, in UTC."""
SINCE: Final[Names] = TIME | {"since"}
LAST_PAGE: Final = "last-page"
NEVER: Final = "never"
OVERLAP: Final = 300
MONTHS: Final = 24 * 90


@dataclass(frozen=True, slots=True)
class Gone:
    """How what is gone is told: `when` is true of a record, `ids` finds ids in each answer, `list` is a listing of its
    own. None of them: nothing ever goes."""

    when: Expression | None = None
    ids: Expression | None = None
    list: ListShape | None = None


@dataclass(frozen=True, slots=True)
class StartShape:
    """The call that gives the first token. `call` None: the last page of the whole listing has it."""

    call: CallShape | None
    token: Expression


@dataclass(frozen=True, slots=True)
class ChangesShape:
    """A listing of changes. `token` finds where the next one goes on; None: it goes on from the system's time before
    the call, less `overlap`.

    `lasts` is how long the system remembers. `by_address`: the token is the address to go on at. `anew`: what changed
    is read by its own call. Of grants, `entitlement` finds whose holders are told anew, and `holders` lists them.
    """

    list: ListShape
    gone: Gone
    token: Expression | None
    start: StartShape | None
    overlap: timedelta
    lasts: timedelta | None
    by_address: bool
    anew: bool = False
    entitlement: Expression | None = None
    holders: ListShape | None = None


def read_changes(section: Block, *, of_grants: bool = False, readable: bool = False) -> ChangesShape | None:
    """`changes` of a section. `readable`: one of what changed can be read by its own call."""
    block = section.block("changes")
    if block is None:
        return None
    token, by_address = block.expression("token"), block.truth("by_address")
    names = SINCE if token is None else frozenset({"since"})
    listing, gone, start = read_list(block, names), _gone(block, names), _start(block, token)
    overlap = block.number("overlap", OVERLAP, least=0, most=86400)
    lasts = block.number("lasts", 0, least=0, most=MONTHS)
    anew = block.truth("read") if readable else False
    entitlement = block.expression("entitlement", required=True) if of_grants else None
    holders = _inner_list(block, "list", frozenset({"entitlement.id"})) if of_grants else None
    expired = _expired(block)
    if not of_grants and listing is not None and listing.id is None:
        block.problem_at("", f"{block.title} lacks “id”.", "By it a record and its deletion are the same thing.")
    if token is not None and block.has("overlap"):
        block.problem_at("overlap", "An overlap is for changes by time; these go on from a token.")
    if listing is not None:
        _check_since(block, listing, by_address, token)
    block.done()
    if listing is None or gone is None:
        return None
    listing = replace(listing, call=replace(listing.call, expired=expired))
    hours = timedelta(hours=lasts) if lasts else None
    return ChangesShape(listing, gone, token, start, timedelta(seconds=overlap), hours, by_address, anew,
                        entitlement, holders)  # fmt: skip


def _check_since(block: Block, listing: ListShape, by_address: bool, token: Expression | None) -> None:
    """A listing that does not say since when would list everything, or only what was never told, each time."""
    if by_address and (token is None or listing.paging.kind not in BY_ADDRESS):
        block.problem_at("by_address", "Going on at an address needs “token”, and paging by odata, next or link.")
    elif not by_address and not named(listing.call) & SINCE:
        block.problem_at("call", "The call of changes does not send {since}.", "Put it into the query or the body.")


def _gone(block: Block, names: Names) -> Gone | None:
    """`deleted`: a condition of a record, `ids` in each answer, a listing of its own, or never."""
    node = block.get("deleted", required=True)
    if node is None:
        block.problem_at("", "Whoever does not tell what is gone leaves it standing here.", "Or write: deleted: never")
        return None
    if node.value == NEVER:
        return Gone()
    if not isinstance(node.value, dict):
        return Gone(when=block.as_expression(node, "deleted"))
    inner = Block(node, block.reading, f"“deleted” of {block.title}")
    if inner.has("ids"):
        found = Gone(ids=inner.expression("ids"))
    else:
        found = Gone(list=read_list(inner, names))
        inner.expression("id", required=True)
    inner.done()
    return found


def _start(block: Block, token: Expression | None) -> StartShape | None:
    """`start`: how the first token is had, before anything is listed."""
    node = block.get("start")
    if token is None:
        if node is not None:
            block.problem_at("start", "“start” needs “token”; without one, changes go on from the time of the call.")
        return None
    if node is None:
        told = f"{block.title} lacks “start”, the call that gives the first token before everything is listed."
        block.problem_at("", told, f"Or write: start: {LAST_PAGE}")
        return None
    if node.value == LAST_PAGE:
        return StartShape(None, token)
    inner = Block(node, block.reading, f"“start” of {block.title}")
    call_block, own = inner.block("call", required=True), inner.expression("token")
    inner.done()
    call = read_call(call_block, frozenset({"page.size"}), reads=True) if call_block is not None else None
    return StartShape(call, own or token) if call is not None else None


def _expired(block: Block) -> Expired:
    """`expired`: by which answer the system says that it does not accept the token any more."""
    inner = block.block("expired")
    if inner is None:
        return Expired(frozenset({410}), None)
    when = inner.expression("when")
    found = Expired(inner.statuses("status", () if when is not None else {410}), when)
    inner.done()
    return found


def _inner_list(block: Block, key: str, names: Names) -> ListShape | None:
    inner = block.block(key)
    if inner is None:
        return None
    found = read_list(inner, names)
    inner.done()
    return found
