"""`jmltui demo`."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from .context import Context


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "folder", nargs="?", metavar="FOLDER", help="keep the practice company here (else: state folder)"
    )
    parser.add_argument("--ascii", action="store_true", help="plain ASCII signs, for terminals that show no others")
    parser.add_argument("--prepare", action="store_true", help="write and sync the company, do not open the dashboard")


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Open the dashboard on the practice company; the first time, write it and live through its week."""
    from .dashboard_command import show

    folder = Path(arguments.folder).absolute() if arguments.folder else context.places.state_dir / "demo"
    at_home = Context(context.environ, context.out, context.err, home=str(folder), clock=context.clock)
    if not (folder / "settings.toml").exists():
        prepare(folder, at_home, context.actor.login)
    if arguments.prepare:
        context.say(f"The practice company is in {folder}; open it with `jmltui demo {folder}`.")
        context.say(f"`jmltui practice as {folder} LOGIN` opens it as another person, who approves what you ask for.")
        return 0
    return show(at_home, ascii_only=arguments.ascii)


def prepare(folder: Path, context: Context, login: str) -> None:
    """Write the company and sync each people file of its week, in the name of `login`."""
    from jmltui.governance.findings import scan
    from jmltui.lifecycle.sync import sync
    from jmltui.lifecycle.workshop import open_workshop
    from jmltui_practice import company

    context.err.write("Writing a practice company and living through its week ...\n")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    company.create(folder, context.clock, login)

    async def week() -> None:
        workshop = open_workshop(context.places, login, context.clock, context.environ)
        try:
            await sync(workshop, lambda text: None)
            while company.advance(folder):
                await sync(workshop, lambda text: None)
            scan(workshop)
        finally:
            await workshop.close()

    asyncio.run(week())
