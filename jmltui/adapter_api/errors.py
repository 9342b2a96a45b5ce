"""What an adapter may raise, and what each means for the engine.

AdapterError
├── Unavailable      refused, DNS, reset before sending, 502/503: retry with back-off
├── RateLimited      429 and its kin: wait `retry_after`, then retry
├── OutcomeUnknown   a write was sent and no answer came: read back, never repeat blindly
├── AuthFailed       our credential: stop this system, do not retry
├── Untrusted        host key or certificate: a person decides
├── Forbidden        our credential may not do this one thing
├── NotFound         the system itself said that it is not there
├── Conflict         exists already with different content, owns objects
├── Stale            If-Match or version mismatch: read again, plan again
├── Invalid          our request was refused as wrong
├── Unsupported      the system does not offer this
├── Ambiguous        more than one account for one key
├── ContractBroken   the system answered something that it must not
└── ResyncNeeded     a delta token expired: list in full
"""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar


class AdapterError(Exception):
    """Base of all. `message` is one sentence; `code` is what the system itself said (status, result code)."""

    retryable: ClassVar[bool] = False
    advice: ClassVar[str] = "Look at the system's own log, then try again."

    def __init__(self, message: str, *, system: str = "", operation: str = "", code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.system = system
        self.operation = operation
        self.code = code


class Unavailable(AdapterError):
    """The system cannot be reached, and nothing was changed."""

    retryable = True
    advice = "Nothing was changed; it is tried again by itself."


class RateLimited(AdapterError):
    """The system asks to wait; nothing was changed."""

    retryable = True
    advice = "Nothing was changed; it is tried again when the system allows."

    def __init__(
        self,
        message: str,
        *,
        retry_after: timedelta | None = None,
        system: str = "",
        operation: str = "",
        code: str = "",
    ) -> None:
        super().__init__(message, system=system, operation=operation, code=code)
        self.retry_after = retry_after


class OutcomeUnknown(AdapterError):
    """A write was sent and no answer came."""

    advice = "It is read back before anything else is done."


class AuthFailed(AdapterError):
    """The system refused our own credential."""

    advice = "Renew the credential (`jmltui doctor` names it), then let the system go on."


class Untrusted(AdapterError):
    """The system's certificate or host key is not the expected one."""

    advice = "Compare the certificate or key with its owner before anything else."


class Forbidden(AdapterError):
    """Our credential may not do this one thing."""

    advice = "Give the credential the right, or do the step by hand and attest it."


class NotFound(AdapterError):
    """The system itself said that the thing is not there."""

    advice = "Sync the system and plan again."


class Conflict(AdapterError):
    """Something is there already and differs."""

    advice = "Look at what is there, link or rename it, and plan again."


class Stale(AdapterError):
    """The thing changed since it was read."""

    advice = "It is read again and planned again."


class Invalid(AdapterError):
    """The system refused our request as wrong."""

    advice = "Correct the data that the message names, then plan again."


class Unsupported(AdapterError):
    """The system does not offer this."""

    advice = "Do the step by hand and attest it."


class Ambiguous(AdapterError):
    """More than one account answers to one key."""

    advice = "A person has to say which account is meant; nothing was changed."


class ContractBroken(AdapterError):
    """The system answered something that it must not answer; what it says cannot be believed."""

    advice = "Nothing of this answer was used. Look at what stands between jmltui and the system."


class ResyncNeeded(AdapterError):
    """A delta token is no longer accepted."""

    retryable = True
    advice = "A full listing follows by itself."
