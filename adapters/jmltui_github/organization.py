"""One organization behind its address: paths and whole listings.

Paging by the Link header, at most 100 a page: GitHub REST API, “Using pagination in the REST API”. A listing has no
total.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any, Final
from urllib.parse import quote

from jmltui.adapter_api import AuthFailed, ContractBroken, Forbidden, Invalid, NotFound, Unsupported
from jmltui.exchange import HttpExchange

NEXT: Final = re.compile(r'<([^<>]*)>\s*;\s*rel="?next"?')
MOST: Final = 100
MOST_PAGES: Final = 100_000
MOST_BARREN: Final = 10
"""So many pages in a row may be empty and still name a next one: rows may be left out after they were counted."""
NOT_OFFERED: Final = (Forbidden, NotFound, Invalid, Unsupported, AuthFailed)
"""What GitHub answers where the plan or the token leaves a part out; a token that it cannot use there may be 401."""


class Organization:
    """Reads one organization's listings."""

    def __init__(self, http: HttpExchange, name: str) -> None:
        self.http, self.system, self.name = http, http.system, name
        self._base = f"/orgs/{quote(name, safe='')}"

    def path(self, *parts: str) -> str:
        """Where a part of the organization is; each part is quoted."""
        return "/".join((self._base, *(quote(part, safe="") for part in parts)))

    async def offers(self, *parts: str) -> bool:
        """Whether this listing is to be had with this plan and token. Raises Unavailable and its kin."""
        try:
            await self.http.get(f"{self.path(*parts)}?per_page=1")
        except NOT_OFFERED:
            return False
        return True

    async def all(self, path: str, what: str, *, key: str = "id", within: str = "") -> list[Any]:
        """All rows of a listing. Raises ContractBroken for one that is not whole."""
        return [one async for rows, _ in self.pages(path, what, key=key, within=within) for one in rows]

    async def pages(
        self, path: str, what: str, *, key: str = "id", within: str = "", size: int = MOST
    ) -> AsyncIterator[tuple[list[Any], str | None]]:
        """The pages of a listing, and where the next one is. `within` is the field of the answer that has the rows.

        Raises ContractBroken for a listing without an end, or for a row that has no `key`.
        """
        query: str | None = path
        if "per_page=" not in path:
            query = f"{path}{'&' if '?' in path else '?'}per_page={min(max(size, 1), MOST)}"
        known: set[object] = set()
        barren = 0
        for _ in range(MOST_PAGES):
            answer = await self.http.get(query or path)
            match = NEXT.search(answer.headers.get("link", ""))
            query = match[1] if match else None
            rows = answer.object().get(within) if within else answer.items()
            rows, fresh = rows if isinstance(rows, list) else [None], list[Any]()
            for one in rows:
                if not isinstance(one, dict) or not one.get(key):
                    raise ContractBroken(f"{self.system} lists {what} without an id.", system=self.system)
                if one[key] not in known:
                    known.add(one[key])
                    fresh.append(one)
            barren = 0 if fresh else barren + 1
            if query is not None and (barren > MOST_BARREN or (rows and not fresh)):
                raise ContractBroken(f"{self.system} lists its {what} without end.", system=self.system)
            yield fresh, query
            if query is None:
                return
        raise ContractBroken(f"{self.system} lists its {what} without end.", system=self.system)
