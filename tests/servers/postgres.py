"""A private PostgreSQL: a cluster of its own in a temporary folder, on the loopback address only."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .scim2 import free_port

_NUMBERS = itertools.count(1)


def missing(program: str) -> None:
    """Skip the test for want of `program`; where everything has to be there (CI is set) that is a failure."""
    told = f"{program} is not installed here; `.ci/servers` installs it"
    if os.environ.get("CI"):
        pytest.fail(told)
    pytest.skip(told)


def _program(name: str) -> str:
    """A server program: Debian keeps them out of the PATH, by version."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    program = str(found[-1]) if found else shutil.which(name)
    if program is None:
        missing("postgresql")
    return str(program)


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[int]:
    """The port of a running cluster. The server refuses to be root, so root runs it as somebody else."""
    initdb, control = _program("initdb"), _program("pg_ctl")
    as_other = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="jmltui-postgres-"))
    if as_other:
        shutil.chown(folder, "postgres")
    data, port = str(folder / "data"), free_port()
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"

    def run(*command: str) -> None:
        done = subprocess.run([*as_other, *command], cwd=folder, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr

    try:
        run(initdb, "-D", data, "-U", "jmltui", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        run(control, "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield port
        finally:
            run(control, "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def new_database(postgres_cluster: int) -> Callable[[], str]:
    """Make empty databases; the answer is the address as settings name it."""
    import psycopg

    def make() -> str:
        name = f"test{next(_NUMBERS)}"
        with psycopg.connect(f"postgresql://jmltui@127.0.0.1:{postgres_cluster}/postgres", autocommit=True) as link:
            link.execute(f'CREATE DATABASE "{name}"')
        return f"postgresql+psycopg://jmltui@127.0.0.1:{postgres_cluster}/{name}"

    return make
