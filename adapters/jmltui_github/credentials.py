"""Tokens and keys that members authorized for the organization's single sign-on.

`GET /orgs/{org}/credential-authorizations?login=`, `DELETE …/{credential_id}`: GitHub REST API reference (Enterprise
Cloud), “Organizations”. Without SAML single sign-on GitHub shows no one's tokens or keys to an organization.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from jmltui.adapter_api import Credential, NotFound, Outcome, Receipt

from .organization import Organization
from .people import People
from .records import INVITATION, credential, user_of

LISTING: Final = "credential-authorizations"


class Credentials:
    """Reads and revokes authorizations of credentials."""

    def __init__(self, organization: Organization, people: People) -> None:
        self._organization, self._people, self._system = organization, people, organization.system

    async def of(self, account_id: str) -> list[Credential]:
        """What one account authorized, also after it left. Raises NotFound for a user that GitHub does not have."""
        if account_id.startswith(INVITATION):
            return []
        login = user_of(await self._people.user(account_id), self._system)[1]
        path = f"{self._organization.path(LISTING)}?login={quote(login, safe='')}"
        rows = await self._organization.all(path, "credentials", key="credential_id")
        own = [one for one in rows if str(one.get("login") or "").casefold() == login.casefold()]
        now = self._organization.http.clock()
        return [credential(one, account_id, now, self._system) for one in own]

    async def revoke(self, account_id: str, credential_id: str | None) -> Receipt:
        """Take the authorization of one credential, or of all, away; it opens nothing of the organization then."""
        found = await self.of(account_id)
        due = [one.id for one in found if credential_id in (None, one.id)]
        for one in due:
            try:
                await self._organization.http.send("DELETE", self._organization.path(LISTING, one))
            except NotFound:
                continue
        before = {"credentials": [one.id for one in found]}
        after = {"credentials": [one.id for one in found if one.id not in due]}
        return Receipt(Outcome.CHANGED if due else Outcome.ALREADY, before=before, after=after)
