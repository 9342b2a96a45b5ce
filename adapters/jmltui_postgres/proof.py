"""Reading effects back: by the catalog itself, never by what a write answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from jmltui.adapter_api import Cap, Clock, Evidence, NotFound, Proof, Step, Verdict

from .accounts import changed
from .credentials import password_of
from .estate import SHARED, Estate, by_owner_columns, estate_of
from .link import Link, Links
from .memberships import ATTRIBUTE, between
from .roles import Role, by_id, by_ids, by_name, oid_of, seen
from .sessions import live

_UPDATABLE: Final = frozenset({"login", "display", "external_id", "expires", "connection_limit"})


class Proofs:
    """Reads effects back on one server. `readable` when our role may see whether there is a password."""

    def __init__(self, links: Links, system: str, clock: Clock, readable: bool) -> None:
        self._links = links
        self._system = system
        self._clock = clock
        self._readable = readable

    async def of(self, step: Step) -> Evidence:
        """Whether a step's effect stands."""
        if step.cap in (Cap.GRANT, Cap.REVOKE):
            return (await self.of_many([step]))[0]
        if step.cap is Cap.TRANSFER:
            return await self._transfer(step)
        async with self._links.link("verify") as link:
            if step.cap is Cap.END_SESSIONS:
                return await self._sessions(link, step)
            if step.cap is Cap.REVOKE_CREDENTIALS:
                return await self._password(link, step)
            return await self._role(link, step)

    async def of_many(self, steps: Sequence[Step]) -> list[Evidence]:
        """Whether memberships stand, each role asked for once."""
        held: dict[str, Mapping[str, bool]] = {}
        async with self._links.link("verify") as link:
            for target in {step.target or "" for step in steps}:
                members = [step.account_id for step in steps if (step.target or "") == target]
                held[target] = await self._held(link, target, members)
        return [self._member(step, held[step.target or ""]) for step in steps]

    async def _held(self, link: Link, target: str, account_ids: Sequence[str]) -> Mapping[str, bool]:
        """Who of them is a member, and whether usably; who is not is not there."""
        oids = {self._oid(one): one for one in account_ids}
        if target.startswith(ATTRIBUTE):
            found = await by_ids(link, list(oids))
            name = target.removeprefix(ATTRIBUTE)
            return {oids[oid]: True for oid, role in found.items() if name in role.attributes}
        members: dict[str, bool] = {}
        for edge in await between(link, self._oid(target), list(oids)):
            account_id = oids[edge.member]
            members[account_id] = members.get(account_id, False) or edge.usable
        return members

    def _member(self, step: Step, held: Mapping[str, bool]) -> Evidence:
        done = held.get(step.account_id, False) if step.cap is Cap.GRANT else step.account_id not in held
        observed = {"member": step.account_id in held, "usable": held.get(step.account_id, False)}
        source = f"pg_auth_members: role {step.target}, member {step.account_id}"
        return self._evidence(done, observed, source)

    async def _role(self, link: Link, step: Step) -> Evidence:
        if step.account_id:
            role, source = await by_id(link, self._oid(step.account_id)), f"pg_roles: role {step.account_id}"
        else:
            role, source = await by_name(link, step.login), f"pg_roles: “{step.login}”"
        done = {
            Cap.CREATE: role is not None and role.is_account and _is_for(role, step.wanted.get("external_id", "")),
            Cap.DELETE: role is None,
            Cap.ENABLE: role is not None and role.may_sign_in,
            Cap.DISABLE: role is None or not role.may_sign_in,
            Cap.UPDATE: role is not None and self._is_updated(role, step.wanted),
        }.get(step.cap)
        if done is None or (step.cap is Cap.UPDATE and not step.wanted.keys() & _UPDATABLE):
            return Evidence(Verdict.UNVERIFIABLE, Proof.NONE, {}, self._clock(), source)
        return self._evidence(done, seen(role), source)

    def _is_updated(self, role: Role, wanted: Mapping[str, str]) -> bool:
        kept = {name: value for name, value in wanted.items() if name in _UPDATABLE}
        return changed(role, kept, self._system) == role

    async def _sessions(self, link: Link, step: Step) -> Evidence:
        left = [one for one in await live(link, self._oid(step.account_id)) if step.target in (None, one.id)]
        observed = {"sessions": [f"{session.id} {session.where}".strip() for session in left]}
        return self._evidence(not left, observed, f"pg_stat_activity: role {step.account_id}")

    async def _transfer(self, step: Step) -> Evidence:
        """Nothing belongs to the account any more: by what the whole cluster says (pg_shdepend), and by the owner
        that objects themselves have wherever the successor owns any."""
        source = f"pg_shdepend and owner columns: role {step.account_id}"
        async with self._links.link("verify") as link:
            role, heir = await by_id(link, self._oid(step.account_id)), await by_id(link, self._oid(step.target or ""))
            if role is None:
                return Evidence(Verdict.UNVERIFIABLE, Proof.NONE, seen(None), self._clock(), source)
            left, gets = await estate_of(link, role.oid), await estate_of(link, heir.oid) if heir else Estate()
            columns = await by_owner_columns(link, role.oid)
        for database in sorted((left.within_reach() | gets.within_reach()).keys() - {SHARED, self._links.home}):
            async with self._links.link("verify", database) as link:
                columns += await by_owner_columns(link, role.oid)
        observed: dict[str, object] = {
            "owned": left.counts(),
            "named_as_owner": columns,
            "not_entered": sorted(left.closed),
            "stays": left.bound_told(),
            "successor": heir.name if heir else "not there",
            "successor_owns": gets.counts(),
        }
        return self._evidence(not left.owned and not columns and heir is not None, observed, source)

    async def _password(self, link: Link, step: Step) -> Evidence:
        source = f"pg_authid: role {step.account_id}"
        if not self._readable:
            told: dict[str, object] = {"password": "only a superuser may see whether there is one"}
            return Evidence(Verdict.UNVERIFIABLE, Proof.NONE, told, self._clock(), source)
        found = await password_of(link, self._oid(step.account_id))
        return self._evidence(not found.present, {"password": "set" if found.present else "none"}, source)

    def _evidence(self, done: bool, observed: Mapping[str, object], source: str) -> Evidence:
        verdict = Verdict.CONFIRMED if done else Verdict.CONTRADICTED
        return Evidence(verdict, Proof.READ_BACK, observed, self._clock(), source)

    def _oid(self, one: str) -> int:
        """The object identifier of an id; 0, which no role has, for one that never was an id here."""
        try:
            return oid_of(one, self._system)
        except NotFound:
            return 0


def _is_for(role: Role, external_id: str) -> bool:
    return not external_id or role.remark.key == external_id
