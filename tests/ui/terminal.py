"""A program in a pseudo-terminal: keys go in, bytes come out, and pyte says what the screen shows."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pyte


@dataclass(frozen=True, slots=True)
class Answer:
    """What one key cost: seconds until the screen was still, bytes written."""

    seconds: float
    written: int


class Terminal:
    """One program in a terminal of its own. Answers no query, as a plain terminal does."""

    def __init__(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        *,
        width: int = 80,
        height: int = 24,
        before: Callable[[], None] | None = None,
    ) -> None:
        self.screen = pyte.Screen(width, height)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = bytearray()
        self.master, slave = pty.openpty()
        self.resize(width, height, tell=False)

        def own_terminal() -> None:
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            if before is not None:
                before()

        self.process = subprocess.Popen(
            list(command), stdin=slave, stdout=slave, stderr=slave, env=dict(environ), preexec_fn=own_terminal
        )
        os.close(slave)

    def read(self, seconds: float) -> int:
        """Take what comes within a time; the number of bytes. 0 at the end."""
        if self.master < 0 or not select.select([self.master], [], [], seconds)[0]:
            return 0
        try:
            data = os.read(self.master, 1 << 16)
        except OSError:
            return 0
        self.raw += data
        self._stream.feed(data)
        return len(data)

    @property
    def text(self) -> str:
        """What the screen shows."""
        return "\n".join(line.rstrip() for line in self.screen.display)

    def wait(self, seen: Callable[[str], bool], seconds: float = 30) -> str:
        """Wait until the screen shows something."""
        end = time.monotonic() + seconds
        while not seen(self.text):
            self.read(0.02)
            assert time.monotonic() < end, self.text
            if self.process.poll() is not None and not self.read(0.05):
                assert seen(self.text), f"ended with {self.process.returncode}:\n{self.text}"
        return self.text

    def wait_for(self, text: str, seconds: float = 30) -> str:
        """Wait for a text."""
        return self.wait(lambda shown: text in shown, seconds)

    def still(self, quiet: float = 0.15, seconds: float = 20) -> int:
        """Wait until nothing comes for a while; the number of bytes."""
        total, last, end = 0, time.monotonic(), time.monotonic() + seconds
        while time.monotonic() - last < quiet and time.monotonic() < end:
            found = self.read(0.01)
            if found:
                total, last = total + found, time.monotonic()
        return total

    def press(self, keys: str | bytes) -> None:
        """Type."""
        os.write(self.master, keys.encode() if isinstance(keys, str) else keys)

    def cost(self, keys: str | bytes, quiet: float = 0.25) -> Answer:
        """What a key costs until the screen is still."""
        start = last = time.perf_counter()
        total = 0
        self.press(keys)
        while time.perf_counter() - last < quiet:
            found = self.read(0.001)
            if found:
                total, last = total + found, time.perf_counter()
        return Answer(last - start if total else 0.0, total)

    def resize(self, width: int, height: int, *, tell: bool = True) -> None:
        """Another size."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self.screen.resize(height, width)
        if tell:
            self.process.send_signal(signal.SIGWINCH)

    def vanish(self) -> None:
        """The terminal is gone."""
        os.close(self.master)
        self.master = -1

    def ended(self, seconds: float, *, reading: bool = True) -> int:
        """Wait for the end of the program; its code."""
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < end, "the program did not end"
            if reading:
                self.read(0.02)
            else:
                time.sleep(0.02)
        while reading and self.read(0.05):
            pass
        return int(self.process.returncode)

    def close(self) -> None:
        """Stop whatever still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.master >= 0:
            self.vanish()
