"""Ending well: signals, a terminal that goes away, a terminal that stops reading.

Textual handles neither SIGHUP nor SIGTERM, and where SIGHUP is ignored by a parent it reads the end of file of a
vanished terminal for ever. Here every end saves what was being typed, restores the terminal where there is one, and is
over in two seconds even when the loop is blocked in a write.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import sys
import termios
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Final

GRACE_SECONDS: Final = 2.0
HANGUP_CODE: Final = 128 + signal.SIGHUP
SIGNALS: Final = (signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT)
GONE: Final = select.POLLHUP | select.POLLERR | select.POLLNVAL

RESTORE: Final = (
    b"\x1b[?2026l\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1004l\x1b[?2004l\x1b[?2048l"
    b"\x1b[<u\x1b[?1049l\x1b[?25h\x1b[m"
)
"""End of synchronized output, mouse, focus, paste, in-band resize and keyboard modes; main screen, cursor, no style
(xterm control sequences, DEC private modes; kitty keyboard protocol `CSI < u`)."""


class Ending:
    """Watches for the end of one application from its start on."""

    def __init__(self, save: Callable[[], None], leave: Callable[[int], None]) -> None:
        """`save` keeps unsaved work, from any thread; `leave` asks the application to exit, on its loop."""
        self._save = save
        self._leave = leave
        self._begun = False
        self._attributes = _attributes()
        self._loop: asyncio.AbstractEventLoop | None = None

    def watch(self) -> None:
        """Take the signals (with a blocked loop too, hence no loop handler) and watch the terminal."""
        self._loop = asyncio.get_running_loop()
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                signal.signal(number, self._on_signal)
        if os.isatty(sys.__stdin__.fileno() if sys.__stdin__ else 0):
            threading.Thread(target=self._watch_terminal, name="terminal", daemon=True).start()

    def _watch_terminal(self) -> None:
        poll = select.poll()
        # No event is asked for, so this wakes only when the terminal is gone.
        poll.register(0, 0)
        while not self._begun:
            for _, event in poll.poll():
                if event & GONE:
                    self.begin(HANGUP_CODE, gone=True)
                    return

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del frame
        self.begin(128 + number, gone=number == signal.SIGHUP)

    def begin(self, code: int, *, gone: bool) -> None:
        """End the process with this code; a terminal that is gone is shown nothing more."""
        if not self._begun:
            self._begun = True
            threading.Thread(target=self._end, args=(code, gone), name="ending", daemon=True).start()

    def _end(self, code: int, gone: bool) -> None:
        # Whatever goes wrong while saving, the process must end: nobody is there to be told.
        with contextlib.suppress(Exception):
            self._save()
        if gone:
            os._exit(code)
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._leave, code)
        time.sleep(GRACE_SECONDS)
        self._restore()
        os._exit(code)

    def _restore(self) -> None:
        """Put the terminal back without waiting for it."""
        with contextlib.suppress(OSError, termios.error):
            terminal = os.open("/dev/tty", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
            os.write(terminal, RESTORE)
            if self._attributes is not None:
                termios.tcsetattr(0, termios.TCSANOW, self._attributes)


def _attributes() -> list[int | list[bytes | int]] | None:
    """How the terminal was set before Textual changed it; None without a terminal."""
    try:
        return termios.tcgetattr(0)
    except termios.error:
        return None
