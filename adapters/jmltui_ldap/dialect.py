"""The seam between the adapter and a kind of directory: everything in which OpenLDAP, 389 and Active Directory differ.

The adapter pages, compares, counts, applies changes and reads them back; a dialect says what entries mean and which
changes bring something about. A dialect is built from the options and the clock alone, as `ActiveDirectory(options,
clock)`, and learns the rest in `discover`; `profiles.py` chooses it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from jmltui.adapter_api import Account, AdapterError, Capabilities, Credential, Evidence, Page, Query

from .entry import Change, Entry

if TYPE_CHECKING:
    from .connection import Directory, Link


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An account to be added: its relative name, as `uid=ana`, and its attributes."""

    relative_name: str
    attributes: Mapping[str, Sequence[str | bytes]]


@dataclass(frozen=True, slots=True)
class Membership:
    """How an account is a member of a group: the attribute of the group, and the value that stands for the account.

    `filler` is what stays in the attribute when it must not become empty; "" where an empty group may be.
    """

    attribute: str
    value: str
    filler: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed since a token: ids of entries that were added or changed, ids of those that are gone, whatever they
    are, and the token for the next time.
    """

    changed: Sequence[str]
    gone: Sequence[str]
    token: str


class Dialect(Protocol):
    """What one kind of directory is like. All entries handed over were read with the attributes named here."""

    name: str
    """The profile, as the settings call it."""
    id_attribute: str
    """What never changes and never comes again: entryUUID, nsUniqueId, objectGUID."""
    login_attribute: str
    version_attribute: str
    """The attribute whose text is the version of an account: entryCSN, modifyTimestamp, uSNChanged."""
    account_filter: str
    """What is an account, before `account_filter` of the settings narrows it."""
    account_attributes: Sequence[str]
    holder_attributes: Sequence[str]
    """Those of an account that say which groups hold it: id, login, and what names a primary group."""
    group_filter: str
    group_attributes: Sequence[str]
    """Without the values of members; those are of `member_attributes`."""
    member_attributes: Sequence[str]
    """The attributes of a group that name members, by name of entry; `login_member_attributes`: by login."""
    login_member_attributes: Sequence[str]
    passes_over_references: bool
    """Whether continuation references in a listing lead to other partitions of the same server and belong to no part
    of the listing (Active Directory); elsewhere a listing with references is not whole."""
    already_member: frozenset[int]
    """Result codes of adding a member that say beyond doubt that it is one: 20, or 68 in Samba's."""
    not_a_member: frozenset[int]
    """Result codes of removing a member that say beyond doubt that it is none: 16."""

    # ---- the server

    async def discover(self, link: Link, root: Entry) -> Mapping[str, str]:
        """Learn from the root entry (read with `*` and `+`) and more; facts for `check`. Raises Unsupported,
        ContractBroken."""
        ...

    def capabilities(self) -> Capabilities:
        """What can be done, as far as is known: before `discover`, all that this kind of directory may offer."""
        ...

    def refusal(self, code: int, said: str) -> type[AdapterError] | None:
        """The error that a result code and diagnostic message mean here; None: as RFC 4511 has it."""
        ...

    # ---- accounts

    def id_of(self, entry: Entry) -> str:
        """The id of an account or group as text. Raises ContractBroken when it has none."""
        ...

    def id_filter(self, one: str) -> str:
        """The filter for exactly this id. Raises NotFound for what cannot be an id here."""
        ...

    def account(self, entry: Entry) -> Account:
        """The account that an entry is, its state included. `raw` holds at least `dn`."""
        ...

    def new_account(self, wanted: Account) -> NewEntry:
        """What to add for an account that does not exist; it cannot sign in before `first_secret`. Raises Invalid."""
        ...

    async def first_secret(self, link: Link, dn: str, secret: str) -> None:
        """Give a fresh account this random secret, which nobody keeps ("": none), and let it in if it should be."""
        ...

    def updating(self, entry: Entry, changes: Mapping[str, object]) -> Sequence[Change]:
        """What makes these so (login, display, emails, external_id, expires, or an attribute); nothing when they are.

        A new login is part of the name where the name is made of it: the adapter renames first and asks again with the
        entry as it is then. Raises Invalid, Unsupported.
        """
        ...

    def disabling(self, entry: Entry) -> Sequence[Change]:
        """What makes the account unable to sign in; nothing when it is."""
        ...

    def enabling(self, entry: Entry) -> Sequence[Change]:
        """What makes it able to sign in again; nothing when it is."""
        ...

    async def probe(self, directory: Directory, entry: Entry) -> Evidence | None:
        """The server's own refusal of a disabled account, where asking is harmless and the answer tells; else None.

        Called only after a read-back said that the account is disabled. Evidence with Proof.PROBE: confirmed, or
        contradicted when the server says beyond doubt that it would let the account in.
        """
        ...

    # ---- groups

    def group_name(self, group: Entry) -> str:
        """What the policy calls the group."""
        ...

    def is_privileged(self, group: Entry) -> bool:
        """Whether the directory itself says that the group is powerful; the settings may name more."""
        ...

    def is_grantable(self, group: Entry) -> bool:
        """Whether membership can be given: False for dynamic groups and those that the directory guards itself."""
        ...

    def membership(self, group: Entry, account: Entry) -> Membership | None:
        """How the account is, or would be, a member of the group; None where membership is not the group's to give."""
        ...

    def further_memberships(self, group: Entry, account: Entry) -> Sequence[Membership]:
        """Other ways in which the group may hold the account besides; a revoke ends all of them."""
        ...

    def holders_filter(self, member: Entry) -> str:
        """The filter of the groups that name this account, or this group, as a direct member."""
        ...

    def primary_key(self, group: Entry) -> str:
        """What accounts hold in place of a membership when this is their primary group; "" where there is none."""
        ...

    def primary_of(self, account: Entry) -> str:
        """The primary key of the account's primary group; "" where there is none."""
        ...

    # ---- credentials

    async def credentials(self, link: Link, entry: Entry) -> Sequence[Credential]:
        """The credentials of an account, never their values."""
        ...

    async def revoking(self, link: Link, entry: Entry, credential_id: str) -> Sequence[Change]:
        """What takes a credential away; nothing when it is not there any more. Raises NotFound, Unsupported."""
        ...

    # ---- deltas

    async def delta_token(self, link: Link, base: str) -> str | None:
        """A token of this moment, taken before a full listing; None where Cap.DELTA is not offered."""
        ...

    def changed_accounts(self, link: Link, base: str, query: Query) -> AsyncIterator[Page[Account]]:
        """What changed since the token `query.since`. Raises ResyncNeeded; Unsupported without Cap.DELTA."""
        ...

    async def group_token(self, link: Link) -> str | None:
        """A token of this moment for groups and who is in them; None where these are always listed in full."""
        ...

    async def changes(self, link: Link, token: str) -> Changes:
        """What changed of all entries since such a token. Raises ResyncNeeded."""
        ...
