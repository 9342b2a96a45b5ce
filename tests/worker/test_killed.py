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
from jmltui.worker.place import running_worker
from tests.lifecycle.conftest import Office, cache_settings, make_office

__all__ = ["cache_settings", "make_office"]

LONGEST_SECONDS = 160
KILLS = 200
SHORTEST, LONGEST = 0.01, 0.35
"""Seconds that a worker lives: from before its first claim to several actions."""
DELAY_SECONDS = 0.04
"""What the way to the server takes, so that the work outlasts many a worker on a fast machine too."""
MANY = [(f"E{n:03}", f"Person {n}", ("Finance", "IT")[n % 2]) for n in range(1, 121)]

NURSERY = """
import os, sys
import jmltui.cli.worker_command, jmltui.lifecycle.execute, jmltui.lifecycle.sync, jmltui.worker.process
import jmltui_csv, jmltui_scim, sqlalchemy.dialects.sqlite, yaml
from jmltui.cli import main
for line in sys.stdin:
    child = os.fork()
    if not child:
        sys.stdin = open(os.devnull)
        os._exit(main(["worker"]))
    print(child, flush=True)
    os.waitpid(child, 0)
    print("ended", flush=True)
"""
"""Imports once and forks a worker for each line, so that two hundred lives are not two hundred imports."""


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


def _born(nursery: subprocess.Popen[str]) -> int:
    """A new worker's process number."""
    assert nursery.stdin is not None
    assert nursery.stdout is not None
    nursery.stdin.write("\n")
    nursery.stdin.flush()
    return int(nursery.stdout.readline())


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_killed_at_random_moments(make_office: Callable[..., Office]) -> None:
    await kill_at_random_moments(make_office, MANY, KILLS)


async def kill_at_random_moments(
    make_office: Callable[..., Office], people: list[tuple[str, str, str]], enough: int
) -> None:
    """Let people join while one worker after the other is killed, `enough` of them, and look at the server."""
    proxies: list[Any] = []

    def between(url: str) -> str:
        way = counting(url, lose_every=9)
        proxies.append((way, way.__enter__()))
        return f"http://127.0.0.1:{proxies[0][1].server_address[1]}{urlsplit(url).path}"

    office = make_office(url=between)
    office.feed(list(people))
    await office.sync()
    requests.run_all(office.workshop)
    chance = random.Random(20260601)
    environ = {**os.environ, **office.environ}
    lock = office.home / "cache.sqlite.worker.lock"
    nursery = subprocess.Popen(
        [sys.executable, "-c", NURSERY], env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    kills, began = 0, time.monotonic()
    while office.cases() and time.monotonic() - began < LONGEST_SECONDS:
        worker = _born(nursery)
        while running_worker(lock) is None and _lives(worker):
            time.sleep(0.002)
        assert nursery.stdout is not None
        if not _lives(worker):
            # It came before the database server had noticed the end of the one before it.
            nursery.stdout.readline()
            continue
        if kills < enough:
            time.sleep(chance.uniform(SHORTEST, LONGEST))
            os.kill(worker, signal.SIGKILL)
            kills += 1
        else:
            while office.cases() and time.monotonic() - began < LONGEST_SECONDS:
                time.sleep(0.2)
            os.kill(worker, signal.SIGKILL)
        nursery.stdout.readline()
    nursery.communicate()
    assert office.cases() == [], f"still open after {kills} kills"
    assert kills == enough, f"all was done after {kills} kills: too few for this to prove anything"
    assert office.truth() == {key.lower(): (True, {department}) for key, _, department in people}
    way, proxy = proxies[0]
    users = [body for body in proxy.created if "userName" in body]
    assert len(users) == len(set(users)) == len(people), "an account was created twice"
    with office.workshop.cache.read() as session:
        assert journal.verify(session).first_bad is None
    way.__exit__(None, None, None)
    await office.workshop.close()
