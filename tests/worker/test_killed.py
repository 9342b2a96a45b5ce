"""kill -9 at random moments: nothing is lost, nothing is done twice, every action reaches a true state by itself."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import urlsplit

import pytest

from jmltui.cache import journal
from jmltui.lifecycle import requests
from jmltui.worker.process import running_worker
from tests.lifecycle.conftest import STAFF, Office, make_office

__all__ = ["make_office"]

LONGEST_SECONDS = 150
DELAY_SECONDS = 0.04
"""What the way to the server takes, so that the work outlasts many a worker on a fast machine too."""
SHORT_LIVES = 15
FEWEST_KILLS = 8


class Counting(ThreadingHTTPServer):
    """A way to the server that counts the writes it lets through, and loses some of the answers."""

    daemon_threads = True

    def __init__(self, target: str, lose_every: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target = urlsplit(target)
        self.lose_every = lose_every
        self.writes: Counter[str] = Counter()
        self.created: list[str] = []
        self.lock = Lock()


class _Handler(BaseHTTPRequestHandler):
    server: Counting

    def _pass(self) -> None:
        time.sleep(DELAY_SECONDS)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        upstream = HTTPConnection(self.server.target.hostname or "", self.server.target.port, timeout=30)
        upstream.request(self.command, self.path, body, dict(self.headers))
        answer = upstream.getresponse()
        content = answer.read()
        with self.server.lock:
            self.server.writes[self.command] += self.command != "GET"
            if self.command == "POST" and answer.status == 201:
                self.server.created.append(body.decode())
            lost = self.command != "GET" and sum(self.server.writes.values()) % self.server.lose_every == 0
        upstream.close()
        self.close_connection = True
        if lost:
            return
        try:
            self.send_response(answer.status)
            for name in ("Content-Type", "ETag"):
                if answer.headers.get(name):
                    self.send_header(name, answer.headers[name])
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            return

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _pass

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
        """Say nothing."""


@contextmanager
def counting(target: str, lose_every: int) -> Iterator[Counting]:
    server = Counting(target, lose_every)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.timeout(240)
async def test_killed_at_random_moments(make_office: Callable[..., Office]) -> None:
    proxies: list[Any] = []

    def between(url: str) -> str:
        way = counting(url, lose_every=9)
        proxies.append((way, way.__enter__()))
        return f"http://127.0.0.1:{proxies[0][1].server_address[1]}{urlsplit(url).path}"

    office = make_office(url=between)
    office.feed(STAFF)
    await office.sync()
    requests.run_all(office.workshop)
    chance = random.Random(20260601)
    environ = {**os.environ, **office.environ}
    lock = office.home / "cache.sqlite.worker.lock"
    kills, began = 0, time.monotonic()
    while office.cases() and time.monotonic() - began < LONGEST_SECONDS:
        worker = subprocess.Popen([sys.executable, "-m", "jmltui", "worker"], env=environ)
        while running_worker(lock) is None and worker.poll() is None:
            time.sleep(0.005)
        time.sleep(chance.uniform(0.02, 0.3 if kills < SHORT_LIVES else 8))
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        kills += 1
    assert office.cases() == [], f"still open after {kills} kills"
    assert kills >= FEWEST_KILLS, "the worker was not killed often enough for this to prove anything"
    assert office.truth() == {key.lower(): (True, {department}) for key, _, department in STAFF}
    way, proxy = proxies[0]
    users = [body for body in proxy.created if "userName" in body]
    assert len(users) == len(set(users)) == len(STAFF), "an account was created twice"
    with office.workshop.cache.read() as session:
        assert journal.verify(session).first_bad is None
    way.__exit__(None, None, None)
    await office.workshop.close()
