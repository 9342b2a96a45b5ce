"""The adapter of directories: entries are accounts, groups are entitlements, and every write is read back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, NamedTuple, TypeVar

from jmltui.adapter_api import (
    Account,
    Ambiguous,
    BadRow,
    Cap,
    Capabilities,
    ContractBroken,
    Credential,
    Entitlement,
    Evidence,
    FeedFile,
    Forbidden,
    Grant,
    Invalid,
    NotFound,
    Option,
    Page,
    Person,
    Proof,
    Query,
    Receipt,
    Setup,
    Step,
    Support,
    Unavailable,
    Unsupported,
)

from .listing import in_pages
from .options import OPTIONS, DirectoryOptions, directory_options
from .profiles import dialect_of

if TYPE_CHECKING:
    from .accounts import Accounts
    from .connection import Directory, Link
    from .credentials import Credentials
    from .dialect import Dialect
    from .entry import Entry
    from .estate import Estate
    from .grants import Grants
    from .holdings import Holdings
    from .people import Feed
    from .proof import Proofs


T = TypeVar("T")


class _Opened(NamedTuple):
    """What works once the directory was reached."""

    directory: Directory
    estate: Estate
    accounts: Accounts
    grants: Grants
    holdings: Holdings
    credentials: Credentials
    proofs: Proofs
    feed: Feed
    facts: Mapping[str, str]


class LdapAdapter:
    """One directory: a system, or a source of people where `columns` says what of a person is where."""

    kind: ClassVar[str] = "ldap"
    EXERCISED_AGAINST: ClassVar[str] = (
        "OpenLDAP 2.5 with ppolicy, memberof, refint, unique, dynlist and syncprov; 389 Directory Server 2.3 with "
        "memberOf, referential integrity and account policy; Samba 4.17 in place of Active Directory"
    )
    OPTIONS: ClassVar[tuple[Option, ...]] = OPTIONS

    def __init__(self, setup: Setup) -> None:
        self.name = setup.name
        self._setup = setup
        self._options = directory_options(setup)
        self._dialect = dialect_of(self._options, setup.clock)
        self._parts: _Opened | None = None

    # ---- life

    def capabilities(self) -> Capabilities:
        """What can be done, narrowed on opening to what the directory offers. A source of people only lists."""
        if self._options.columns:
            return {Cap.LIST_ACCOUNTS: Support(Proof.READ_BACK, reversible=True)}
        return self._dialect.capabilities()

    async def open(self) -> None:
        """Connect, sign in, and learn what the directory is. Raises AdapterError and SecretError."""
        if self._parts is None:
            self._parts = await _opened(self._setup, self._options, self._dialect)

    async def close(self) -> None:
        """Let go of connections."""
        parts, self._parts = self._parts, None
        if parts is not None:
            await parts.directory.close()

    async def check(self) -> Mapping[str, str]:
        """Reachable, authenticated, and what the directory said of itself."""
        parts = self._open
        async with parts.directory.link("check") as link:
            await parts.estate.learn(link)
        target = self._options.target
        link_kind = {"tls": "TLS, verified", "starttls": "StartTLS, verified"}.get(target.encryption, "not encrypted")
        return {"reachable": "yes", "authenticated": "yes", "link": link_kind, **parts.facts}

    @property
    def _open(self) -> _Opened:
        if self._parts is None:
            raise Unavailable(f"{self.name} is not open.", system=self.name)
        return self._parts

    # ---- people

    async def people(self) -> AsyncIterator[Person | BadRow]:
        """All people of the directory; `feed()` says afterwards whether they may be believed. Raises Invalid."""
        if not self._options.columns:
            raise Invalid(f"{self.name} is a source of people only with `columns`.", system=self.name)
        for one in await self._open.feed.rows():
            yield one

    def feed(self) -> FeedFile:
        """Facts of the feed just read."""
        return self._open.feed.facts

    # ---- reading

    async def accounts(self, query: Query) -> AsyncIterator[Page[Account]]:
        """All accounts, or what changed since a token where the directory offers deltas."""
        parts, dialect, base = self._open, self._dialect, self._options.accounts_base
        async with parts.directory.link("list accounts") as link:
            if query.since is not None:
                async for page in dialect.changed_accounts(link, base, query):
                    yield page
                return
            token = await dialect.delta_token(link, base)
            listed = self._all_accounts(link)
            size = max(1, query.page_size)
            async for page in in_pages(listed, size, query.cursor, _id, self.name, token):
                yield page

    async def _all_accounts(self, link: Link) -> AsyncIterator[list[Account]]:
        told, is_excluded = self._dialect.account, self._open.estate.is_excluded
        async for page in self._open.estate.account_pages(link):
            yield [told(entry) for entry in page if not is_excluded(entry)]

    async def entitlements(self, query: Query) -> AsyncIterator[Page[Entitlement]]:
        """All groups, or what changed since a token where the directory tells that of groups."""
        async with self._open.directory.link("list groups") as link:
            async for page in self._open.holdings.entitlements(link, query):
                yield page

    async def grants(self, query: Query) -> AsyncIterator[Page[Grant]]:
        """What every account holds, account by account, or anew the groups of which that may have changed."""
        async with self._open.directory.link("list memberships") as link:
            async for page in self._open.holdings.grants(link, query):
                yield page

    async def read(self, account_id: str) -> Account:
        """One account. Raises NotFound, and Forbidden for one that the settings keep out."""
        async with self._open.directory.link("read") as link:
            return self._dialect.account(await self._entry(link, account_id))

    async def _entry(self, link: Link, account_id: str) -> Entry:
        found = await self._open.estate.account(link, account_id)
        if found is None:
            raise NotFound(f"{self.name} holds no account {account_id[:60]}.", system=self.name)
        if self._open.estate.is_excluded(found):
            raise Forbidden(f"The settings keep {account_id[:60]} of {self.name} out.", system=self.name)
        return found

    async def find(self, login: str) -> Account | None:
        """The account with exactly this login, letter case aside, as directories have it. Raises Ambiguous."""
        if not login or "\0" in login:
            return None
        async with self._open.directory.link("find") as link:
            entries = await self._open.estate.called(link, login)
        accounts = [self._dialect.account(entry) for entry in entries if not self._open.estate.is_excluded(entry)]
        found = [account for account in accounts if account.login.casefold() == login.casefold()]
        if len(found) > 1:
            raise Ambiguous(f"{len(found)} accounts of {self.name} are called “{login[:60]}”.", system=self.name)
        return found[0] if found else None

    async def grants_of(self, account_id: str) -> Sequence[Grant]:
        """What one account holds, as the groups themselves say it."""
        from .memberships import held_now

        async with self._open.directory.link("read memberships") as link:
            entry = await self._entry(link, account_id)
            return await held_now(link, entry, self._open.estate, self._open.grants, self._dialect)

    # ---- writing

    async def create(self, wanted: Account, *, key: str) -> tuple[Account, Receipt]:
        """Make the account exist, with a random password that nobody keeps, or none."""
        del key
        self._require(Cap.CREATE)
        return await self._open.accounts.create(wanted)

    async def update(self, account_id: str, changes: Mapping[str, object], *, if_version: str | None = None) -> Receipt:
        """Make login, display, emails, external_id, expires and attributes of the directory so."""
        self._require(Cap.UPDATE)
        return await self._open.accounts.update(account_id, changes, if_version)

    async def enable(self, account_id: str) -> Receipt:
        """Let it sign in again."""
        self._require(Cap.ENABLE)
        return await self._open.accounts.enable(account_id)

    async def disable(self, account_id: str) -> Receipt:
        """Let it not sign in any more."""
        self._require(Cap.DISABLE)
        return await self._open.accounts.disable(account_id)

    async def delete(self, account_id: str) -> Receipt:
        """Take it out of its groups and delete it."""
        self._require(Cap.DELETE)
        return await self._open.accounts.delete(account_id)

    async def grant(self, account_id: str, entitlement_id: str, *, expires: datetime | None = None) -> Receipt:
        """Make the account a member."""
        if expires is not None:
            raise Unsupported(f"Membership in a group of {self.name} cannot end by itself.", system=self.name)
        return _single(await self.grant_many(entitlement_id, [account_id]), account_id)

    async def revoke(self, account_id: str, entitlement_id: str) -> Receipt:
        """Make the account no member."""
        return _single(await self.revoke_many(entitlement_id, [account_id]), account_id)

    async def grant_many(self, entitlement_id: str, account_ids: Sequence[str]) -> Mapping[str, Receipt | Exception]:
        """Make all of them members, by one change of the group."""
        self._require(Cap.GRANT)
        return await self._open.grants.change(entitlement_id, account_ids, True)

    async def revoke_many(self, entitlement_id: str, account_ids: Sequence[str]) -> Mapping[str, Receipt | Exception]:
        """Make none of them members."""
        self._require(Cap.REVOKE)
        return await self._open.grants.change(entitlement_id, account_ids, False)

    async def credentials(self, account_id: str) -> Sequence[Credential]:
        """Passwords and keys, never their values."""
        self._require(Cap.LIST_CREDENTIALS)
        return await self._open.credentials.list(account_id)

    async def revoke_credential(self, account_id: str, credential_id: str | None = None) -> Receipt:
        """Take one or all away."""
        self._require(Cap.REVOKE_CREDENTIALS)
        return await self._open.credentials.revoke(account_id, credential_id)

    def _require(self, cap: Cap) -> None:
        if cap not in self.capabilities():
            raise Unsupported(f"{self.name} does not offer {cap.value}.", system=self.name, operation=cap.value)

    # ---- proof

    async def verify(self, step: Step) -> Evidence:
        """Read the effect back. Never writes."""
        return await self._open.proofs.of(step)

    async def verify_many(self, steps: Sequence[Step]) -> Sequence[Evidence]:
        """Read memberships back, each group and account looked up once."""
        return await self._open.proofs.of_many(steps)


async def _opened(setup: Setup, options: DirectoryOptions, dialect: Dialect) -> _Opened:
    """Sign in and look around. Raises AdapterError, SecretError, and Unsupported without the library."""
    try:
        from .accounts import ASSERTION, Accounts
        from .connection import Directory
        from .credentials import Credentials
        from .estate import Estate
        from .grants import Grants
        from .holdings import Holdings
        from .people import Feed
        from .proof import Proofs
    except ModuleNotFoundError as error:
        told = f"{setup.name} needs its extra: pip install 'jmltui[ldap]' ({error.name} is missing)."
        raise Unsupported(told, system=setup.name) from error
    directory = Directory(options.target, setup.secret, dialect.refusal)
    estate = Estate(dialect, options)
    try:
        async with directory.link("open") as link:
            root = await link.read("", ("*", "+"))
            if root is None:
                raise ContractBroken(f"{setup.name} says nothing of itself; it is no directory.", system=setup.name)
            facts = await dialect.discover(link, root)
            await estate.learn(link)
    except BaseException:
        await directory.close()
        raise
    grants = Grants(directory, dialect, estate, options)
    asserts = ASSERTION in root.texts("supportedControl")
    accounts = Accounts(directory, dialect, estate, grants, options, asserts=asserts)
    credentials = Credentials(directory, dialect, accounts, setup.name)
    proofs = Proofs(directory, dialect, estate, grants, options, setup.clock)
    feed = Feed(directory, estate, options)
    holdings = Holdings(estate, dialect, options)
    return _Opened(directory, estate, accounts, grants, holdings, credentials, proofs, feed, facts)


def _id(one: Account) -> str:
    return one.id


def _single(answers: Mapping[str, Receipt | Exception], account_id: str) -> Receipt:
    """The one receipt. Raises the error that stands in place of it."""
    answer = answers[account_id]
    if isinstance(answer, Exception):
        raise answer
    return answer
