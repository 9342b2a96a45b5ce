"""Wiping a device, and how far that is.

Mobile devices: developers.google.com/workspace/admin/directory/reference/rest/v1/mobiledevices/action
(`admin_account_wipe` takes the company's data, `admin_remote_wipe` all data); the status of the device tells how far it
is. ChromeOS devices: …/v1/customer.devices.chromeos/issueCommand (`WIPE_USERS` takes all profiles and keeps the
enrolment, `REMOTE_POWERWASH` takes everything) and …/commands/get. Commands are not listed anywhere, so that the id of
one is remembered as long as the adapter lives, and not longer. A reset needs advanced mobile management:
support.google.com/a/answer/173390.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from jmltui.adapter_api import Conflict, Invalid, NotFound, Outcome, OutcomeUnknown, Receipt, Verdict

from .devices import CHROME, Device, Devices, Standing
from .options import Wipe
from .users import addresses

ACTIONS: Final = {Wipe.ACCOUNT: "admin_account_wipe", Wipe.EVERYTHING: "admin_remote_wipe"}
COMMANDS: Final = {Wipe.ACCOUNT: "WIPE_USERS", Wipe.EVERYTHING: "REMOTE_POWERWASH"}
NOT_YET: Final = frozenset({"PENDING", "SENT_TO_CLIENT", "ACKED_BY_CLIENT"})


@dataclass(frozen=True, slots=True)
class Look:
    """What was found out about a wipe: the verdict, what Google said, and by which call."""

    verdict: Verdict
    observed: Mapping[str, object]
    source: str


class Wiping:
    """Wipes devices of one customer. `commands` are the ids of commands given to ChromeOS devices, by device."""

    def __init__(self, devices: Devices, commands: MutableMapping[str, str]) -> None:
        self._devices, self._commands, self._system = devices, commands, devices.system

    async def wipe(self, account_id: str, device_id: str) -> Receipt:
        """Make the device hold nothing of the company, or nothing at all. It does so when it is next online.

        Raises NotFound for a device that the account does not hold, Conflict for one that somebody else uses as well.
        """
        user = await self._devices.directory.user(account_id)
        device = await self._devices.one(device_id)
        own, login = addresses(user), str(user["primaryEmail"])
        if not device.addresses & own:
            told = f"{device.name} of {self._system} does not belong to {login[:80]}."
            raise NotFound(told, system=self._system, operation="wipe")
        now = await self.look(device)
        if now.verdict is Verdict.CONFIRMED:
            return Receipt(Outcome.ALREADY, before=now.observed, after=now.observed)
        if now.verdict is Verdict.PENDING:
            return Receipt(Outcome.PENDING, job=self._commands.get(device.id), before=now.observed, after=now.observed)
        await self._refuse_what_is_shared(device, own)
        job = await (self._command(device) if device.kind == CHROME else self._act(device))
        return Receipt(
            Outcome.PENDING, job, job, before=now.observed, after={**now.observed, "asked": self._asked(device)}
        )

    async def look_at(self, device_id: str) -> Look:
        """How far a wipe is. A device that is not listed any more may have been wiped or not."""
        try:
            return await self.look(await self._devices.one(device_id))
        except NotFound:
            source = f"GET devices/{device_id.partition(':')[2][:80]}"
            return Look(Verdict.UNVERIFIABLE, {"device": device_id, "listed": False}, source)

    async def look(self, device: Device) -> Look:
        """How far a wipe of this device is."""
        observed = {"device": device.id, "name": device.name, "status": device.status}
        if device.kind == CHROME:
            return await self._look_at_command(device, observed)
        verdict = {
            Standing.WIPED: Verdict.CONFIRMED,
            Standing.WIPING: Verdict.PENDING,
            Standing.HOLDING: Verdict.CONTRADICTED,
        }.get(device.standing, Verdict.UNVERIFIABLE)
        return Look(verdict, observed, f"GET devices/{device.kind}/{device.key[:80]}")

    async def _look_at_command(self, device: Device, observed: Mapping[str, object]) -> Look:
        command = self._commands.get(device.id)
        if command is None:
            return Look(Verdict.UNVERIFIABLE, observed, "Google lists no commands of ChromeOS devices")
        path = f"{await self._devices.path(CHROME, device.key)}/commands/{quote(command, safe='')}"
        row = (await self._devices.api.get(path)).object()
        state, result = str(row.get("state") or ""), row.get("commandResult")
        told: dict[str, Any] = result if isinstance(result, dict) else {}
        facts = {**observed, "command": command, "state": state[:40], "result": str(told.get("result") or "")[:40]}
        if told.get("errorMessage"):
            facts["error"] = str(told["errorMessage"])[:200]
        source = f"GET devices/{CHROME}/{device.key[:80]}/commands/{command[:40]}"
        if str(row.get("commandId")) != command or str(row.get("type")) != COMMANDS[self._devices.wipe]:
            return Look(Verdict.UNVERIFIABLE, facts, source)
        if state in NOT_YET:
            return Look(Verdict.PENDING, facts, source)
        done = state == "EXECUTED_BY_CLIENT" and told.get("result") == "SUCCESS"
        return Look(Verdict.CONFIRMED if done else Verdict.CONTRADICTED, facts, source)

    async def _refuse_what_is_shared(self, device: Device, own: set[str]) -> None:
        others = set(device.addresses) - own
        if self._devices.wipe is Wipe.EVERYTHING:  # the company's data of one account is wiped without the others'
            for one in await self._devices.same(device):
                others |= one.addresses - own
        if device.standing is Standing.GONE:
            told = (
                f"{device.name} of {self._system} is managed no more ({device.status}); it can only be wiped by hand."
            )
            raise Conflict(told, system=self._system, operation="wipe")
        if others:
            names = ", ".join(sorted(others))[:120]
            told = f"{device.name} of {self._system} is used by {names} too; a person must say what is to be done."
            raise Conflict(told, system=self._system, operation="wipe")

    async def _act(self, device: Device) -> str | None:
        path = f"{await self._devices.path(device.kind, device.key)}/action"
        try:
            await self._devices.api.write("POST", path, {"action": ACTIONS[self._devices.wipe]})
        except Invalid as error:
            if self._devices.wipe is not Wipe.EVERYTHING:
                raise
            told = f"{error.message} (only a device under advanced management can be reset)"
            raise Invalid(told, system=self._system, operation="wipe", code=error.code) from error
        return None

    async def _command(self, device: Device) -> str | None:
        path = f"{await self._devices.path(device.kind, device.key)}:issueCommand"
        self._commands.pop(device.id, None)
        answer = await self._devices.api.write("POST", path, {"commandType": COMMANDS[self._devices.wipe]})
        command = str(answer.get("commandId") or "")
        if not command:
            raise OutcomeUnknown(f"{self._system} took a command and gave it no name.", system=self._system)
        self._commands[device.id] = command
        return command

    def _asked(self, device: Device) -> str:
        return (COMMANDS if device.kind == CHROME else ACTIONS)[self._devices.wipe]
