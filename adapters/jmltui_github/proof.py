"""Whether an effect stands on GitHub, by other calls than those that made it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jmltui.adapter_api import Cap, Evidence, NotFound, Proof, Step, Verdict
from jmltui.exchange import HttpExchange

from .credentials import Credentials
from .people import People
from .records import INVITATION, OWNER, TEAM
from .teams import Teams


class GithubProof:
    """Reads effects back."""

    def __init__(self, http: HttpExchange, people: People, teams: Teams, credentials: Credentials) -> None:
        self._people, self._teams, self._credentials, self._clock = people, teams, credentials, http.clock

    async def verify(self, step: Step) -> Evidence:
        """The evidence for one step. Never writes. An invitation that stands is what a create is to make."""
        if step.cap is Cap.CREATE:
            found = await self._people.find(step.login)
            observed = {"present": found is not None, **(found.raw if found else {})}
            return self._said(found is not None, observed, "GET /orgs/{org}/memberships/{login}")
        if step.cap is Cap.DELETE:
            return await self._gone(step)
        if step.cap in (Cap.GRANT, Cap.REVOKE) and step.target == OWNER:
            return await self._owner(step)
        if step.cap in (Cap.GRANT, Cap.REVOKE) and step.target:
            return await self._in_team(step, step.target.removeprefix(TEAM))
        if step.cap is Cap.REVOKE_CREDENTIALS:
            left = [one.id for one in await self._credentials.of(step.account_id) if step.target in (None, one.id)]
            return self._said(not left, {"left": left}, "GET /orgs/{org}/credential-authorizations")
        return Evidence(Verdict.UNVERIFIABLE, Proof.NONE, {}, self._clock(), "nothing tells of it")

    async def _gone(self, step: Step) -> Evidence:
        source = "GET /orgs/{org}/memberships/{login} and outside_collaborators"
        try:
            found = await self._people.read(step.account_id)
        except NotFound:
            return self._said(True, {"present": False}, source)
        return self._said(False, {"present": True, **found.raw}, source)

    async def _owner(self, step: Step) -> Evidence:
        """Being an owner by the owners' own list; the write looks at the membership."""
        held = step.account_id in await self._people.owners()
        waiting = [] if held else [one for one in await self._people.invitations() if one.get("role") == "admin"]
        login = await self._login(step) if waiting else ""
        pending = bool(login) and login in [str(one.get("login") or "").casefold() for one in waiting]
        return self._held(step, held, pending, "GET /orgs/{org}/members?role=admin")

    async def _in_team(self, step: Step, slug: str) -> Evidence:
        """A membership by the team's own lists; the write looks at the user's."""
        try:
            held = step.account_id in await self._teams.members(slug)
            waiting = [] if held else await self._teams.invited(slug)
        except NotFound:
            held, waiting = False, []
        pending = bool(waiting) and await self._login(step) in waiting
        return self._held(step, held, pending, f"GET /orgs/{{org}}/teams/{slug}/members")

    async def _login(self, step: Step) -> str:
        if step.account_id.startswith(INVITATION):
            return step.login.casefold()
        return str((await self._people.user(step.account_id))["login"]).casefold()

    def _held(self, step: Step, held: bool, pending: bool, source: str) -> Evidence:
        observed = {"target": step.target, "held": held, "pending": pending}
        if step.cap is Cap.GRANT and pending:
            return Evidence(Verdict.PENDING, Proof.READ_BACK, observed, self._clock(), source)
        return self._said(held if step.cap is Cap.GRANT else not held and not pending, observed, source)

    def _said(self, stands: bool, observed: Mapping[str, Any], source: str) -> Evidence:
        verdict = Verdict.CONFIRMED if stands else Verdict.CONTRADICTED
        return Evidence(verdict, Proof.READ_BACK, observed, self._clock(), source)
