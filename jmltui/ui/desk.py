"""Where the screens hand in requests: each one is a short transaction that leaves intents for the worker.

What carries a request out is imported with the first one, in the desk's own thread, so that the first rows never wait.
"""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from jmltui.config.places import Places

if TYPE_CHECKING:
    from jmltui.lifecycle.workshop import Workshop

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Outside:
    """What the dashboard needs from the process that starts it."""

    places: Places
    actor: str
    clock: Callable[[], datetime]
    environ: Mapping[str, str]
    start_worker: Callable[[], None]
    start_sync: Callable[[], None]


class Desk:
    """Runs requests one after another in one thread, with one opened workshop."""

    def __init__(self, outside: Outside) -> None:
        self.outside = outside
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="desk")
        self._workshop: Workshop | None = None
        self._closed = threading.Event()

    async def ask(self, request: Callable[[Workshop], Found], *, worker: bool = True) -> Found:
        """Carry out one request; `worker` starts the worker when it left intents. Raises JmltuiError."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._carry_out, request, worker)

    async def warm(self) -> None:
        """Open the workshop before the first request."""
        await asyncio.get_running_loop().run_in_executor(self._pool, self._open)

    def _open(self) -> Workshop:
        if self._workshop is None:
            from jmltui.lifecycle.workshop import open_workshop

            outside = self.outside
            self._workshop = open_workshop(outside.places, outside.actor, outside.clock, outside.environ)
        return self._workshop

    def _carry_out(self, request: Callable[[Workshop], Found], worker: bool) -> Found:
        found = request(self._open())
        if worker:
            self.outside.start_worker()
        return found

    def close(self) -> None:
        """Take no more requests and close the workshop."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._workshop is not None:
            self._workshop.cache.close()

    # The requests

    async def run_step(self, case_id: int, key: str, version: int) -> None:
        """Let the worker carry out a step."""
        await self.ask(lambda workshop: _use("lifecycle.requests").run_step(workshop, case_id, key, version))

    async def run_case(self, case_id: int, version: int) -> None:
        """Let the worker carry out every automatic step."""
        await self.ask(lambda workshop: _use("lifecycle.requests").run_case(workshop, case_id, version))

    async def attest(self, case_id: int, key: str, text: str) -> None:
        """State that a step was done."""
        await self.ask(lambda workshop: _use("lifecycle.requests").attest(workshop, case_id, key, text))

    async def skip(self, case_id: int, key: str, reason: str) -> None:
        """Leave a step out."""
        await self.ask(lambda workshop: _use("lifecycle.requests").skip(workshop, case_id, key, reason))

    async def note(self, case_id: int, text: str) -> None:
        """Write a note into a case."""
        await self.ask(lambda workshop: _use("lifecycle.requests").note(workshop, case_id, text), worker=False)

    async def claim(self, case_id: int, to: str = "") -> None:
        """Take a case or hand it over."""
        await self.ask(lambda workshop: _use("lifecycle.requests").claim_case(workshop, case_id, to), worker=False)

    async def answer(self, case_id: int, left: bool) -> None:
        """Answer whether the person left."""
        await self.ask(lambda workshop: _use("lifecycle.requests").answer(workshop, case_id, left))

    async def name_successor(self, case_id: int, key: str) -> str:
        """Name who takes over what the accounts of a leaver own; a sentence."""
        return str(await self.ask(lambda workshop: _use("lifecycle.succeeding").name_in_case(workshop, case_id, key)))

    async def bind_ticket(self, case_id: int, reference: str) -> str:
        """Read a ticket and bind the case to it; a sentence."""
        return str(await self.ask(lambda workshop: _use("lifecycle.tickets").bind_named(workshop, case_id, reference)))

    async def retry_ticket(self, case_id: int) -> str:
        """Tell the ticket of a case again what failed or waits; a sentence."""
        return str(await self.ask(lambda workshop: _use("lifecycle.tickets").retry(workshop, case_id)))

    async def unbind_ticket(self, case_id: int) -> str:
        """Let a case and its ticket go; a sentence."""
        return str(await self.ask(lambda workshop: _use("lifecycle.tickets").unbind(workshop, case_id), worker=False))

    async def decide(self, case_id: int, key: str, plan_hash: str, *, approve: bool, reason: str) -> None:
        """Approve or refuse the plan that was shown."""
        await self.ask(
            lambda workshop: _use("lifecycle.approve").decide(
                workshop, case_id, key, plan_hash, approve=approve, reason=reason
            )
        )

    async def waiting(self, case_id: int) -> dict[str, Any]:
        """The steps of a case that wait for an approval, by key: for whom, and whether whoever asks may give it."""
        found = await self.ask(lambda workshop: _use("lifecycle.approve").waiting(workshop, case_id), worker=False)
        return {str(each.step): each for each in found}

    async def undo(self, case_id: int, key: str) -> str:
        """Plan the way back of a step; the key of the new step."""
        return str(await self.ask(lambda workshop: _use("lifecycle.undo").undo(workshop, case_id, key), worker=False))

    async def replan(self, case_id: int) -> str:
        """Plan a case anew; what came of it in a sentence."""
        found = await self.ask(lambda workshop: _use("lifecycle.replan").replan_case(workshop, case_id), worker=False)
        return str(found.sentence)

    async def confirm_batch(self, batch_id: int, typed: str, reason: str) -> list[int]:
        """Confirm a batch by the number of its people."""
        found = await self.ask(
            lambda workshop: _use("lifecycle.requests").confirm_batch(workshop, batch_id, typed, reason)
        )
        return list(found)

    async def dismiss_batch(self, batch_id: int, reason: str) -> list[int]:
        """Drop the cases of a batch."""
        found = await self.ask(lambda workshop: _use("lifecycle.requests").dismiss_batch(workshop, batch_id, reason))
        return list(found)

    async def go_on(self, system: str) -> None:
        """Let a stopped system go on."""
        await self.ask(lambda workshop: _use("lifecycle.upkeep").go_on(workshop, system))

    async def verify_journal(self) -> Any:
        """Walk the chain of the journal."""
        return await self.ask(lambda workshop: _use("lifecycle.upkeep").verify_journal(workshop), worker=False)

    async def sync(self) -> None:
        """Start reading sources and systems, in a process of its own."""
        await asyncio.get_running_loop().run_in_executor(self._pool, self.outside.start_sync)

    # People and why they hold what they hold

    async def person_view(self, person_id: int) -> Any:
        """Everything that a person holds, each with why."""
        return await self.ask(lambda workshop: _use("lifecycle.person_view").view_of(workshop, person_id), worker=False)

    async def explain(self, person_id: int, entitlement: str | None) -> list[Any]:
        """The lines of an explanation."""
        found = await self.ask(
            lambda workshop: _use("lifecycle.person_view").explained(workshop, person_id, entitlement), worker=False
        )
        return list(found)

    # Requests and exceptions

    async def requestable(self, person_key: str) -> list[Any]:
        """What can be asked for, for a person."""
        found = await self.ask(
            lambda workshop: _use("lifecycle.access_requests").requestable(workshop, person_key), worker=False
        )
        return list(found)

    async def emergencies(self) -> frozenset[str]:
        """What the policy lets be taken at once in an emergency, by id; nothing where it lets nobody."""

        def named(workshop: Workshop) -> frozenset[str]:
            definitions = workshop.policy.definitions
            found = (each.id for each in definitions.entitlements.values() if each.break_glass)
            return frozenset(found if definitions.break_glass is not None else ())

        return await self.ask(named, worker=False)

    async def request_access(self, person_key: str, entitlement: str, reason: str, duration: timedelta | None) -> int:
        """Ask for access; the number of the case."""
        return await self.ask(
            lambda workshop: int(
                _use("lifecycle.access_requests").request_access(workshop, person_key, entitlement, reason, duration)
            )
        )

    async def break_glass(self, person_key: str, entitlement: str, reason: str) -> int:
        """Take access at once; the number of the case."""
        return await self.ask(
            lambda workshop: int(
                _use("lifecycle.access_requests").break_glass(workshop, person_key, entitlement, reason)
            )
        )

    async def request_overlap(self, case_id: int, until: datetime, reason: str) -> int:
        """Ask that a mover keeps the old access until an instant; the number of the case."""
        return await self.ask(
            lambda workshop: int(_use("lifecycle.access_requests").request_overlap(workshop, case_id, until, reason))
        )

    async def separation_rules(self) -> dict[str, str]:
        """The separation rules of the policy by their ids, each with its reason."""

        def named(workshop: Workshop) -> dict[str, str]:
            return {rule.id: rule.reason for rule in workshop.policy.definitions.separation.values()}

        return await self.ask(named, worker=False)

    async def request_separation(self, person_key: str, rule: str, reason: str, until: datetime) -> int:
        """Ask that a person may break a separation rule until an instant; the number of the case."""
        return await self.ask(
            lambda workshop: int(
                _use("lifecycle.access_requests").request_separation(workshop, person_key, rule, reason, until)
            )
        )

    async def end_exception(self, number: int, reason: str) -> int:
        """End what somebody may have; the case that takes it away, 0 for none."""
        return await self.ask(
            lambda workshop: int(_use("lifecycle.access_requests").end_exception(workshop, number, reason))
        )

    async def review_break_glass(self, number: int, text: str) -> None:
        """State what was done with an emergency access."""
        await self.ask(
            lambda workshop: _use("lifecycle.access_requests").review_break_glass(workshop, number, text), worker=False
        )

    # Findings

    async def scan(self) -> Any:
        """Look for findings."""
        return await self.ask(lambda workshop: _use("governance.findings").scan(workshop), worker=False)

    async def open_finding_case(self, number: int, *side: str) -> int:
        """Open the case of a finding; its number."""
        return await self.ask(lambda workshop: int(_use("governance.findings").open_case(workshop, number, *side)))

    async def open_finding_cases(self, numbers: Sequence[int]) -> list[Any]:
        """Open a case for each of many findings; what became of each."""
        found = await self.ask(lambda workshop: _use("governance.findings").open_cases(workshop, numbers))
        return list(found)

    async def accept_finding(self, number: int, reason: str, until: datetime) -> int:
        """Ask that a finding is accepted until an instant; the number of the exception."""
        return await self.ask(
            lambda workshop: int(_use("governance.findings").accept(workshop, number, reason, until)), worker=False
        )

    async def decide_acceptance(self, number: int, *, approve: bool, reason: str = "") -> None:
        """Agree that a finding is accepted, or refuse it."""
        await self.ask(
            lambda workshop: _use("governance.findings").decide_acceptance(workshop, number, approve, reason),
            worker=False,
        )

    async def link_finding(self, number: int, person_key: str) -> str:
        """Say whose an account is."""
        return str(
            await self.ask(
                lambda workshop: _use("governance.findings").link(workshop, number, person_key), worker=False
            )
        )

    # Reviews

    async def review_rules(self) -> list[Any]:
        """The rules of the policy by which a review can be opened."""
        found = await self.ask(lambda workshop: list(workshop.policy.definitions.reviews.values()), worker=False)
        return list(found)

    async def review_words(self, campaigns: Sequence[int]) -> tuple[str, ...]:
        """The words for reviewers of these reviews that whoever asks answers to."""

        def words(workshop: Workshop) -> tuple[str, ...]:
            use = _use("governance.reviews")
            with workshop.cache.read() as session:
                found = [use.words_of(workshop, session, workshop.actor, number) for number in campaigns]
            return tuple(sorted({word for each in found for word in each}))

        return await self.ask(words, worker=False)

    async def open_campaign(self, rule: str) -> int:
        """Open a review; its number."""
        return await self.ask(
            lambda workshop: int(_use("governance.reviews").open_campaign(workshop, rule)), worker=False
        )

    async def answer_item(self, number: int, decision: str, note: str, version: int) -> None:
        """Answer an item of a review as it was seen."""
        await self.ask(
            lambda workshop: _use("governance.reviews").decide(workshop, number, decision, note, version), worker=False
        )

    async def close_campaign(self, number: int, early: str = "") -> Any:
        """Close a review; what came of it. `early` is why before its time."""
        return await self.ask(
            lambda workshop: _use("governance.reviews").close_campaign(workshop, number, bool(early), early)
        )

    async def suggestions(self, number: int | None) -> list[Any]:
        """What the answers say of the policy."""
        found = await self.ask(lambda workshop: _use("governance.reviews").suggestions(workshop, number), worker=False)
        return list(found)


def _use(case: str) -> Any:
    """A module of use cases, imported by the desk's thread and not by the thread that shows."""
    return importlib.import_module(f"jmltui.{case}")
