"""Giving what a user owns to another: the Data Transfer API.

developers.google.com/workspace/admin/data-transfer/reference/rest/v1/transfers and …/v1/parameters: of Drive all files
are asked for, shared and private; of calendars Google takes future events that are not private and have a guest or a
room. Statuses `new`, `inProgress`, `completed` and `failed` stand for the whole and for each application.

When is it done already? A transfer takes what is there when it runs, and what is made later stays. Google does not tell
since when a user is suspended. So a completed transfer counts for `verify` only when it was asked for after the user
signed in last, and not longer than COUNTS ago; and a second one is saved only where the user is suspended and the first
was asked for within AGAIN. Asking once more takes what is left, and loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from jmltui.adapter_api import Clock, Invalid, NotFound, Outcome, OutcomeUnknown, Receipt, Unsupported, Verdict
from jmltui.exchange import instant

from .directory import Directory
from .options import APPLICATIONS, Choices
from .workspace import Workspace

TRANSFERS: Final = "/admin/datatransfer/v1/transfers"
OFFERED: Final = "/admin/datatransfer/v1/applications"
PRIVACY: Final = {"key": "PRIVACY_LEVEL", "value": ["PRIVATE", "SHARED"]}
ROOMS: Final = {"key": "RELEASE_RESOURCES", "value": ["TRUE"]}
UNDER_WAY: Final = frozenset({"new", "pending", "inprogress"})
COUNTS: Final = timedelta(days=7)
AGAIN: Final = timedelta(hours=1)
LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Standing:
    """The newest transfer of one application: its state, in small letters, and when it was asked for."""

    state: str
    asked: datetime
    transfer: str


class Transfers:
    """Transfers within one customer. `api` may ask for them."""

    def __init__(self, directory: Directory, api: Workspace, choices: Choices, clock: Clock) -> None:
        self._directory, self._api, self._system = directory, api, directory.system
        self._wanted = {name: APPLICATIONS[name] for name in choices.applications}
        self._rooms, self._clock = choices.release_rooms, clock

    async def transfer(self, account_id: str, to_account_id: str) -> Receipt:
        """Make what the user owns belong to the other: asked for, and PENDING until Google has done it.

        Raises NotFound for an unknown user, Invalid for one who can keep nothing, Unsupported for an application that
        the customer does not have.
        """
        owner = await self._directory.user(account_id)
        await self._check_heir(account_id, to_account_id)
        standing = await self._standing(account_id, to_account_id)
        fresh = self._clock() - AGAIN
        off = owner.get("suspended") is True or owner.get("archived") is True
        done = {
            n for n, s in standing.items() if off and s.state == "completed" and s.asked >= max(fresh, _login(owner))
        }
        busy = {name for name, one in standing.items() if one.state in UNDER_WAY}
        todo = [name for name in self._wanted if name not in done | busy]
        before = _told(standing)
        if not todo:
            outcome = Outcome.PENDING if busy else Outcome.ALREADY
            return Receipt(outcome, job=_jobs(standing.values()), before=before, after=before)
        await self._check_offered(todo)
        made = await self._api.write("POST", TRANSFERS, self._body(account_id, to_account_id, todo))
        job, state = str(made.get("id") or ""), str(made.get("overallTransferStatusCode") or "new").casefold()
        if not job:
            raise OutcomeUnknown(f"{self._system} took a transfer and gave it no name.", system=self._system)
        outcome = Outcome.CHANGED if state == "completed" and not busy else Outcome.PENDING
        return Receipt(outcome, job, job, before=before, after={**before, **dict.fromkeys(todo, state[:40])})

    async def look(self, account_id: str, to_account_id: str) -> tuple[Verdict, Mapping[str, object]]:
        """Whether it stands, by the list of transfers."""
        try:
            owner = await self._directory.user(account_id)
        except NotFound:  # removed since; what was asked for before still stands in the list
            owner = {}
        standing = await self._standing(account_id, to_account_id)
        since = max(self._clock() - COUNTS, _login(owner))
        verdicts = {_verdict(standing.get(name), since) for name in self._wanted}
        order = (Verdict.CONTRADICTED, Verdict.UNVERIFIABLE, Verdict.PENDING, Verdict.CONFIRMED)
        observed = {
            **_told(standing),
            "asked": _newest(standing),
            "signed_in": str(owner.get("lastLoginTime") or "")[:40],
        }
        return next(one for one in order if one in verdicts), observed

    async def _check_heir(self, account_id: str, to_account_id: str) -> None:
        if account_id == to_account_id:
            raise Invalid(f"A user of {self._system} cannot hand over to itself.", system=self._system)
        heir = await self._directory.user(to_account_id)
        if heir.get("suspended") is True or heir.get("archived") is True:
            told = (
                f"{str(heir['primaryEmail'])[:80]} of {self._system} is suspended; nobody could open what it is given."
            )
            raise Invalid(told, system=self._system, operation="transfer")

    async def offered(self) -> list[dict[str, Any]]:
        """The applications of this customer whose data can be transferred."""
        return await self._api.rows(OFFERED, "applications", await self._customer())

    async def _check_offered(self, todo: list[str]) -> None:
        rows = await self.offered()
        ids = {str(row.get("id")) for row in rows}
        missing = [name for name in todo if self._wanted[name] not in ids]
        if missing:
            names = ", ".join(str(row.get("name"))[:40] for row in rows)[:120] or "nothing"
            told = f"{self._system} cannot transfer {', '.join(missing)}, but {names}; correct the option `transfer`."
            raise Unsupported(told, system=self._system, operation="transfer")

    async def _standing(self, account_id: str, to_account_id: str) -> dict[str, Standing]:
        """The newest transfer of each application from one to the other that covers what is wanted."""
        params = {"oldOwnerUserId": account_id, "newOwnerUserId": to_account_id, **await self._customer()}
        found: dict[str, Standing] = {}
        for row in await self._api.rows(TRANSFERS, "dataTransfers", params):
            if (str(row.get("oldOwnerUserId")), str(row.get("newOwnerUserId"))) != (account_id, to_account_id):
                continue
            asked = instant(row.get("requestTime")) or LONG_AGO
            for one in row.get("applicationDataTransfers") or []:
                name = self._covered(one)
                if name and (name not in found or asked >= found[name].asked):
                    found[name] = Standing(_state(row, one), asked, str(row.get("id"))[:200])
        return found

    def _covered(self, one: Mapping[str, Any]) -> str:
        """The application that is wanted and covered here. A transfer of shared files alone leaves the private ones."""
        name = next((name for name, key in self._wanted.items() if key == str(one.get("applicationId"))), "")
        if name != "drive":
            return name
        levels: set[str] = set()
        for param in one.get("applicationTransferParams") or []:
            if param.get("key") == PRIVACY["key"]:
                levels |= {part for value in param.get("value") or [] for part in str(value).upper().split(",")}
        return name if levels >= set(PRIVACY["value"]) else ""

    def _body(self, account_id: str, to_account_id: str, todo: list[str]) -> dict[str, Any]:
        params = {"drive": [PRIVACY], "calendar": [ROOMS] if self._rooms else []}
        return {
            "oldOwnerUserId": account_id,
            "newOwnerUserId": to_account_id,
            "applicationDataTransfers": [
                {"applicationId": self._wanted[name], "applicationTransferParams": params.get(name, [])}
                for name in todo
            ],
        }

    async def _customer(self) -> dict[str, str]:
        customer = await self._directory.customer()
        return {"customerId": customer} if customer else {}


def _state(row: Mapping[str, Any], one: Mapping[str, Any]) -> str:
    """The application's own state; the whole's where none is said."""
    return str(one.get("applicationTransferStatus") or row.get("overallTransferStatusCode") or "").casefold()[:40]


def _verdict(standing: Standing | None, since: datetime) -> Verdict:
    if standing is None or standing.state == "failed":
        return Verdict.CONTRADICTED
    if standing.state in UNDER_WAY:
        return Verdict.PENDING
    if standing.state != "completed":
        return Verdict.UNVERIFIABLE
    return Verdict.CONFIRMED if standing.asked >= since else Verdict.CONTRADICTED


def _login(owner: Mapping[str, Any]) -> datetime:
    return instant(owner.get("lastLoginTime")) or LONG_AGO


def _told(standing: Mapping[str, Standing]) -> dict[str, object]:
    return {name: one.state for name, one in standing.items()}


def _newest(standing: Mapping[str, Standing]) -> str:
    return max((one.asked for one in standing.values()), default=LONG_AGO).isoformat() if standing else "never"


def _jobs(standing: Iterable[Standing]) -> str | None:
    return ", ".join(dict.fromkeys(one.transfer for one in standing))[:200] or None
