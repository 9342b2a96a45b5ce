"""What a description says of people, accounts, entitlements, grants and sessions: where they are read, and as what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from zoneinfo import available_timezones

from jmltui.adapter_api import AccountState, PersonStatus, PersonType
from jmltui.domain.nearest import did_you_mean

from .block import Block, Names
from .calls import CallShape, read_call
from .changes import ChangesShape, read_changes
from .expression import Expression
from .lists import Columns, ListShape, read_columns, read_list
from .operations import ACCOUNT
from .template import Template

DATE_KINDS: Final = ("instant", "odata", "epoch", "epoch-ms")
"""Forms of dates that are no pattern: RFC 3339, `/Date(ms)/` of OData 2, seconds and milliseconds since 1970."""


@dataclass(frozen=True, slots=True)
class PeopleShape:
    """A source of people. An instant is a day in `zone`. `first_day_gone`: the system's end is the day after the last.

    `required` have to be there in every record; `least` is how many people there have to be.
    """

    list: ListShape
    columns: Columns
    defaults: Mapping[str, str]
    dates: tuple[str, ...]
    zone: Template
    first_day_gone: bool
    required: tuple[str, ...]
    least: int


@dataclass(frozen=True, slots=True)
class ReadShape:
    """A call that answers one record, which `record` finds."""

    call: CallShape
    record: Expression | None


@dataclass(frozen=True, slots=True)
class AccountsShape:
    """Accounts: listed, read by id, found by login; and what changed of them."""

    columns: Columns
    list: ListShape | None
    read: ReadShape | None
    find: ListShape | None
    changes: ChangesShape | None = None


@dataclass(frozen=True, slots=True)
class EntitlementsShape:
    """Entitlements; `kind` is what they are where no column says it."""

    list: ListShape
    columns: Columns
    kind: str
    changes: ChangesShape | None = None


@dataclass(frozen=True, slots=True)
class GrantsShape:
    """Grants: listed whole, or by one call per account or entitlement; `of` lists those of one account."""

    columns: Columns
    list: ListShape | None
    per: str
    of: ListShape | None
    changes: ChangesShape | None = None


@dataclass(frozen=True, slots=True)
class SessionsShape:
    """Live sessions of one account."""

    list: ListShape
    columns: Columns


def read_people(root: Block) -> PeopleShape | None:
    """The section `people`."""
    block = root.block("people")
    if block is None:
        return None
    found = read_list(block, frozenset(), keeps=True)
    columns = read_columns(block, ("key", "name"), ours={"status": PersonStatus, "type": PersonType})
    dates = block.texts("dates", ("%Y-%m-%d",))
    for form in dates:
        if form not in DATE_KINDS and "%" not in form:
            block.problem_at("dates", f"“{form}” is no form of a date.", did_you_mean(form, DATE_KINDS))
    zone = block.template("zone", frozenset())
    if zone is not None and not zone.slots and zone.text not in available_timezones():
        hint = did_you_mean(zone.text, available_timezones(), kind="For example")
        block.problem_at("zone", f"“{zone.text}” is no time zone.", hint)
    defaults = {name: template.text for name, template in block.templates("defaults", frozenset()).items()}
    required = block.texts("required", ("key", "name"))
    for name in required:
        if name not in columns.columns:
            block.problem_at("required", f"“{name}” is required, but no column gives it.")
    means = block.text("ends_means", "last-working-day", choices=("last-working-day", "first-day-gone"))
    least = block.integer("least", 1, least=0, most=10_000_000)
    block.done()
    if found is None:
        return None
    utc = Template("UTC", ("UTC",))
    return PeopleShape(found, columns, defaults, dates, zone or utc, means == "first-day-gone", required, least)


def read_accounts(root: Block) -> AccountsShape | None:
    """The section `accounts`."""
    block = root.block("accounts")
    if block is None:
        return None
    columns = read_columns(block, ("id", "login", "state"), ours={"state": AccountState})
    listing, one, find = _list(block, "list"), block.block("read"), _list(block, "find", frozenset({"login"}))
    read = _read(one, frozenset({"account.id"})) if one is not None else None
    if listing is None and (read is None or find is None):
        block.problem_at("", f"{block.title} needs “list”, or both “read” and “find”.")
    changes = read_changes(block, readable=read is not None)
    if changes is not None and listing is None:
        block.problem_at("changes", "Changes need “list”: what changed is put into what was listed as a whole.")
    block.done()
    return AccountsShape(columns, listing, read, find, changes)


def read_entitlements(root: Block) -> EntitlementsShape | None:
    """The section `entitlements`."""
    block = root.block("entitlements")
    if block is None:
        return None
    columns = read_columns(block, ("id", "name"), ("id", "name", "kind", "privileged", "grantable"))
    listing, kind = _list(block, "list", required=True), block.text("kind", "group")
    changes = read_changes(block)
    block.done()
    return EntitlementsShape(listing, columns, kind, changes) if listing is not None else None


def read_grants(root: Block) -> GrantsShape | None:
    """The section `grants`."""
    block = root.block("grants")
    if block is None:
        return None
    per = block.text("per", choices=("account", "entitlement"))
    required = tuple(name for name in ("account", "entitlement") if name != per)
    columns = read_columns(block, required, ("account", "entitlement", "direct", "via", "expires"))
    names: Mapping[str, Names] = {"account": frozenset({"account.id"}), "entitlement": frozenset({"entitlement.id"})}
    listing = _list(block, "list", names.get(per, frozenset()))
    of = _list(block, "of", frozenset({"account.id"}))
    if listing is None and of is None:
        block.problem_at("", f"{block.title} needs “list” or “of”.")
    changes = read_changes(block, of_grants=True)
    if changes is not None:
        _told_anew(block, changes, listing, per)
    block.done()
    return GrantsShape(columns, listing, per, of, changes)


def _told_anew(block: Block, changes: ChangesShape, listing: ListShape | None, per: str) -> None:
    """Whose holders changed has to be listed whole: by the change itself, or by a call for each entitlement."""
    if listing is None:
        block.problem_at("changes", "Changes need “list”: what changed is put into what was listed as a whole.")
    elif changes.list.each is None and changes.holders is None and per != "entitlement":
        told = "Nothing lists who holds an entitlement that changed."
        hint = "Write “list” with a call that names {entitlement.id}, or “each” where the change lists all holders."
        block.problem_at("changes", told, hint)
    if per and changes.start is not None and changes.start.call is None:
        block.problem_at("changes", "“start: last-page” needs one listing of all grants, not one “per” anything.")


def read_sessions(root: Block) -> SessionsShape | None:
    """The section `sessions`."""
    block = root.block("sessions")
    if block is None:
        return None
    columns = read_columns(block, ("id",), ("id", "started", "where"))
    listing = _list(block, "list", ACCOUNT, required=True)
    block.done()
    return SessionsShape(listing, columns) if listing is not None else None


def _list(block: Block, key: str, names: Names = frozenset(), *, required: bool = False) -> ListShape | None:
    inner = block.block(key, required=required)
    if inner is None:
        return None
    found = read_list(inner, names)
    inner.done()
    return found


def _read(block: Block, names: Names) -> ReadShape | None:
    call_block, record = block.block("call", required=True), block.expression("record")
    block.done()
    call = read_call(call_block, names, reads=True) if call_block is not None else None
    return ReadShape(call, record) if call is not None else None
