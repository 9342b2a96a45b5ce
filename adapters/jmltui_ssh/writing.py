"""Writing to a fleet: on every host that has the account, and told host by host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from jmltui.adapter_api import (
    Account,
    AdapterError,
    Conflict,
    Invalid,
    NotFound,
    Outcome,
    Receipt,
    Stale,
    Unsupported,
)

from . import merging
from .answers import Change, Facts, Member, Members, refusal
from .fleet import Fleet, Gathered
from .merging import NOT_THERE, owner_of, told
from .names import FINGERPRINT, GROUP, PERMISSION, RULE, full_name, is_name
from .reading import Reading

ATTRIBUTES: Final = ("shell", "uid", "ssh_key")
"""What a new account may be given besides its login, name and owner."""


class Writing:
    """What can be written to a fleet."""

    def __init__(self, fleet: Fleet, reading: Reading) -> None:
        self._fleet = fleet
        self._reading = reading

    async def create(self, wanted: Account) -> tuple[Account, Receipt]:
        """Make the account exist on every host; all have to answer before the first is written to.

        Raises Conflict when any host has the login for somebody else, Invalid for an attribute that is not known.
        """
        request = _creation(wanted, self._fleet.system)
        present = await self._fleet.ask({"verb": "read", "login": wanted.login}, Facts)
        foreign = [host for host, facts in present.answers.items() if owner_of(facts) != wanted.external_id]
        if foreign:
            raise Conflict(
                f"{foreign[0]} already has an account {wanted.login} that belongs to somebody else.",
                system=self._fleet.system,
                operation="create",
            )
        present.whole()
        done = await self._fleet.ask(request, Change, writes=True)
        receipt = self._receipt(done)
        made = merging.account({host: change.after for host, change in done.answers.items()}, {})
        # What undoes a creation looks for the login here, and finds none where nothing was made.
        login = {"login": made.login} if receipt.outcome is Outcome.CHANGED else {}
        return made, Receipt(receipt.outcome, before=receipt.before, after={**login, **receipt.after})

    async def update(self, login: str, changes: Mapping[str, object], if_version: str | None) -> Receipt:
        """Make `display`, `external_id` and `expires` (a date, or empty for never) so. Raises Invalid, Stale."""
        requests = _updates(login, changes, self._fleet.system)
        before = await self._reading.account(login)
        if if_version is not None and before.version != if_version:
            raise Stale(f"{login} of {self._fleet.system} changed since it was read.", system=self._fleet.system)
        receipts = [await self.change(request) for request in requests]
        changed = any(receipt.outcome is Outcome.CHANGED for receipt in receipts)
        first, last = (receipts[0].before, receipts[-1].after) if receipts else ({}, {})
        return Receipt(Outcome.CHANGED if changed else Outcome.ALREADY, before=first, after=last)

    async def change(self, request: Mapping[str, object], only: Iterable[str] | None = None) -> Receipt:
        """One verb on one account, wherever it is. Raises NotFound when it is nowhere."""
        return self._receipt(await self._fleet.ask(request, Change, writes=True, only=only))

    async def revoke_credential(self, login: str, credential_id: str | None) -> Receipt:
        """Take out one key, the password, or all of them. Raises NotFound for what is no id of a credential."""
        request: dict[str, object] = {"verb": "keys-remove", "login": login, "password": True}
        if credential_id == merging.PASSWORD:
            request["keys"] = False
        elif credential_id is not None:
            if FINGERPRINT.fullmatch(credential_id) is None:
                raise NotFound(f"{login} has no credential {credential_id[:60]}.", system=self._fleet.system)
            request.update(password=False, fingerprint=credential_id)
        return await self.change(request)

    async def end_sessions(self, login: str, session_id: str | None) -> Receipt:
        """End all that runs for a login, or one session on its host."""
        if session_id is None:
            return await self.change({"verb": "kill", "login": login})
        host, _, number = session_id.rpartition("/")
        if host not in {place.name for place in self._fleet.options.places}:
            return Receipt(Outcome.ALREADY)
        return await self.change({"verb": "kill", "login": login, "session": number}, only=[host])

    async def take_sudo(self, rule: str, logins: Sequence[str]) -> Mapping[str, Receipt | Exception]:
        """Take logins out of a file of sudo rules, wherever it names them."""
        found: dict[str, Receipt | Exception] = {}
        for login in dict.fromkeys(logins):
            try:
                found[login] = await self.change({"verb": "sudo-remove", "login": login, "rule": rule})
            except AdapterError as error:
                found[login] = error
        return found

    async def change_members(self, group: str, logins: Sequence[str], add: bool) -> Mapping[str, Receipt | Exception]:
        """Put logins into a group or take them out, by one exchange with each host. Raises NotFound for the group."""
        request = {"verb": "grant" if add else "revoke", "group": group, "logins": list(dict.fromkeys(logins))}
        done = await self._fleet.ask(request, Members, writes=True)
        if not done.answers and not done.failed:
            raise NotFound(f"No host of {self._fleet.system} has a group {group}.", system=self._fleet.system)
        done.none_left()
        found: dict[str, Receipt | Exception] = {}
        for login in request["logins"]:
            try:
                found[login] = self._membership(done, login, add)
            except AdapterError as error:
                found[login] = error
        return found

    def _membership(self, done: Gathered[Members], login: str, add: bool) -> Receipt:
        """What became of one login. Raises AdapterError."""
        said = {host: members.results.get(login, Member(kind="failed")) for host, members in done.answers.items()}
        errors = {host: refusal(host, each.kind, each.told, writes=True) for host, each in said.items() if each.kind}
        absent = {host: error for host, error in errors.items() if isinstance(error, NotFound)}
        failed = {**done.failed, **{host: error for host, error in errors.items() if host not in absent}}
        answers = {host: each for host, each in said.items() if not each.kind}
        one = Gathered(done.system, answers, absent, failed)
        changed = [host for host, each in answers.items() if each.changed]
        one.written(changed)
        if not answers:
            raise NotFound(
                f"{login} has no account on a host of {self._fleet.system} that has this group.",
                system=self._fleet.system,
            )
        words = {True: "member", False: "no member"}
        before = {host: words[add is not each.changed] for host, each in answers.items()}
        after = dict.fromkeys(answers, words[add])
        outcome = Outcome.CHANGED if changed else Outcome.ALREADY
        return Receipt(outcome, before=before, after=after)

    def _receipt(self, done: Gathered[Change]) -> Receipt:
        """The receipt that names every host. Raises what hosts that failed mean."""
        changed = [host for host, change in done.answers.items() if change.changed]
        done.written(changed)
        if not done.answers:
            raise next(iter(done.absent.values()))
        before = {host: told(change.before) if change.before else NOT_THERE for host, change in done.answers.items()}
        after = {host: told(change.after) for host, change in done.answers.items()}
        absent = dict.fromkeys(done.absent, NOT_THERE)
        outcome = Outcome.CHANGED if changed else Outcome.ALREADY
        return Receipt(outcome, before={**before, **absent}, after={**after, **absent})


def group_of(entitlement_id: str, system: str) -> str:
    """The group of an entitlement. Raises NotFound for what is no group's id."""
    name = entitlement_id.removeprefix(GROUP)
    if not entitlement_id.startswith(GROUP) or not is_name(name):
        raise NotFound(f"{system} has no entitlement {entitlement_id[:60]}.", system=system)
    return name


def rule_of(entitlement_id: str, system: str) -> str:
    """The file of sudo rules of an entitlement. Raises NotFound for what is none's id."""
    name = entitlement_id.removeprefix(f"{PERMISSION}sudo-")
    if RULE.fullmatch(name) is None:
        raise NotFound(f"{system} has no entitlement {entitlement_id[:60]}.", system=system)
    return name


def is_sudo(entitlement_id: str) -> bool:
    """Whether an entitlement is a file of sudo rules."""
    return entitlement_id.startswith(PERMISSION)


def refuse_sudo(entitlement_id: str, system: str) -> None:
    """Raise Unsupported for a grant of sudo rules: those are files that root writes."""
    if is_sudo(entitlement_id):
        raise Unsupported(f"{system} gives sudo through groups only; grant a group that the rules name.", system=system)


def _creation(wanted: Account, system: str) -> dict[str, object]:
    strange = sorted(set(wanted.raw) - set(ATTRIBUTES))
    if strange:
        told = f"“{strange[0]}” is no attribute of a new account on a host; only {', '.join(ATTRIBUTES)} are."
        raise Invalid(told, system=system)
    request: dict[str, object] = {
        "verb": "create",
        "login": wanted.login,
        "gecos": merging.gecos(wanted.display, wanted.external_id),
    }
    if wanted.raw.get("shell"):
        request["shell"] = str(wanted.raw["shell"])
    if wanted.raw.get("ssh_key"):
        request["keys"] = [str(wanted.raw["ssh_key"])]
    if wanted.raw.get("uid"):
        if not str(wanted.raw["uid"]).isdecimal():
            raise Invalid(f"“{wanted.raw['uid']}” is no number for the uid of {wanted.login}.", system=system)
        request["uid"] = int(str(wanted.raw["uid"]))
    return request


def _updates(login: str, changes: Mapping[str, object], system: str) -> list[dict[str, object]]:
    strange = sorted(set(changes) - {"display", "external_id", "expires"})
    if strange:
        raise Invalid(
            f"“{strange[0]}” of an account cannot be changed on a host; only display, external_id and expires can.",
            system=system,
        )
    requests: list[dict[str, object]] = []
    if "display" in changes or "external_id" in changes:
        request: dict[str, object] = {"verb": "describe", "login": login}
        if "display" in changes:
            request["display"] = full_name(str(changes["display"] or ""))
        if "external_id" in changes:
            request["belongs_to"] = merging.belongs_to(str(changes["external_id"] or ""))
        requests.append(request)
    if "expires" in changes:
        text = str(changes["expires"] or "")
        try:
            requests.append({"verb": "expire", "login": login, "day": merging.day_number(text) if text else None})
        except ValueError:
            raise Invalid(f"“{text[:40]}” is no date; write it as 2026-12-31.", system=system) from None
    return requests
