"""Who seems to be connected: starts without an end in the audit events.

Paths, the two required times in milliseconds and the fields of an event: RealVNC's OpenAPI file (see `members`), and
two public collectors of these events that page by the Link header. The file names one type of session event,
`connection_start`; how an end is called it does not say, so that is a setting. Events are kept for 30 days
(help.realvnc.com article 10386546139805).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from jmltui.adapter_api import ContractBroken, Session
from jmltui.exchange import HttpExchange

from .team import next_page, rows

KEPT: Final = timedelta(days=30)
CATEGORY: Final = "SESSION_LOG"


@dataclass(frozen=True, slots=True)
class Names:
    """How starts and ends are called in the audit events."""

    starts: frozenset[str]
    ends: frozenset[str]


class Audit:
    """Reads the audit events of one team."""

    def __init__(self, http: HttpExchange, names: Names) -> None:
        self._http = http
        self._names = names

    async def probe(self) -> None:
        """Ask for a moment's events. Raises Forbidden without LIST_AUDIT_EVENTS."""
        now = self._http.clock()
        await self._http.get("/1.0/audit", _span(now - timedelta(seconds=1), now))

    async def open_sessions(self, account_id: str) -> list[Session]:
        """Starts of this member that no end follows; each end closes the oldest start of its viewer and server."""
        waiting: dict[tuple[str, str], list[Session]] = {}
        for event in await self._events():
            if event.get("userId") != account_id:
                continue
            pair = str(event.get("serverId") or ""), str(event.get("viewerId") or "")
            if event["eventType"] in self._names.starts:
                where = str(event.get("serverName") or event.get("serverId") or "")[:200]
                found = Session(str(event.get("id") or ""), account_id, _at(event), where, inferred=True)
                waiting.setdefault(pair, []).append(found)
            elif event["eventType"] in self._names.ends and waiting.get(pair):
                waiting[pair].pop(0)
        return sorted((one for left in waiting.values() for one in left), key=lambda one: one.id)

    async def types(self) -> Sequence[str]:
        """Which types of session events there were, to compare with the settings."""
        kinds = {str(one["eventType"])[:60] for one in await self._events() if one.get("eventCategory") == CATEGORY}
        return sorted(kinds)

    async def _events(self) -> list[dict[str, Any]]:
        """All events that are kept, oldest first, each once."""
        now = self._http.clock()
        answer = await self._http.get("/1.0/audit", {**_span(now - KEPT, now), "order": "ASC"})
        found: dict[str, dict[str, Any]] = {}
        while True:
            before = len(found)
            for event in rows(answer, "events"):
                if not isinstance(event, dict) or not isinstance(event.get("eventType"), str):
                    raise ContractBroken(
                        f"{self._http.system} lists an audit event without a type.", system=self._http.system
                    )
                found.setdefault(str(event.get("id") or f"{event.get('timestamp')}-{len(found)}"), event)
            query = next_page(answer)
            if query is None:
                return sorted(found.values(), key=lambda one: (_at(one) or now, str(one.get("id"))))
            if len(found) == before:
                raise ContractBroken(
                    f"{self._http.system} lists its audit events without end.", system=self._http.system
                )
            answer = await self._http.get(query)


def _span(since: datetime, until: datetime) -> dict[str, str]:
    return {"from": str(int(since.timestamp() * 1000)), "to": str(int(until.timestamp() * 1000))}


def _at(event: dict[str, Any]) -> datetime | None:
    stamp = event.get("timestamp")
    if isinstance(stamp, bool) or not isinstance(stamp, int) or not 0 <= stamp < 10**14:
        return None
    return datetime.fromtimestamp(stamp / 1000, UTC)
