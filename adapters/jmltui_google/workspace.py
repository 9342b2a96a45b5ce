"""Google's HTTP interfaces over the shared exchange: their errors and their pages.

Errors and the reasons of a 403 that asks to wait: developers.google.com/workspace/admin/directory/v1/limits and
…/guides/troubleshoot-error-codes. Pages by `nextPageToken`: …/guides/manage-users. A listing has no total.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any, Final

from jmltui.adapter_api import AdapterError, ContractBroken, Forbidden, OutcomeUnknown, RateLimited
from jmltui.exchange import Answer, HttpExchange, retry_after, standard_judgement

WAITING: Final = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "RATE_LIMIT_EXCEEDED"})
UNSCOPED: Final = frozenset({"insufficientPermissions", "ACCESS_TOKEN_SCOPE_INSUFFICIENT"})
UNPRIVILEGED: Final = frozenset({"forbidden", "notAuthorized"})


class Workspace(HttpExchange):
    """The connection to one of Google's interfaces."""

    async def pages(
        self, path: str, name: str, params: Mapping[str, str], token: str | None = None
    ) -> AsyncIterator[tuple[list[dict[str, Any]], str | None]]:
        """All pages of the array `name`, each with the token of the next. Raises ContractBroken for one without end."""
        seen = {token}
        while True:
            found = (await self.get(path, {**params, **({"pageToken": token} if token else {})})).object()
            rows = found.get(name, [])
            if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise ContractBroken(f"{self.system} answered GET {path} without a list.", system=self.system)
            following = found.get("nextPageToken")
            token = following if isinstance(following, str) and following else None
            if token is not None and token in seen:
                raise ContractBroken(f"{self.system} lists {name} without end.", system=self.system)
            seen.add(token)
            yield rows, token
            if token is None:
                return

    async def rows(self, path: str, name: str, params: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """All of a listing."""
        return [row async for page, _ in self.pages(path, name, params or {}) for row in page]

    async def write(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Send a write; the answered object, empty for none. Raises AdapterError."""
        answer = await self.send(method, path, json=body)
        if not answer.body.strip():
            return {}
        try:
            return answer.object()
        except ContractBroken as error:
            raise OutcomeUnknown(
                f"{self.system} accepted {answer.operation} but answered something that is not Google's.",
                system=self.system,
                operation=method,
            ) from error


def judged(answer: Answer, is_read: bool, now: datetime) -> AdapterError | None:
    """The typed error of an answer; a 403 may ask to wait, else it says which of two things is lacking."""
    error = standard_judgement(answer, is_read, now)
    if error is None or answer.status != 403:
        return error
    facts = {"system": error.system, "operation": error.operation, "code": error.code}
    reasons = _reasons(answer)
    if reasons & WAITING:
        return RateLimited(error.message, retry_after=retry_after(answer.headers, now), **facts)
    if reasons & UNSCOPED:
        return Forbidden(f"{error.message} A scope is not delegated to the service account.", **facts)
    if reasons & UNPRIVILEGED:
        return Forbidden(f"{error.message} The administrator it acts as may lack the privilege.", **facts)
    return error


def _reasons(answer: Answer) -> set[str]:
    try:
        found = answer.json()
    except ContractBroken:
        return set()
    error = found.get("error") if isinstance(found, dict) else None
    if not isinstance(error, dict):
        return set()
    listed = [one for name in ("errors", "details") for one in (error.get(name) or []) if isinstance(one, dict)]
    return {str(one.get("reason")) for one in listed}
