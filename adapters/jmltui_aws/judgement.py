"""Which typed error an answer of AWS is.

Codes: “Common errors” of the IAM, STS, SSO Admin and Identity Store API references; the exceptions of botocore.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

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
    Unavailable,
    Unsupported,
    Untrusted,
)

TOLD: Final = 200
WAIT: Final = timedelta(seconds=5)
"""AWS says that it throttles, and not for how long."""

_THROTTLED: Final = frozenset(
    {"Throttling", "ThrottlingException", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown",
     "RequestThrottled", "PriorRequestNotComplete", "LimitExceededException"}
)  # fmt: skip
_BY_CODE: Final[Mapping[str, type[AdapterError]]] = {
    **dict.fromkeys(("NoSuchEntity", "ResourceNotFoundException", "NotFoundException"), NotFound),
    **dict.fromkeys(
        ("UnrecognizedClientException", "InvalidClientTokenId", "ExpiredToken", "ExpiredTokenException",
         "SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature", "MissingAuthenticationToken",
         "MissingAuthenticationTokenException", "RequestExpired", "AuthFailure", "OptInRequired"), AuthFailed),
    **dict.fromkeys(("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"), Forbidden),
    **dict.fromkeys(
        ("EntityAlreadyExists", "DeleteConflict", "ConflictException", "ConcurrentModification",
         "EntityTemporarilyUnmodifiable", "LimitExceeded", "ServiceQuotaExceededException"), Conflict),
    **dict.fromkeys(
        ("NotImplemented", "InvalidAction", "UnknownOperationException", "UnmodifiableEntity"), Unsupported),
    **dict.fromkeys(("ServiceUnavailable", "ServiceUnavailableException"), Unavailable),
}  # fmt: skip


def answered(answer: Mapping[str, Any], system: str, operation: str, is_read: bool) -> AdapterError:
    """The error of an answer with an error code. A write whose status leaves its outcome open is OutcomeUnknown."""
    error, meta = answer.get("Error") or {}, answer.get("ResponseMetadata") or {}
    code, status = str(error.get("Code") or ""), int(meta.get("HTTPStatusCode") or 0)
    told = str(error.get("Message") or "")[:TOLD].strip().rstrip(".")
    text = f"{system} answered {code or status} to {operation}{': ' + told if told else ''}."
    facts = {"system": system, "operation": operation, "code": code or str(status)}
    waits = (meta.get("HTTPHeaders") or {}).get("retry-after", "")
    if code in _THROTTLED or status == 429 or (status == 503 and waits):
        wait = timedelta(seconds=int(waits[:5])) if waits.isdecimal() else WAIT
        return RateLimited(text, retry_after=min(wait, timedelta(hours=1)), **facts)
    if code in _BY_CODE:
        return _BY_CODE[code](text, **facts)
    if 300 <= status < 400:
        return ContractBroken(f"{system} redirects {operation} elsewhere; that is not followed.", **facts)
    if status == 503 or (is_read and status in (502, 504)):
        return Unavailable(text, **facts)
    if status == 501:
        return Unsupported(text, **facts)
    if status >= 500 or status < 400:
        return (ContractBroken if is_read else OutcomeUnknown)(text, **facts)
    by_status: Mapping[int, type[AdapterError]] = {401: AuthFailed, 403: Forbidden, 404: NotFound}
    return by_status.get(status, Invalid)(text, **facts)


def unanswered(error: Exception, system: str, operation: str, is_read: bool) -> AdapterError:
    """The error of a call to which no answer came, or none that can be read. `error` is an exception of botocore."""
    facts = {"system": system, "operation": operation}
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if "SSLError" in kinds:
        return Untrusted(f"The certificate of {system} is not trusted.", **facts)
    if kinds & {"EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError"}:
        return Unavailable(f"{system} cannot be reached.", **facts)
    if kinds & {"ParamValidationError", "InvalidRegionError", "UnknownServiceError", "ValidationError"}:
        return Invalid(f"{operation} on {system} was refused before it was sent: a value is not allowed.", **facts)
    if not is_read:
        text = f"{system}: {operation} was sent and the answer was lost; it may have been done."
        return OutcomeUnknown(text, **facts)
    if "ResponseParserError" in kinds:
        text = f"{system} answered {operation} with something else; something else may stand in its place."
        return ContractBroken(text, **facts)
    return Unavailable(f"{system}: the answer was lost ({operation}).", **facts)
