"""Reading a tailnet: users, devices, keys.

Paths, fields and states: Tailscale's OpenAPI description of its API v2 (“Tailscale API”, tailscale.com/api; read in the
copy of github.com/tailscale/tailscale-client-go-v2). Nothing is paged: all results are returned at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from jmltui.adapter_api import (
    Account,
    AccountState,
    Ambiguous,
    ContractBroken,
    Credential,
    Entitlement,
    Forbidden,
    NotFound,
    Session,
)
from jmltui.exchange import HttpExchange, instant

ROLES: Final = ("member", "auditor", "billing-admin", "network-admin", "it-admin", "admin", "owner")
PLAIN: Final = "member"
OWNER: Final = "owner"
ROLE: Final = "role:"
STATES: Final[Mapping[str, AccountState]] = {
    "active": AccountState.ACTIVE,
    "idle": AccountState.ACTIVE,
    "suspended": AccountState.DISABLED,
    "needs-approval": AccountState.INVITED,
}
"""What each state says; `over-billing-limit` says neither that somebody may join nor that anybody forbade it."""
KEY_KINDS: Final[Mapping[str, str]] = {"api": "api-key", "auth": "token"}


class Tailnet:
    """Reads one tailnet."""

    def __init__(self, http: HttpExchange, name: str) -> None:
        self.http = http
        self.system = http.system
        self.path = f"tailnet/{quote(name, safe='')}"

    async def users(self) -> list[dict[str, Any]]:
        """All users, each once. Raises ContractBroken for one without an id, a name or a state."""
        found = {self._checked(row)["id"]: row for row in await self._list(f"{self.path}/users", "users")}
        return list(found.values())

    async def user(self, account_id: str) -> dict[str, Any]:
        """One user. Raises NotFound; ContractBroken for somebody else."""
        row = self._checked((await self.http.get(user_path(account_id))).object())
        if row["id"] != account_id:
            raise ContractBroken(f"{self.system} was asked for one user and told of another.", system=self.system)
        return row

    async def find(self, login: str) -> dict[str, Any] | None:
        """The user with exactly this login name; there is no search. Raises Ambiguous."""
        hits = [row for row in await self.users() if str(row["loginName"]).casefold() == login.casefold()]
        if len(hits) > 1:
            raise Ambiguous(f"{self.system} has {len(hits)} users called {login[:80]}.", system=self.system)
        return hits[0] if hits else None

    async def devices_of(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The devices of one user. A tagged device belongs to its tag, and a shared one to somebody else's tailnet."""
        login = str(row["loginName"]).casefold()
        found = []
        for device in await self._list(f"{self.path}/devices", "devices"):
            if not isinstance(device.get("nodeId") or device.get("id"), str):
                raise ContractBroken(f"{self.system} lists a device without an id.", system=self.system)
            mine = str(device.get("user")).casefold() == login
            if mine and not device.get("tags") and device.get("isExternal") is not True:
                found.append(device)
        return found

    async def keys_of(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The keys that one user made: access tokens and keys for devices."""
        keys = await self._list(f"{self.path}/keys", "keys", {"all": "true"})
        return [key for key in keys if key.get("userId") == row["id"] and isinstance(key.get("id"), str)]

    async def credentials_of(self, row: Mapping[str, Any]) -> list[Credential]:
        """Device keys and other keys of one user."""
        now, account_id = self.http.clock(), str(row["id"])
        found = [
            Credential(
                f"device:{device_id(one)}",
                account_id,
                "certificate",
                instant(one.get("created")),
                instant(one.get("lastSeen")),
                not is_expired(one, now),
            )
            for one in await self.devices_of(row)
        ]
        for key in await self.keys_of(row):
            until = instant(key.get("expires"))
            live = key.get("invalid") is not True and not key.get("revoked") and (until is None or until > now)
            kind = KEY_KINDS.get(str(key.get("keyType")), "token")
            found.append(Credential(f"key:{key['id']}", account_id, kind, instant(key.get("created")), active=live))
        return found

    async def sessions_of(self, row: Mapping[str, Any]) -> list[Session]:
        """Devices that are connected now and whose key still lets them in."""
        now = self.http.clock()
        return [
            Session(device_id(one), str(row["id"]), None, str(one.get("name") or one.get("hostname") or "")[:200])
            for one in await self.devices_of(row)
            if one.get("connectedToControl") is True and not is_expired(one, now)
        ]

    async def _list(self, path: str, name: str, params: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        try:
            rows = (await self.http.get(path, params)).object().get(name)
        except NotFound as error:  # said of the tailnet, also where the credential may not read this
            raise Forbidden(
                f"{self.system} is not there by this name, or the credential may not read {name}.",
                system=error.system,
                operation=error.operation,
                code=error.code,
            ) from error
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise ContractBroken(f"{self.system} answered GET /{path} without “{name}”.", system=self.system)
        return rows

    def _checked(self, row: dict[str, Any]) -> dict[str, Any]:
        for name in ("id", "loginName", "status", "role"):
            if not isinstance(row.get(name), str) or not row[name]:
                raise ContractBroken(f"{self.system} tells of a user without {name}.", system=self.system)
        return row


def user_path(account_id: str) -> str:
    """Where one user is read and changed."""
    return f"users/{quote(account_id, safe='')}"


def device_id(device: Mapping[str, Any]) -> str:
    """The id that calls for a device take."""
    return str(device.get("nodeId") or device.get("id"))


def is_expired(device: Mapping[str, Any], now: datetime) -> bool:
    """Whether a device has to sign in again before it can connect; year 1 means that its key never expires."""
    until = instant(device.get("expires"))
    if device.get("keyExpiryDisabled") is True or until is None or until.year <= 1:
        return False
    return until <= now


def account(row: Mapping[str, Any]) -> Account:
    """A user as an account."""
    login = str(row["loginName"])
    return Account(
        str(row["id"]),
        login,
        STATES.get(str(row["status"]), AccountState.UNKNOWN),
        (login,) if "@" in login else (),
        display=str(row.get("displayName") or ""),
        last_seen=instant(row.get("lastSeen")),
        raw={"status": row["status"], "shared": row.get("type") == "shared", "devices": row.get("deviceCount")},
    )


def seen(row: Mapping[str, Any]) -> dict[str, object]:
    """What goes into evidence about a user."""
    return {"id": row["id"], "login": row["loginName"], "status": row["status"], "role": row["role"]}


def role_entitlements() -> list[Entitlement]:
    """The roles. Everybody is at least a member, and only the owner hands the ownership over."""
    return [
        Entitlement(f"{ROLE}{role}", "role", role, role not in (PLAIN,), role not in (PLAIN, OWNER)) for role in ROLES
    ]
