"""The adapter of Linux hosts over SSH: one system is a fleet, and one account is a login on every host of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from jmltui.adapter_api import (
    Account,
    Cap,
    Capabilities,
    Credential,
    Entitlement,
    Evidence,
    Grant,
    NotFound,
    Option,
    Page,
    Proof,
    Query,
    Receipt,
    Session,
    Setup,
    Step,
    Support,
    Unavailable,
    Unsupported,
)

from .names import checked_login, is_name
from .options import OPTIONS, FleetOptions, fleet_options

if TYPE_CHECKING:
    from .fleet import Fleet
    from .proof import Proving
    from .reading import Reading
    from .writing import Writing


class _Opened(NamedTuple):
    """What works once the keys are there."""

    fleet: Fleet
    reading: Reading
    writing: Writing
    proving: Proving


class SshAdapter:
    """One fleet of hosts."""

    kind: ClassVar[str] = "ssh"
    EXERCISED_AGAINST: ClassVar[str] = "OpenSSH 9.2 and sudo 1.9 on Debian 12 without systemd"
    OPTIONS: ClassVar[tuple[Option, ...]] = OPTIONS

    def __init__(self, setup: Setup) -> None:
        self.name = setup.name
        self._setup = setup
        self._options = fleet_options(setup)
        self._parts: _Opened | None = None

    # ---- life

    def capabilities(self) -> Capabilities:
        """What a fleet offers, all of it read back. Accounts are never deleted: a freed uid would own their files."""
        back = Support(Proof.READ_BACK, reversible=True)
        reads = (Cap.LIST_ACCOUNTS, Cap.LIST_ENTITLEMENTS, Cap.LIST_GRANTS, Cap.FIND)
        lists = (Cap.LIST_SESSIONS, Cap.LIST_CREDENTIALS)
        writes = (Cap.CREATE, Cap.UPDATE, Cap.ENABLE, Cap.DISABLE, Cap.GRANT, Cap.REVOKE)
        ended = Support(Proof.READ_BACK, reversible=False, note="what ran is ended")
        gone = Support(Proof.READ_BACK, reversible=False, note="keys and password have to be given anew")
        return {**dict.fromkeys((*reads, *lists, *writes), back), Cap.END_SESSIONS: ended, Cap.REVOKE_CREDENTIALS: gone}

    async def open(self) -> None:
        """Make keys and known hosts ready; hosts are connected to when they are needed.

        Raises AuthFailed for a key that cannot be used, Untrusted for a known_hosts file that cannot be.
        """
        if self._parts is None:
            self._parts = await _opened(self._setup, self._options)

    async def close(self) -> None:
        """Let go of connections."""
        parts, self._parts = self._parts, None
        if parts is not None:
            await parts.fleet.close()

    async def check(self) -> Mapping[str, str]:
        """How many hosts answer, and what the others say instead. Raises AdapterError when none answers."""
        from .answers import Listing

        found = await self._open.fleet.ask({"verb": "groups"}, Listing)
        found.none_left()
        told = f"{len(found.answers)} of {found.hosts} hosts"
        return {"reachable": told, "authenticated": told, **{host: str(error) for host, error in found.failed.items()}}

    @property
    def _open(self) -> _Opened:
        if self._parts is None:
            raise Unavailable(f"{self.name} is not open.", system=self.name)
        return self._parts

    # ---- reading

    async def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
        """All logins of the fleet. Raises AdapterError when one host cannot be read: a part is no listing."""
        async for page in self._open.reading.accounts(query):
            yield page

    async def entitlements(self, query: Query) -> AsyncIterator[Page[Entitlement]]:
        """Groups, and files of sudo rules."""
        async for page in self._open.reading.entitlements(query):
            yield page

    async def grants(self, query: Query) -> AsyncIterator[Page[Grant]]:
        """Who holds what on any host."""
        async for page in self._open.reading.grants(query):
            yield page

    async def read(self, account_id: str) -> Account:
        """One login, as far as hosts answer; `raw` says what each said."""
        return await self._open.reading.account(self._login(account_id))

    async def find(self, login: str) -> Account | None:
        """The account with exactly this login. Nobody can be called what is no login, and no host is asked then."""
        if not is_name(login):
            return None
        try:
            return await self._open.reading.account(login)
        except NotFound:
            return None

    async def grants_of(self, account_id: str) -> Sequence[Grant]:
        """What one login holds on any host."""
        return await self._open.reading.grants_of(self._login(account_id))

    async def sessions(self, account_id: str) -> Sequence[Session]:
        """What runs for one login, by its topmost process."""
        return await self._open.reading.sessions(self._login(account_id))

    async def credentials(self, account_id: str) -> Sequence[Credential]:
        """Keys by fingerprint, and the password."""
        return await self._open.reading.credentials(self._login(account_id))

    # ---- writing

    async def create(self, wanted: Account, *, key: str) -> tuple[Account, Receipt]:
        """Make the account exist on every host."""
        del key
        self._login(wanted.login)
        return await self._open.writing.create(wanted)

    async def update(self, account_id: str, changes: Mapping[str, object], *, if_version: str | None = None) -> Receipt:
        """Make `display`, `external_id` and `expires` so on every host that has the account."""
        return await self._open.writing.update(self._login(account_id), changes, if_version)

    async def enable(self, account_id: str) -> Receipt:
        """Let the person in again, as before the lock."""
        return await self._open.writing.change({"verb": "unlock", "login": self._login(account_id)})

    async def disable(self, account_id: str) -> Receipt:
        """Lock the person out: password, expiry, keys, crontab, and all that runs."""
        return await self._open.writing.change({"verb": "lock", "login": self._login(account_id)})

    async def delete(self, account_id: str) -> Receipt:
        """Never: raises Unsupported."""
        raise Unsupported(f"Accounts of {self.name} are disabled, never deleted: {account_id}.", system=self.name)

    async def grant(self, account_id: str, entitlement_id: str, *, expires: datetime | None = None) -> Receipt:
        """Put the login into a group on every host that has both."""
        if expires is not None:
            raise Unsupported("Membership in a group cannot end by itself.", system=self.name)
        return _single(await self.grant_many(entitlement_id, [account_id]), account_id)

    async def revoke(self, account_id: str, entitlement_id: str) -> Receipt:
        """Take the login out of a group, or out of a file of sudo rules, on every host."""
        return _single(await self.revoke_many(entitlement_id, [account_id]), account_id)

    async def grant_many(self, entitlement_id: str, account_ids: Sequence[str]) -> Mapping[str, Receipt | Exception]:
        """Put all of them into a group, by one exchange with each host."""
        from .writing import group_of, refuse_sudo

        logins = [self._login(account_id) for account_id in account_ids]
        refuse_sudo(entitlement_id, self.name)
        return await self._open.writing.change_members(group_of(entitlement_id, self.name), logins, True)

    async def revoke_many(self, entitlement_id: str, account_ids: Sequence[str]) -> Mapping[str, Receipt | Exception]:
        """Take all of them out of a group by one exchange with each host, or out of sudo rules one by one."""
        from .writing import group_of, is_sudo, rule_of

        logins = [self._login(account_id) for account_id in account_ids]
        writing = self._open.writing
        if is_sudo(entitlement_id):
            return await writing.take_sudo(rule_of(entitlement_id, self.name), logins)
        return await writing.change_members(group_of(entitlement_id, self.name), logins, False)

    async def end_sessions(self, account_id: str, session_id: str | None = None) -> Receipt:
        """End all that runs for the login, or one session on its host."""
        return await self._open.writing.end_sessions(self._login(account_id), session_id)

    async def revoke_credential(self, account_id: str, credential_id: str | None = None) -> Receipt:
        """Take out one key or the password, or all of them, those set aside too."""
        return await self._open.writing.revoke_credential(self._login(account_id), credential_id)

    # ---- proof

    async def verify(self, step: Step) -> Evidence:
        """Read the effect back on every host. Never writes."""
        self._login(step.account_id or step.login)
        proving = self._open.proving
        if step.cap in (Cap.GRANT, Cap.REVOKE):
            return (await proving.grant_steps([step]))[0]
        if step.cap is Cap.END_SESSIONS:
            return await proving.session_step(step)
        return await proving.account_step(step)

    async def verify_many(self, steps: Sequence[Step]) -> Sequence[Evidence]:
        """Read back grant or revoke steps of one entitlement, each host once."""
        for step in steps:
            self._login(step.account_id or step.login)
        return await self._open.proving.grant_steps(steps)

    def _login(self, text: str) -> str:
        return checked_login(text, self.name)


async def _opened(setup: Setup, options: FleetOptions) -> _Opened:
    """Keys and known hosts, ready to use. Raises AuthFailed, Untrusted, Unsupported."""
    try:
        from .entering import access
        from .fleet import Fleet
        from .proof import Proving
        from .reading import Reading
        from .writing import Writing
    except ModuleNotFoundError as error:
        told = f"{setup.name} needs the package {error.name}: install jmltui[ssh]."
        raise Unsupported(told, system=setup.name) from error
    fleet = Fleet(options, await access(setup, options))
    reading = Reading(fleet)
    return _Opened(fleet, reading, Writing(fleet, reading), Proving(fleet, reading, setup.clock))


def _single(answers: Mapping[str, Receipt | Exception], account_id: str) -> Receipt:
    answer = answers[account_id]
    if isinstance(answer, Exception):
        raise answer
    return answer
