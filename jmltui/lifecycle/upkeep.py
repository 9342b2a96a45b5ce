"""Requests that are about no case: letting a stopped system go on, walking the journal's chain."""

from __future__ import annotations

from jmltui.cache import actions, journal
from jmltui.cache.journal import ChainState
from jmltui.errors import UsageError

from .workshop import Workshop


def go_on(workshop: Workshop, system: str) -> None:
    """Let a stopped system go on. Raises UsageError for a system that settings do not name."""
    if system not in workshop.settings.systems:
        raise UsageError(f"There is no system called {system} in the settings.")
    with workshop.cache.write() as session:
        actions.go_on(session, system, workshop.actor, workshop.clock())


def verify_journal(workshop: Workshop) -> ChainState:
    """Walk the whole chain; says which entry breaks it first."""
    with workshop.cache.read() as session:
        return journal.verify(session)
