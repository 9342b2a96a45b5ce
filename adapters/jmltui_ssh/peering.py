"""Reading and changing the WireGuard peers of a fleet, and reading back what was changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from jmltui.adapter_api import (
    AdapterError,
    Cap,
    Clock,
    ContractBroken,
    Evidence,
    NotFound,
    Outcome,
    OutcomeUnknown,
    Proof,
    Receipt,
    Session,
    Step,
    Verdict,
)

from .fleet import Fleet, Gathered, listed
from .peers import Holder, Naming, PeerChange, Peers, elsewhere, holders, told

SHUT: Final = "wg-shut"
OPEN: Final = "wg-open"
REMOVE: Final = "wg-remove"
DROP: Final = "wg-drop"


class Peering:
    """The peers of one fleet."""

    def __init__(self, fleet: Fleet, naming: Naming, interfaces: Sequence[str], clock: Clock) -> None:
        self._fleet = fleet
        self._naming = naming
        self._interfaces = list(interfaces)
        self._clock = clock

    # ---- reading

    async def look(self) -> Gathered[Peers]:
        """What each host says. Raises ContractBroken for one that tells of fewer than it counts."""
        found = await self._fleet.ask({"verb": "wg-list", "interfaces": self._interfaces}, Peers)
        for host, said in found.answers.items():
            if said.counts != {"interfaces": len(said.interfaces), "peers": len(said.peers)}:
                told = (
                    f"{host} counts {said.counts.get('peers')} peers and lists {len(said.peers)}; none of it is used."
                )
                raise ContractBroken(told, system=self._fleet.system)
        return found

    async def everybody(self) -> list[Holder]:
        """All logins. Raises AdapterError when one host cannot be read."""
        found = await self.look()
        found.whole()
        found.none_left()
        return list(holders(found.answers, self._naming).values())

    async def holder(self, login: str) -> tuple[Holder, Gathered[Peers]]:
        """One login, as far as hosts answer. Raises NotFound when all answered and none has it."""
        found = await self.look()
        found.none_left()
        holder = holders(found.answers, self._naming).get(login)
        if holder is None:
            found.whole()
            raise NotFound(f"No host of {self._fleet.system} has a peer of “{login[:60]}”.", system=self._fleet.system)
        return holder, found

    async def sessions(self, login: str) -> list[Session]:
        """Who may be talking now. Raises AdapterError when one host cannot be read."""
        holder, found = await self.holder(login)
        found.whole()
        return holder.sessions(times(found.answers))

    # ---- writing

    async def change(self, login: str, verb: str, key: str | None = None) -> Receipt:
        """One word to every host that has a peer of this login, or this one key of it."""
        holder, found = await self.holder(login)
        keys = [each for each in holder.keys if key in (None, each)]
        if not keys:
            found.whole()
            return Receipt(Outcome.ALREADY, before=holder.observed(), after=holder.observed())
        return await self._asked(verb, keys, found, list(holder.peers))

    async def drop(self, login: str, session_id: str | None) -> Receipt:
        """End what may be talking. PENDING when somebody who is not shut out began anew at once."""
        holder, found = await self.holder(login)
        chosen = [each for each in holder.sessions(times(found.answers)) if session_id in (None, each.id)]
        if not chosen:
            found.whole()
            return Receipt(Outcome.ALREADY, before=holder.observed(), after=holder.observed())
        hosts = sorted({session.id.partition("/")[0] for session in chosen})
        keys = sorted({session.id.split("/", 2)[2] for session in chosen})
        receipt = await self._asked(DROP, keys, found, hosts)
        try:
            left = {session.id for session in await self.sessions(login)} & {session.id for session in chosen}
        except AdapterError as error:
            raise OutcomeUnknown(f"{error.message} What ran was ended before that.", system=error.system) from error
        return Receipt(Outcome.PENDING, before=receipt.before, after=receipt.after) if left else receipt

    async def _asked(self, verb: str, keys: Sequence[str], found: Gathered[Peers], hosts: Sequence[str]) -> Receipt:
        request = {"verb": verb, "keys": list(keys), "interfaces": self._interfaces}
        done = await self._fleet.ask(request, PeerChange, writes=True, only=hosts)
        changed = [host for host, change in done.answers.items() if change.changed]
        whole = Gathered(done.system, done.answers, done.absent, {**found.failed, **done.failed})
        whole.written(changed)
        before = {host: told(change.before) for host, change in done.answers.items()}
        after = {host: told(change.peers) for host, change in done.answers.items()}
        return Receipt(Outcome.CHANGED if changed else Outcome.ALREADY, before=before, after=after)

    # ---- proof

    async def verify(self, step: Step) -> Evidence:
        """Whether the effect stands on every host. One that says no decides at once."""
        login = step.account_id or step.login
        found = await self.look()
        found.none_left()
        holder = holders(found.answers, self._naming).get(login)
        good = _is_so(step, holder, found.answers)
        if good is None:
            return self._evidence(Verdict.UNVERIFIABLE, holder, found)
        if good:
            found.whole()
            if step.cap in (Cap.DISABLE, Cap.REVOKE_CREDENTIALS) and elsewhere(found.answers):
                return self._evidence(Verdict.UNVERIFIABLE, holder, found)
        return self._evidence(Verdict.CONFIRMED if good else Verdict.CONTRADICTED, holder, found)

    def _evidence(self, verdict: Verdict, holder: Holder | None, found: Gathered[Peers]) -> Evidence:
        observed: dict[str, object] = dict.fromkeys(found.answers, "no peer")
        observed |= holder.observed() if holder else {}
        observed |= {host: f"not known: {error}" for host, error in found.failed.items()}
        foreign = elsewhere(found.answers)
        if foreign:
            observed["configured elsewhere than by wg-quick"] = ", ".join(foreign)
        proof = Proof.NONE if verdict is Verdict.UNVERIFIABLE else Proof.READ_BACK
        source = f"jmltui-host-helper wg-list on {listed(found.answers)}"
        return Evidence(verdict, proof, observed, self._clock(), source)


def times(found: Mapping[str, Peers]) -> dict[str, int]:
    """What time it is on each host."""
    return {host: said.now for host, said in found.items()}


def _is_so(step: Step, holder: Holder | None, found: Mapping[str, Peers]) -> bool | None:
    """Whether the effect stands on the hosts that answered; None for a step that is none here."""
    peers = [(host, peer) for host, each in holder.peers.items() for peer in each] if holder else []
    match step.cap:
        case Cap.DISABLE:
            return not any(peer.lets_in for _, peer in peers)
        case Cap.ENABLE:
            up = {(host, each.name) for host, said in found.items() for each in said.interfaces if each.up}
            return bool(peers) and all(
                peer.file != "aside" and (peer.live or (host, peer.interface) not in up) for host, peer in peers
            )
        case Cap.END_SESSIONS:
            sessions = holder.sessions(times(found)) if holder else []
            return not any(step.target in (None, session.id) for session in sessions)
        case Cap.REVOKE_CREDENTIALS:
            return not any(step.target in (None, peer.key) for _, peer in peers)
        case _:
            return None
