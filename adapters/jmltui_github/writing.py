"""Changing an organization: each change looks first, and is made so.

`PUT`/`DELETE /orgs/{org}/memberships/{username}` (the DELETE also takes an invitation back), `DELETE
/orgs/{org}/invitations/{id}`, `DELETE /orgs/{org}/outside_collaborators/{username}`, `PUT`/`DELETE
/orgs/{org}/teams/{slug}/memberships/{username}`: GitHub REST API reference, “Organization members”, “Outside
collaborators”, “Team members”.
"""

from __future__ import annotations

from collections.abc import Mapping

from jmltui.adapter_api import (
    Account,
    AccountState,
    Conflict,
    ContractBroken,
    Forbidden,
    Invalid,
    NotFound,
    Outcome,
    OutcomeUnknown,
    Receipt,
    Unsupported,
)
from jmltui.exchange import Answer

from .organization import Organization
from .people import People
from .records import INVITATION, LOGIN, OUTSIDE, OWNER, TEAM, account
from .teams import Teams, facts, is_member


class Writing:
    """Writes one organization."""

    def __init__(self, organization: Organization, people: People, teams: Teams) -> None:
        self._organization, self._http, self._system = organization, organization.http, organization.system
        self._people, self._teams = people, teams

    # ---- accounts

    async def invite(self, wanted: Account) -> tuple[Account, Receipt]:
        """Invite a user of GitHub by login. Raises Conflict for a member: whose account that is GitHub does not say."""
        if not LOGIN.fullmatch(wanted.login):
            raise Invalid(
                f"“{wanted.login[:80]}” is no login of GitHub; it invites people by the login that they have there.",
                system=self._system,
            )
        there = await self._people.find(wanted.login)
        if there is not None and there.state is AccountState.INVITED:
            return there, Receipt(Outcome.ALREADY, after=_seen(there))
        if there is not None and there.raw["membership"] != OUTSIDE and wanted.external_id is not None:
            raise Conflict(
                f"{there.login} is a member of {self._organization.name} already, and {self._system} keeps no number "
                "that says whose account it is; link it by hand.",
                system=self._system,
            )
        if there is not None and there.raw["membership"] != OUTSIDE:
            return there, Receipt(Outcome.ALREADY, after=_seen(there))
        path = self._organization.path("memberships", wanted.login)
        try:
            answer = await self._http.send("PUT", path, json={"role": "member"})
        except NotFound as error:
            raise Invalid(f"{self._system} has no user {wanted.login} to invite.", system=self._system) from error
        state, told = _state(answer), _object(answer)
        made = self._made(told, state, wanted.login, answer)
        outcome = Outcome.CHANGED if state == "active" else Outcome.PENDING
        return made, Receipt(outcome, _request(answer), after=_seen(made))

    def _made(self, told: Mapping[str, object], state: str, login: str, answer: Answer) -> Account:
        user = told.get("user")
        try:
            made = account(user if isinstance(user, dict) else {}, state, str(told.get("role") or ""), self._system)
        except ContractBroken as error:
            raise _unclear(answer) from error
        if made.login.casefold() != login.casefold():
            raise _unclear(answer)
        return made

    async def remove(self, account_id: str) -> Receipt:
        """Make the account not be in the organization: a member, an invitation, an outside collaborator.

        Raises Forbidden for the last owner.
        """
        try:
            now = await self._people.read(account_id)
        except NotFound:
            return Receipt(Outcome.ALREADY, after={"present": False})
        if account_id.startswith(INVITATION):
            path = self._organization.path("invitations", account_id.removeprefix(INVITATION))
            return await self._removed(now, path)
        membership = now.raw["membership"]
        if membership == OUTSIDE:
            return await self._removed(now, self._organization.path("outside_collaborators", now.login))
        if now.raw["role"] == "admin" and membership == "active":
            await self._refuse_last_owner(now)
        if membership == "pending" and await self._people.is_outside(account_id):
            await self._removed(now, self._organization.path("outside_collaborators", now.login))
        return await self._removed(now, self._organization.path("memberships", now.login))

    async def _removed(self, now: Account, path: str) -> Receipt:
        try:
            answer = await self._http.send("DELETE", path)
        except NotFound:
            return Receipt(Outcome.ALREADY, before=_seen(now), after={"present": False})
        return Receipt(Outcome.CHANGED, _request(answer), before=_seen(now), after={"present": False})

    async def _refuse_last_owner(self, now: Account) -> None:
        if set(await self._people.owners()) <= {now.id}:
            raise Forbidden(
                f"{now.login} is the last owner of {self._organization.name} on {self._system}, which has to have one; "
                "make somebody else an owner first.",
                system=self._system,
            )

    # ---- teams and owners

    async def set(self, account_id: str, entitlement_id: str, held: bool) -> Receipt:
        """Make the account hold a team or the role of owners, or not. Raises NotFound, Unsupported, Forbidden."""
        now = await self._people.read(account_id)
        if entitlement_id == OWNER:
            return await self._set_owner(now, held)
        if not entitlement_id.startswith(TEAM):
            raise NotFound(f"{self._system} has no entitlement {entitlement_id[:80]}.", system=self._system)
        return await self._set_team(now, entitlement_id.removeprefix(TEAM), held)

    def _refuse_stranger(self, now: Account) -> None:
        """Whoever is not a member would be invited to the organization by being put into a team."""
        if now.raw["membership"] == OUTSIDE or now.id.startswith(INVITATION):
            raise Unsupported(
                f"{now.login} is not a member of {self._organization.name} on {self._system}; invite the person first.",
                system=self._system,
            )

    async def _set_owner(self, now: Account, held: bool) -> Receipt:
        before = {"login": now.login, "role": now.raw["role"], "membership": now.raw["membership"]}
        role = "admin" if held else "member"
        if (now.raw["role"] == "admin") is held:
            is_pending = held and not is_member(now)
            return Receipt(Outcome.PENDING if is_pending else Outcome.ALREADY, before=before, after=before)
        if held:
            self._refuse_stranger(now)
        elif now.raw["membership"] == "active":
            await self._refuse_last_owner(now)
        path = self._organization.path("memberships", now.login)
        answer = await self._http.send("PUT", path, json={"role": role})
        outcome = Outcome.PENDING if held and _state(answer) != "active" else Outcome.CHANGED
        return Receipt(outcome, _request(answer), before=before, after={**before, "role": role})

    async def _set_team(self, now: Account, slug: str, held: bool) -> Receipt:
        found = await self._teams.team(slug)
        state = await self._teams.state(found.slug, now.login)
        before = facts(found, state)
        if held and state == "pending":
            return Receipt(Outcome.PENDING, before=before, after=before)
        if (state is not None) is held:
            return Receipt(Outcome.ALREADY, before=before, after=before)
        if not (await self._teams.entitlement(found)).grantable:
            raise Unsupported(
                f"Who is in {found.name} on {self._system} follows from the identity provider or the enterprise; "
                "change it there.",
                system=self._system,
            )
        path = self._organization.path("teams", found.slug, "memberships", now.login)
        if held:
            self._refuse_stranger(now)
            answer = await self._http.send("PUT", path, json={"role": "member"})
            after = _state(answer)
            outcome = Outcome.CHANGED if after == "active" else Outcome.PENDING
            return Receipt(outcome, _request(answer), before=before, after=facts(found, after))
        through = await self._teams.through(found.slug, now.login)
        if through:
            raise Unsupported(
                f"{now.login} is in {found.name} on {self._system} through {', '.join(through)[:200]}, "
                "which has to be taken first.",
                system=self._system,
            )
        answer = await self._http.send("DELETE", path)
        return Receipt(Outcome.CHANGED, _request(answer), before=before, after=facts(found, None))


def _object(answer: Answer) -> dict[str, object]:
    """The object of a write's answer. Raises OutcomeUnknown: the write was sent."""
    try:
        return answer.object()
    except ContractBroken as error:
        raise _unclear(answer) from error


def _state(answer: Answer) -> str:
    state = _object(answer).get("state")
    if state not in ("active", "pending"):
        raise _unclear(answer)
    return str(state)


def _unclear(answer: Answer) -> OutcomeUnknown:
    told = f"{answer.system} was asked for {answer.operation} and did not say what it did."
    return OutcomeUnknown(told, system=answer.system, operation=answer.operation)


def _seen(found: Account) -> dict[str, object]:
    return {"id": found.id, "login": found.login, **found.raw}


def _request(answer: Answer) -> str | None:
    return answer.headers.get("x-github-request-id") or None
