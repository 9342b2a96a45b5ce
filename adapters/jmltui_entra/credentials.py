"""Sign-in methods of a user: told without their values, and removed one by one.

The list, its types and where each is deleted: learn.microsoft.com/graph/api/authentication-list-methods and
…/api/resources/authenticationmethods-overview. The password is no method that can be deleted, so it is not told: a
disable and the ending of sessions stop it. A default method cannot be deleted before the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from jmltui.adapter_api import Credential, Invalid, NotFound, Outcome, Receipt
from jmltui.exchange import instant

from .directory import Directory, user_path

PREFIX: Final = "#microsoft.graph."
SUFFIX: Final = "AuthenticationMethod"
COLLECTIONS: Final[Mapping[str, str]] = {
    "fido2": "fido2Methods",
    "microsoftAuthenticator": "microsoftAuthenticatorMethods",
    "phone": "phoneMethods",
    "email": "emailMethods",
    "softwareOath": "softwareOathMethods",
    "temporaryAccessPass": "temporaryAccessPassMethods",
    "windowsHelloForBusiness": "windowsHelloForBusinessMethods",
    "platformCredential": "platformCredentialMethods",
}


class Credentials:
    """The sign-in methods of one tenant's users."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._graph = directory.graph

    async def of(self, account_id: str) -> list[Credential]:
        """All methods of a user but the password. Raises NotFound."""
        rows = await self._graph.rows(f"{user_path(account_id)}/authentication/methods")
        return [one for row in rows if (one := _credential(account_id, row)) is not None]

    async def revoke(self, account_id: str, credential_id: str | None) -> Receipt:
        """Remove one method, or all. Raises NotFound for an unknown user; Invalid for one that cannot be removed."""
        await self._directory.user(account_id)
        present = [one.id for one in await self.of(account_id)]
        todo = [one for one in present if credential_id in (None, one)]
        if not todo:
            return Receipt(Outcome.ALREADY, before={"methods": len(present)}, after={"methods": len(present)})
        left = list(todo)
        while left:
            before, left = len(left), await self._round(account_id, left)
            if len(left) == before:
                raise Invalid(
                    f"{self._graph.system} does not let {len(left)} of the sign-in methods be removed; a default "
                    "method goes last, and some types only by hand.",
                    system=self._graph.system,
                )
        after = len(present) - len(todo)
        return Receipt(Outcome.CHANGED, before={"methods": len(present)}, after={"methods": after})

    async def _round(self, account_id: str, ids: list[str]) -> list[str]:
        """Try each; those that were refused."""
        refused = []
        for one in ids:
            kind, _, method_id = one.partition(":")
            collection = COLLECTIONS.get(kind)
            if collection is None:
                refused.append(one)
                continue
            path = f"{user_path(account_id)}/authentication/{collection}/{quote(method_id, safe='')}"
            try:
                await self._graph.write("DELETE", path)
            except NotFound:  # it went meanwhile
                continue
            except Invalid:
                refused.append(one)
        return refused


def _credential(account_id: str, row: Mapping[str, Any]) -> Credential | None:
    kind = str(row.get("@odata.type") or "").removeprefix(PREFIX).removesuffix(SUFFIX)
    if kind == "password" or not row.get("id"):
        return None
    made = instant(row.get("createdDateTime") or row.get("creationDateTime"))
    return Credential(f"{kind}:{row['id']}", account_id, "mfa", made)
