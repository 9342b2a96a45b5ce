"""Roundup: a real issue tracker with a REST interface, which has somebody internal and somebody who asks."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from .postgres import missing
from .scim2 import free_port, wait_for

PROGRAMS = Path(__file__).parents[2] / ".cache" / "servers" / "roundup" / "bin"
ADMIN, AGENT, REQUESTER = ("admin", "admin-secret"), ("jmltui", "agent-secret"), ("rita", "requester-secret")

PERMISSIONS = """
db.security.addRole(name="Agent", description="Sees internal messages, too")
db.security.addPermissionToRole("Agent", "View", "msg")
def is_public(db, userid, itemid):
    return not db.msg.get(itemid, "private")
db.security.addPermissionToRole("User", db.security.addPermission(name="View", klass="msg", check=is_public))
"""


class Roundup:
    """One tracker. Messages of it may be private: then only agents see them."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._home, self._log = folder, folder / "tracker", folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.url = f"{self.origin}/t"
        self._client = httpx.Client(trust_env=False, verify=False, timeout=30)  # noqa: S501  nothing is encrypted here

    def make(self) -> None:
        """Install the tracker and its users."""
        self._admin("install", "classic", "sqlite")
        self._edit()
        self._admin("initialise", ADMIN[1])
        for (login, password), roles in ((AGENT, "User,Agent"), (REQUESTER, "User")):
            address = f"address={login}@example.test"
            self._admin("create", "user", f"username={login}", f"password={password}", address, f"roles={roles}")

    def _edit(self) -> None:
        config, schema = self._home / "config.ini", self._home / "schema.py"
        text = config.read_text().replace("#web = NO DEFAULT", f"web = {self.url}/")
        text = text.replace("#domain = NO DEFAULT", "domain = example.test").replace(
            "#host = NO DEFAULT", "host = localhost"
        )
        text = text.replace("rounds = 250000", "rounds = 1000")  # every call signs in anew
        head, mail = text.split("\n[mail]\n")
        config.write_text(f"{head}\n[mail]\n{mail.replace('debug = ', f'debug = {self._folder}/mail', 1)}")
        text = schema.read_text().replace("inreplyto=String())", "inreplyto=String(), private=Boolean())", 1)
        text = text.replace("    db.security.addPermissionToRole('User', 'View', cl)",
                            "    cl == 'msg' or db.security.addPermissionToRole('User', 'View', cl)", 1)  # fmt: skip
        schema.write_text(text + PERMISSIONS)

    def start(self) -> None:
        """Serve, after a stop as well; it refuses to be root."""
        program = [str(PROGRAMS / "roundup-server"), "-n", "127.0.0.1", "-p", str(self.port), "-t", "thread"]
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", "nobody", str(self._folder)], check=True)
            program += ["-u", "nobody"]
        with self._log.open("ab") as out:
            self._process = subprocess.Popen([*program, f"t={self._home}"], stdout=out, stderr=out, cwd=self._folder)
        wait_for(self.port, self._process, self._log)

    def stop(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def runs(self) -> bool:
        """Whether it was started and not stopped."""
        return self._process is not None

    def close(self) -> None:
        """End it and let go of it."""
        self.stop()
        self._client.close()

    def _admin(self, *words: str) -> None:
        command = [str(PROGRAMS / "roundup-admin"), "-i", str(self._home), *words]
        done = subprocess.run(command, cwd=self._folder, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr

    # ---- what people see in it

    def open_issue(self, title: str) -> str:
        """Somebody opens an issue; its number."""
        return str(self._call("POST", "issue", ADMIN, {"title": title})["id"])

    def status(self, issue: str) -> str:
        """Where it stands."""
        return str(self._call("GET", f"issue/{issue}?@verbose=2", ADMIN)["attributes"]["status"]["name"])

    def comments(self, issue: str, whom: tuple[str, str] = ADMIN) -> list[dict[str, Any]]:
        """The messages of an issue that somebody may see, the oldest first."""
        hung = self._call("GET", f"issue/{issue}?@verbose=2", whom)["attributes"]["messages"]
        numbers = sorted(int(message["id"]) for message in hung)
        found = [self._try(f"msg/{number}?@verbose=3", whom) for number in numbers]
        return [message["attributes"] for message in found if message is not None]

    def all_messages(self) -> int:
        """How many messages the tracker holds, hung to an issue or not."""
        return int(self._call("GET", "msg", ADMIN)["@total_size"])

    def page(self, issue: str) -> str:
        """The page of an issue as a browser gets it."""
        answer = self._client.get(f"{self.url}/issue{issue}", auth=ADMIN)
        return answer.raise_for_status().text

    def _try(self, path: str, whom: tuple[str, str]) -> Any:
        answer = self._client.get(f"{self.url}/rest/data/{path}", auth=whom, headers=self._headers)
        return answer.json()["data"] if answer.status_code == 200 else None

    def _call(self, method: str, path: str, whom: tuple[str, str], body: object = None) -> Any:
        url, headers = f"{self.url}/rest/data/{path}", self._headers
        answer = self._client.request(method, url, auth=whom, headers=headers, json=body)
        return answer.raise_for_status().json()["data"]

    @property
    def _headers(self) -> dict[str, str]:
        return {"X-Requested-With": "rest", "Origin": self.origin}


@pytest.fixture(scope="session")
def roundup_tracker() -> Iterator[Roundup]:
    """One tracker for all tests."""
    if not PROGRAMS.joinpath(".complete").exists():
        missing("Roundup")
    folder = Path(tempfile.mkdtemp(prefix="jmltui-roundup-"))
    tracker = Roundup(folder)
    try:
        tracker.make()
        tracker.start()
        yield tracker
    finally:
        tracker.close()
        shutil.rmtree(folder)


@pytest.fixture
def roundup(roundup_tracker: Roundup) -> Iterator[Roundup]:
    """The tracker, which runs at the begin of each test."""
    yield roundup_tracker
    if not roundup_tracker.runs:
        roundup_tracker.start()
