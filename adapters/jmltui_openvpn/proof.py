"""Reading effects back: the revocation list itself, the client's file, and who is connected now."""

from __future__ import annotations

from collections.abc import Mapping

from jmltui.adapter_api import Cap, Clock, Evidence, NotFound, Proof, Step, Verdict

from .client_files import Shut
from .holdings import Client, Holdings
from .options import VpnOptions
from .sessions import Sessions, told


class Proofs:
    """What can be proved of one server. A try to come in cannot be made: that needs the client's own key."""

    def __init__(self, options: VpnOptions, holdings: Holdings, sessions: Sessions, clock: Clock) -> None:
        self._options = options
        self._holdings = holdings
        self._sessions = sessions
        self._clock = clock

    async def verify(self, step: Step) -> Evidence:
        """Whether the effect stands. Raises Unavailable and its kin when it cannot be read."""
        name = step.account_id or step.login
        try:
            client: Client | None = await self._holdings.client(name)
        except NotFound:
            client = None
        match step.cap:
            case Cap.ENABLE:
                done = client is not None and not client.is_out
                return self._evidence(done, client, {}, self._by_files())
            case Cap.END_SESSIONS:
                return await self._tunnels(name, client, step.target)
            case Cap.DISABLE | Cap.REVOKE_CREDENTIALS if client is not None:
                return await self._refusal(step, client)
            case _:
                nothing = {"certificates": "the database knows none of this name"} if client is None else {}
                return Evidence(Verdict.UNVERIFIABLE, Proof.NONE, nothing, self._clock(), self._options.index)

    async def _refusal(self, step: Step, client: Client) -> Evidence:
        """A client that is refused, and has no tunnel left from before."""
        if step.cap is Cap.DISABLE:
            is_refused, source = client.is_out, self._by_files()
        else:
            chosen = [each for each in client.held if step.target in (None, each.id)]
            is_refused = bool(chosen) and not any(each.lets_in for each in chosen)
            source = self._options.crl
        one_of_several = step.cap is not Cap.DISABLE and step.target is not None and not client.is_out
        if one_of_several:
            return self._evidence(is_refused, client, {}, source)
        left = await self._sessions.live(client.name, client.shut)
        return self._evidence(is_refused and not left, client, told(left), f"{source} and status 3")

    async def _tunnels(self, name: str, client: Client | None, target: str | None) -> Evidence:
        left = await self._sessions.live(name, client.shut if client else Shut(False))
        chosen = [tunnel for tunnel in left if target in (None, tunnel.id)]
        return self._evidence(not chosen, client, told(left), "status 3")

    def _by_files(self) -> str:
        return " and ".join(filter(None, (self._options.ccd, self._options.crl))) or self._options.index

    def _evidence(self, done: bool, client: Client | None, tunnels: Mapping[str, object], source: str) -> Evidence:
        observed = {**(client.observed() if client else {}), **tunnels}
        verdict = Verdict.CONFIRMED if done else Verdict.CONTRADICTED
        return Evidence(verdict, Proof.READ_BACK, observed, self._clock(), source)
