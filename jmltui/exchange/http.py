"""One HTTP exchange: bounded in time and size, kept on one origin, never redirected, every failure one typed error."""

from __future__ import annotations

import asyncio
import json as json_text
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from time import perf_counter
from typing import Any, Final
from urllib.parse import SplitResult, urljoin, urlsplit

import httpx

from jmltui.adapter_api import AdapterError, Clock, ContractBroken, OutcomeUnknown, Unavailable, Untrusted

from .answer import Answer
from .authorization import Authorization
from .judgement import Judge, standard_judgement
from .reach import Reach

MAX_BODY: Final = 32 * 1024 * 1024
READS: Final = frozenset({"GET", "HEAD"})
MANY: Final = 16


@dataclass(frozen=True, slots=True)
class Observed:
    """One call as it went. `status` None: no answer came."""

    method: str
    path: str
    status: int | None
    size: int
    seconds: float


class HttpExchange:
    """The connection to one server. `deadline` bounds a whole exchange in seconds.

    `system` is the operator's name for it, said in every error. `judge` turns an answer into its typed error. `reach`
    says which addresses may be connected to; `observe` is told of every call, also of those that fail.
    """

    def __init__(
        self,
        system: str,
        base: str,
        *,
        deadline: float,
        clock: Clock,
        authorization: Authorization | None = None,
        headers: Mapping[str, str] | None = None,
        media_type: str = "application/json",
        ca_file: str | None = None,
        judge: Judge = standard_judgement,
        max_body: int = MAX_BODY,
        reach: Reach | None = None,
        observe: Callable[[Observed], None] | None = None,
    ) -> None:
        self.system = system
        self.base = base.rstrip("/") + "/"
        self.clock = clock
        self.clock_offset: timedelta | None = None
        self.authorization = authorization
        self._reach, self._observe = reach, observe
        self._judge, self._deadline, self._max_body, self._media_type = judge, deadline, max_body, media_type
        context = ssl.create_default_context(cafile=ca_file) if base.startswith("https") else False
        self._client = httpx.AsyncClient(
            headers={"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})},
            verify=context,
            trust_env=False,
            follow_redirects=False,
            timeout=deadline,
            limits=httpx.Limits(max_connections=MANY, max_keepalive_connections=MANY),
        )

    async def close(self) -> None:
        """Let go of all connections."""
        await self._client.aclose()

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Answer:
        """Read. `path` is relative to the base, or an address of the same origin. Raises AdapterError."""
        return await self.send("GET", path, params=params)

    async def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        is_read: bool | None = None,
        judge: Judge | None = None,
    ) -> Answer:
        """Send a call and have its answer judged, by this call's own `judge` where it has one. `is_read` for a POST
        that changes nothing. Raises AdapterError.

        A credential that runs out (401) is renewed once, for what was refused was not done.
        """
        reading = method in READS if is_read is None else is_read
        address = self.address(path)
        content, extra = _content(json, form, self._media_type)
        sent = {**extra, **(headers or {})}
        given = await self._given()
        answer = await self._once(method, address, params, content, {**given, **sent}, reading)
        if answer.status == 401 and self.authorization is not None and self.authorization.forget(given):
            given = await self._given()
            answer = await self._once(method, address, params, content, {**given, **sent}, reading)
        error = (judge or self._judge)(answer, reading, self.clock())
        if error is not None:
            raise error
        return answer

    def address(self, path: str) -> str:
        """The whole address of a path. Raises ContractBroken for one that leaves the origin or the base's path."""
        address = urljoin(self.base, path.lstrip("/") if "://" not in path else path)
        base, found = urlsplit(self.base), urlsplit(address)
        if _origin(found) != _origin(base) or found.username is not None or ".." in found.path.split("/"):
            raise ContractBroken(
                f"{self.system} leads to another address ({found.scheme}://{found.netloc}); that is not followed.",
                system=self.system,
            )
        return address

    async def _given(self) -> Mapping[str, str]:
        return await self.authorization.headers(self.clock()) if self.authorization is not None else {}

    async def _once(
        self,
        method: str,
        address: str,
        params: Mapping[str, str] | None,
        content: bytes | None,
        headers: Mapping[str, str],
        reading: bool,
    ) -> Answer:
        # httpx drops the query of an address when it is given parameters, even none.
        request = self._client.build_request(
            method,
            address,
            content=content,
            headers=dict(headers),
            params=httpx.URL(address).params.merge(dict(params)) if params else None,
            extensions={"trace": self._trace} if self._reach is not None else None,
        )
        operation = f"{method} {urlsplit(address).path}"
        begun, status, body = perf_counter(), None, b""
        try:
            async with asyncio.timeout(self._deadline):
                answer = await self._client.send(request, stream=True)
                self._note_time(answer.headers)
                status = answer.status_code
                try:
                    body = await self._body(answer, operation, reading)
                finally:
                    await answer.aclose()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise self._unreached(error, operation) from error
        except (httpx.TransportError, TimeoutError) as error:
            raise self._lost(error, operation, reading) from error
        finally:
            if self._observe is not None:
                seconds = perf_counter() - begun
                self._observe(Observed(method, urlsplit(address).path, status, len(body), seconds))
        found = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(self.system, operation, answer.status_code, body, found)

    async def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Nothing is sent to an address that must not be reached: the name may mean another one than it did before."""
        if self._reach is None or event != "connection.connect_tcp.complete":
            return
        stream = info["return_value"]
        address = stream.get_extra_info("server_addr")
        why = self._reach(str(address[0]))
        if why:
            await stream.aclose()
            raise Untrusted(
                f"{self.system} stands at {address[0]}, which is not connected to: {why}.", system=self.system
            )

    def _note_time(self, headers: httpx.Headers) -> None:
        """Remember what time it is there (RFC 9110 section 6.6.1), to the second."""
        try:
            told = parsedate_to_datetime(headers.get("Date", ""))
        except ValueError:
            return
        self.clock_offset = (told if told.tzinfo is not None else told.replace(tzinfo=UTC)) - self.clock()

    async def _body(self, answer: httpx.Response, operation: str, reading: bool) -> bytes:
        if answer.headers.get("Content-Encoding", "identity").lower() not in ("identity", ""):
            raise self._broken(operation, "an answer in an encoding that was not asked for", reading)
        parts: list[bytes] = []
        size = 0
        async for part in answer.aiter_raw():
            size += len(part)
            if size > self._max_body:
                raise self._broken(operation, f"more than {self._max_body // 2**20} MiB", reading)
            parts.append(part)
        return b"".join(parts)

    def _broken(self, operation: str, what: str, reading: bool) -> AdapterError:
        kind = ContractBroken if reading else OutcomeUnknown
        return kind(f"{self.system} answered {operation} with {what}.", system=self.system, operation=operation)

    def _unreached(self, error: httpx.TransportError, operation: str) -> AdapterError:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return Untrusted(
                    f"The certificate of {self.system} is not trusted: {cause.verify_message}. "
                    "If it is your own authority, name its file as ca_file in the settings.",
                    system=self.system,
                    operation=operation,
                )
            cause = cause.__cause__ or cause.__context__
        return Unavailable(f"{self.system} cannot be reached.", system=self.system, operation=operation)

    def _lost(self, error: BaseException, operation: str, reading: bool) -> AdapterError:
        late = isinstance(error, TimeoutError | httpx.TimeoutException)
        why = "no answer came in time" if late else "the answer was lost"
        if reading:
            return Unavailable(f"{self.system}: {why} ({operation}).", system=self.system, operation=operation)
        return OutcomeUnknown(
            f"{self.system}: {operation} was sent and {why}; it may have been done.",
            system=self.system,
            operation=operation,
        )


def _origin(address: SplitResult) -> tuple[str, str | None, int | None]:
    """Scheme, host and port (RFC 6454 section 4): the usual port may be written or not."""
    try:
        port = address.port or {"https": 443, "http": 80}.get(address.scheme)
    except ValueError:
        port = None
    return address.scheme, address.hostname, port


def _content(json: Any, form: Mapping[str, str] | None, media_type: str) -> tuple[bytes | None, dict[str, str]]:
    if form is not None:
        return str(httpx.QueryParams(dict(form))).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
    if json is not None:
        return json_text.dumps(json).encode(), {"Content-Type": media_type}
    return None, {}


def instant(text: object) -> datetime | None:
    """An RFC 3339 instant as aware time, or None."""
    if not isinstance(text, str) or not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
