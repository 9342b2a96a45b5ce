"""The dashboard in a real pseudo-terminal: how it starts, how it ends, and what never reaches the terminal."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from .company import Company
from .terminal import Terminal

Open = Callable[..., Terminal]
PROGRAM = [sys.executable, "-m", "jmltui"]


@pytest.fixture
def terminal(company: Company) -> Iterator[Open]:
    """Opens the dashboard of the practice company."""
    opened: list[Terminal] = []

    def start(*words: str, code: str = "", before: Callable[[], None] | None = None, **environ: str) -> Terminal:
        command = [sys.executable, "-c", code, *words] if code else [*PROGRAM, *words]
        plain = {key: value for key, value in os.environ.items() if key not in ("COLORTERM", "NO_COLOR")}
        made = Terminal(
            command,
            {**plain, "TERM": "xterm-256color", "LANG": "C.UTF-8", "JMLTUI_HOME": str(company.folder), **environ},
            before=before,
        )
        opened.append(made)
        return made

    yield start
    for each in opened:
        each.close()


def write_a_draft(terminal: Terminal) -> None:
    terminal.wait_for("NEXT STEP")
    terminal.still()
    terminal.press("n")
    terminal.wait_for("A note into case")
    terminal.press("half a note")
    terminal.wait_for("half a note")


def drafts(company: Company) -> list[str]:
    return [path.read_text() for path in company.places.drafts_dir.glob("*.txt")]


def test_q_leaves_and_gives_the_terminal_back(terminal: Open) -> None:
    shown = terminal()
    shown.wait_for("NEXT STEP")
    shown.still()
    shown.press("q")
    assert shown.ended(10) == 0
    assert b"\x1b[?1049l" in shown.raw
    assert b"\x1b[?25h" in shown.raw


def test_a_hangup_saves_the_draft_and_ends(terminal: Open, company: Company) -> None:
    shown = terminal()
    write_a_draft(shown)
    shown.vanish()
    assert shown.ended(5, reading=False) in (129, -signal.SIGHUP)
    assert drafts(company) == ["half a note"]


def test_a_hangup_that_a_parent_ignores_ends_it_too(terminal: Open, company: Company) -> None:
    shown = terminal(before=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN) and None)
    write_a_draft(shown)
    shown.vanish()
    assert shown.ended(5, reading=False) == 129
    assert drafts(company) == ["half a note"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_a_signal_saves_the_draft_and_restores_the_terminal(terminal: Open, company: Company, number: int) -> None:
    shown = terminal()
    write_a_draft(shown)
    shown.process.send_signal(number)
    assert shown.ended(10) == 128 + number
    assert drafts(company) == ["half a note"]
    assert b"\x1b[?1049l" in shown.raw


def test_a_link_that_takes_no_more_bytes_does_not_keep_it(terminal: Open, company: Company) -> None:
    shown = terminal()
    write_a_draft(shown)
    for size in range(60):
        shown.resize(60 + size % 40, 20 + size % 10)
        time.sleep(0.02)
    shown.process.send_signal(signal.SIGTERM)
    assert shown.ended(10, reading=False) == 143
    assert drafts(company) == ["half a note"]


def test_what_was_typed_is_there_again(terminal: Open) -> None:
    first = terminal()
    write_a_draft(first)
    first.process.send_signal(signal.SIGTERM)
    first.ended(10)
    second = terminal()
    second.wait_for("NEXT STEP")
    second.still()
    second.press("n")
    second.wait_for("half a note")
    assert "unsent text" in second.text


def test_every_size_is_survived(terminal: Open) -> None:
    shown = terminal()
    shown.wait_for("NEXT STEP")
    for width, height in [(40, 12), (20, 6), (1, 1), (300, 100), (5, 40), (80, 24)] * 3:
        shown.resize(width, height)
        shown.read(0.01)
    shown.still()
    shown.press("j")
    shown.still()
    assert "NEXT STEP" in shown.wait_for("PERSON")
    shown.press("q")
    assert shown.ended(10) == 0


def test_a_dumb_terminal_is_refused_with_the_command_that_helps(terminal: Open) -> None:
    shown = terminal(TERM="dumb")
    assert shown.ended(10) == 2
    assert b"jmltui cases" in shown.raw
    assert b"\x1b[?1049h" not in shown.raw


def test_a_text_console_gets_plain_signs(terminal: Open) -> None:
    shown = terminal(TERM="linux")
    shown.wait_for("NEXT STEP")
    shown.still()
    assert re.search(r"^>", shown.text, re.MULTILINE)
    ours = re.sub(r"\w", "", "".join(line[40:] for line in shown.text.splitlines()[1:16]))
    assert ours.isascii(), "no sign of ours is outside ASCII"


def test_without_colour_no_colour_is_sent(terminal: Open) -> None:
    shown = terminal(NO_COLOR="1")
    shown.wait_for("NEXT STEP")
    shown.still()
    for codes in re.findall(rb"\x1b\[([0-9;]*)m", bytes(shown.raw)):
        numbers = [int(part or 0) for part in codes.split(b";")]
        assert not any(30 <= n <= 38 or 40 <= n <= 48 or 90 <= n <= 107 for n in numbers), codes
    assert "late" in shown.text, "the word says what the colour said"


def test_an_error_of_our_own_shows_no_value(terminal: Open, company: Company) -> None:
    code = (
        "import sys\n"
        "from jmltui.ui.screens.queue import QueueScreen\n"
        "def boom(self):\n"
        "    token = 'hunter2-secret'\n"
        "    raise ValueError(token)\n"
        "QueueScreen.do_order = boom\n"
        "from jmltui.cli import main\n"
        "sys.exit(main([]))\n"
    )
    shown = terminal(code=code)
    shown.wait_for("NEXT STEP")
    shown.still()
    shown.press("o")
    assert shown.ended(15) == 1
    assert b"hunter2" not in shown.raw
    assert b"ValueError, incident" in shown.raw
    [report] = company.folder.glob("crash-*.txt")
    assert report.stat().st_mode & 0o777 == 0o600
    assert "hunter2" not in report.read_text()


def test_hostile_values_never_reach_the_terminal(terminal: Open, company: Company) -> None:
    attack = "A\x1b]52;c;ZXZpbA==\x07\x1b]0;pwned\x07\x1b]8;;http://evil\x1b\\x\x9b31m\x1b[6n\x1bP+q544e\x1b\\\u202e"
    with sqlite3.connect(company.places.cache_file) as connection:
        connection.execute("UPDATE jcase SET person_name = ?, next_step = ?, department = ?", (attack,) * 3)
        connection.execute("UPDATE step SET title = ?, note = ?", (attack, attack))
        connection.execute("UPDATE person SET name = ?, title = ?", (attack, attack))
        connection.execute("UPDATE system SET error = ?", (attack,))
    connection.close()
    shown = terminal()
    shown.wait_for("NEXT STEP")
    for keys in ("\r", "\t", "\t", "w", "\x1b", "q", "2", "\r", "1", "3", "1", "4", "1", " ", "r", "q", "?"):
        shown.still(0.2)
        shown.press(keys)
    shown.still(0.3)
    raw = bytes(shown.raw)
    for never in (b"\x1b]52;", b"\x1b]0;", b"\x1b]8;", b"\x1b[6n", b"\x1bP+q", "\u202e".encode(), "\x9b".encode()):
        assert never not in raw, never


def test_idle_writes_nothing(terminal: Open) -> None:
    shown = terminal()
    shown.wait_for("NEXT STEP")
    shown.still(1.0)
    before = len(shown.raw)
    end = time.monotonic() + 3
    while time.monotonic() < end:
        shown.read(0.1)
    assert len(shown.raw) == before


def test_nothing_heavy_is_imported_before_the_first_rows(company: Company) -> None:
    code = """
import sys
from jmltui.cli.context import Context, utc_now
from jmltui.config.places import Places
from jmltui.config.settings import load
from jmltui.lifecycle.board import open_board
from jmltui.ui.app import Dashboard
from jmltui.ui.desk import Outside
from pathlib import Path
folder = Path(sys.argv[1])
places = Places(folder, folder)
board = open_board(places, load(places.settings_file), utc_now, {})
app = Dashboard(board, Outside(places, "ana", utc_now, {}, lambda: None, lambda: None))
async def look(pilot):
    await pilot.pause()
    assert app.screen.table.count() > 10
    print(*sorted({name.partition(".")[0] for name in sys.modules}))
    app.exit()
app.run(headless=True, auto_pilot=look)
"""
    done = subprocess.run([sys.executable, "-c", code, str(company.folder)], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "textual" in loaded
    assert not loaded & {"sqlmodel", "sqlalchemy", "httpx", "keyring", "pydantic", "yaml", "msgspec"}
