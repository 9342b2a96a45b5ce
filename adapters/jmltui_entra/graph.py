"""Microsoft Graph v1.0 over the shared HTTP exchange: its errors, its pages, its delta tokens.

Errors, 509 and the codes of a spent delta token: learn.microsoft.com/graph/errors. Pages by `@odata.nextLink`, changes
by `@odata.deltaLink`, `@removed`, and `$deltatoken=latest` for the token of this moment: …/graph/delta-query-overview.
That a link lives seven days and is then refused with 400: Microsoft 365 developer blog, “Duration of change tracking
tokens”. `/$count` with `ConsistencyLevel: eventual`: …/graph/aad-advanced-queries.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from jmltui.adapter_api import (
    AdapterError,
    Conflict,
    ContractBroken,
    Invalid,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    ResyncNeeded,
    Unsupported,
)
from jmltui.exchange import Answer, HttpExchange, retry_after, standard_judgement

SPENT: Final = frozenset({"syncstatenotfound", "resyncrequired", "syncstateinvalid"})
TAKEN: Final = frozenset({"objectconflict", "propertyconflict", "conflictingobjects"})
TAKEN_TEXT: Final = "another object with the same value for property"
UNLICENSED: Final = "aadpremiumlicenserequired"
NO_INTUNE: Final = "not applicable to target tenant"
"""How Graph says that the tenant has no licence: of Privileged Identity Management, and of Intune."""


@dataclass(frozen=True, slots=True)
class Part:
    """One page: its objects, where the next one is, and the token at the end of a delta."""

    rows: list[dict[str, Any]]
    next: str | None
    delta: str | None


class Graph(HttpExchange):
    """The connection to Graph of one tenant."""

    async def one(self, path: str, params: Mapping[str, str] | None = None) -> dict[str, Any]:
        """One object. Raises AdapterError."""
        return (await self.get(path, params)).object()

    async def parts(self, path: str, params: Mapping[str, str] | None = None) -> AsyncIterator[Part]:
        """All pages from here on. Raises ContractBroken for pages that lead back to one that was read."""
        seen: set[str] = set()
        query: str | None = path
        while query is not None:
            answer = await self.get(query, params)
            part = self._part(answer)
            params, query = None, part.next
            if query is not None and query in seen:
                raise ContractBroken(f"{self.system} lists {answer.operation} without end.", system=self.system)
            seen.add(query or "")
            yield part

    async def rows(self, path: str, params: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """All objects of a listing, each id once."""
        found: dict[object, dict[str, Any]] = {}
        async for part in self.parts(path, params):
            for row in part.rows:
                found.setdefault(row.get("id", len(found)), row)
        return list(found.values())

    async def token(self, path: str, select: str) -> str:
        """The delta token of this moment, as the link that asks for what changes from now on."""
        async for part in self.parts(path, {"$select": select, "$deltatoken": "latest"}):
            if part.delta:
                return part.delta
        raise ContractBroken(f"{self.system} gives no token for the next listing of changes.", system=self.system)

    async def changes(self, link: str) -> AsyncIterator[Part]:
        """What changed since a token. Raises ResyncNeeded; ContractBroken where no new token ends it."""
        delta: str | None = None
        async for part in self.parts(link):
            delta = part.delta
            yield part
        if delta is None:
            raise ContractBroken(f"{self.system} ends a listing of changes without a new token.", system=self.system)

    async def count(self, path: str) -> int | None:
        """How many objects Graph itself counts; None where it does not count (Azure AD B2C)."""
        headers = {"ConsistencyLevel": "eventual", "Accept": "text/plain"}
        try:
            answer = await self.send("GET", f"{path}/$count", headers=headers)
        except (Invalid, Unsupported, NotFound):
            return None
        text = answer.body.decode("utf-8-sig", "replace").strip()
        if not text.isdecimal():
            raise ContractBroken(f"{self.system} counts {path} as something that is no number.", system=self.system)
        return int(text)

    async def write(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Send a write; the answered object, empty for none. Raises AdapterError."""
        answer = await self.send(method, path, json=body)
        if not answer.body.strip():
            return {}
        try:
            return answer.object()
        except ContractBroken as error:
            raise OutcomeUnknown(
                f"{self.system} accepted {answer.operation} but answered something that is not Graph's.",
                system=self.system,
                operation=method,
            ) from error

    def _part(self, answer: Answer) -> Part:
        found = answer.object()
        rows = found.get("value")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ContractBroken(f"{self.system} answered {answer.operation} without a list.", system=self.system)
        return Part(rows, _link(found.get("@odata.nextLink")), _link(found.get("@odata.deltaLink")))


def judged(answer: Answer, is_read: bool, now: datetime) -> AdapterError | None:
    """The typed error of an answer: by Graph's own code where that says more than the status."""
    error = standard_judgement(answer, is_read, now)
    if error is None:
        return None
    facts = {"system": error.system, "operation": error.operation, "code": error.code}
    if answer.status == 509:
        return RateLimited(error.message, retry_after=retry_after(answer.headers, now), **facts)
    if not 400 <= answer.status < 500:
        return error
    codes, message = _codes(answer)
    if "/delta" in answer.operation and (answer.status == 410 or codes & SPENT):
        return ResyncNeeded(error.message, **facts)
    if answer.status == 400 and (codes & TAKEN or message.startswith(TAKEN_TEXT)):
        return Conflict(error.message, **facts)
    if answer.status in (400, 403) and (UNLICENSED in codes or NO_INTUNE in message):
        return Unsupported(error.message, **facts)
    if message.startswith("{") and not isinstance(error, RateLimited):
        return type(error)(
            f"{error.system} answered {answer.status} to {error.operation}: {_of_intune(answer)}.", **facts
        )
    return error


def _of_intune(answer: Answer) -> str:
    """The sentence that Intune has wrapped into JSON of its own, without its number for Microsoft's support."""
    told = str(answer.json()["error"]["message"])
    try:
        found = json.loads(told)
    except (ValueError, RecursionError):
        return told[:200]
    text = str(found.get("Message") or "") if isinstance(found, dict) else ""
    return text.partition(" - Operation ID")[0][:200].strip().rstrip(".") or "no reason was given"


def _codes(answer: Answer) -> tuple[set[str], str]:
    """All codes of an error, nested ones too, in lower case, and the first message."""
    try:
        found = answer.json()
    except ContractBroken:
        return set(), ""
    error = found.get("error") if isinstance(found, dict) else None
    if not isinstance(error, dict):
        return set(), ""
    message, codes, level = str(error.get("message") or "").casefold(), set(), 0
    details = error.get("details")
    for detail in details if isinstance(details, list) else []:
        if isinstance(detail, dict):
            codes.add(str(detail.get("code") or "").casefold())
    while isinstance(error, dict) and level < 5:
        codes.add(str(error.get("code") or "").casefold())
        error, level = error.get("innerError") or error.get("innererror"), level + 1
    return codes, message


def _link(found: object) -> str | None:
    return found if isinstance(found, str) and found else None


def literal(text: str) -> str:
    """A text inside a filter (OData 4.01 ABNF: a quote is doubled)."""
    return "'" + text.replace("'", "''") + "'"
