"""Tokens that a user gave to applications, and application passwords: told without their values.

Lists: developers.google.com/workspace/admin/directory/reference/rest/v1/tokens and …/asps. Backup codes are not listed:
the list would hold their values.
"""

from __future__ import annotations

from datetime import UTC, datetime

from jmltui.adapter_api import ContractBroken, Credential

from .directory import Directory, user_path


class Credentials:
    """What the users of one customer gave out."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def of(self, account_id: str) -> list[Credential]:
        """Tokens and application passwords of a user. Raises NotFound."""
        found = []
        for kind, key, told in (("token", "clientId", "token"), ("asp", "codeId", "password")):
            rows = await self._directory.admin.rows(f"{user_path(account_id)}/{kind}s", "items")
            for row in rows:
                if row.get(key) is None:
                    raise ContractBroken(f"{self._directory.system} lists a credential without an id.")
                used = _at(row.get("lastTimeUsed"))
                one = Credential(f"{kind}:{row[key]}", account_id, told, _at(row.get("creationTime")), used)
                found.append(one)
        return found


def _at(milliseconds: object) -> datetime | None:
    text = str(milliseconds or "")
    return datetime.fromtimestamp(int(text) / 1000, UTC) if text.isdecimal() and 0 < int(text) < 10**14 else None
