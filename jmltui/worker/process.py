"""One detached worker per database: started by whoever needs it, held by a lock the kernel lets go of at its end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Final

from jmltui.config import settings as settings_file
from jmltui.config.places import Places
from jmltui.errors import JmltuiError
from jmltui.lifecycle.workshop import Workshop, cache_url, open_workshop

from .place import Place, WorkerRuns, only_worker, only_worker_of, running_worker, surely_gone
from .posting import TicketPoster
from .reload import OtherCache, Watch
from .runner import LocalRunner, Say
from .schedule import Schedule, in_thread_of_its_own

IDLE: Final = timedelta(minutes=10)
START_SECONDS: Final = 20.0
WATCH_SECONDS: Final = 1.0

_STARTED: list[subprocess.Popen[bytes]] = []
"""Workers that this process started: kept, so that one which ended is reaped by the next call."""


def serve(
    places: Places, clock: Callable[[], datetime], environ: Mapping[str, str], idle: timedelta | None = IDLE
) -> None:
    """Be the worker until stopped or idle. Raises WorkerRuns when there is one already."""
    places.ensure_state()
    url = cache_url(places, settings_file.load(places.settings_file))
    at_database = only_worker_of(url) if url.startswith("postgresql") else nullcontext()
    with only_worker(places.worker_lock()), at_database as place:
        asyncio.run(_serve(places, clock, environ, idle, place))


async def _serve(
    places: Places,
    clock: Callable[[], datetime],
    environ: Mapping[str, str],
    idle: timedelta | None,
    place: Place | None,
) -> None:
    def say(text: str) -> None:
        # Standard error of a worker is its log.
        sys.stderr.write(f"{clock():%Y-%m-%d %H:%M:%S} {text}\n")
        sys.stderr.flush()

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    workshop = open_workshop(places, "worker", clock, environ)
    try:
        watch = Watch(places, workshop, environ, say)
        changed: Workshop | None = await asyncio.to_thread(watch.begin)
        while changed is not None:
            workshop = changed
            changed = await _serve_until_changed(workshop, watch, stop, idle, say, place)
            await workshop.adapters.close()
    finally:
        workshop.cache.close()


async def _serve_until_changed(
    workshop: Workshop,
    watch: Watch,
    stop: asyncio.Event,
    idle: timedelta | None,
    say: Say,
    place: Place | None,
) -> Workshop | None:
    """Serve by one set of settings and one policy; the workshop to go on with when they changed, None at the end."""
    schedule = Schedule(workshop, say)
    # The lock of a file is held on this machine alone, so every other owner has ended.
    poster = TicketPoster(workshop, say, surely_gone if place is not None else lambda _: True)

    def needed() -> bool:
        return schedule.needs_a_worker() or poster.needs_a_worker()

    runner = LocalRunner(workshop, idle=idle, needed=needed, stop=stop, say=say, place=place)
    with in_thread_of_its_own(schedule, poster):
        running = asyncio.create_task(runner.run())
        changed: Workshop | None = None
        while not running.done():
            await asyncio.wait({running}, timeout=WATCH_SECONDS)
            if changed is None and not running.done():
                try:
                    changed = await asyncio.to_thread(watch.look)
                except OtherCache as told:
                    say(told.message)
                    stop.set()
            if changed is not None:
                # Nothing is changed under an action that is under way.
                runner.finish.set()
        await running
    if stop.is_set():
        return None
    if changed is not None:
        say("settings and policy were read again, because their files changed")
    return changed


def ensure_worker(places: Places, environ: Mapping[str, str]) -> None:
    """Start the worker unless it runs: in a session of its own, its words in the log. Raises JmltuiError."""
    places.ensure_state()
    lock = places.worker_lock()
    if running_worker(lock) is not None:
        return
    log = os.open(places.worker_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "jmltui", "worker"],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
        )
    finally:
        os.close(log)
    _STARTED[:] = [process, *(child for child in _STARTED if child.poll() is None)]
    end = time.monotonic() + START_SECONDS
    while running_worker(lock) is None:
        if process.poll() == WorkerRuns.exit_code:
            # On another machine, at the same database: it does what was asked for here.
            return
        if process.poll() is not None and running_worker(lock) is None:
            raise JmltuiError(
                "The worker ended as soon as it was started.", hint=f"Its log says why: {places.worker_log}"
            )
        if time.monotonic() > end:
            raise JmltuiError("The worker does not start.", hint=f"Look into its log: {places.worker_log}")
        time.sleep(0.02)


def stop_worker(places: Places) -> bool:
    """Ask the worker to end and wait for it; whether there was one."""
    number = running_worker(places.worker_lock())
    if not number:
        return False
    os.kill(number, signal.SIGTERM)
    end = time.monotonic() + 10
    while running_worker(places.worker_lock()) is not None and time.monotonic() < end:
        time.sleep(0.02)
    return True
