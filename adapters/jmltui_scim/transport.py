"""One HTTP exchange: bounded in time and size, never redirected, every failure one typed error."""

from __future__ import annotations

import asyncio
import json
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx

from jmltui.adapter_api import (
    AdapterError,
    AuthFailed,
    Clock,
    Conflict,
    ContractBroken,
    Forbidden,
    Invalid,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    ResyncNeeded,
    Stale,
    Unavailable,
    Unsupported,
    Untrusted,
)

MAX_BODY: Final = 32 * 1024 * 1024
SEARCH: Final = "SEARCH"
"""A search by POST (RFC 7644 section 3.4.3): it changes nothing, so it is judged as a read."""
READS: Final = frozenset({"GET", SEARCH})
MEDIA_TYPE: Final = "application/scim+json"
LONGEST_WAIT: Final = timedelta(hours=1)


class Transport:
    """The connection to one server. `deadline` bounds a whole exchange in seconds."""

    def __init__(
        self, system: str, base: str, token: str, deadline: float, clock: Clock, ca_file: str | None = None
    ) -> None:
        self.system = system
        self.base = base.rstrip("/") + "/"
        self.clock = clock
        self.lists_by_post = False
        self.clock_offset: timedelta | None = None
        self._deadline = deadline
        context = ssl.create_default_context(cafile=ca_file) if base.startswith("https") else False
        self._client = httpx.AsyncClient(
            base_url=self.base,
            headers={
                "Authorization": f"Bearer {token}",
                "Accept": f"{MEDIA_TYPE}, application/json",
                "Accept-Encoding": "identity",
            },
            verify=context,
            trust_env=False,
            follow_redirects=False,
            timeout=deadline,
            limits=httpx.Limits(max_connections=16, max_keepalive_connections=16),
        )

    async def close(self) -> None:
        """Let go of all connections."""
        await self._client.aclose()

    async def read(self, path: str, params: dict[str, str] | None = None) -> bytes:
        """The body of a GET. Raises AdapterError."""
        status, body, headers = await self._exchange("GET", path, params=params)
        self._judge("GET", path, status, body, headers)
        return body

    async def search(self, path: str, request: dict[str, Any]) -> bytes:
        """The body that a search by POST answers. Raises AdapterError."""
        status, body, headers = await self._exchange(SEARCH, path, body=request)
        self._judge(SEARCH, path, status, body, headers)
        return body

    async def json(self, path: str, params: dict[str, str] | None = None) -> dict[str, Any]:
        """The JSON object that a GET answers. Raises AdapterError."""
        return self._object(path, await self.read(path, params))

    async def write(
        self, method: str, path: str, body: dict[str, Any] | None = None, version: str | None = None
    ) -> dict[str, Any]:
        """Send a write; the answered object, empty for an answer without a body. Raises AdapterError."""
        extra = {"If-Match": version} if version else {}
        status, content, headers = await self._exchange(method, path, body=body, extra=extra)
        self._judge(method, path, status, content, headers)
        if not content.strip():
            return {}
        try:
            return self._object(path, content)
        except ContractBroken as error:
            raise OutcomeUnknown(
                f"{self.system} accepted {method} {path} but answered something that is not SCIM.",
                system=self.system,
                operation=method,
            ) from error

    async def _exchange(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        body: dict[str, Any] | None = None,
        extra: dict[str, str] | None = None,
    ) -> tuple[int, bytes, httpx.Headers]:
        headers = dict(extra or {})
        content = None
        if body is not None:
            content = json.dumps(body).encode()
            headers["Content-Type"] = MEDIA_TYPE
        request = self._client.build_request(
            "POST" if method == SEARCH else method, path, params=params, content=content, headers=headers
        )
        try:
            async with asyncio.timeout(self._deadline):
                answer = await self._client.send(request, stream=True)
                self._note_time(answer.headers)
                try:
                    return answer.status_code, await self._body(answer, method, path), answer.headers
                finally:
                    await answer.aclose()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise self._unreached(error, method) from error
        except (httpx.TransportError, TimeoutError) as error:
            raise self._lost(
                method, path, "no answer came in time" if _is_late(error) else "the answer was lost"
            ) from error

    def _note_time(self, headers: httpx.Headers) -> None:
        """Remember what time it is there (RFC 9110 section 6.6.1), to the second."""
        try:
            told = parsedate_to_datetime(headers.get("Date", ""))
        except ValueError:
            return
        now = self.clock()
        self.clock_offset = (told if told.tzinfo is not None else told.replace(tzinfo=UTC)) - now

    async def _body(self, answer: httpx.Response, method: str, path: str) -> bytes:
        if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise self._broken(method, path, "an answer in an encoding that was not asked for")
        parts: list[bytes] = []
        size = 0
        async for part in answer.aiter_raw():
            size += len(part)
            if size > MAX_BODY:
                raise self._broken(method, path, f"more than {MAX_BODY // 2**20} MiB")
            parts.append(part)
        return b"".join(parts)

    def _broken(self, method: str, path: str, what: str) -> AdapterError:
        if method in READS:
            return ContractBroken(f"{self.system} answered {method} {path} with {what}.", system=self.system)
        return OutcomeUnknown(f"{self.system} answered {method} {path} with {what}.", system=self.system)

    def _unreached(self, error: httpx.TransportError, method: str) -> AdapterError:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ssl.SSLCertVerificationError):
                return Untrusted(
                    f"The certificate of {self.system} is not trusted: {cause.verify_message}. "
                    "If it is your own authority, name its file as ca_file in the settings.",
                    system=self.system,
                    operation=method,
                )
            cause = cause.__cause__ or cause.__context__
        return Unavailable(f"{self.system} cannot be reached.", system=self.system, operation=method)

    def _lost(self, method: str, path: str, why: str) -> AdapterError:
        if method in READS:
            return Unavailable(f"{self.system}: {why} ({method} {path}).", system=self.system, operation=method)
        return OutcomeUnknown(
            f"{self.system}: {method} {path} was sent and {why}; it may have been done.",
            system=self.system,
            operation=method,
        )

    def _judge(self, method: str, path: str, status: int, body: bytes, headers: httpx.Headers) -> None:
        """Raise the typed error of a status (RFC 7644 section 3.12; RFC 9865 section 3 for cursors)."""
        if 200 <= status < 300:
            return
        detail, kind = _detail(body)
        text = f"{self.system} answered {status} to {method} {path}{': ' + detail if detail else ''}."
        facts = {"system": self.system, "operation": method, "code": str(status)}
        if kind in ("expiredCursor", "invalidCursor"):
            raise ResyncNeeded(text, **facts)
        if status == 429 or (status == 503 and "Retry-After" in headers):
            raise RateLimited(text, retry_after=self._retry_after(headers), **facts)
        if status in (502, 503, 504):
            if method in READS or status == 503:
                raise Unavailable(text, **facts)
            raise OutcomeUnknown(text, **facts)
        if status >= 500 and status != 501:
            if method in READS:
                raise ContractBroken(text, **facts)
            raise OutcomeUnknown(text, **facts)
        if 300 <= status < 400:
            raise ContractBroken(f"{self.system} redirects {method} {path} elsewhere; that is not followed.", **facts)
        found: dict[int, type[AdapterError]] = {
            401: AuthFailed, 403: Forbidden, 404: NotFound, 405: Unsupported, 409: Conflict, 412: Stale, 428: Stale,
            501: Unsupported,
        }  # fmt: skip
        raise found.get(status, Invalid)(text, **facts)

    def _retry_after(self, headers: httpx.Headers) -> timedelta | None:
        """Retry-After as a duration: seconds or an HTTP date (RFC 9110 section 10.2.3), at most an hour."""
        raw = headers.get("Retry-After", "").strip()
        if raw.isdecimal():
            return min(timedelta(seconds=int(raw)), LONGEST_WAIT)
        try:
            at = parsedate_to_datetime(raw)
        except ValueError:
            return None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return min(max(at - self.clock(), timedelta(0)), LONGEST_WAIT)

    def _object(self, path: str, body: bytes) -> dict[str, Any]:
        try:
            found = json.loads(body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            what = "a web page" if body.lstrip()[:1] == b"<" else "something that is not a JSON object"
            raise ContractBroken(
                f"{self.system} answered {path} with {what}; something else may stand in its place.",
                system=self.system,
            )
        return found


def _is_late(error: BaseException) -> bool:
    return isinstance(error, TimeoutError | httpx.TimeoutException)


def _detail(body: bytes) -> tuple[str, str]:
    """The server's own sentence and its scimType, both short and free of our secrets."""
    try:
        found = json.loads(body)
    except ValueError:
        return "", ""
    if not isinstance(found, dict):
        return "", ""
    return str(found.get("detail") or "")[:200].rstrip("."), str(found.get("scimType") or "")


def instant(text: str) -> datetime | None:
    """An RFC 3339 instant, or None."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
