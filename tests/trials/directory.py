"""The trial's directory server, asked by plain HTTP and never through jmltui."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx

PAGE = 500


@dataclass
class Directory:
    """A SCIM server as an outsider sees it."""

    url: str
    token: str
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/scim+json"}
        self.client = httpx.Client(base_url=self.url, headers=headers, timeout=120, trust_env=False)

    def make_groups(self, names: Iterable[str]) -> None:
        """Create empty groups, as the owner of the directory would."""
        for name in names:
            body = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name}
            self.client.post("/Groups", json=body).raise_for_status()

    def listing(self, kind: str) -> list[dict[str, Any]]:
        """Everything of one kind, page by page."""
        found: list[dict[str, Any]] = []
        while True:
            answer = self.client.get(f"/{kind}", params={"startIndex": len(found) + 1, "count": PAGE})
            answer.raise_for_status()
            page = answer.json()
            found += page.get("Resources", [])
            if len(found) >= page["totalResults"]:
                return found

    def truth(self) -> dict[str, tuple[bool, frozenset[str]]]:
        """By external id: whether the account is active, and the names of its groups."""
        users = self.listing("Users")
        groups: dict[str, set[str]] = {user["id"]: set() for user in users}
        for group in self.listing("Groups"):
            for member in group.get("members", []):
                groups[member["value"]].add(group["displayName"])
        found = {u["externalId"]: (bool(u["active"]), frozenset(groups[u["id"]])) for u in users}
        assert len(found) == len(users), "the server holds two accounts for one person"
        return found
