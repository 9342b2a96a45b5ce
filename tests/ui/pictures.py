"""The screens of the README: taken from the practice company on a Monday that never ends, so that they never differ."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sqlite3
import struct
import sys
import tempfile
import zlib
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from html import unescape
from pathlib import Path

import resvg_py
from rich.cells import cell_len
from sqlalchemy import text

from jmltui.cache import actions
from jmltui.cache.cases import advance
from jmltui.cache.reading import unsettled
from jmltui.governance import findings, reviews
from jmltui.lifecycle import access_requests, requests
from jmltui.lifecycle.workshop import Workshop, open_workshop
from jmltui.worker.runner import LocalRunner

from .company import MONDAY, Company, prepared

FOLDER = Path(__file__).resolve().parents[2] / "screenshots"

CELL = 12.2
"""The width of a terminal cell in the SVG of Rich, in its units."""

TEXT = re.compile(
    r'(<text class="terminal-\d+-r\d+") x="([\d.]+)" y="([\d.]+)" textLength="[\d.]+"([^>]*)>(.*?)</text>'
)


Story = Callable[[Workshop, int], Awaitable[None]]


async def granted(workshop: Workshop, case: int) -> None:
    """The new groups of a mover are granted and proved."""
    requests.run_step(workshop, case, "grant")
    runner = LocalRunner(workshop, idle=timedelta(0))
    working = asyncio.create_task(runner.run())
    for _ in range(200):
        with workshop.cache.read() as session:
            if unsettled(session) == {}:
                break
        await asyncio.sleep(0.05)
    runner.stop.set()
    await working


async def crashed(workshop: Workshop, case: int) -> None:
    """The worker vanishes while it disables accounts; the next one finds what it left."""
    requests.run_step(workshop, case, "disable")
    now = workshop.clock()
    with workshop.cache.write() as session:
        actions.claim(session, "worker:jump-host:4711", now, dict.fromkeys(workshop.settings.systems, 1), {})
    with workshop.cache.write() as session:
        actions.lose_all_of(session, "worker:jump-host:4712", now, lambda _: True)
        advance(session, case, now)


async def governed(workshop: Workshop, case: int) -> None:
    """Everything was looked at, two reviews are open, and some things were asked for."""
    del case
    findings.scan(workshop)
    for rule in ("dormant", "privileged"):
        reviews.open_campaign(workshop, rule)
    query = "person.title = 'Site Reliability Engineer' AND person.present = 1 AND person.status = 'active'"
    with workshop.cache.read() as session:
        one, other = session.execute(text(f"SELECT key FROM person WHERE {query} ORDER BY key LIMIT 2")).scalars()
        open_ones = session.execute(text("SELECT id FROM finding WHERE kind = 'dormant' ORDER BY id")).scalars().all()
    access_requests.request_access(workshop, one, "prod-admin", "Moves the shop to the new cluster", timedelta(hours=4))
    access_requests.break_glass(workshop, other, "prod-admin", "The shop is down")
    findings.accept(workshop, open_ones[0], "On leave until then", workshop.clock() + timedelta(days=60))


@dataclass(frozen=True, slots=True)
class Picture:
    """One screen: its name, size, and how to get there."""

    name: str
    width: int
    height: int
    keys: tuple[str, ...] = ()
    case: str = ""
    """Opens the first case for which this condition holds."""
    story: Story | None = None
    """What happens in that case before."""
    actor: str = "ana"
    """Who looks: ana read the sources, so that what follows of it is for others to approve."""


PICTURES = (
    Picture("queue", 80, 24),
    Picture("queue-wide", 120, 40, ("down", "down", "down")),
    Picture("case", 80, 24, (), "kind = 'leaver' AND state = 'open'"),
    Picture("case-wide", 120, 40, (), "kind = 'leaver' AND state = 'open'"),
    Picture("access", 80, 24, ("tab",), "kind = 'mover' AND approvals > 0"),
    Picture("refuse", 80, 24, ("x",), "kind = 'mover' AND approvals > 0", actor="eve"),
    Picture("walkthrough", 80, 24, ("w",), "kind = 'joiner' AND state = 'open'"),
    Picture("undo", 80, 24, ("down", "u"), "kind = 'mover' AND approvals = 0 AND steps_done = 1", granted),
    Picture("crash", 80, 24, ("down", "down"), "kind = 'leaver' AND state = 'open'", crashed),
    Picture("confirm", 80, 24, ("R",), "kind = 'leaver' AND state = 'open'"),
    Picture("bulk", 120, 40, ("right", "asterisk", "r")),
    Picture("batches", 80, 24, ("b",)),
    Picture("people", 80, 24, ("2",)),
    Picture("systems", 80, 24, ("3", "down", "down")),
    Picture("journal", 80, 24, ("4", "down")),
    Picture("findings", 120, 40, ("5",), story=governed),
    Picture("finding", 80, 24, ("5", "enter"), story=governed),
    Picture("link", 80, 24, ("5", *("right",) * 3, "l"), story=governed),
    Picture("reviews", 80, 24, ("6",), story=governed),
    Picture("items", 80, 24, ("6", "enter", "down", "down"), story=governed),
    Picture("requests", 80, 24, ("7", "right"), story=governed),
    Picture("person", 80, 24, ("2", "enter")),
    Picture("explain", 80, 24, ("tab", *("down",) * 4, "e"), "kind = 'mover' AND approvals > 0"),
    Picture("help", 80, 24, ("question_mark",)),
    Picture("palette", 80, 24, ("ctrl+p", "c", "l", "a")),
)


async def take(picture: Picture, company: Company) -> str:
    """The screen as SVG, with a font that every viewer has instead of one that is fetched."""
    number = _number(company, picture.case) if picture.case else 0
    if picture.story is not None:
        environ = {**os.environ, "JMLTUI_HOME": str(company.folder)}
        workshop = open_workshop(company.places, "ana", company.clock, environ)
        await picture.story(workshop, number)
        await workshop.close()
    app = company.dashboard(picture.actor, worker=False)
    async with app.run_test(size=(picture.width, picture.height)) as pilot:
        await pilot.pause(0.1)
        if picture.case:
            app.open_case(number)
            await pilot.pause(0.1)
        for key in picture.keys:
            await pilot.press(key)
            await pilot.pause(0.05)
        await app.desk.warm()
        await pilot.pause(0.25)
        svg = app.export_screenshot(title=f"jmltui: {picture.name}")
    app.close()
    svg = re.sub(r"\s*@font-face \{.*?\}\n", "\n", svg, flags=re.DOTALL)
    svg = TEXT.sub(placed, svg)
    svg = svg.replace("Fira Code, monospace", "DejaVu Sans Mono, monospace")
    return re.sub(r"[ \t]+$", "", svg, flags=re.MULTILINE)


def _number(company: Company, condition: str) -> int:
    with closing(sqlite3.connect(company.folder / "cache.sqlite")) as connection:
        found = connection.execute(f"SELECT id FROM jcase WHERE {condition} ORDER BY next_due, id").fetchone()
    return int(found[0])


def placed(found: re.Match[str]) -> str:
    """One run of text as one element per word, each at its own column, whatever font its letters need."""
    start, x, y, rest, text = found.groups()
    pieces = []
    column = 0
    for part in re.split(r"((?:&#160;)+)", text):
        plain = unescape(part)
        width = cell_len(plain)
        if plain.strip("\xa0"):
            place = float(x) + column * CELL
            pieces.append(f'{start} x="{place:.1f}" y="{y}" textLength="{width * CELL:.1f}"{rest}>{part}</text>')
        column += width
    return "".join(pieces)


def digest(svg: str) -> str:
    """What the PNG remembers of the SVG it was made of."""
    return sha256(svg.encode()).hexdigest()


def stamped(png: bytes, value: str) -> bytes:
    """The PNG with a text chunk after its header (PNG specification, tEXt)."""
    body = b"tEXt" + b"svg-sha256\0" + value.encode()
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:33] + chunk + png[33:]


def stamp_of(png: bytes) -> str:
    """The digest in a PNG, "" without one."""
    found = re.search(rb"svg-sha256\0([0-9a-f]{64})", png[:2048])
    return found.group(1).decode() if found else ""


def main() -> int:
    """Take all pictures: `make screenshots`."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.*g"):
        old.unlink()
    with tempfile.TemporaryDirectory(prefix="jmltui-pictures-") as name:
        week = prepared(Path(name) / "week", lambda: MONDAY)
        for picture in PICTURES:
            folder = Path(shutil.copytree(week, Path(name) / picture.name)) if picture.story else week
            svg = asyncio.run(take(picture, Company(folder, lambda: MONDAY)))
            path = FOLDER / f"{picture.name}.svg"
            path.write_text(svg, encoding="utf-8")
            png = bytes(resvg_py.svg_to_bytes(svg_string=svg, monospace_family="DejaVu Sans Mono", zoom=0.8))
            path.with_suffix(".png").write_bytes(stamped(png, digest(svg)))
            print(f"screenshots/{path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
