"""What changed in an OpenLDAP directory since a token.

A token holds one cookie of content synchronization per database. Whole databases are asked about, whatever lies where:
so a change never looks like a deletion because an entry was moved or is of another kind. What changed is then read like
everything else, by the filters of the settings.

It also holds when the server was started. A server that ended without writing its contextCSN (slapo-syncprov(5),
syncprov-checkpoint) begins with an older one and an empty log, and takes both for whole: what was deleted before it
ended is told to nobody. So nothing is believed of another process than the one that gave the token, and changes are
asked for only where the monitor (slapd-monitor(5)) shows when it was started.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from jmltui.adapter_api import Account, Forbidden, Page, ResyncNeeded

from .dialect import Changes, Dialect
from .entry import Entry
from .filters import any_of, is_under, same_name
from .options import DirectoryOptions
from .syncrepl import BELOW, ID, REQUEST, changes_after, cookie_of_now

if TYPE_CHECKING:
    from .link import Link

NOTE: Final = "The last sign-in is told by whole listings alone."
TOLD: Final = "told (syncrepl)"
NOT_TOLD: Final = "not told; everything is listed each time"
_CHECKED: Final = 16


class Synchronization:
    """What one directory tells of its changes. `ours` is the filter of what may be an account or a group."""

    def __init__(self, options: DirectoryOptions, *ours: str) -> None:
        self._system = options.system
        self._bases = (*options.bases(), options.groups_base)
        self._ours = any_of(*ours)
        self._databases: tuple[str, ...] = ()
        self._monitor = ""
        self.offered: bool | None = None
        """Whether changes are told; None before anybody asked."""

    async def learn(self, link: Link, root: Entry) -> str:
        """Whether every database in which accounts and groups lie tells its changes; in words."""
        self.offered = False
        self._databases = _databases(root.texts("namingContexts"), self._bases)
        if REQUEST not in root.texts("supportedControl") or not self._databases:
            return NOT_TOLD
        if await self._cookies(link) is None:
            return NOT_TOLD
        self._monitor = root.text("monitorContext")
        self.offered = bool(await self._started(link))
        return TOLD if self.offered else f"{NOT_TOLD}: the monitor does not show when the server was started"

    async def _started(self, link: Link) -> str:
        """When the server was started, as it writes that; "" where it does not show it."""
        if not self._monitor:
            return ""
        try:
            found = await link.read(f"cn=Start,cn=Time,{self._monitor}", ("monitorTimestamp",))
        except Forbidden:
            return ""
        return found.text("monitorTimestamp") if found is not None else ""

    async def token_of_now(self, link: Link) -> str | None:
        """The token of this moment; None where changes are not told."""
        started = await self._started(link) if self.offered else ""
        cookies = await self._cookies(link) if started else None
        return _token(started, cookies) if cookies is not None else None

    async def _cookies(self, link: Link) -> Mapping[str, str] | None:
        found: dict[str, str] = {}
        for database in self._databases:
            cookie = await cookie_of_now(link, database)
            if cookie is None:
                return None
            found[database] = cookie
        return found

    async def changes(self, link: Link, token: str) -> Changes:
        """What changed since a token. Raises ResyncNeeded."""
        started, cookies = _parts_of(token, self._system)
        if not self.offered or cookies.keys() != set(self._databases):
            raise ResyncNeeded(f"{self._system} does not tell its changes as it did.", system=self._system)
        if started != await self._started(link):
            raise ResyncNeeded(
                f"{self._system} was started anew, and what it knew of deletions may have ended with that.",
                system=self._system,
            )
        changed: list[Entry] = []
        gone: list[str] = []
        following: dict[str, str] = {}
        for database, cookie in cookies.items():
            told = await changes_after(link, database, cookie)
            changed += told.changed
            gone += told.gone
            following[database] = told.cookie
        for entry in changed:
            if entry.text(BELOW) != "FALSE":
                await self._refuse_moved(link, entry.dn)
        ids = dict.fromkeys(entry.text(ID) for entry in changed)
        return Changes(list(ids), list(dict.fromkeys(gone)), _token(started, following))

    async def _refuse_moved(self, link: Link, dn: str) -> None:
        """Raises ResyncNeeded for an entry above others of ours: if it was moved or renamed, they are not told."""
        if any(is_under(base, dn) for base in self._bases):
            return
        async for page in link.pages(dn, self._ours, (ID,), size=10):
            if any(same_name(entry.dn) != same_name(dn) for entry in page):
                told = f"{dn[:200]} of {self._system} changed; what lies under it may have moved with it."
                raise ResyncNeeded(told, system=self._system)


async def account_pages(
    link: Link, changes: Changes, dialect: Dialect, options: DirectoryOptions, size: int
) -> AsyncIterator[Page[Account]]:
    """The accounts that changed, each read anew; what is no account of ours any more, or never was one, is gone."""
    from .estate import Estate

    estate = Estate(dialect, options)
    await estate.learn(link)
    ids = list(dict.fromkeys((*changes.changed, *changes.gone)))
    for at in range(0, max(1, len(ids)), size):
        part = ids[at : at + size]
        entries = await estate.accounts(link, part)
        found = {one: dialect.account(entry) for one, entry in entries.items() if not estate.is_excluded(entry)}
        last = changes.token if at + size >= len(ids) else None
        yield Page(list(found.values()), [one for one in part if one not in found], delta=last)


def _databases(contexts: Sequence[str], bases: Sequence[str]) -> tuple[str, ...]:
    """The naming context in which each base lies; none where one lies in no such."""
    found: dict[str, str] = {}
    for base in bases:
        holding = [context for context in contexts if context and is_under(base, context)]
        if not holding:
            return ()
        longest = max(holding, key=lambda context: len(same_name(context)))
        found[same_name(longest)] = longest
    return tuple(found.values())


def _token(started: str, cookies: Mapping[str, str]) -> str:
    """All as text, with a digest by which damage is seen: a server takes a damaged cookie for none, or for another."""
    raw = json.dumps([started, cookies], sort_keys=True).encode()
    return f"{base64.b64encode(raw).decode()}.{_digest(raw)}"


def _parts_of(token: str, system: str) -> tuple[str, Mapping[str, str]]:
    """When the server was started, and its cookies. Raises ResyncNeeded for a damaged token."""
    text, _, digest = token.partition(".")
    try:
        raw = base64.b64decode(text, validate=True)
        if _digest(raw) == digest:
            started, cookies = json.loads(raw)
            return str(started), {str(key): str(value) for key, value in cookies.items()}
    except (binascii.Error, ValueError, AttributeError):
        pass
    raise ResyncNeeded(f"The token of changes of {system} is damaged.", system=system)


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:_CHECKED]
