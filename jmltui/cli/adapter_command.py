"""`jmltui adapter`."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from jmltui.domain.text import clean

from .context import Context
from .table import print_table
from .workshop import add_json

if TYPE_CHECKING:
    from jmltui.adapter_api import Adapter, Call, Mapped

    Told = list[Call | Mapped]

SHOWN = 5


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_json(parser)
    parser.epilog = (
        "Only reads are made; writes are named, not made. Secrets are given as references and never shown:\n"
        "  jmltui adapter try hr.yaml --secret token=env:HR_TOKEN --parameter company=acme"
    )
    parser.add_argument("what", choices=("try",), help="try: read a little of everything and show what it becomes")
    parser.add_argument(
        "description",
        metavar="FILE",
        help="a description, the name of a shipped one, or (--configured) a source or system",
    )
    parser.add_argument(
        "--configured", action="store_true", help="FILE is the name of a source or system in the settings"
    )
    parser.add_argument("--adapter", default="http", metavar="KIND", help="whose description it is (default: http)")
    parser.add_argument("--base", metavar="URL", help="the base address, where the description has none or another")
    for name, of_what in (("secret", "REFERENCE"), ("parameter", "VALUE")):
        help_text = f"a {name} that the description asks for; may be given several times"
        parser.add_argument(f"--{name}", action="append", default=[], metavar=f"NAME={of_what}", help=help_text)
    parser.add_argument("--private-network", action="store_true", help="the system stands on your own network")
    parser.add_argument(
        "--limit", type=int, default=SHOWN, metavar="N", help=f"records of each kind (default: {SHOWN})"
    )


def run(arguments: argparse.Namespace, context: Context) -> int:
    """Rehearse it. Ends with 3 when something could not be read or understood."""
    from jmltui.adapter_api import Mapped

    told = asyncio.run(_rehearsed(arguments, context))
    problems = [one for one in told if isinstance(one, Mapped) and one.problem]
    if context.json:
        context.print_json(
            {"calls": [_call(one) for one in _calls(told)], "records": [_record(r) for r in _records(told)]}
        )
    else:
        _print(told, context)
    return 3 if problems else 0


async def _rehearsed(arguments: argparse.Namespace, context: Context) -> Told:
    from jmltui.adapter_api import AdapterError, Rehearsal
    from jmltui.errors import JmltuiError, UsageError

    adapter = _built(arguments, context)
    if not isinstance(adapter, Rehearsal):
        raise UsageError(
            "This adapter cannot be tried without doing something.", hint="`jmltui doctor` opens and checks it."
        )
    try:
        await cast("Adapter", adapter).open()
        items: AsyncIterator[Call | Mapped] = adapter.rehearse(max(1, arguments.limit))
        return [item async for item in items]
    except AdapterError as error:
        raise JmltuiError(error.message, hint=error.advice) from error
    finally:
        await cast("Adapter", adapter).close()


def _built(arguments: argparse.Namespace, context: Context) -> object:
    from jmltui import plugins
    from jmltui.config import secrets, settings
    from jmltui.config.table import Place
    from jmltui.errors import UsageError

    if arguments.configured:
        found = settings.load(context.places.settings_file)
        block = found.systems.get(arguments.description) or found.sources.get(arguments.description)
        if block is None:
            raise UsageError(f"The settings name no source or system “{clean(arguments.description)}”.")
        opener = secrets.opener(context.environ, base=found.folder)
        return plugins.build(block, found.folder, opener, context.clock)
    place = Place("the command line", (), {})
    name, options = Path(arguments.description).stem, _options(arguments)
    tried = settings.Block(name, arguments.adapter, options, None, timedelta(seconds=30), place)
    opener = secrets.opener(context.environ, base=Path.cwd())
    return plugins.build(tried, Path.cwd(), opener, context.clock)


def _options(arguments: argparse.Namespace) -> dict[str, object]:
    found: dict[str, object] = {
        "description": arguments.description,
        "secrets": _pairs("secret", arguments.secret),
        "parameters": _pairs("parameter", arguments.parameter),
        "private_network": arguments.private_network,
    }
    return found if arguments.base is None else {**found, "base": arguments.base}


def _pairs(name: str, given: list[str]) -> Mapping[str, str]:
    from jmltui.errors import UsageError

    found = {}
    for text in given:
        key, sign, value = text.partition("=")
        if not sign or not key:
            raise UsageError(f"--{name} takes NAME=…, as in --{name} token=env:TOKEN.")
        found[key] = value
    return found


def _calls(told: Told) -> list[Call]:
    from jmltui.adapter_api import Call

    return [one for one in told if isinstance(one, Call)]


def _records(told: Told) -> list[Mapped]:
    from jmltui.adapter_api import Mapped

    return [one for one in told if isinstance(one, Mapped)]


def _call(call: Call) -> dict[str, Any]:
    return {
        "for": call.purpose, "method": call.method, "path": call.path, "made": call.made, "status": call.status,
        "bytes": call.size, "seconds": round(call.seconds, 3),
    }  # fmt: skip


def _record(record: Mapped) -> dict[str, Any]:
    return {"kind": record.purpose, "fields": dict(record.fields), "problem": record.problem}


def _print(told: Told, context: Context) -> None:
    calls, records = _calls(told), _records(told)
    rows = [
        [c.purpose, c.method, c.path, c.status or "no answer", c.size, f"{c.seconds:.2f} s"] for c in calls if c.made
    ]
    print_table(context.out, ["FOR", "METHOD", "PATH", "STATUS", "BYTES", "TIME"], rows, shrink=2)
    for record in records:
        context.say()
        if record.problem:
            context.say(f"problem, {record.purpose}: {clean(record.problem, limit=500)}")
            continue
        context.say(f"{record.purpose}:")
        for name, value in record.fields.items():
            context.say(f"  {clean(name, limit=60)}: {clean(value, limit=200)}")
    writes = [[c.purpose, c.method, c.path] for c in calls if not c.made]
    if writes:
        context.say("\nWrites that it would make, and did not:")
        print_table(context.out, ["FOR", "METHOD", "PATH"], writes, shrink=2)
