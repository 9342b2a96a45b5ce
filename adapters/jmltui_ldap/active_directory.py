"""Active Directory as a kind of directory. Protocol facts: MS-ADTS, MS-DTYP; exercised against Samba as well."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from jmltui.adapter_api import (
    Account,
    AdapterError,
    Cap,
    Capabilities,
    Clock,
    ContractBroken,
    Credential,
    Evidence,
    Invalid,
    Page,
    Proof,
    Query,
    ResyncNeeded,
    Support,
    Unsupported,
)

from . import active_directory_accounts as accounts
from . import active_directory_credentials as credentials
from . import active_directory_delta as delta
from . import active_directory_groups as groups
from . import active_directory_refusals as refusals
from .active_directory_values import guid_bytes, guid_of
from .connection import Directory
from .dialect import Changes, Membership, NewEntry
from .entry import Change, Entry, instant_of
from .estate import Estate
from .filters import equals, is_under
from .link import Link
from .options import ACTIVE_DIRECTORY, RANDOM, DirectoryOptions
from .target import NONE

_IS_ACTIVE_DIRECTORY: Final = "1.2.840.113556.1.4.800"
_CATALOG_PORTS: Final = (3268, 3269)
_TICKETS: Final = (
    "Kerberos tickets already given out last to their end, 10 hours by default; sessions that are open stay open."
)


class ActiveDirectory:
    """One domain of Active Directory."""

    name: str = ACTIVE_DIRECTORY
    id_attribute: str = "objectGUID"
    version_attribute: str = "uSNChanged"
    group_filter: str = groups.GROUPS
    group_attributes: Sequence[str] = ("objectClass", "cn", *groups.ATTRIBUTES)
    member_attributes: Sequence[str] = ("member",)
    login_member_attributes: Sequence[str] = ()
    passes_over_references: bool = True
    already_member: frozenset[int] = frozenset({68})
    not_a_member: frozenset[int] = frozenset()
    account_filter: str = accounts.FILTER

    def __init__(self, options: DirectoryOptions, clock: Clock) -> None:
        if options.target.port in _CATALOG_PORTS:
            raise Invalid(
                f"{options.system}: a global catalog holds a part of each entry and cannot be written; use port 636.",
                system=options.system,
            )
        self._options = options
        self._clock = clock
        self._ahead = timedelta(0)
        self._accounts = accounts.Accounts(options, self._now)
        self._powerful = groups.PowerfulGroups()
        self._domain = options.accounts_base
        self._tells_changes: bool | None = None
        self.login_attribute = accounts.LOGIN
        self.account_attributes: Sequence[str] = self._accounts.attributes
        self.holder_attributes: Sequence[str] = (self.id_attribute, accounts.LOGIN, "primaryGroupID")

    # ---- the server

    async def discover(self, link: Link, root: Entry) -> Mapping[str, str]:
        """Learn the domain, its powerful groups, its time, and whether it tells us its changes."""
        system = self._options.system
        if _IS_ACTIVE_DIRECTORY not in root.texts("supportedCapabilities"):
            raise Unsupported(f"{system} is no Active Directory; name another `profile`.", system=system)
        self._domain = root.text("defaultNamingContext")
        if not is_under(self._options.accounts_base, self._domain):
            raise Unsupported(f"{system} is the domain {self._domain[:200]}, and `base` lies elsewhere.", system=system)
        self._accounts.domain = ".".join(part.partition("=")[2] for part in self._domain.split(","))
        told = instant_of(root.text("currentTime"))
        if told is not None:
            self._ahead = told - self._clock()
        top = await link.read(self._domain, ["objectSid"])
        domain_sid = groups.sid(top) if top is not None else ""
        if not domain_sid:
            raise ContractBroken(f"{system} does not show the identifier of its domain.", system=system)
        powerful = await self._powerful.learn(link, self._domain, domain_sid)
        self._tells_changes = await delta.is_allowed(link, self._domain)
        return {
            "server": _maker(root),
            "controller": root.text("dnsHostName"),
            "domain": self._accounts.domain,
            "powerful groups": str(powerful),
            "changes": "DirSync is allowed" if self._tells_changes else "not told; everything is listed each time",
        }

    def capabilities(self) -> Capabilities:
        """What can be done: secrets need an encrypted link, and changes the right to replicate."""
        read = Support(Proof.READ_BACK, reversible=True)
        offered = {
            Cap.LIST_ACCOUNTS: Support(
                Proof.READ_BACK, True, note="The last sign-in is up to 14 days old: controllers share it that seldom."
            ),
            Cap.LIST_ENTITLEMENTS: read,
            Cap.LIST_GRANTS: read,
            Cap.FIND: read,
            Cap.CREATE: read,
            Cap.UPDATE: read,
            Cap.ENABLE: read,
            Cap.DISABLE: Support(Proof.READ_BACK, True, note=_TICKETS),
            Cap.DELETE: Support(Proof.READ_BACK, False, note="The recycle bin of the domain may keep it for a while."),
            Cap.GRANT: read,
            Cap.REVOKE: Support(Proof.READ_BACK, True, note="It counts from the next sign-in on."),
            Cap.LIST_CREDENTIALS: read,
            Cap.REVOKE_CREDENTIALS: Support(Proof.READ_BACK, False, note=_TICKETS),
            Cap.DELTA: read,
        }
        if self._options.target.encryption == NONE:
            del offered[Cap.REVOKE_CREDENTIALS]
            if self._options.first_secret == RANDOM:
                del offered[Cap.CREATE]
        if self._tells_changes is False:
            del offered[Cap.DELTA]
        return offered

    def refusal(self, code: int, said: str) -> type[AdapterError] | None:
        """The error of a result code and its text."""
        return refusals.refusal(code, said)

    # ---- accounts

    def id_of(self, entry: Entry) -> str:
        """The objectGUID as text."""
        raw = entry.raw("objectGUID")
        if not raw:
            raise ContractBroken(f"{self._options.system} hides the objectGUID of {entry.dn[:200]}.")
        return guid_of(raw[0])

    def id_filter(self, one: str) -> str:
        """The filter for exactly this objectGUID."""
        return equals("objectGUID", guid_bytes(one))

    def account(self, entry: Entry) -> Account:
        """The account that an entry is."""
        return self._accounts.account(entry)

    def new_account(self, wanted: Account) -> NewEntry:
        """What to add: shut until it has a password."""
        return self._accounts.new_account(wanted)

    async def first_secret(self, link: Link, dn: str, secret: str) -> None:
        """Nothing: an account is made with its password, so that none is ever left half made."""
        del link, dn, secret

    def updating(self, entry: Entry, changes: Mapping[str, object]) -> Sequence[Change]:
        """What makes these so."""
        return self._accounts.updating(entry, changes)

    def disabling(self, entry: Entry) -> Sequence[Change]:
        """What shuts it, by the flag ACCOUNTDISABLE."""
        return self._accounts.disabling(entry)

    def enabling(self, entry: Entry) -> Sequence[Change]:
        """What lets it in again."""
        return self._accounts.enabling(entry)

    async def probe(self, directory: Directory, entry: Entry) -> Evidence | None:
        """Nothing: a domain tells of a disabled account only to who knows its password."""
        del directory, entry
        return None

    # ---- groups

    def group_name(self, group: Entry) -> str:
        """The name that no other group of the domain has."""
        return group.text("sAMAccountName") or group.text("cn")

    def is_privileged(self, group: Entry) -> bool:
        """Whether it is a powerful group of the domain, or leads to one."""
        return self._powerful.holds(group)

    def is_grantable(self, group: Entry) -> bool:
        """Not what is powerful or came with the domain, unless the settings say so."""
        if not self._powerful.holds(group) and not groups.is_built_in(group):
            return True
        return self._options.is_grantable(self.group_name(group), group.dn)

    def membership(self, group: Entry, account: Entry) -> Membership | None:
        """By name, in the group; not where the group is the account's primary one."""
        if groups.primary_key(group) == account.text("primaryGroupID") != "":
            return None
        return Membership("member", account.dn)

    def further_memberships(self, group: Entry, account: Entry) -> Sequence[Membership]:
        """There are none."""
        del group, account
        return ()

    def holders_filter(self, member: Entry) -> str:
        """The groups that name an account or a group."""
        return equals("member", member.dn)

    def primary_key(self, group: Entry) -> str:
        """The last part of its security identifier."""
        return groups.primary_key(group)

    def primary_of(self, account: Entry) -> str:
        """Its primaryGroupID."""
        return account.text("primaryGroupID")

    # ---- credentials

    async def credentials(self, link: Link, entry: Entry) -> Sequence[Credential]:
        """The password, keys of devices, mapped certificates and keys."""
        return credentials.credentials_of(await self._with_credentials(link, entry))

    async def revoking(self, link: Link, entry: Entry, credential_id: str) -> Sequence[Change]:
        """What takes one away.

        A password is replaced twice, first here and without the mark that shows it as gone: for an hour a domain takes
        the last but one as well.
        """
        changes = credentials.revoking(await self._with_credentials(link, entry), credential_id)
        if changes and credential_id == credentials.THE_PASSWORD:
            await link.modify(entry.dn, changes[:1])
            return credentials.new_password()
        return changes

    async def _with_credentials(self, link: Link, entry: Entry) -> Entry:
        found = await link.read(entry.dn, credentials.ATTRIBUTES, self.id_filter(self.id_of(entry)))
        if found is None:
            raise ContractBroken(f"{link.system} shows {entry.dn[:200]} once and not again.", system=link.system)
        return found

    # ---- deltas

    async def delta_token(self, link: Link, base: str) -> str | None:
        """A token of this moment, where the domain tells us its changes, deletions too."""
        del base
        return await delta.token_of_now(link, self._domain) if self._tells_changes else None

    async def changed_accounts(self, link: Link, base: str, query: Query) -> AsyncIterator[Page[Account]]:
        """What changed since the token: each account is read anew; what is no account of ours any more is gone."""
        if self._tells_changes is False:
            raise Unsupported(f"{link.system} does not tell us its changes.", system=link.system)
        del base
        estate = Estate(self, self._options)
        await estate.learn(link)
        token = query.cursor or query.since or ""
        while True:
            part = await delta.changes_after(link, self._domain, token, (*self.account_attributes, "name"))
            token = delta.token_of(part)
            ids = list(dict.fromkeys(self.id_of(entry) for entry in part.entries))
            entries = await estate.accounts(link, ids)
            found = {one: self.account(entry) for one, entry in entries.items() if not estate.is_excluded(entry)}
            gone = [one for one in ids if one not in found]
            cursor, last = (token, None) if part.more else (None, token)
            yield Page(list(found.values()), gone, cursor=cursor, delta=last)
            if not part.more:
                return

    async def group_token(self, link: Link) -> str | None:
        """None: groups are listed in full."""
        del link
        return None

    async def changes(self, link: Link, token: str) -> Changes:
        """Never: raises ResyncNeeded."""
        del token
        raise ResyncNeeded(f"{link.system} tells no changes of groups; they are listed in full.", system=link.system)

    def _now(self) -> datetime:
        return self._clock() + self._ahead


def _maker(root: Entry) -> str:
    made = root.text("vendorName")
    if made:
        return f"{made} {root.text('vendorVersion')}".strip()
    levels = {"7": "2016", "6": "2012 R2", "5": "2012", "4": "2008 R2", "10": "2025"}
    level = root.text("domainControllerFunctionality")
    return f"Windows Server {levels[level]} or later" if level in levels else "Windows Server"
