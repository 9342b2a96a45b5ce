"""moto: AWS as far as IAM, STS and Identity Center go, more lenient than AWS; and a proxy that refuses as AWS does."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

import httpx
import pytest

from jmltui.adapter_api.conformance import Disturbance
from tests.servers.played import LOSING, Asked, Played, Reply

from .postgres import missing
from .scim2 import free_port, wait_for

PROGRAM: Final = Path(__file__).parents[2] / ".cache" / "servers" / "moto" / "bin" / "moto_server"
CLIENT: Final = httpx.Client(timeout=30, trust_env=False)
READS: Final = ("Get", "List", "Describe", "AssumeRole")


@dataclass(frozen=True)
class Moto:
    """Where it listens."""

    url: str

    def client(self, service: str) -> Any:
        """A client of botocore, as another administrator has one."""
        return _client(self.url, service)


@cache
def _client(url: str, service: str) -> Any:
    import boto3

    return boto3.Session("other", "other", None, "us-east-1").client(service, endpoint_url=url)


@pytest.fixture(scope="session")
def moto_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moto]:
    """One server for all tests; each test uses names of its own."""
    if not PROGRAM.with_name(".complete").exists():
        missing("moto")
    port, log = free_port(), tmp_path_factory.mktemp("moto") / "moto.log"
    environment = {**os.environ, "MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(PROGRAM), "-H", "127.0.0.1", "-p", str(port)], stdout=out, stderr=out, env=environment
        )
    try:
        wait_for(port, process, log)
        yield Moto(f"http://127.0.0.1:{port}")
    finally:
        process.kill()
        process.wait()


@dataclass
class AwsProxy:
    """Before moto: passes on, and does to the answers what AWS and networks do. It is a FaultInjector.

    `refuse` answers the next calls of an operation with an error code of AWS. What moto lacks is played from the API
    reference: service-specific credentials.
    """

    moto: Moto
    services: dict[str, list[str]] = field(default_factory=dict)
    refusals: list[tuple[str, int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server = _Passing(self)
        twists = self.server.twists
        twists[Disturbance.OTHER_USER] = _other_user
        twists[Disturbance.EMPTY_LISTING] = _nobody
        twists[Disturbance.ENDLESS_LISTING] = _endless

    @property
    def supports(self) -> frozenset[Disturbance]:
        """botocore reads answers without a bound of its own."""
        return self.server.supports - {Disturbance.HUGE_ANSWER}

    async def disturb(self, what: Disturbance) -> None:
        """From now on, until `calm`."""
        await self.server.disturb(what)

    async def calm(self) -> None:
        """Let everything pass again."""
        await self.server.calm()

    def refuse(self, operation: str, status: int, code: str) -> None:
        """Answer the next call of this operation with this code; “*” is any."""
        self.refusals.append((operation, status, code))

    def operations(self) -> list[str]:
        """What was asked, oldest first."""
        return [operation_of(asked) for asked in self.server.asked]

    def writes(self) -> list[str]:
        """What was asked that changes something."""
        return [name for name in self.operations() if not name.startswith(READS)]


class _Passing(Played):
    """Forwards to moto. Calls of boto3 run in threads, so that a wait here holds up nobody else."""

    def __init__(self, proxy: AwsProxy) -> None:
        super().__init__()
        self._proxy = proxy

    async def _exchange(self, asked: Asked, writer: Any) -> None:
        """All calls of AWS are POST: which of them read is told by their names."""
        operation, what = operation_of(asked), self._what
        due = next((one for one in self._proxy.refusals if one[0] in ("*", operation)), None)
        passes = what in LOSING and operation.startswith(READS)
        if due is not None:
            self._proxy.refusals.remove(due)
            self.instead.insert(0, _refusal(asked, due[1], due[2]))
        elif what is Disturbance.THROTTLE:
            self.instead.insert(0, _refusal(asked, 400, "Throttling"))
            passes = True
        if passes:
            self._what = None
        await super()._exchange(asked, writer)
        if passes:
            self._what = what

    def _answer(self, asked: Asked) -> Reply:
        operation = operation_of(asked)
        if operation.endswith("ServiceSpecificCredentials") or operation == "DeleteServiceSpecificCredential":
            return self._service_specific(asked, operation)
        headers = {
            name: value for name, value in asked.headers.items() if name not in ("connection", "host", "content-length")
        }
        address = self._proxy.moto.url + asked.path
        body = asked.body.replace(b', "NextToken": "more"', b"")  # of an endless listing: the first page again
        real = CLIENT.request(asked.method, address, content=body, headers=headers)
        return Reply(real.status_code, real.content, {"Content-Type": real.headers.get("content-type", "")})

    def _service_specific(self, asked: Asked, operation: str) -> Reply:
        """IAM API reference, ListServiceSpecificCredentials and DeleteServiceSpecificCredential."""
        given = _form(asked)
        held = self._proxy.services.get(given["UserName"], [])
        if operation.startswith("Delete"):
            held.remove(given["ServiceSpecificCredentialId"])
        rows = "".join(
            f"<member><ServiceSpecificCredentialId>{one}</ServiceSpecificCredentialId><Status>Active</Status>"
            f"<UserName>{given['UserName']}</UserName><ServiceName>codecommit.amazonaws.com</ServiceName>"
            "<CreateDate>2026-05-01T08:00:00Z</CreateDate></member>"
            for one in held
        )
        told = f"<ServiceSpecificCredentials>{rows}</ServiceSpecificCredentials>"
        body = f"<{operation}Response><{operation}Result>{told}</{operation}Result></{operation}Response>"
        return Reply(200, body.encode(), {"Content-Type": "text/xml"})


def operation_of(asked: Asked) -> str:
    """Which operation of AWS a request asks for."""
    target = asked.headers.get("x-amz-target", "")
    return target.rpartition(".")[2] if target else _form(asked).get("Action", "")


def _form(asked: Asked) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(asked.body.decode("utf-8", "replace")).items()}


def _refusal(asked: Asked, status: int, code: str) -> Reply:
    """An error as the protocol of the service tells it."""
    if "x-amz-target" in asked.headers:
        body: Any = {"__type": code, "Message": "refused", "message": "refused"}
        return Reply(status, body, {"Content-Type": "application/x-amz-json-1.1"})
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>refused</Message></Error>"
    text = f"<ErrorResponse>{error}<RequestId>r</RequestId></ErrorResponse>"
    return Reply(status, text.encode(), {"Content-Type": "text/xml"})


def _other_user(asked: Asked, reply: Reply) -> Reply:
    if operation_of(asked) not in ("GetUser", "DescribeUser"):
        return reply
    text = re.sub(r"<UserName>[^<]*", "<UserName>somebody-else", reply.raw().decode())
    text = re.sub(r"<UserId>[^<]*", "<UserId>AIDAELSE", text)
    text = re.sub(r'"UserId": *"[^"]*"', '"UserId": "00000000-0000-0000-0000-000000000000"', text)
    return Reply(200, text.encode(), reply.headers)


def _nobody(asked: Asked, reply: Reply) -> Reply:
    if operation_of(asked) not in ("ListUsers", "GetAccountAuthorizationDetails"):
        return reply
    text = re.sub(r"(?s)<(Users|UserDetailList)>.*</\1>", r"<\1></\1>", reply.raw().decode())
    body = b'{"Users": []}' if text.startswith("{") else text.encode()
    return Reply(200, body, reply.headers)


def _endless(asked: Asked, reply: Reply) -> Reply:
    if operation_of(asked) not in ("ListUsers", "GetAccountAuthorizationDetails"):
        return reply
    text = reply.raw().decode()
    if text.startswith("{"):
        return Reply(200, (text.rstrip()[:-1] + ', "NextToken": "more"}').encode(), reply.headers)
    more = "<IsTruncated>true</IsTruncated><Marker>more</Marker>"
    return Reply(200, text.replace("<IsTruncated>false</IsTruncated>", more).encode(), reply.headers)
