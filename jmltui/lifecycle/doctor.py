"""What is wrong with an installation: one finding per thing looked at, each with what to do."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, cast

from jmltui import plugins
from jmltui.adapter_api import Adapter, AdapterError
from jmltui.cache.engine import open_cache
from jmltui.cache.places import NETWORK_FILE_SYSTEMS, file_system_of
from jmltui.config import secrets
from jmltui.config import settings as settings_file
from jmltui.config.places import Places
from jmltui.config.settings import Block, Settings
from jmltui.domain.text import clean
from jmltui.errors import JmltuiError, PolicyError, ProblemsError
from jmltui.policy import load as load_policy

from .clock import state_in
from .workshop import cache_url

SAFE_SQLITE: Final = (3, 51, 3)
CHECK_SECONDS: Final = 15.0

GOOD, WARNING, WRONG = "good", "warning", "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; `level` is good, warning or wrong."""

    level: str
    subject: str
    sentence: str


async def examine(places: Places, environ: Mapping[str, str], clock: Callable[[], datetime]) -> list[Finding]:
    """Look at settings, policy, cache, sources and systems. Changes nothing on any system."""
    try:
        settings = settings_file.load(places.settings_file)
    except ProblemsError as error:
        return [Finding(WRONG, "settings", str(problem)) for problem in error.problems]
    found = [Finding(GOOD, "settings", f"{places.settings_file} is good.")]
    found += _policy(settings)
    found += _cache(places, settings, clock)
    opener = secrets.opener(environ, base=settings.folder)
    for block in (*settings.sources.values(), *settings.systems.values()):
        found.append(await _adapter(block, settings, opener, clock))
    if not settings.systems:
        found.append(Finding(WARNING, "systems", "The settings name no system yet; nothing can be provisioned."))
    return found


def _policy(settings: Settings) -> list[Finding]:
    try:
        policy = load_policy(Path(settings.policy_folder), settings.company_zone)
    except PolicyError as error:
        return [Finding(WRONG, "policy", str(problem)) for problem in error.problems]
    told = f"{len(policy.roles)} roles give {len(policy.entitlements)} entitlements."
    missing = sorted({system for system, _ in policy.managed()} - settings.systems.keys())
    wrong = [Finding(WRONG, "policy", f"It speaks of {name}, which the settings do not name.") for name in missing]
    return [*wrong, Finding(GOOD if policy.roles else WARNING, "policy", told)]


def _cache(places: Places, settings: Settings, clock: Callable[[], datetime]) -> list[Finding]:
    url = cache_url(places, settings)
    try:
        with closing(open_cache(url, clock=clock)) as cache, cache.read() as session:
            state = state_in(session, clock())
    except JmltuiError as error:
        return [Finding(WRONG, "cache", str(error))]
    found = [Finding(GOOD, "cache", f"{url.rpartition('@')[2]} is good.")]
    if state.witnesses:
        level = WRONG if state.blocks else (WARNING if state.warns else GOOD)
        found.append(Finding(level, "clock", state.sentence or f"It agrees with {state.witnesses} of the systems."))
    if not url.startswith("postgresql"):
        if file_system_of(Path(url)) in NETWORK_FILE_SYSTEMS:
            found.append(Finding(WRONG, "cache", "It stands on a network file system; name a local place."))
        if sqlite3.sqlite_version_info < SAFE_SQLITE:
            told = f"SQLite {sqlite3.sqlite_version} has a rare fault with several writers, mended in 3.51.3."
            found.append(Finding(WARNING, "cache", f"{told} Keep a daily copy."))
    return found


async def _adapter(
    block: Block, settings: Settings, opener: Callable[[str], str], clock: Callable[[], datetime]
) -> Finding:
    try:
        adapter = cast("Adapter", plugins.build(block, settings.folder, opener, clock))
        async with asyncio.timeout(CHECK_SECONDS):
            await adapter.open()
            try:
                facts = await adapter.check()
                told = ", ".join(f"{name}: {value}" for name, value in facts.items())
            finally:
                await adapter.close()
    except AdapterError as error:
        return Finding(WRONG, block.name, f"{error.message} {error.advice}")
    except TimeoutError:
        return Finding(WRONG, block.name, f"It did not answer within {CHECK_SECONDS:g} seconds.")
    except JmltuiError as error:
        return Finding(WRONG, block.name, str(error))
    except Exception as error:  # a stranger's adapter may raise anything
        told = clean(f"{type(error).__name__}: {error}", limit=300)
        return Finding(WRONG, block.name, f"Its adapter “{block.adapter}” broke ({told}). Ask its author.")
    return Finding(GOOD, block.name, told)
