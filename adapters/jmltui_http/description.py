"""A description: one YAML file that says how a system is talked to. Strict; every problem of it is told at once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Final
from warnings import catch_warnings, simplefilter

from jmltui.adapter_api import Cap
from jmltui.domain.nearest import did_you_mean
from jmltui.errors import Problem

from .authorizing import AuthShape, read_auth
from .block import EVERYWHERE, Block, Names, Reading
from .calls import CallShape, read_call, read_headers
from .expression import Expression
from .lists import Columns, named
from .operations import Operation, read_operations
from .sections import (
    AccountsShape,
    EntitlementsShape,
    GrantsShape,
    PeopleShape,
    SessionsShape,
    read_accounts,
    read_entitlements,
    read_grants,
    read_people,
    read_sessions,
)
from .template import Template
from .ticket import TicketShape, read_ticket
from .yaml_nodes import DescriptionError, parse

VERSION: Final = 1
ERROR_WORDS: Final = (
    "unavailable", "rate-limited", "auth-failed", "forbidden", "not-found", "conflict", "stale", "invalid",
    "unsupported", "contract-broken", "already",
)  # fmt: skip
_PROVED_BY: Final = {Cap.GRANT: "grants", Cap.REVOKE: "grants", Cap.END_SESSIONS: "sessions"}
"""Which section reads an operation back; that of accounts for the others."""
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,40}")
_SHIPPED: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,60}")


@dataclass(frozen=True, slots=True)
class Parameter:
    """What the settings say to a description. `default` None: they have to."""

    about: str
    default: str | None
    pattern: re.Pattern[str] | None


@dataclass(frozen=True, slots=True)
class Limits:
    """How a system wants to be asked: seconds between calls, calls at once, items and pages, seconds and MiB
    for one call; `wait` is the longest wait that is waited out while people are read."""

    gap: timedelta = timedelta(0)
    parallel: int = 4
    page_size: int = 100
    max_pages: int = 10_000
    seconds: float = 30.0
    max_mib: int = 32
    wait: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """An answer that means something else than its status says."""

    statuses: frozenset[int]
    when: Expression | None
    means: str


@dataclass(frozen=True, slots=True)
class Description:
    """One system as its file describes it."""

    file: str
    name: str
    about: str
    exercised_against: str
    base: Template | None
    parameters: Mapping[str, Parameter]
    secrets: Mapping[str, str]
    auth: AuthShape
    headers: Mapping[str, Template]
    limits: Limits
    errors: tuple[ErrorRule, ...]
    check: CallShape | None
    people: PeopleShape | None
    accounts: AccountsShape | None
    entitlements: EntitlementsShape | None
    grants: GrantsShape | None
    sessions: SessionsShape | None
    operations: Mapping[Cap, Operation]
    ticket: TicketShape | None
    digest: str = ""
    """Of the file: what was listed by another one is worth nothing."""


def shipped() -> list[str]:
    """The names of the descriptions that come with jmltui."""
    folder = resources.files(__package__).joinpath("descriptions")
    return sorted(one.name.removesuffix(".yaml") for one in folder.iterdir() if one.name.endswith(".yaml"))


def load(where: str) -> Description:
    """The description in a file, or the shipped one of this name. Raises DescriptionError with every problem."""
    path = Path(where)
    name = path.name
    if _SHIPPED.fullmatch(name) and name in shipped() and not path.exists():
        data = resources.files(__package__).joinpath("descriptions", f"{name}.yaml").read_bytes()
        return read_description(data, f"{name}.yaml")
    try:
        return read_description(path.read_bytes(), where)
    except OSError as error:
        hint = did_you_mean(name, shipped(), kind="Shipped") if path.suffix not in (".yaml", ".yml") else ""
        told = f"The description cannot be read: {error.strerror}."
        raise DescriptionError([Problem(where, 0, 0, told, hint)]) from None


def read_description(data: bytes, file: str) -> Description:
    """Read a description. Raises DescriptionError with every problem of it."""
    reading = Reading(file)
    root = Block(parse(data, file), reading, "the description")
    root.integer("description", VERSION, least=VERSION, most=VERSION)
    if not root.has("description"):
        root.problem_at("", "A description begins with its version.", "Write: description: 1")
    parameters, secrets = _parameters(root), _secrets(root)
    reading.names = EVERYWHERE | {f"parameters.{name}" for name in parameters}
    found = Description(
        file=file,
        name=root.text("name", required=True),
        about=root.text("about"),
        exercised_against=root.text("exercised_against"),
        base=root.template("base", frozenset()),
        parameters=parameters,
        secrets=secrets,
        auth=read_auth(root, frozenset(f"secrets.{name}" for name in secrets), parameters),
        headers=read_headers(root, frozenset()),
        limits=_limits(root),
        errors=tuple(_error_rule(block) for block in root.items("errors")),
        check=_check(root),
        people=read_people(root),
        accounts=read_accounts(root),
        entitlements=read_entitlements(root),
        grants=read_grants(root),
        sessions=read_sessions(root),
        operations=read_operations(root),
        ticket=read_ticket(root),
        digest=hashlib.sha256(data).hexdigest()[:16],
    )
    _fits(root, found)
    root.done()
    if reading.problems:
        raise DescriptionError(sorted(reading.problems, key=lambda one: (one.line, one.column)))
    return found


def _parameters(root: Block) -> dict[str, Parameter]:
    found = {}
    for name, block in root.blocks("parameters"):
        if not _NAME.fullmatch(name):
            block.problem_at("", f"“{name}” cannot be a name; use small letters, digits and underscore.")
        pattern = None
        node = block.get("pattern")
        if node is not None:
            try:
                with catch_warnings():
                    simplefilter("error", FutureWarning)
                    pattern = re.compile(str(node.value))
            except (re.error, FutureWarning) as error:
                block.problem(node, f"“pattern” is no regular expression: {error}.")
        default = block.text("default") if block.has("default") else None
        found[name] = Parameter(block.text("about"), default, pattern)
        block.done()
    return found


def _secrets(root: Block) -> dict[str, str]:
    block = root.block("secrets")
    names = block.names() if block is not None else []
    for name in names:
        if not _NAME.fullmatch(name) and block is not None:
            block.problem_at(name, f"“{name}” cannot be a name; use small letters, digits and underscore.")
    return {name: block.text(name) for name in names} if block is not None else {}


def _limits(root: Block) -> Limits:
    block = root.block("limits")
    if block is None:
        return Limits()
    found = Limits(
        gap=timedelta(seconds=block.number("gap", 0, least=0, most=60)),
        parallel=block.integer("parallel", 4, least=1, most=16),
        page_size=block.integer("page_size", 100, least=1, most=10_000),
        max_pages=block.integer("max_pages", 10_000, least=1, most=1_000_000),
        seconds=block.number("seconds", 30, least=1, most=3600),
        wait=timedelta(seconds=block.number("wait", 60, least=0, most=600)),
        max_mib=block.integer("max_mib", 32, least=1, most=512),
    )
    block.done()
    return found


def _error_rule(block: Block) -> ErrorRule:
    found = ErrorRule(
        block.statuses("status"), block.expression("when"), block.text("means", required=True, choices=ERROR_WORDS)
    )
    if not block.has("status"):
        block.problem_at("", f"{block.title} lacks “status”.")
    block.done()
    return found


def _check(root: Block) -> CallShape | None:
    block = root.block("check")
    return read_call(block, frozenset({"page.size"}), reads=True) if block is not None else None


def _fits(root: Block, found: Description) -> None:
    """What no section can see alone: what an operation needs of the others."""
    if found.people is None and found.accounts is None and found.ticket is None:
        root.problem_at("", "The description has neither “people” nor “accounts” nor “ticket”.")
    elif found.people is None and found.accounts is None and found.check is None:
        root.problem_at("ticket", "A description of nothing but tickets needs a “check”.")
    _listed(root, found)
    operations = root.block("operations")
    if operations is None:
        return
    for cap, operation in found.operations.items():
        key = cap.value.replace("-", "_")
        proved_by = _PROVED_BY.get(cap, "accounts")
        if found.accounts is None:
            operations.problem_at(key, f"“{key}” needs the section “accounts”.")
        elif getattr(found, proved_by) is None and operation.verify is None and not operation.blind:
            hint = "Describe it, or write: verify: none"
            operations.problem_at(key, f"Nothing reads “{key}” back: there is no “{proved_by}” and no “verify”.", hint)
    update = found.operations.get(Cap.UPDATE)
    if update is not None and found.accounts is not None:
        _changes(operations, named(update.call), found.accounts.columns)


def _listed(root: Block, found: Description) -> None:
    """Who holds something has to be listed, or nobody could tell a stranger from an account."""
    grants, accounts = found.grants, found.accounts
    if grants is not None and grants.list is not None and (accounts is None or accounts.list is None):
        root.problem_at("grants", "“list” of grants needs “list” of accounts.", "Or describe only “of”.")
    if grants is not None and grants.per == "entitlement" and found.entitlements is None:
        root.problem_at("grants", "“per: entitlement” needs the section “entitlements”.")
    for name, section in (("entitlements", found.entitlements), ("grants", grants)):
        if section is not None and section.changes is not None and (accounts is None or accounts.changes is None):
            root.problem_at(name, f"Changes of {name} alone are of no use; describe “changes” of accounts too.")
    if found.sessions is not None and accounts is None:
        root.problem_at("sessions", "“sessions” needs the section “accounts”.")


def _changes(operations: Block, names: Names, columns: Columns) -> None:
    """What is changed has to be read, or nobody could tell whether it is so."""
    readable = {*columns.columns, *(["email"] if "emails" in columns.columns else [])}
    for name in sorted(name.removeprefix("changes.") for name in names if name.startswith("changes.")):
        if name not in readable:
            operations.problem_at("update", f"“changes.{name}” is written, but no column of accounts reads it.")
