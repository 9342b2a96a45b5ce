"""Reading back what a write should have made, on every host, by another word of the helper than the write's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from jmltui.adapter_api import Cap, Clock, Evidence, Proof, Step, Verdict

from . import merging
from .answers import Facts, Listing
from .fleet import Fleet, Gathered, listed
from .merging import NOT_THERE, is_locked, told
from .names import full_name
from .reading import Reading
from .writing import group_of, is_sudo, rule_of


class Proving:
    """What can be proved of a fleet."""

    def __init__(self, fleet: Fleet, reading: Reading, clock: Clock) -> None:
        self._fleet = fleet
        self._reading = reading
        self._clock = clock

    async def account_step(self, step: Step) -> Evidence:
        """What every host says of the account. Raises what a host that cannot be read means.

        A host that says no decides at once. A yes is one only when every host gave it.
        """
        login = step.account_id or step.login
        found = await self._fleet.ask({"verb": "read", "login": login}, Facts)
        wanted = _WANTED.get(step.cap)
        if wanted is None or (step.cap is Cap.UPDATE and not step.wanted):
            found.whole()
            return self._evidence(Verdict.UNVERIFIABLE, {}, "read", found)
        good = {host: wanted(facts, step) for host, facts in found.answers.items()}
        may_lack = step.cap in _GONE_IS_GOOD or (step.cap is not Cap.CREATE and bool(good))
        good.update(dict.fromkeys(found.absent, may_lack))
        if all(good.values()):
            found.whole()
        observed = {**{h: told(f) for h, f in found.answers.items()}, **dict.fromkeys(found.absent, NOT_THERE)}
        verdict = Verdict.CONFIRMED if good and all(good.values()) else Verdict.CONTRADICTED
        return self._evidence(verdict, observed, "read", found)

    async def session_step(self, step: Step) -> Evidence:
        """Whether the session, or anything, still runs anywhere."""
        found = await self._fleet.ask({"verb": "sessions", "login": step.account_id or step.login}, Listing)
        live = {host: listing.sessions for host, listing in found.answers.items()}
        wanted = step.target
        left = [s for s in merging.sessions(step.account_id, live) if wanted is None or s.id == wanted]
        if not left:
            found.whole()
        observed: dict[str, object] = {host: f"{len(each)} sessions" for host, each in live.items()}
        observed.update(dict.fromkeys(found.absent, NOT_THERE))
        return self._evidence(Verdict.CONTRADICTED if left else Verdict.CONFIRMED, observed, "sessions", found)

    async def grant_steps(self, steps: Sequence[Step]) -> list[Evidence]:
        """Steps of one entitlement, each host read once."""
        target = steps[0].target or ""
        if is_sudo(target):
            return [await self._sudo_step(step) for step in steps]
        name = group_of(target, self._fleet.system)
        logins = [step.account_id or step.login for step in steps]
        found = await self._fleet.ask({"verb": "groups", "logins": logins}, Listing)
        return [self._membership(step, name, found) for step in steps]

    def _membership(self, step: Step, name: str, found: Gathered[Listing]) -> Evidence:
        login = step.account_id or step.login
        observed: dict[str, object] = {host: _member(listing, name, login) for host, listing in found.answers.items()}
        holds, lacks = "member" in observed.values(), "no member" in observed.values()
        good = holds and not lacks if step.cap is Cap.GRANT else not holds
        if good:
            found.whole()
        return self._evidence(Verdict.CONFIRMED if good else Verdict.CONTRADICTED, observed, "groups", found)

    async def _sudo_step(self, step: Step) -> Evidence:
        login, name = step.account_id or step.login, rule_of(step.target or "", self._fleet.system)
        found = await self._fleet.ask({"verb": "sudo-list", "logins": [login]}, Listing)
        observed: dict[str, object] = {}
        for host, listing in found.answers.items():
            uids = {login: set(), **merging.numbers([listing])}
            naming = [rule for rule in listing.rules if rule.name == name and login in merging.named_by(rule, uids)]
            observed[host] = "named" if naming else "not named"
        good = ("named" in observed.values()) is (step.cap is Cap.GRANT)
        if good:
            found.whole()
        return self._evidence(Verdict.CONFIRMED if good else Verdict.CONTRADICTED, observed, "sudo-list", found)

    def _evidence(
        self, verdict: Verdict, observed: Mapping[str, object], verb: str, found: Gathered[Facts] | Gathered[Listing]
    ) -> Evidence:
        """Evidence that names every host. Where none could be read there is none: raises what that means."""
        if not found.answers and not found.absent:
            found.whole()
        unread = {host: f"not known: {error}" for host, error in found.failed.items()}
        proof = Proof.NONE if verdict is Verdict.UNVERIFIABLE else Proof.READ_BACK
        source = f"jmltui-host-helper {verb} on {listed([*found.answers, *found.absent])}"
        return Evidence(verdict, proof, {**observed, **unread}, self._clock(), source)


def _member(listing: Listing, name: str, login: str) -> str:
    group = next((each for each in listing.groups if each.name == name), None)
    if login not in listing.present:
        return NOT_THERE
    if group is None:
        return "no such group"
    return "member" if login in (*group.members, *group.primary) else "no member"


def _created(facts: Facts, step: Step) -> bool:
    return merging.owner_of(facts) == (step.wanted.get("external_id") or None)


def _no_credential(facts: Facts, step: Step) -> bool:
    if step.target == merging.PASSWORD:
        return facts.password == "none"
    left = [key for key in facts.keys if step.target in (None, key.fingerprint)]
    return not left and (step.target is not None or facts.password == "none")


def _updated(facts: Facts, step: Step) -> bool:
    now = {
        "display": facts.gecos.split(",")[0],
        "external_id": merging.owner_of(facts) or "",
        "expires": "" if facts.expires is None else merging.day(facts.expires),
    }
    return all(
        now.get(name) == (full_name(value) if name == "display" else value) for name, value in step.wanted.items()
    )


_GONE_IS_GOOD: Final = frozenset({Cap.DISABLE, Cap.DELETE, Cap.REVOKE_CREDENTIALS})
_WANTED: Final[Mapping[Cap, Callable[[Facts, Step], bool]]] = {
    Cap.CREATE: _created,
    Cap.ENABLE: lambda facts, _: not facts.expired,
    Cap.DISABLE: lambda facts, _: is_locked(facts),
    Cap.DELETE: lambda *_: False,
    Cap.REVOKE_CREDENTIALS: _no_credential,
    Cap.UPDATE: _updated,
}
