"""Devices of users: mobile ones and ChromeOS devices, whose they are and how they are called.

developers.google.com/workspace/admin/directory/reference/rest/v1/mobiledevices (a row for each account on a device;
user-owned devices only) and …/chromeosdevices. Search: …/v1/search-operators (`email:`), and
…/v1/guides/search-devices: what is new may take hours to be found. Statuses of mobile devices as the reference lists
them: APPROVED, BLOCKED, PENDING, UNPROVISIONED, UNKNOWN, WIPING, WIPED, ACCOUNT_WIPING, ACCOUNT_WIPED.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import quote

from jmltui.adapter_api import ContractBroken, Entitlement, NotFound

from .directory import BASE, Directory
from .options import Wipe
from .workspace import Workspace

DEVICE: Final = "device:"
MOBILE: Final = "mobile"
CHROME: Final = "chromeos"
FULL: Final = {"projection": "FULL"}
PLAIN: Final = re.compile(r"[A-Za-z0-9'._+-]+@[A-Za-z0-9.-]+")
"""Addresses that mean themselves in a search."""


class Standing(StrEnum):
    """What a device holds of the company, as its status says."""

    HOLDING = "holding"
    WIPING = "wiping"
    WIPED = "wiped"
    GONE = "gone"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Device:
    """A device. `addresses` are those of whose it is, in small letters."""

    kind: str
    key: str
    model: str
    serial: str
    addresses: frozenset[str]
    status: str
    standing: Standing

    @property
    def id(self) -> str:
        """Its entitlement's id."""
        return f"{DEVICE}{self.kind}/{self.key}"

    @property
    def name(self) -> str:
        """What a person at a desk knows it by."""
        return f"{self.model}, {self.serial}"


class Devices:
    """The devices of one customer. `api` may read them; `wipe` says when a device counts as wiped."""

    def __init__(self, directory: Directory, api: Workspace, wipe: Wipe, chrome: bool) -> None:
        self.directory, self.api, self.wipe, self._chrome = directory, api, wipe, chrome
        self.system = directory.system

    async def all(self) -> list[Device]:
        """All devices that hold something."""
        return _holding([*await self._mobiles(), *await self._chromes()])

    async def of(self, addresses: Iterable[str]) -> list[Device]:
        """The devices of who has these addresses; a hit of the search counts only when it names one of them."""
        own = set(addresses)
        found: list[Device] = []
        if all(PLAIN.fullmatch(one) for one in own):
            for one in sorted(own):
                found += await self._mobiles(f"email:{one}")
        else:
            found += await self._mobiles()
        found += await self._chromes()
        return _holding(one for one in found if one.addresses & own)

    async def same(self, device: Device) -> list[Device]:
        """The rows of other accounts on the same mobile device, by its serial number."""
        number = device.serial.removeprefix("serial ")
        if device.kind != MOBILE or number == device.serial or not re.fullmatch(r"[A-Za-z0-9-]+", number):
            return []
        found = await self._mobiles(f"serial:{number}")
        return [one for one in found if one.serial == device.serial and one.key != device.key]

    async def one(self, entitlement_id: str) -> Device:
        """One device, read by itself. Raises NotFound."""
        kind, _, key = entitlement_id.removeprefix(DEVICE).partition("/")
        known = (MOBILE, CHROME) if self._chrome else (MOBILE,)
        if not entitlement_id.startswith(DEVICE) or kind not in known or not key:
            raise NotFound(f"{self.system} has no device {entitlement_id[:80]}.", system=self.system)
        row = (await self.api.get(await self.path(kind, key), FULL)).object()
        device = _mobile(row, self.wipe, self.system) if kind == MOBILE else _chrome(row, self.system)
        if device.key != key:
            raise ContractBroken(f"{self.system} was asked for one device and told of another.", system=self.system)
        return device

    async def path(self, kind: str, key: str = "") -> str:
        """Where devices of a kind, or one of them, are read and commanded."""
        customer = quote(await self.directory.customer() or "my_customer", safe="")
        return f"{BASE}/customer/{customer}/devices/{kind}" + (f"/{quote(key, safe='')}" if key else "")

    async def _mobiles(self, query: str = "") -> list[Device]:
        params = {**FULL, "maxResults": "100", **({"query": query} if query else {})}
        rows = await self.api.rows(await self.path(MOBILE), "mobiledevices", params)
        return [_mobile(row, self.wipe, self.system) for row in rows]

    async def _chromes(self) -> list[Device]:
        if not self._chrome:
            return []
        rows = await self.api.rows(await self.path(CHROME), "chromeosdevices", {**FULL, "maxResults": "300"})
        return [_chrome(row, self.system) for row in rows]


def entitlements_of(devices: Iterable[Device]) -> list[Entitlement]:
    """Devices as what can be held and not granted; of two with one name each says whose it is, or its id."""
    found = list(devices)
    count = Counter(one.name for one in found)
    whose = Counter((one.name, one.addresses) for one in found)
    named = []
    for one in found:
        name = one.name
        if count[name] > 1:
            told = ", ".join(sorted(one.addresses)) if whose[name, one.addresses] == 1 and one.addresses else one.key
            name = f"{name} ({told[-80:]})"
        named.append(Entitlement(one.id, "device", name, grantable=False))
    return named


def _holding(devices: Iterable[Device]) -> list[Device]:
    each = {one.id: one for one in devices if one.standing not in (Standing.WIPED, Standing.GONE)}
    return list(each.values())


def _mobile(row: Mapping[str, Any], wipe: Wipe, system: str) -> Device:
    key = row.get("resourceId")
    if not isinstance(key, str) or not key:
        raise ContractBroken(f"{system} tells of a device without an id.", system=system)
    emails = row.get("email")
    status = str(row.get("status") or "").strip().upper().replace(" ", "_")
    return Device(
        MOBILE,
        key,
        _text(row, "model", "hardware", "brand", "type") or "a mobile device",
        _number(row, ("serialNumber", "serial"), ("imei", "IMEI"), ("meid", "MEID"), ("hardwareId", "hardware"))
        or f"id {key[-12:]}",
        frozenset(str(one).casefold() for one in (emails if isinstance(emails, list) else []) if one),
        status[:40],
        _standing(status, wipe),
    )


def _standing(status: str, wipe: Wipe) -> Standing:
    if status in ("WIPED", "WIPING"):
        return Standing.WIPED if status == "WIPED" else Standing.WIPING
    if status in ("ACCOUNT_WIPED", "ACCOUNT_WIPING") and wipe is not Wipe.EVERYTHING:
        return Standing.WIPED if status == "ACCOUNT_WIPED" else Standing.WIPING
    if status in ("DELETED", "DELETING"):
        return Standing.GONE
    return Standing.UNKNOWN if status in ("", "UNKNOWN") else Standing.HOLDING


def _chrome(row: Mapping[str, Any], system: str) -> Device:
    """Whose it is: the user whom an administrator noted, if nobody else alone uses it; else all of them."""
    key = row.get("deviceId")
    if not isinstance(key, str) or not key:
        raise ContractBroken(f"{system} tells of a device without an id.", system=system)
    noted = str(row.get("annotatedUser") or "").strip().casefold()
    listed = row.get("recentUsers")
    recent = [one for one in (listed if isinstance(listed, list) else []) if isinstance(one, dict)]
    users = {
        str(one["email"]).casefold() for one in recent if one.get("type") == "USER_TYPE_MANAGED" and one.get("email")
    }
    if PLAIN.fullmatch(noted):
        users = {noted} if not users or noted in users else {noted, *users}
    status = str(row.get("status") or "").upper()
    return Device(
        CHROME,
        key,
        _text(row, "model") or "a ChromeOS device",
        _number(row, ("serialNumber", "serial"), ("annotatedAssetId", "asset")) or f"id {key[-12:]}",
        frozenset(users),
        status[:40],
        Standing.GONE if status == "DEPROVISIONED" else Standing.HOLDING,
    )


def _text(row: Mapping[str, Any], *names: str) -> str:
    """The first of these that is said, printable and short."""
    for name in names:
        told = "".join(one for one in str(row.get(name) or "") if one.isprintable()).strip()
        if told:
            return told[:80]
    return ""


def _number(row: Mapping[str, Any], *names: tuple[str, str]) -> str:
    return next((f"{word} {told}" for name, word in names if (told := _text(row, name))), "")
