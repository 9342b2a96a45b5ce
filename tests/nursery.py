"""jmltui as a process for a test: forked from one that has imported it, so that many commands import once.

`calling(*words)` is what to give to `subprocess.run` instead of `[sys.executable, "-m", "jmltui", *words]`. It begins a
real process with that environment, folder, standard streams and exit code; it ends when its caller is killed. What the
interpreter itself would read differently (PYTHONPATH, a locale) is given a new interpreter.
"""

from __future__ import annotations

import atexit
import os
import shlex
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Final

CALLER: Final = """
import marshal, os, socket, sys
place, python, settings, *words = sys.argv[1:]
environ = dict(os.environ)
if repr(sorted(pair for pair in environ.items() if pair[0].startswith(("PYTHON", "LC_", "LANG")))) != settings:
    os.execv(python, [python, "-m", "jmltui", *words])
line = socket.socket(socket.AF_UNIX)
line.connect(place)
asked = marshal.dumps((words, os.getcwd(), environ))
socket.send_fds(line, [len(asked).to_bytes(4, "big")], [0, 1, 2])
line.sendall(asked)
code = int(line.recv(16) or b"-9")
if code < 0:
    os.kill(os.getpid(), -code)
sys.exit(code)
"""
"""What runs in the place of the interpreter. It imports next to nothing."""

NURSERY: Final = """
import gc, importlib, marshal, os, pkgutil, select, signal, socket, sys, time

def imported():
    import jmltui.cli, jmltui.governance, jmltui.lifecycle
    for package in (jmltui.cli, jmltui.governance, jmltui.lifecycle):
        for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            importlib.import_module(module.name)
    import httpx, jmltui.worker.process, jmltui_csv, jmltui_practice, jmltui_scim
    import sqlalchemy.dialects.sqlite, sqlalchemy.orm, yaml
    sqlalchemy.orm.configure_mappers()

def asked_for(line):
    head, streams, _, _ = socket.recv_fds(line, 4, 3)
    left, parts = int.from_bytes(head, "big"), []
    while left:
        parts.append(line.recv(left))
        left -= len(parts[-1])
    return *marshal.loads(b"".join(parts)), streams

def watched(line, process):
    end = os.pidfd_open(process)
    ready, _, _ = select.select([line, end], [], [])
    if end not in ready:
        os.kill(process, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    try:
        line.sendall(str(code).encode())
    except OSError:
        pass
    os._exit(0)

def become(words, folder, environ, streams):
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = open(0, closefd=False)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    time.tzset()
    sys.argv[1:] = words

def child_of(listener):
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print(flush=True)
    while True:
        ready, _, _ = select.select([listener, 0], [], [])
        if listener not in ready:
            os._exit(0)
        line, _ = listener.accept()
        if not os.fork():
            break
        line.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    listener.close()
    asked = asked_for(line)
    process = os.fork()
    if process:
        for stream in asked[-1]:
            os.close(stream)
        watched(line, process)
    line.close()
    become(*asked)

sys.path.pop(0)
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv.pop(1))
listener.listen()
imported()
gc.freeze()
child_of(listener)
from jmltui.cli import main
sys.exit(main())
"""


@cache
def _nursery() -> list[str]:
    """Begin it. What calls it, without the words."""
    folder = tempfile.TemporaryDirectory(prefix="jmltui-nursery-")
    place = Path(folder.name) / "place"
    process = subprocess.Popen(
        [sys.executable, "-c", NURSERY, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/"
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stdout.readline() == b"\n", "the nursery did not begin"

    def end() -> None:
        process.communicate()
        folder.cleanup()

    atexit.register(end)
    settings = repr(sorted(pair for pair in os.environ.items() if pair[0].startswith(("PYTHON", "LC_", "LANG"))))
    return [sys.executable, "-I", "-S", "-c", CALLER, str(place), sys.executable, settings]


def calling(*words: str) -> list[str]:
    """The command line that is jmltui with these words, for `subprocess.run`."""
    return [*_nursery(), *words]


def program(path: Path) -> None:
    """Write a program that is jmltui, for a shell."""
    path.write_text(f'#!/bin/sh\nexec {shlex.join(_nursery())} "$@"\n', encoding="utf-8")
    path.chmod(0o755)
