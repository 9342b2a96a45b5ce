"""Which windows have shut before: the worker takes away by itself only what a window shuts that nobody has to look at.

A window is known in a zone once it has shut there under the guard. Until then, and whenever it takes something at
another moment than an edge of its own, what it takes away counts for the guard of removals: so a changed policy, or a
changed zone of many people, is no way round the guard.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

from sqlmodel import Session

from jmltui.cache import batches
from jmltui.cache.tables import BatchRow, MetaRow
from jmltui.domain.window import Window
from jmltui.policy import Policy

KEY: Final = "access windows"


class KnownWindows:
    """The windows of a policy as the last turn left them.

    Each has its text, `since` when it stands under the guard (None once a person released what it takes away), and
    the batch that holds it.
    """

    def __init__(self, policy: Policy, now: datetime, at: datetime, known: dict[str, dict[str, Any]]) -> None:
        self._now, self._at = now, at
        self._windows = {e.id: e.window for e in policy.entitlements.values() if e.window is not None}
        self._known: dict[str, dict[str, Any]] = {}
        self._ordinary: dict[tuple[str, str], bool] = {}
        for name, window in self._windows.items():
            entitlement = policy.entitlements[name]
            text = f"{entitlement.system} {entitlement.target} {window.told()} {policy.zone}"
            before = known.get(name, {})
            same = before.get("window") == text
            self._known[name] = before if same else {"window": text, "since": now.isoformat(), "batch": 0}

    @classmethod
    def read(cls, session: Session, policy: Policy, now: datetime) -> Self:
        """What the last turn left. A window whose removals were released is trusted from then on."""
        row = session.get(MetaRow, KEY)
        stated: dict[str, Any] = {"at": now.isoformat(), "windows": {}}
        if row is not None:
            stated = json.loads(row.value)
        for each in stated["windows"].values():
            batch = session.get(BatchRow, each["batch"]) if each["batch"] else None
            if batch is not None and batch.state == batches.CONFIRMED:
                each["since"], each["batch"] = None, 0
        return cls(policy, now, datetime.fromisoformat(stated["at"]), stated["windows"])

    def write(self, session: Session, held: Collection[str], batch: int) -> None:
        """Leave this turn for the next: what `batch` holds of a window that is not known is guarded once more."""
        for name in held:
            if not self._is_trusted(name):
                self._known[name] |= {"since": self._now.isoformat(), "batch": batch}
        value = json.dumps({"at": self._now.isoformat(), "windows": self._known})
        session.merge(MetaRow(key=KEY, value=value))

    def is_ordinary(self, name: str, zone: ZoneInfo) -> bool:
        """Whether what a window takes away now is what it takes away every time that it shuts."""
        key = (name, zone.key)
        if key not in self._ordinary:
            self._ordinary[key] = self._shut_since(name, zone, self._at) and self._is_known(name, zone)
        return self._ordinary[key]

    def has_edge_since(self, name: str, zone: ZoneInfo, since: datetime) -> bool:
        """Whether a window opened or shut after an instant."""
        edge = self._windows[name].next_edge(since, zone)
        return edge is not None and edge <= self._now

    def _shut_since(self, name: str, zone: ZoneInfo, since: datetime) -> bool:
        shut = _next_shut(self._windows[name], since, zone)
        return shut is not None and shut <= self._now

    def _is_known(self, name: str, zone: ZoneInfo) -> bool:
        """Whether it shut in this zone at a turn before this one, under the guard."""
        since = self._known[name]["since"]
        if since is None:
            return True
        shut = _next_shut(self._windows[name], datetime.fromisoformat(since), zone)
        return shut is not None and shut <= self._at

    def _is_trusted(self, name: str) -> bool:
        return self._known[name]["since"] is None


def forget(session: Session) -> None:
    """Know no window any more, because the policy has none."""
    row = session.get(MetaRow, KEY)
    if row is not None:
        session.delete(row)


def is_remembered(session: Session) -> bool:
    """Whether a turn left something."""
    return session.get(MetaRow, KEY) is not None


def _next_shut(window: Window, since: datetime, zone: ZoneInfo) -> datetime | None:
    """When a window shuts next after an instant, in UTC."""
    edge = window.next_edge(since, zone)
    return edge if edge is None or window.is_open(since, zone) else window.next_edge(edge, zone)
