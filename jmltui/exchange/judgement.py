"""Which typed error an HTTP status is (RFC 9110 section 15), and how long a server asks to wait."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from jmltui.adapter_api import (
    AdapterError,
    AuthFailed,
    Conflict,
    ContractBroken,
    Forbidden,
    Invalid,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Stale,
    Unavailable,
    Unsupported,
)

from .answer import Answer

LONGEST_WAIT: Final = timedelta(hours=1)
TOLD: Final = 200
"""How many characters of a server's own sentence are kept."""

Judge = Callable[[Answer, bool, datetime], AdapterError | None]
"""Of an answer, whether it was a read, and the present instant: the error that it is, None where it is none."""

_BY_STATUS: Final[Mapping[int, type[AdapterError]]] = {
    401: AuthFailed, 403: Forbidden, 404: NotFound, 405: Unsupported, 409: Conflict, 410: NotFound, 412: Stale,
    428: Stale, 501: Unsupported,
}  # fmt: skip


def standard_judgement(answer: Answer, is_read: bool, now: datetime) -> AdapterError | None:
    """The error of a status, None for success. A write whose status leaves its outcome open is OutcomeUnknown."""
    status = answer.status
    if 200 <= status < 300:
        return None
    told = sentence(answer)
    text = f"{answer.system} answered {status} to {answer.operation}{': ' + told if told else ''}."
    facts = {"system": answer.system, "operation": answer.operation, "code": str(status)}
    if status == 429 or (status == 503 and "retry-after" in answer.headers):
        return RateLimited(text, retry_after=retry_after(answer.headers, now), **facts)
    if status >= 500 and status != 501:
        if status == 503 or (is_read and status in (502, 504)):
            return Unavailable(text, **facts)
        return ContractBroken(text, **facts) if is_read else OutcomeUnknown(text, **facts)
    if 300 <= status < 400:
        text = f"{answer.system} redirects {answer.operation} elsewhere; that is not followed."
        return ContractBroken(text, **facts)
    return _BY_STATUS.get(status, Invalid)(text, **facts)


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How long to wait, at most an hour: Retry-After in seconds or as a date (RFC 9110 section 10.2.3), else the epoch
    second of X-RateLimit-Reset or X-Rate-Limit-Reset (GitHub, Okta)."""
    raw = headers.get("retry-after", "").strip()
    if raw.isdecimal():
        return min(timedelta(seconds=int(raw[:9])), LONGEST_WAIT)
    if raw:
        try:
            at = parsedate_to_datetime(raw)
        except ValueError:
            return None
        return _until(at if at.tzinfo else at.replace(tzinfo=UTC), now)
    reset = headers.get("x-ratelimit-reset", "") or headers.get("x-rate-limit-reset", "")
    if reset.isdecimal() and len(reset) <= 11:
        return _until(datetime.fromtimestamp(int(reset), UTC), now)
    return None


def _until(at: datetime, now: datetime) -> timedelta:
    return min(max(at - now, timedelta(0)), LONGEST_WAIT)


def sentence(answer: Answer) -> str:
    """The server's own words about an error, short: the usual fields of JSON answers, "" where there are none."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return ""
    for name in ("error", "Error", "errors"):
        if isinstance(found, dict) and isinstance(found.get(name), dict):
            found = found[name]
            break
    if not isinstance(found, dict):
        return ""
    for name in (
        "detail",
        "message",
        "Message",
        "msg",
        "errorSummary",
        "errorMessage",
        "error_description",
        "reason",
        "title",
        "error",
    ):
        if isinstance(found.get(name), str) and found[name]:
            return str(found[name])[:TOLD].strip().rstrip(".")
    return ""
