"""`jmltui sync`."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

from jmltui.domain.text import clean

from .context import Context
from .workshop import add_json, opened

if TYPE_CHECKING:
    from jmltui.lifecycle.report import SyncReport
    from jmltui.lifecycle.workshop import Workshop


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Sync everything. Ends with 3 when a source or a system could not be read; the others were."""
    from jmltui.governance.findings import scan

    del arguments
    with opened(context, acts=True) as workshop:
        report = asyncio.run(_sync(workshop, context))
        found = scan(workshop)
        report.findings = {"open": found.open, "new": found.new, "gone": found.gone}
    if context.json:
        context.print_json(report.as_json())
    else:
        _print(report, context)
    return 3 if report.problems else 0


async def _sync(workshop: Workshop, context: Context) -> SyncReport:
    from jmltui.lifecycle.sync import sync

    def progress(text: str) -> None:
        if context.err.isatty():
            context.err.write(f"\r\x1b[K{clean(text)}")
            context.err.flush()

    try:
        return await sync(workshop, progress)
    finally:
        if context.err.isatty():
            context.err.write("\r\x1b[K")
        await workshop.adapters.close()


def _print(report: SyncReport, context: Context) -> None:
    for name, counts in report.systems.items():
        told = ", ".join(f"{count} {what}" for what, count in counts.items())
        context.say(f"{name}: {told}")
    for name, count in report.people.items():
        bad = report.quarantined.get(name, 0)
        context.say(f"{name}: {count} people" + (f", {bad} rows in quarantine" if bad else ""))
    opened_now = ", ".join(f"{count} {kind}" for kind, count in sorted(report.opened.items()))
    context.say(f"Cases opened: {opened_now or 'none'}")
    if report.replanned:
        context.say(f"Cases planned anew: {report.replanned}; what changed in them has to be asked for again.")
    counts = report.findings
    if counts.get("open"):
        new = f", {counts['new']} of them new" if counts["new"] else ""
        context.say(f"Findings open: {counts['open']}{new}. Look with `jmltui findings`.")
    for batch in report.batches:
        context.say(f"Batch {batch.id} waits for a person: {batch.reason}. Look with `jmltui confirm {batch.id}`.")
    for warning in report.warnings:
        context.say(f"warning: {clean(warning, limit=500)}")
    for name, problem in report.problems.items():
        context.err.write(f"jmltui: {clean(f'{name}: {problem}', limit=1000)}\n")
