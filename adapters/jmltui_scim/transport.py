"""SCIM over the shared HTTP exchange: its media type, its errors, and searches by POST that change nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from jmltui.adapter_api import AdapterError, AuthFailed, Clock, Conflict, ContractBroken, OutcomeUnknown, ResyncNeeded
from jmltui.exchange import Answer, Authorization, Bearer, HttpExchange, standard_judgement

MEDIA_TYPE: Final = "application/scim+json"
SPENT: Final = frozenset({"expiredCursor", "invalidCursor"})
"""What RFC 9865 section 3 says of a cursor that cannot be used any more."""


class Transport(HttpExchange):
    """The connection to one server. `deadline` bounds a whole exchange in seconds.

    `authorization` is a bearer token or what gets them; `tokens` is the connection that they come by, closed with this.
    `lists_by_post`: the server offers no listing by GET, so it is asked by POST to `.search` from now on.
    """

    def __init__(
        self,
        system: str,
        base: str,
        authorization: str | Authorization,
        deadline: float,
        clock: Clock,
        ca_file: str | None = None,
        accept: str = f"{MEDIA_TYPE}, application/json",
        tokens: HttpExchange | None = None,
    ) -> None:
        super().__init__(
            system,
            base,
            deadline=deadline,
            clock=clock,
            authorization=Bearer(authorization) if isinstance(authorization, str) else authorization,
            headers={"Accept": accept},
            media_type=MEDIA_TYPE,
            ca_file=ca_file,
            judge=judged if tokens is None else judged_by_new_token,
        )
        self.lists_by_post = False
        self._tokens = tokens

    async def close(self) -> None:
        """Let go of all connections."""
        await super().close()
        if self._tokens is not None:
            await self._tokens.close()

    async def read(self, path: str, params: dict[str, str] | None = None) -> bytes:
        """The body of a GET. Raises AdapterError."""
        return (await self.get(path, params)).body

    async def search(self, path: str, request: dict[str, Any]) -> bytes:
        """The body that a search by POST answers (RFC 7644 section 3.4.3). Raises AdapterError."""
        return (await self.send("POST", path, json=request, is_read=True)).body

    async def json(self, path: str, params: dict[str, str] | None = None) -> dict[str, Any]:
        """The JSON object that a GET answers. Raises AdapterError."""
        return (await self.get(path, params)).object()

    async def write(
        self, method: str, path: str, body: dict[str, Any] | None = None, version: str | None = None
    ) -> dict[str, Any]:
        """Send a write; the answered object, empty for an answer without a body. Raises AdapterError."""
        answer = await self.send(method, path, json=body, headers={"If-Match": version} if version else None)
        if not answer.body.strip():
            return {}
        try:
            return answer.object()
        except ContractBroken as error:
            raise OutcomeUnknown(
                f"{self.system} accepted {answer.operation} but answered something that is not SCIM.",
                system=self.system,
                operation=method,
            ) from error


def judged(answer: Answer, is_read: bool, now: datetime) -> AdapterError | None:
    """The typed error of an answer (RFC 7644 section 3.12): by its scimType where that says more than the status."""
    error = standard_judgement(answer, is_read, now)
    if error is None or not 400 <= answer.status < 500:
        return error
    kind = _scim_type(answer)
    if kind in SPENT:
        return ResyncNeeded(error.message, system=error.system, operation=error.operation, code=error.code)
    if kind == "uniqueness":  # some servers send it with 400 where section 3.12 wants 409
        return Conflict(error.message, system=error.system, operation=error.operation, code=error.code)
    return error


def judged_by_new_token(answer: Answer, is_read: bool, now: datetime) -> AdapterError | None:
    """As `judged`; what is refused here was tried with a token that is new."""
    error = judged(answer, is_read, now)
    if not isinstance(error, AuthFailed):
        return error
    text = f"{error.message} Its tokens are given and not taken: give the app the scope for SCIM, or look at `url`."
    return AuthFailed(text, system=error.system, operation=error.operation, code=error.code)


def _scim_type(answer: Answer) -> str:
    try:
        found = answer.json()
    except ContractBroken:
        return ""
    return str(found.get("scimType") or "") if isinstance(found, dict) else ""
