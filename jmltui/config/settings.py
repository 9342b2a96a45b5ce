"""The settings file: which company, policy, cache, sources and systems. TOML, strict; all problems told at
once.

What an adapter itself takes stays in `options`, as written; `config.options.checked` holds it against the
adapter's OPTIONS when the adapter is loaded.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from jmltui.domain.merging import Merging
from jmltui.domain.template import Template
from jmltui.errors import Problem, SettingsError

from .people_table import merging_of
from .table import Place, Table

DEFAULT_ZONE: Final = "UTC"
MAX_BYTES: Final = 1_000_000
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DECODE_PLACE: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


@dataclass(frozen=True, slots=True)
class Block:
    """A source or a system: its name, its adapter's kind, and the options that the adapter takes."""

    name: str
    adapter: str
    options: Mapping[str, object]
    every: timedelta | None
    deadline: timedelta
    place: Place


@dataclass(frozen=True, slots=True)
class SourceSettings(Block):
    """A feed of people. `absent`: what a missing person means, `ask` or `leaver`."""

    absent: str = "ask"


@dataclass(frozen=True, slots=True)
class SystemSettings(Block):
    """A system. `login` makes the login of a new account, `attributes` its further attributes.

    `ticket_in_progress` and `ticket_done` name the statuses to which the tickets of cases are moved; "" moves none.
    """

    login: Template | None = None
    attributes: Mapping[str, Template] = field(default_factory=dict)
    max_parallel: int = 4
    rate_per_second: float = 0
    ticket_in_progress: str = ""
    ticket_done: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole file, checked. Paths are absolute."""

    path: Path
    company_name: str
    company_zone: str
    policy_folder: Path
    cache_url: str
    sources: Mapping[str, SourceSettings]
    systems: Mapping[str, SystemSettings]
    merging: Merging | None = None

    @property
    def folder(self) -> Path:
        """The folder of the file; relative paths and `file:` references start here."""
        return self.path.parent


def load(path: Path) -> Settings:
    """Read and check the settings file. Raises SettingsError with every problem of it."""
    path = path.absolute()
    text = _text(path)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([_syntax(path, text, error)]) from None
    root = Table.root(path, text, data)
    settings = _settings(root, path)
    if root.problems:
        raise SettingsError(sorted(root.problems, key=lambda p: (p.line, p.column)))
    return settings


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        hint = "Write a commented one with: jmltui init"
        raise SettingsError([Problem(str(path), 0, 0, "There is no settings file here.", hint)]) from None
    except OSError as error:
        raise SettingsError([Problem(str(path), 0, 0, f"The file cannot be read: {error.strerror}.")]) from error
    if len(raw) > MAX_BYTES:
        raise SettingsError([Problem(str(path), 0, 0, f"The file is larger than {MAX_BYTES} bytes.")])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        raise SettingsError([Problem(str(path), line, column, "The file is not UTF-8 text.")]) from None


def _syntax(path: Path, text: str, error: tomllib.TOMLDecodeError) -> Problem:
    message = str(error)
    match = _DECODE_PLACE.search(message)
    line, column = text.count("\n") + 1, 1
    if match is not None:
        message = message[: match.start()]
        if match[1]:
            line, column = int(match[1]), int(match[2])
    return Problem(str(path), line, column, f"{message}.", "The file is TOML 1.0.")


def _settings(root: Table, path: Path) -> Settings:
    company, policy, cache = root.table("company"), root.table("policy"), root.table("cache")
    sources = {name: _source(name, block) for name, block in _named(root, "sources")}
    settings = Settings(
        path=path,
        company_name=company.text("name", ""),
        company_zone=company.zone("zone", DEFAULT_ZONE),
        policy_folder=path.parent / Path(policy.text("folder", "policy")).expanduser(),
        cache_url=_cache_url(cache.text("url", ""), path.parent),
        sources=sources,
        systems={name: _system(name, block) for name, block in _named(root, "systems")},
        merging=merging_of(root, sources),
    )
    for table in (company, policy, cache, root):
        table.refuse_unknown()
    return settings


def _cache_url(text: str, folder: Path) -> str:
    if not text or "://" in text:
        return text
    return str(folder / Path(text).expanduser())


def _named(root: Table, key: str) -> list[tuple[str, Table]]:
    group = root.table(key)
    found = []
    for name in group.names():
        if not _NAME.fullmatch(name):
            group.problem(name, f"“{name}” cannot be a name; use letters, digits, dot, dash and underscore.")
        found.append((name, group.table(name)))
    return found


def _common(name: str, block: Table) -> dict[str, object]:
    return {
        "name": name,
        "adapter": block.text("adapter", required=True),
        "every": block.duration("every", None),
        "deadline": block.duration("deadline", timedelta(seconds=30)),
        "place": block.place,
    }


def _source(name: str, block: Table) -> SourceSettings:
    common = _common(name, block)
    absent = block.choice("absent", ("ask", "leaver"), "ask")
    return SourceSettings(**common, absent=absent, options=block.rest())  # type: ignore[arg-type]  # keys are the fields


def _system(name: str, block: Table) -> SystemSettings:
    common = _common(name, block)
    login = block.template("login")
    attributes = block.table("attributes")
    templates = {key: attributes.template(key) for key in attributes.names()}
    parallel = block.integer("max_parallel", 4, least=1, most=64)
    rate = block.number("rate_per_second", 0, least=0)
    return SystemSettings(
        **common,  # type: ignore[arg-type]  # keys are the fields
        login=login,
        attributes={key: template for key, template in templates.items() if template is not None},
        max_parallel=parallel,
        rate_per_second=rate,
        ticket_in_progress=block.text("ticket_in_progress", ""),
        ticket_done=block.text("ticket_done", ""),
        options=block.rest(),
    )
