"""scim2-server, a conformant SCIM 2.0 server that nobody here wrote."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

READY_SECONDS = 30


@dataclass(frozen=True)
class ScimServer:
    """A running server."""

    url: str
    token: str
    process: subprocess.Popen[bytes]


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until the port answers; a server that ended shows its log."""
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.05)
    process.kill()
    pytest.fail(f"the server did not start:\n{log.read_text(errors='replace')[-3000:]}")


@pytest.fixture
def scim2_server() -> Iterator[Callable[..., ScimServer]]:
    """Start as many fresh servers as the test asks for; all end with it."""
    with scim2_servers() as start:
        yield start


@contextmanager
def scim2_servers() -> Iterator[Callable[..., ScimServer]]:
    """Start as many fresh servers as are asked for; all end with this."""
    running: list[ScimServer] = []
    with tempfile.TemporaryDirectory() as folder:

        def start(*, cursor: bool = False) -> ScimServer:
            port, token = free_port(), "secret"
            binary = Path(sys.executable).with_name("scim2-server")
            command = [str(binary), "--port", str(port), "--bearer-token", token]
            if cursor:
                config = Path(folder) / "spc.json"
                config.write_text(json.dumps(ANNOUNCED))
                command += ["--service-provider-config", str(config)]
            log = Path(folder) / f"{port}.log"
            with log.open("wb") as out:
                process = subprocess.Popen(command, stdout=out, stderr=out)
            wait_for(port, process, log)
            running.append(ScimServer(f"http://127.0.0.1:{port}/v2", token, process))
            return running[-1]

        yield start
        for server in running:
            server.process.kill()
            server.process.wait()


ANNOUNCED = {
    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
    "patch": {"supported": True},
    "bulk": {"supported": True, "maxOperations": 1000, "maxPayloadSize": 1048576},
    "filter": {"supported": True, "maxResults": 1000},
    "changePassword": {"supported": False},
    "sort": {"supported": True},
    "etag": {"supported": True},
    "authenticationSchemes": [
        {"type": "oauthbearertoken", "name": "Bearer", "description": "A token", "primary": True}
    ],
    "pagination": {"cursor": True, "index": True, "defaultPaginationMethod": "index"},
}
