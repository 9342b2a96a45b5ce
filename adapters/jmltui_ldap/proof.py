"""Whether the effect of a step stands: read again by searches, never by the answer of the write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jmltui.adapter_api import (
    AccountState,
    Ambiguous,
    Cap,
    Clock,
    Evidence,
    Invalid,
    NotFound,
    Proof,
    Step,
    Unsupported,
    Verdict,
)

from .accounts import further, seen
from .connection import Directory, Link
from .dialect import Dialect
from .entry import Entry
from .estate import Estate
from .filters import is_under
from .grants import Grants
from .options import DirectoryOptions


class Proofs:
    """Proves steps on one directory. Never writes."""

    def __init__(
        self,
        directory: Directory,
        dialect: Dialect,
        estate: Estate,
        grants: Grants,
        options: DirectoryOptions,
        clock: Clock,
    ) -> None:
        self._directory = directory
        self._dialect = dialect
        self._estate = estate
        self._grants = grants
        self._options = options
        self._clock = clock

    async def of(self, step: Step) -> Evidence:
        """Whether a step's effect stands. Raises Ambiguous when several accounts answer to one login."""
        if step.cap in (Cap.GRANT, Cap.REVOKE):
            return (await self.of_many([step]))[0]
        async with self._directory.link("verify") as link:
            entry, source = await self._entry(link, step)
            if step.cap is Cap.REVOKE_CREDENTIALS:
                return await self._credentials(link, step, entry)
            if step.cap is Cap.UPDATE and entry is not None:
                entry = await self._with_further(link, entry, step)
        evidence = self._account(step, entry, source)
        if step.cap is not Cap.DISABLE or evidence.verdict is not Verdict.CONFIRMED:
            return evidence
        if entry is None or not self._options.probe:
            return evidence
        return await self._dialect.probe(self._directory, entry) or evidence

    async def _entry(self, link: Link, step: Step) -> tuple[Entry | None, str]:
        """The account that a step is about, by its id or by its login alone."""
        if step.account_id:
            source = f"search by id {step.account_id[:60]}"
            try:
                return await self._estate.account(link, step.account_id), source
            except NotFound:
                return None, source
        found = await self._estate.called(link, step.login)
        if len(found) > 1:
            raise Ambiguous(
                f"{len(found)} accounts of {self._options.system} are called “{step.login[:60]}”.",
                system=self._options.system,
            )
        return (found[0] if found else None), f"search by login “{step.login[:60]}”"

    async def _with_further(self, link: Link, entry: Entry, step: Step) -> Entry | None:
        """The entry with the attributes that the step names by their own names."""
        try:
            names = further(step.wanted)
        except Invalid:
            return entry
        return await link.read(entry.dn, tuple(dict.fromkeys((*self._dialect.account_attributes, *names))))

    def _account(self, step: Step, entry: Entry | None, source: str) -> Evidence:
        account = self._dialect.account(entry) if entry is not None else None
        wanted_id = step.wanted.get("external_id", "")
        disabled = account is not None and account.state is AccountState.DISABLED and self._is_placed(entry, True)
        enabled = account is not None and account.state is AccountState.ACTIVE and self._is_placed(entry, False)
        done = {
            Cap.CREATE: account is not None and (not wanted_id or account.external_id == wanted_id),
            Cap.DELETE: account is None,
            Cap.ENABLE: enabled,
            Cap.DISABLE: account is None or disabled,
            Cap.UPDATE: entry is not None and self._is_updated(entry, step.wanted),
        }.get(step.cap)
        if done is None:
            return Evidence(Verdict.UNVERIFIABLE, Proof.NONE, {}, self._clock(), source)
        observed = seen(account) if account is not None else {"account": "none"}
        return self._evidence(done, observed, source)

    def _is_placed(self, entry: Entry | None, gone: bool) -> bool:
        """Whether an account lies where a disabled, or an enabled one, belongs."""
        leavers = self._options.leavers_base
        return entry is None or not leavers or is_under(entry.dn, leavers) is gone

    def _is_updated(self, entry: Entry, wanted: Mapping[str, str]) -> bool | None:
        """None where there is nothing to compare."""
        if not wanted:
            return None
        try:
            return not self._dialect.updating(entry, wanted)
        except (Invalid, Unsupported):
            return None

    async def _credentials(self, link: Link, step: Step, entry: Entry | None) -> Evidence:
        source = f"credentials of {step.account_id[:60]}"
        if Cap.LIST_CREDENTIALS not in self._dialect.capabilities():
            told = {"credentials": "jmltui may not see whether there are any"}
            return Evidence(Verdict.UNVERIFIABLE, Proof.NONE, told, self._clock(), source)
        found = await self._dialect.credentials(link, entry) if entry is not None else ()
        left = [one.id for one in found if one.active and step.target in (None, one.id)]
        return self._evidence(not left, {"credentials": left}, source)

    async def of_many(self, steps: Sequence[Step]) -> list[Evidence]:
        """Whether memberships stand, each group and each account looked up once."""
        async with self._directory.link("verify") as link:
            groups = {target: await self._group(link, target) for target in {step.target or "" for step in steps}}
            ids = [one for one in {step.account_id for step in steps} if self._is_id(one)]
            accounts = await self._estate.accounts(link, ids)
            return [
                await self._member(link, step, groups[step.target or ""], accounts.get(step.account_id))
                for step in steps
            ]

    async def _member(self, link: Link, step: Step, group: Entry | None, account: Entry | None) -> Evidence:
        there = group is not None and account is not None
        # `there` is true only where both were found.
        holds = there and await self._grants.holds(link, group, account)  # type: ignore[arg-type]
        primary = there and self._is_primary(group, account)
        done = holds if step.cap is Cap.GRANT else not holds and not primary
        observed: dict[str, object] = {"member": holds}
        if primary:
            observed["primary group"] = True
        if group is None:
            observed["group"] = "none"
        if account is None:
            observed["account"] = "none"
        name = group.dn[:200] if group is not None else f"group {step.target}"
        return self._evidence(done, observed, f"search {name}, member {step.account_id[:60]}")

    def _is_primary(self, group: Entry | None, account: Entry | None) -> bool:
        if group is None or account is None:
            return False
        primary = self._dialect.primary_of(account)
        return bool(primary) and primary == self._dialect.primary_key(group)

    async def _group(self, link: Link, group_id: str) -> Entry | None:
        return await self._estate.group(link, group_id) if self._is_id(group_id) else None

    def _is_id(self, one: str) -> bool:
        try:
            return bool(self._dialect.id_filter(one))
        except NotFound:
            return False

    def _evidence(self, done: bool, observed: Mapping[str, object], source: str) -> Evidence:
        verdict = Verdict.CONFIRMED if done else Verdict.CONTRADICTED
        return Evidence(verdict, Proof.READ_BACK, observed, self._clock(), source)
