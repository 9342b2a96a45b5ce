"""A PostgreSQL of a test's own: with passwords and a certificate, to be killed, halted and started again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.servers import postgres

from .scim2 import free_port

HBA = (
    "host all jmltui 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\nhost all all ::1/128 scram-sha-256\n"
)


class OwnPostgres:
    """One cluster. `jmltui` is its superuser and signs in without a password, everybody else with one."""

    def __init__(self, folder: Path) -> None:
        self._as_other = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        self._folder = folder
        self._data = folder / "data"
        self.port = free_port()
        self.certificate = folder / "server.crt"

    def make(self) -> None:
        """Initialise it, with a certificate for 127.0.0.1."""
        if self._as_other:
            shutil.chown(self._folder, "postgres")
        self._run("initdb", "-D", str(self._data), "-U", "jmltui", "-A", "trust", "-E", "UTF8", "--no-sync")
        certificate(self._folder, "server", "IP:127.0.0.1", self._as_other)
        (self._data / "pg_hba.conf").write_text(HBA)

    def start(self) -> None:
        """Start it, after a crash as well."""
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off -c ssl=on "
            f"-c ssl_cert_file={self.certificate} -c ssl_key_file={self._folder / 'server.key'} "
            "-c max_connections=20 -c restart_after_crash=off"
        )
        self._run("pg_ctl", "-D", str(self._data), "-w", "-l", str(self._folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        """End it at once, whatever it is doing."""
        self._run("pg_ctl", "-D", str(self._data), "-w", "-m", "immediate", "stop")

    @contextmanager
    def halted(self) -> Iterator[None]:
        """The server neither answers nor ends meanwhile: neither the one that lets people in nor any session."""
        head = int((self._data / "postmaster.pid").read_text().split("\n")[0])
        with self.super() as link:
            found = link.execute("SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()").fetchall()
        everybody = [head, *(row[0] for row in found)]
        for process in everybody:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in everybody:
                os.kill(process, signal.SIGCONT)

    @contextmanager
    def as_standby(self) -> Iterator[None]:
        """It follows a server that never writes anything, and can only be read meanwhile."""
        self.stop()
        signal_file = self._data / "standby.signal"
        signal_file.touch()
        self.start()
        try:
            yield
        finally:
            self.stop()
            signal_file.unlink()
            self.start()

    def super(self, database: str = "postgres") -> psycopg.Connection:
        """A session of the superuser's, each statement for itself."""
        return psycopg.connect(f"postgresql://jmltui@127.0.0.1:{self.port}/{database}", autocommit=True)

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as_other, postgres._program(program), *arguments]
        done = subprocess.run(command, cwd=self._folder, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr


def certificate(folder: Path, name: str, for_whom: str, as_other: list[str]) -> Path:
    """A certificate that is its own authority."""
    key, made = folder / f"{name}.key", folder / f"{name}.crt"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    command += ["-subj", f"/CN={name}", "-addext", f"subjectAltName={for_whom}", "-keyout", str(key), "-out", str(made)]
    subprocess.run([*as_other, *command], check=True, capture_output=True, cwd=folder, timeout=60)
    key.chmod(0o600)
    return made


def psql(port: int, user: str, statement: str, database: str = "postgres", password: str = "") -> list[str]:
    """The command line of PostgreSQL's own client."""
    address = f"host=127.0.0.1 port={port} dbname={database} user='{user}' password='{password}' sslmode=prefer"
    return [postgres._program("psql"), address, "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement]


def asked(port: int, statement: str, user: str = "jmltui", database: str = "postgres", password: str = "") -> str:
    """What psql answers, or what it complains of."""
    command = psql(port, user, statement, database, password)
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    return (done.stdout if done.returncode == 0 else done.stderr).strip()


@contextmanager
def own_postgres() -> Iterator[OwnPostgres]:
    """A running cluster."""
    folder = Path(tempfile.mkdtemp(prefix="jmltui-own-postgres-"))
    server = OwnPostgres(folder)
    try:
        server.make()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)
