"""Telling a ticket one message, and what each failure means for it. Nothing is lost: what cannot be told now waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, cast

from jmltui.adapter_api import (
    Adapter,
    AdapterError,
    Ambiguous,
    AuthFailed,
    Cap,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Outcome,
    OutcomeUnknown,
    RateLimited,
    TicketSink,
    Unsupported,
    Untrusted,
)
from jmltui.cache.tickets import COMMENT, DROPPED, FAILED, POSTED, WAITING, Came, Posting
from jmltui.config.settings import SystemSettings
from jmltui.domain.milestone import Standing

LONGEST_BACK_OFF: Final = timedelta(minutes=15)
STOPPING: Final = (AuthFailed, Untrusted)
"""What stops the whole system until a person lets it go on."""
OF_THE_TICKET: Final = (NotFound, Forbidden)
"""What stops one ticket: it is gone, or our credential may not touch it."""
FINAL: Final = (Invalid, Conflict, Unsupported, Ambiguous)
"""What asking again does not change; the other messages go on."""


async def post(
    adapter: TicketSink, posting: Posting, block: SystemSettings, clock: Callable[[], datetime], spread: float
) -> Came:
    """Tell it, unless it was told before. `spread` in [0, 1) is the jitter of back-off. Raises what stops the system.

    No other AdapterError leaves this: it becomes a state of the message.
    """
    status = block.ticket_in_progress if posting.text == Standing.IN_PROGRESS.value else block.ticket_done
    if posting.kind != COMMENT and not status:
        return Came(DROPPED, "the settings of its system name no status for it")
    try:
        async with asyncio.timeout(block.deadline.total_seconds()):
            if posting.kind == COMMENT:
                receipt = await adapter.note(posting.ticket, posting.text, key=posting.key)
            else:
                receipt = await adapter.transition(posting.ticket, status)
    except TimeoutError:
        lost = OutcomeUnknown(f"{posting.system} did not answer within {block.deadline.total_seconds():g} seconds.")
        return failed(posting, lost, clock(), spread, settle=_settle(adapter))
    except STOPPING:
        raise
    except AdapterError as error:
        return failed(posting, error, clock(), spread, settle=_settle(adapter))
    unseen = _UNSEEN if receipt.outcome is Outcome.PENDING else ""
    status = str(receipt.after.get("status", ""))
    return Came(POSTED, unseen, status=status, found=receipt.outcome is Outcome.ALREADY)


def failed(posting: Posting, error: Exception, now: datetime, spread: float, settle: timedelta = timedelta(0)) -> Came:
    """What an error means for a message. `settle` is how long a comment may take to be found after it was posted."""
    told = error.message if isinstance(error, AdapterError) else str(error)
    kind = type(error).__name__
    if isinstance(error, FINAL) or (isinstance(error, Forbidden) and posting.kind != COMMENT):
        return Came(FAILED, f"{told} {_FAILED}", kind)
    if isinstance(error, OF_THE_TICKET):
        return Came(WAITING, f"{told} {_STOPPED}", kind, now, stops=True)
    wait = back_off(posting.tries, spread)
    if isinstance(error, RateLimited) and error.retry_after is not None:
        wait = error.retry_after
    if isinstance(error, OutcomeUnknown):
        wait = max(wait, settle)
        told = f"{told} It is looked for before it is posted again."
    return Came(WAITING, told, kind, now + wait)


_FAILED: Final = "Put that right, then let it be tried again (`jmltui ticket retry`)."
_UNSEEN: Final = "the system took it, and did not list it yet when it was read back"
_STOPPED: Final = "Nothing is posted there before a person looks (`jmltui ticket retry`, or bind another one)."


def back_off(tries: int, spread: float) -> timedelta:
    """How long to wait after so many tries."""
    seconds = float(2 ** min(tries, 10)) * (0.5 + spread / 2)
    return min(timedelta(seconds=seconds), LONGEST_BACK_OFF)


def _settle(adapter: TicketSink) -> timedelta:
    support = cast("Adapter", adapter).capabilities().get(Cap.TICKET)
    return support.settle if support is not None else timedelta(0)
