"""Making the calls of a description: values put in, pace kept, answers judged."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol
from urllib.parse import urljoin, urlsplit

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
    ResyncNeeded,
    Stale,
    Unavailable,
    Unsupported,
)
from jmltui.exchange import Answer, HttpExchange, Judge, retry_after, sentence, standard_judgement

from .calls import CallShape
from .description import Description
from .expression import Expression
from .template import Absent, Template, Values

TRIES: Final = 5
"""How often a call is made that the system puts off."""
_MEANS: Final[Mapping[str, type[AdapterError]]] = {
    "unavailable": Unavailable, "auth-failed": AuthFailed, "forbidden": Forbidden, "not-found": NotFound,
    "conflict": Conflict, "stale": Stale, "invalid": Invalid, "unsupported": Unsupported,
    "contract-broken": ContractBroken,
}  # fmt: skip


class Caller:
    """Makes the calls of one description. `parameters` are what the settings say to it."""

    def __init__(self, exchange: HttpExchange, description: Description, parameters: Mapping[str, str]) -> None:
        self.exchange, self.description = exchange, description
        self.system = exchange.system
        self._parameters = {f"parameters.{name}": value for name, value in parameters.items()}
        self._gap = description.limits.gap.total_seconds()
        self._turn = asyncio.Lock()
        self._free_at = 0.0

    def values(self, given: Values) -> dict[str, Any]:
        """What every template may name, and these."""
        now = self.exchange.clock().astimezone(UTC)
        return {
            "now": now.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "today": now.date().isoformat(),
            **self._parameters,
            **given,
        }

    async def call(self, shape: CallShape, given: Values | None = None) -> Answer:
        """Make a call. Raises AdapterError; Invalid for a value that cannot stand where it is put."""
        values = self.values(given or {})
        path = shape.path.path(values)
        body = shape.body.fill(values) if shape.body is not None else None
        form = _texts(shape.form, values) if shape.form else None
        query, headers = _texts(shape.query, values), self._headers(shape, values)
        await self._pace()
        return await self.exchange.send(
            shape.method,
            self.exchange.base.rstrip("/") + path,
            params=query or None,
            json=body,
            form=form,
            headers=headers,
            is_read=shape.reads,
            judge=self._judge(shape),
        )

    async def follow(self, shape: CallShape, address: str, given: Values | None = None) -> Answer:
        """Go to the next address that an answer names. Raises ContractBroken for one that leaves the base address."""
        whole = urljoin(self.exchange.base, address)
        base = urlsplit(self.exchange.base).path
        found = urlsplit(self.exchange.address(whole))
        if not found.path.startswith(base) or "%2e%2e" in found.path.lower():
            raise ContractBroken(
                f"{self.system} leads to {found.path[:80]}, which is not under {base}; that is not followed.",
                system=self.system,
            )
        await self._pace()
        headers = self._headers(shape, self.values(given or {}))
        return await self.exchange.send("GET", whole, headers=headers, is_read=True, judge=self._judge(shape))

    async def patiently(self, call: Callable[[], Awaitable[Answer]]) -> Answer:
        """Make a call, again after each wait that the system asks for, as long as the limits allow.

        Only for a read that nobody can take up where it stopped; other waits belong to the engine.
        """
        tried = 0
        while True:
            try:
                return await call()
            except RateLimited as error:
                tried += 1
                wait = error.retry_after if error.retry_after is not None else timedelta(seconds=2**tried)
                if tried == TRIES or wait > self.description.limits.wait:
                    raise
                await asyncio.sleep(wait.total_seconds())

    def told(self, shape: CallShape, given: Values) -> str:
        """A call in words, as evidence names it: method and path."""
        base = urlsplit(self.exchange.base).path.rstrip("/")
        return f"{shape.method} {base}{shape.path.path(self.values(given))}"

    def _headers(self, shape: CallShape, values: Values) -> dict[str, str]:
        found = {}
        for name, template in {**self.description.headers, **shape.headers}.items():
            try:
                found[name] = template.header(values)
            except Absent:
                continue
        return found

    async def _pace(self) -> None:
        """Wait until the gap after the last call is over. The first comes at once."""
        if not self._gap:
            return
        async with self._turn:
            loop = asyncio.get_running_loop()
            wait = self._free_at - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            self._free_at = loop.time() + self._gap

    def _judge(self, shape: CallShape) -> Judge:
        def judge(answer: Answer, is_read: bool, now: datetime) -> AdapterError | None:
            return self._judged(shape, answer, is_read, now)

        return judge

    def _judged(self, shape: CallShape, answer: Answer, is_read: bool, now: datetime) -> AdapterError | None:
        if answer.status in shape.already | shape.pending:
            return None
        if shape.expired is not None and _is_so(shape.expired, answer):
            told = f"{answer.system} does not accept the place any more from which its changes go on."
            return ResyncNeeded(told, system=answer.system, operation=answer.operation, code=str(answer.status))
        means = self._means(answer)
        facts = {"system": answer.system, "operation": answer.operation, "code": str(answer.status)}
        told = sentence(answer)
        text = f"{answer.system} answered {answer.status} to {answer.operation}{': ' + told if told else ''}."
        if means == "already":
            return None
        if means == "rate-limited":
            return RateLimited(text, retry_after=retry_after(answer.headers, now), **facts)
        if means:
            return _MEANS[means](text, **facts)
        if answer.status in shape.missing:
            return NotFound(text, **facts)
        error = None if answer.status in shape.ok else standard_judgement(answer, is_read, now)
        return error or self._expected(shape, answer, is_read, text)

    def _expected(self, shape: CallShape, answer: Answer, is_read: bool, text: str) -> AdapterError | None:
        """Whether a good status comes with the answer that the description expects."""
        if shape.expect is None:
            return None
        facts = {"system": answer.system, "operation": answer.operation, "code": str(answer.status)}
        try:
            if shape.expect.of(answer.json()) is True:
                return None
        except ContractBroken as error:
            return error if is_read else OutcomeUnknown(error.message, **facts)
        return ContractBroken(text, **facts) if is_read else Invalid(text, **facts)

    def _means(self, answer: Answer) -> str:
        return next((rule.means for rule in self.description.errors if _is_so(rule, answer)), "")

    def was_already(self, shape: CallShape, answer: Answer) -> bool:
        """Whether the system said by its answer that it was so before."""
        return answer.status in shape.already or self._means(answer) == "already"


class _Rule(Protocol):
    """A rule about answers: no statuses means any."""

    @property
    def statuses(self) -> frozenset[int]: ...

    @property
    def when(self) -> Expression | None: ...


def _is_so(rule: _Rule, answer: Answer) -> bool:
    if rule.statuses and answer.status not in rule.statuses:
        return False
    try:
        return rule.when is None or rule.when.of(answer.json()) is True
    except ContractBroken:
        return False


def _texts(templates: Mapping[str, Template], values: Values) -> dict[str, str]:
    found = {}
    for name, template in templates.items():
        try:
            found[name] = template.write(values)
        except Absent:
            continue
    return found
