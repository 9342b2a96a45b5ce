"""Devices that Intune manages: listed with the user they belong to, retired or wiped, looked at until they are gone.

List and record: learn.microsoft.com/graph/api/intune-devices-manageddevice-list and …/resources/
intune-devices-manageddevice; the states: …/resources/intune-devices-managementstate; the actions:
…/api/intune-devices-manageddevice-retire and -wipe. That either takes the record out of Intune once the device was
reached, a wipe only without `keepEnrollmentData`: learn.microsoft.com/mem/intune/remote-actions/devices-wipe.

Devices that are registered in the directory and not managed are left out: nothing on them can be wiped.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, ClassVar, Final
from urllib.parse import quote

from jmltui.adapter_api import (
    ContractBroken,
    Entitlement,
    Evidence,
    Grant,
    Invalid,
    NotFound,
    Outcome,
    Proof,
    Receipt,
    Step,
    Unsupported,
    Verdict,
)

from .chosen import Standing, distinct, explained
from .graph import Graph, literal

DEVICE: Final = "device:"
DEVICES: Final = "deviceManagement/managedDevices"
FIELDS: Final = (
    "id,userId,deviceName,manufacturer,model,operatingSystem,serialNumber,imei,managementState,lastSyncDateTime"
)
READING: Final = "DeviceManagementManagedDevices.Read.All"
ACTING: Final = (
    "DeviceManagementManagedDevices.PrivilegedOperations.All (and DeviceManagementManagedDevices.ReadWrite.All)"
)
LICENCE: Final = "Microsoft Intune"
RETIRE: Final = "retire"
WIPE: Final = "wipe"
UNDER_WAY: Final[Mapping[str, frozenset[str]]] = {
    RETIRE: frozenset({"retirePending", "retireIssued", "wipePending", "wipeIssued", "deletePending"}),
    WIPE: frozenset({"wipePending", "wipeIssued"}),
}
"""States of a device that is about to hold nothing of the company, and nothing at all."""
NO_ENROLMENT: Final = "discovered"
DOING: Final[Mapping[str, str]] = {RETIRE: "retiring devices", WIPE: "wiping devices"}
BODIES: Final[Mapping[str, Any]] = {RETIRE: None, WIPE: {"keepEnrollmentData": False, "keepUserData": False}}
NO_SERIALS: Final = frozenset(
    {"", "0", "defaultstring", "default string", "system serial number", "to be filled by o.e.m."}
)


class Devices:
    """The managed devices of one tenant. `action` is what becomes of one: `retire` or `wipe`."""

    name: ClassVar[str] = "devices"
    prefix: ClassVar[str] = DEVICE

    def __init__(self, graph: Graph, action: str) -> None:
        self._graph = graph
        self._system = graph.system
        self._action = action

    async def probe(self) -> str:
        """That Intune answers."""
        with explained(self._system, "Intune devices", READING, LICENCE):
            await self._graph.one(DEVICES, {"$select": "id", "$top": "1"})
        return "readable"

    async def entitlements(self) -> list[Entitlement]:
        """All devices that belong to a user."""
        rows = [row for row in await self._rows() if row.get("userId")]
        return distinct([Entitlement(f"{DEVICE}{row['id']}", "device", _named(row), grantable=False) for row in rows])

    async def grants(self, accounts: Collection[str]) -> list[Grant]:
        """Whose each device is."""
        rows = await self._rows()
        return [Grant(str(row["userId"]), f"{DEVICE}{row['id']}") for row in rows if row.get("userId") in accounts]

    async def of(self, account_id: str) -> list[Grant]:
        """The devices of one user, also of one who is gone from the directory."""
        return [Grant(account_id, f"{DEVICE}{row['id']}") for row in await self._rows_of(account_id)]

    async def set_held(self, account_id: str, entitlement_id: str, held: bool, expires: datetime | None) -> Outcome:
        """Never: a device is enrolled on the device. Raises Unsupported."""
        del account_id, entitlement_id, held, expires
        raise Unsupported(
            f"A device of {self._system} is neither given nor taken here; it is wiped.", system=self._system
        )

    async def standing(self, account_id: str, entitlement_id: str) -> Standing:
        """Whether Intune lists it as theirs."""
        held = entitlement_id in {one.entitlement_id for one in await self.of(account_id)}
        return Standing(held, f"GET /{DEVICES} of the user")

    async def wipe(self, account_id: str, device_id: str) -> Receipt:
        """Retire or wipe it. PENDING, for the device has to be reached; ALREADY where neither its own record nor the
        user's list has it any more. Raises NotFound for somebody else's.
        """
        try:
            row = await self._row(device_id)
        except NotFound:
            if device_id in {one.entitlement_id for one in await self.of(account_id)}:
                raise
            return Receipt(Outcome.ALREADY, after={"in Intune": False})
        before = _seen(row)
        if row.get("userId") != account_id:
            raise NotFound(
                f"{_named(row)} of {self._system} does not belong to this user any more; look whose it is.",
                system=self._system,
                operation="wipe-device",
            )
        if row.get("managementState") in UNDER_WAY[self._action]:
            return Receipt(Outcome.PENDING, before=before, after=before)
        path = f"{_path(device_id)}/{self._action}"
        with explained(self._system, DOING[self._action], ACTING):
            try:
                await self._graph.write("POST", path, BODIES[self._action])
            except Invalid as error:
                raise Invalid(
                    f"Intune did not take it to {self._action} {_named(row)}: {error.message} Do it on the device, or "
                    "in the Intune admin centre.",
                    system=self._system,
                    operation=error.operation,
                    code=error.code,
                ) from error
        return Receipt(Outcome.PENDING, before=before, after={**before, "asked for": self._action})

    async def evidence(self, step: Step, now: datetime) -> Evidence:
        """Gone from Intune: done. Under way: PENDING, however long. Managed as before, failed or cancelled: not done.

        Gone is what no record of this id and the list of the user's devices say together: a device that was given to
        somebody else is still there.
        """
        device_id = step.target or ""
        source = f"GET /{_path(device_id)}: managementState"
        try:
            row = await self._row(device_id)
        except NotFound:
            listed = device_id in {one.entitlement_id for one in await self.of(step.account_id)}
            observed: dict[str, object] = {"device": device_id, "in Intune": listed}
            verdict = Verdict.PENDING if listed else Verdict.CONFIRMED
            return Evidence(verdict, Proof.READ_BACK, observed, now, f"GET /{_path(device_id)} and the user's devices")
        is_theirs = row.get("userId") == step.account_id
        is_under_way = row.get("managementState") in UNDER_WAY[self._action]
        verdict = Verdict.PENDING if is_under_way else Verdict.CONTRADICTED
        return Evidence(verdict, Proof.READ_BACK, {**_seen(row), "theirs": is_theirs}, now, source)

    # ---- reading

    async def _row(self, device_id: str) -> dict[str, Any]:
        with explained(self._system, "Intune devices", READING, LICENCE):
            try:
                row = await self._graph.one(_path(device_id), {"$select": FIELDS})
            except NotFound as error:
                raise NotFound(
                    f"Intune of {self._system} has no device {device_id.removeprefix(DEVICE)[:80]} any more: it was "
                    "retired, wiped or removed.",
                    system=self._system,
                    operation=error.operation,
                    code=error.code,
                ) from error
        if row.get("id") != device_id.removeprefix(DEVICE):
            raise ContractBroken(f"{self._system} was asked for one device and told of another.", system=self._system)
        return row

    async def _rows(self, question: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """Devices that are enrolled; only those can be retired or wiped."""
        with explained(self._system, "Intune devices", READING, LICENCE):
            rows = await self._graph.rows(DEVICES, {**(question or {}), "$select": FIELDS})
        if not all(isinstance(row.get("id"), str) and row["id"] for row in rows):
            raise ContractBroken(f"{self._system} lists a device without an id.", system=self._system)
        return [row for row in rows if row.get("managementState") != NO_ENROLMENT]

    async def _rows_of(self, account_id: str) -> list[dict[str, Any]]:
        rows = await self._rows({"$filter": f"userId eq {literal(account_id)}"})
        return [row for row in rows if row.get("userId") == account_id]


def _path(device_id: str) -> str:
    return f"{DEVICES}/{quote(device_id.removeprefix(DEVICE), safe='')}"


def _named(row: Mapping[str, Any]) -> str:
    """What is written on it, as far as Intune knows: “Pixel 8, serial ABC123”."""

    def text(name: str) -> str:
        return " ".join(str(row.get(name) or "").split())[:60]

    what = text("model") or text("operatingSystem") or "Device"
    serial, imei = text("serialNumber"), text("imei")
    if serial.casefold() not in NO_SERIALS:
        return f"{what}, serial {serial}"
    return f"{what}, IMEI {imei}" if imei else f"{what}, called {text('deviceName') or row['id']}"


def _seen(row: Mapping[str, Any]) -> dict[str, object]:
    """What goes into evidence about a device."""
    return {
        "device": _named(row),
        "state": row.get("managementState"),
        "last seen by Intune": row.get("lastSyncDateTime"),
    }
