"""The dashboard at the other end of a terminal, against Textual itself: start, keys, bytes, idle."""

from __future__ import annotations

import json
import os
import resource
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from jmltui.cache.engine import open_cache
from jmltui.cli.context import utc_now
from jmltui.config.places import Places
from jmltui.config.starter import write
from tests.ui.terminal import Terminal

CASES = 100_000
PEOPLE = 1_000_000
FEW_PEOPLE = 10_000
ROUNDS = 5
WIDTH, HEIGHT = 120, 40
NAMES = ("Ana", "Bo", "Chloe", "Dmitri", "Eva", "Farid", "Greta", "Hugo", "Ines", "Jonas")
FAMILIES = ("Adler", "Brandt", "Costa", "Dupont", "Eriksen", "Fischer", "Garcia", "Haddad", "Ivanova", "Jansen")
DEPARTMENTS = ("Engineering", "Sales", "Finance", "People", "Support", "Legal")

DATA_TABLE = """
from textual.app import App
from textual.widgets import DataTable
class Table(App):
    def compose(self):
        yield DataTable(cursor_type="row")
    def on_mount(self):
        table = self.query_one(DataTable)
        table.add_columns("KIND", "PERSON", "NUMBER", "DEPARTMENT", "NEXT STEP", "DUE", "STATE", "DONE", "WHO")
        for number in range(10_000):
            table.add_row("leaver", f"Ana Adler {number}", f"E{number}", "Sales", "Disable", "3h", "open", "0/7", "x")
Table().run(mouse=False)
"""


def company(folder: Path, cases: int, people: int) -> None:
    """A home with so many pending cases and people, written straight into its cache."""
    folder.mkdir(mode=0o700)
    write(Places(folder, folder))
    path = folder / "cache.sqlite"
    open_cache(str(path), clock=utc_now).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        fill(connection, "person", people, person)
        fill(connection, "jcase", cases, case)
    connection.close()


def fill(connection: sqlite3.Connection, table: str, count: int, make: object) -> None:
    """Insert generated rows; what is not named gets an empty value of its column's type."""
    columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
    names = [column[1] for column in columns]
    empty = {
        column[1]: 0
        if column[2] in ("INTEGER", "BOOLEAN", "FLOAT")
        else "2026-06-01 08:00:00.000000"
        if "DATE" in column[2]
        else ""
        for column in columns
    }
    rows = ([({**empty, **make(number)})[name] for name in names] for number in range(1, count + 1))  # type: ignore[operator]
    quoted = ",".join(f'"{name}"' for name in names)
    connection.executemany(f"INSERT INTO {table} ({quoted}) VALUES ({','.join('?' * len(names))})", rows)


def person(number: int) -> dict[str, object]:
    """One person."""
    name = f"{NAMES[number % 10]} {FAMILIES[number // 10 % 10]} {number:07}"
    return {
        "id": number, "source": "hr", "key": f"E{number:07}", "name": name, "sort_name": name.casefold(),
        "type": "employee", "status": "active", "department": DEPARTMENTS[number % 6], "present": 1,
        "email": f"e{number}@example.test", "attributes": "{}",
    }  # fmt: skip


def case(number: int) -> dict[str, object]:
    """One pending case."""
    who = person(number)
    return {
        "id": number, "kind": ("joiner", "mover", "leaver")[number % 3], "state": "open", "live": 1,
        "person_id": number, "person_name": who["name"], "person_key": who["key"], "department": who["department"],
        "event": json.dumps({"ends": "2026-06-30"}), "event_key": f"hr:{number}", "next_step": "Disable every account",
        "next_due": f"2026-06-{1 + number % 28:02} {number % 24:02}:00:00.000000", "steps_total": 7, "danger": 2,
        "claimed_by": "", "owner": "team:helpdesk", "closed_at": None, "batch_id": None,
    }  # fmt: skip


def opened(folder: Path) -> Terminal:
    """The dashboard in a terminal."""
    environ = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "JMLTUI_HOME": str(folder)}
    return Terminal([str(Path(sys.executable).with_name("jmltui"))], environ, width=WIDTH, height=HEIGHT)


def textual(code: Sequence[str]) -> Terminal:
    """A program of Textual in a terminal."""
    environ = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    return Terminal([sys.executable, *code], environ, width=WIDTH, height=HEIGHT)


def until_answer(terminal: Terminal, ready: str, keys: str) -> float:
    """Seconds from the start until a key that was pressed at the first content is answered."""
    terminal.wait_for(ready)
    size = len(terminal.raw)
    terminal.press(keys)
    while len(terminal.raw) == size:
        terminal.read(0.001)
    return time.perf_counter()


def start_ratio(folder: Path) -> float:
    """Interactive, against the first content of `python -m textual`."""
    ratios = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        theirs = textual(["-m", "textual"])
        theirs.wait_for("What is Textual")
        bare = time.perf_counter() - begun
        theirs.close()
        begun = time.perf_counter()
        ours = opened(folder)
        product = until_answer(ours, "NEXT STEP", "j") - begun
        ours.close()
        ratios.append(product / bare)
        print(f"  start: bare {bare:.2f} s, product {product:.2f} s, ratio {ratios[-1]:.2f}")
    return statistics.median(ratios)


def cost(terminal: Terminal, keys: str, times: int) -> tuple[float, float]:
    """Median seconds and bytes of a key."""
    found = [terminal.cost(keys) for _ in range(times)]
    return statistics.median(each.seconds for each in found), statistics.median(each.written for each in found)


def cpu(terminal: Terminal) -> float:
    """Processor seconds of the program so far."""
    fields = Path(f"/proc/{terminal.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def megabytes(terminal: Terminal) -> float:
    """Resident memory of the program."""
    status = Path(f"/proc/{terminal.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def type_in(terminal: Terminal, text: str) -> list[float]:
    """Seconds until the list is still, for each letter of a filter."""
    terminal.press("/")
    terminal.still()
    found = [terminal.cost(letter).seconds for letter in text]
    terminal.press("\x1b")
    terminal.still()
    return found


def main() -> int:
    """Measure everything and say what misses its target."""
    results: list[tuple[str, float, float]] = []
    with tempfile.TemporaryDirectory(prefix="jmltui-bench-") as name:
        many, few = Path(name) / "many", Path(name) / "few"
        company(many, CASES, PEOPLE)
        company(few, 100, FEW_PEOPLE)
        results.append((f"start at {CASES:,} cases, against python -m textual", start_ratio(many), 0.50))
        ours = opened(many)
        ours.wait_for(f"{CASES:,}")
        ours.still(0.5)
        seconds, written = cost(ours, "j", 15)
        results.append(("cursor down with the preview, bytes", written, 1200))
        _, page = cost(ours, "\x1b[6~", 8)
        results.append(("page down, bytes", page, 12_500))
        theirs = textual(["-c", DATA_TABLE])
        theirs.wait_for("Ana Adler 20")
        theirs.still(1.0)
        bare, _ = cost(theirs, "\x1b[B", 15)
        theirs.close()
        results.append(("cursor down, latency against DataTable with 10,000 rows", first_paint(ours) / bare, 0.6))
        used, size = cpu(ours), len(ours.raw)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            ours.read(0.1)
        results.append(("idle, bytes a second", (len(ours.raw) - size) / 10, 0))
        results.append(("idle, % of a processor", (cpu(ours) - used) * 10, 0.3))
        results.append(("slowest filter letter over the cases, ms", max(type_in(ours, "jansen e00")) * 1000, 200))
        ours.press("2")
        ours.wait_for(f"{PEOPLE:,} people")
        ours.still(0.5)
        results.append(("cursor down without a preview, bytes", cost(ours, "j", 15)[1], 150))
        results.append(("slowest filter letter over the people, ms", max(type_in(ours, "jansen e00")) * 1000, 200))
        more = megabytes(ours)
        ours.close()
        small = opened(few)
        small.wait_for("NEXT STEP")
        small.press("2")
        small.wait_for(f"{FEW_PEOPLE:,} people")
        small.still(0.5)
        type_in(small, "jansen e00")
        results.append((f"memory at {PEOPLE:,} people above {FEW_PEOPLE:,}, MB", more - megabytes(small), 30))
        small.close()
        del seconds
    good = True
    for what, value, target in results:
        met = value <= target
        good = good and met
        print(f"  {what}: {value:.2f}, target {target:g}: {'pass' if met else 'FAIL'}")
    return 0 if good else 1


def first_paint(terminal: Terminal) -> float:
    """Median seconds from a key to the first bytes of its answer and what follows within the same frame."""
    found = []
    for _ in range(15):
        found.append(terminal.cost("j", quiet=0.04).seconds)
        terminal.still(0.2)
    return statistics.median(found)


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.exit(main())
