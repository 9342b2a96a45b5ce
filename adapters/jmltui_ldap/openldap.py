"""OpenLDAP: accounts are locked by its password policy overlay, ids are entryUUID, groups name their members.

A lock is `pwdAccountLockedTime: 000001010000Z`, which slapo-ppolicy(5) takes for locked until an administrator undoes
it. It counts where the overlay is in force and the policy of the account says `pwdLockout: TRUE`; whether it does is
told by the sign-in itself, whose answer carries the control of the password policy draft (behera, section 6.2).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Final

from jmltui.adapter_api import (
    Account,
    AccountState,
    AdapterError,
    Cap,
    Capabilities,
    Clock,
    ContractBroken,
    Credential,
    Evidence,
    Forbidden,
    Invalid,
    NotFound,
    Page,
    Proof,
    Query,
    Support,
    Verdict,
)

from . import attributes, groups
from .dialect import Changes, Membership, NewEntry
from .entry import Change, Control, Entry, Op, instant_of
from .filters import all_of, any_of, equals, none_of, present, rdn
from .judgement import INVALID_CREDENTIALS
from .openldap_delta import NOT_TOLD, NOTE, Synchronization, account_pages
from .options import DirectoryOptions
from .password_policy import ACCOUNT_LOCKED, PASSWORD_POLICY, policy_error
from .ssh_keys import fingerprints, without

if TYPE_CHECKING:
    from .connection import Directory, Link

LOCK: Final = "pwdAccountLockedTime"
LOCKED: Final = "000001010000Z"
PASSWORD: Final = "password"
PASSWORD_ATTRIBUTE: Final = "userPassword"
MODIFY_PASSWORD: Final = "1.3.6.1.4.1.4203.1.11.1"
_CONSTRAINT: Final = 19
_LIMIT: Final = 11
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_IMPOSSIBLE_BYTES: Final = 32


class OpenLdap:
    """What OpenLDAP is like."""

    name: str = "openldap"
    id_attribute: str = "entryUUID"
    version_attribute: str = "entryCSN"
    id_pattern: ClassVar[re.Pattern[str]] = _UUID
    state_attributes: ClassVar[tuple[str, ...]] = (LOCK, "authTimestamp", "pwdLastSuccess")
    seen_attributes: ClassVar[tuple[str, ...]] = ("authTimestamp", "pwdLastSuccess")
    synchronizes: ClassVar[bool] = True
    lock_attribute: ClassVar[str] = LOCK
    ssh_attributes: ClassVar[tuple[str, ...]] = ("sshPublicKey",)
    passes_over_references: bool = False
    already_member: frozenset[int] = frozenset({20})
    not_a_member: frozenset[int] = frozenset({16})
    group_filter: str = groups.FILTER
    member_attributes: Sequence[str] = groups.MEMBER_ATTRIBUTES
    login_member_attributes: Sequence[str] = groups.LOGIN_MEMBER_ATTRIBUTES

    def __init__(self, options: DirectoryOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self.login_attribute = options.login_attribute or "uid"
        self._name_attribute = options.name_attribute or self.login_attribute
        kinds = any_of(*(equals("objectClass", one) for one in ("person", "account", "posixAccount")))
        self.account_filter = all_of(present(self.login_attribute), kinds)
        own = (options.display_attribute, options.email_attribute, options.external_id_attribute)
        fixed = ("objectClass", "cn", "gidNumber", attributes.SHADOW_EXPIRE, self.version_attribute)
        self.account_attributes: Sequence[str] = tuple(
            dict.fromkeys((self.login_attribute, self.id_attribute, *own, *fixed, *self.state_attributes))
        )
        self.holder_attributes: Sequence[str] = (self.login_attribute, self.id_attribute, "gidNumber")
        self.group_attributes: Sequence[str] = (self.id_attribute, *groups.ATTRIBUTES)
        self._locks = True
        self._sees_passwords = True
        self._sets_passwords = True
        self._says_why = False
        self._synchronization = Synchronization(options, self.account_filter, self.group_filter)

    # ---- the server

    async def discover(self, link: Link, root: Entry) -> Mapping[str, str]:
        """Whether accounts can be locked, and whether it can be seen that an account has a password."""
        self._locks = self._can_lock(root)
        self._sets_passwords = MODIFY_PASSWORD in root.texts("supportedExtension")
        base = self._options.accounts_base
        self._sees_passwords = await self._sees(link, base)
        if self._locks and not await self._sees(link, base, self.lock_attribute) and await link.read(base, ()):
            system, hidden = self._options.system, self.lock_attribute
            raise Forbidden(f"{system} does not show the {hidden} of accounts to jmltui, and so not who may sign in.")
        told = await self._synchronization.learn(link, root) if self.synchronizes else NOT_TOLD
        return {
            "server": " ".join(filter(None, (root.text("vendorName"), root.text("vendorVersion")))) or self.name,
            "locks accounts": "yes" if self._locks else "no: the password policy overlay is not there",
            "sees that there is a password": "yes" if self._sees_passwords else "no",
            "changes": told,
        }

    def _can_lock(self, root: Entry) -> bool:
        return PASSWORD_POLICY in root.texts("supportedControl")

    def capabilities(self) -> Capabilities:
        """What can be done, narrowed by what was discovered."""
        proved = Support(Proof.READ_BACK, reversible=True)
        reads = (Cap.LIST_ACCOUNTS, Cap.LIST_ENTITLEMENTS, Cap.LIST_GRANTS, Cap.FIND)
        found = dict.fromkeys((*reads, Cap.CREATE, Cap.UPDATE, Cap.GRANT, Cap.REVOKE), proved)
        if self._locks:
            found[Cap.ENABLE] = proved
            found[Cap.DISABLE] = self._disable_support()
        gone = "a deleted entry cannot be brought back"
        found[Cap.DELETE] = Support(Proof.READ_BACK, reversible=False, settle=self._options.settle, note=gone)
        lost = "passwords and keys have to be given anew"
        seen = Proof.READ_BACK if self._sees_passwords else Proof.NONE
        found[Cap.REVOKE_CREDENTIALS] = Support(seen, reversible=False, note=lost)
        if self._sees_passwords:
            found[Cap.LIST_CREDENTIALS] = Support(Proof.READ_BACK, reversible=False)
        if self.synchronizes and self._synchronization.offered is not False:
            found[Cap.DELTA] = Support(Proof.READ_BACK, reversible=True, note=NOTE)
        return found

    def _disable_support(self) -> Support:
        note = "who is signed in somewhere stays so"
        if self._options.probe:
            note += "; proved by a refused sign-in too, where the server says that it refuses for the lock"
        return Support(Proof.READ_BACK, reversible=True, note=note)

    def refusal(self, code: int, said: str) -> type[AdapterError] | None:
        """A constraint violation is somebody else's value where the unique overlay speaks, a wrong value elsewhere; a
        page that is too large is no limit that passes by itself.
        """
        if code == _CONSTRAINT and "unique" not in said.casefold():
            return Invalid
        if code == _LIMIT and "page size" in said.casefold():
            return Invalid
        return None

    # ---- accounts

    def id_of(self, entry: Entry) -> str:
        """Its entryUUID."""
        found = entry.text(self.id_attribute)
        if not found:
            raise ContractBroken(
                f"{entry.dn[:200]} shows no {self.id_attribute}; the account of jmltui may not see it."
            )
        return found

    def id_filter(self, one: str) -> str:
        """The entry of exactly this id."""
        if self.id_pattern.fullmatch(one) is None:
            raise NotFound(f"“{one[:60]}” is no id of {self._options.system}.", system=self._options.system)
        return equals(self.id_attribute, one)

    def account(self, entry: Entry) -> Account:
        """The account that an entry is."""
        options = self._options
        login = entry.text(self.login_attribute)
        disabled = self.is_disabled(entry)
        return Account(
            id=self.id_of(entry),
            login=login,
            state=AccountState.DISABLED if disabled else AccountState.ACTIVE,
            emails=entry.texts(options.email_attribute),
            external_id=entry.text(options.external_id_attribute) or None,
            display=entry.text(options.display_attribute) or entry.text("cn"),
            kind="service" if options.services and options.is_service(login) else "person",
            last_seen=self._last_seen(entry),
            expires=attributes.expiry_of(entry) if entry.has(attributes.SHADOW_EXPIRE) else None,
            version=self.version_of(entry) or None,
            raw={"dn": entry.dn},
        )

    def version_of(self, entry: Entry) -> str:
        """What is another text whenever the entry changed; "" for nothing."""
        return entry.text(self.version_attribute)

    def is_disabled(self, entry: Entry) -> bool:
        """Whether an administrator locked it; a lock after wrong passwords passes by itself and is none."""
        return entry.text(LOCK) == LOCKED

    def _last_seen(self, entry: Entry) -> datetime | None:
        seen = [instant_of(entry.text(name)) for name in self.seen_attributes if entry.has(name)]
        return max(filter(None, seen), default=None)

    def new_account(self, wanted: Account) -> NewEntry:
        """The entry of a new account, without a password: nobody can sign in by it."""
        options, login = self._options, attributes.checked_login(wanted.login)
        found: dict[str, Sequence[str | bytes]] = {
            "objectClass": list(options.object_classes or ("inetOrgPerson",)),
            **attributes.person_attributes(wanted),
        }
        for name, pattern in options.create_attributes.items():
            found[attributes.further_attribute(name)] = [pattern.replace("{login}", login)]
        for name, value in wanted.raw.items():
            if name not in attributes.OURS and attributes.values_of(value):
                found[attributes.further_attribute(name)] = list(attributes.values_of(value))
        found[self.login_attribute] = [login]
        found[options.display_attribute] = list(attributes.values_of(wanted.display or login))
        found[options.email_attribute] = list(attributes.values_of(wanted.emails))
        found[options.external_id_attribute] = list(attributes.values_of(wanted.external_id))
        if wanted.expires is not None:
            account = Entry("", {"objectclass": [str(one).encode() for one in found["objectClass"]]})
            for one in attributes.expiry_changes(account, wanted.expires):
                found[one.attribute] = list(one.values)
        naming = found.get(self._name_attribute) or ()
        if not naming:
            raise Invalid(f"A new account has no {self._name_attribute}, of which its name would be made.")
        return NewEntry(rdn(self._name_attribute, str(naming[0])), found)

    async def first_secret(self, link: Link, dn: str, secret: str) -> None:
        """A random password, kept by the server's own rules."""
        if not secret:
            return
        if self._sets_passwords:
            await link.set_password(dn, secret)
        else:
            await link.modify(dn, [Change(Op.REPLACE, PASSWORD_ATTRIBUTE, (secret,))])

    def updating(self, entry: Entry, changes: Mapping[str, object]) -> Sequence[Change]:
        """What makes these so."""
        options = self._options
        named = {
            "login": self.login_attribute,
            "display": options.display_attribute,
            "email": options.email_attribute,
            "emails": options.email_attribute,
            "external_id": options.external_id_attribute,
        }
        found: list[Change] = []
        for name, value in changes.items():
            if name == "expires":
                found += attributes.expiry_changes(entry, value)
                continue
            attribute = named.get(name) or attributes.further_attribute(name)
            wanted = (attributes.checked_login(str(value)),) if name == "login" else attributes.values_of(value)
            if name != "login" or entry.text(attribute) != wanted[0]:
                found += attributes.change(entry, attribute, wanted)
        return found

    def disabling(self, entry: Entry) -> Sequence[Change]:
        """The lock that stays until it is undone."""
        return [] if self.is_disabled(entry) else [Change(Op.REPLACE, LOCK, (LOCKED,))]

    def enabling(self, entry: Entry) -> Sequence[Change]:
        """No lock, neither an administrator's nor one after wrong passwords."""
        return [Change(Op.REPLACE, LOCK)] if entry.has(LOCK) else []

    async def probe(self, directory: Directory, entry: Entry) -> Evidence | None:
        """A sign-in with an impossible password: a locked account is refused as locked before the password counts.

        A server that is not told to (`ppolicy_use_lockout`) does not say why; one that has said so once always does.
        """
        policy = await self._unlocking_policy(directory, entry)
        if policy:
            return self._probed(Verdict.CONTRADICTED, entry, f"not prevented: {policy[:200]} locks nobody")
        impossible = secrets.token_urlsafe(_IMPOSSIBLE_BYTES)
        answer = await directory.sign_in(entry.dn, impossible, [Control(PASSWORD_POLICY)])
        if policy_error(answer.controls.get(PASSWORD_POLICY)) == ACCOUNT_LOCKED:
            self._says_why = True
            return self._probed(Verdict.CONFIRMED, entry, "refused: account locked")
        if answer.code == 0 or (answer.code == INVALID_CREDENTIALS and self._says_why):
            return self._probed(Verdict.CONTRADICTED, entry, "not refused for the lock")
        return None

    async def _unlocking_policy(self, directory: Directory, entry: Entry) -> str:
        """The password policy of this account's own under which a lock does not count; "" for none."""
        async with directory.link("verify") as link:
            own = await link.read(entry.dn, ("pwdPolicySubentry",))
            policy = own.text("pwdPolicySubentry") if own is not None else ""
            found = await link.read(policy, ("pwdLockout",)) if policy else None
        return policy if found is not None and found.text("pwdLockout").upper() != "TRUE" else ""

    def _probed(self, verdict: Verdict, entry: Entry, told: str) -> Evidence:
        return Evidence(verdict, Proof.PROBE, {"sign-in": told}, self._clock(), f"bind as {entry.dn[:200]}")

    # ---- groups

    def group_name(self, group: Entry) -> str:
        """Its cn."""
        return group.text("cn") or group.dn

    def is_privileged(self, group: Entry) -> bool:
        """The directory says nothing of that."""
        del group
        return False

    def is_grantable(self, group: Entry) -> bool:
        """Whether the group lists its members by itself."""
        return groups.kind_of(group) is not None

    def membership(self, group: Entry, account: Entry) -> Membership | None:
        """By name or by login, as the class of the group has it."""
        kind = groups.kind_of(group)
        if kind is None:
            return None
        value = account.text(self.login_attribute) if kind.by_login else account.dn
        return Membership(kind.attribute, value, "" if kind.may_be_empty else self._options.placeholder)

    def further_memberships(self, group: Entry, account: Entry) -> Sequence[Membership]:
        """A group of several classes may name it in several ways."""
        first, classes = groups.kind_of(group), group.classes()
        login = account.text(self.login_attribute)
        return [
            Membership(kind.attribute, login if kind.by_login else account.dn)
            for kind in groups.KINDS
            if first is not None and kind.object_class.lower() in classes and kind.attribute != first.attribute
        ]

    def holders_filter(self, member: Entry) -> str:
        """Groups that name it in any of the ways."""
        by_name = [equals(attribute, member.dn) for attribute in self.member_attributes]
        login = member.text(self.login_attribute)
        by_login = [equals(attribute, login) for attribute in self.login_member_attributes] if login else []
        return any_of(*by_name, *by_login)

    def primary_key(self, group: Entry) -> str:
        """Its number, which posixAccounts hold as gidNumber (RFC 2307)."""
        return group.text("gidNumber")

    def primary_of(self, account: Entry) -> str:
        """The number of its primary group."""
        return account.text("gidNumber")

    # ---- credentials

    async def credentials(self, link: Link, entry: Entry) -> Sequence[Credential]:
        """The password, if there is one (its value is never read), and SSH keys by their fingerprints."""
        read = await link.read(entry.dn, (*self.ssh_attributes, "pwdChangedTime"))
        if read is None:
            raise NotFound(f"{entry.dn[:200]} is not there any more.")
        one = self.id_of(entry)
        found = []
        if await self._has_password(link, entry.dn):
            found.append(Credential(PASSWORD, one, PASSWORD, created=instant_of(read.text("pwdChangedTime"))))
        return found + [Credential(key, one, "ssh-key") for key in fingerprints(read, self.ssh_attributes)]

    async def revoking(self, link: Link, entry: Entry, credential_id: str) -> Sequence[Change]:
        """What takes the password or one key away."""
        if credential_id == PASSWORD:
            if self._sees_passwords and not await self._has_password(link, entry.dn):
                return []
            return [Change(Op.REPLACE, PASSWORD_ATTRIBUTE)]
        if not credential_id.startswith("SHA256:"):
            raise NotFound(f"“{credential_id[:60]}” is no credential of {self._options.system}.")
        read = await link.read(entry.dn, self.ssh_attributes)
        return without(read, self.ssh_attributes, credential_id) if read is not None else []

    async def _has_password(self, link: Link, dn: str) -> bool:
        """Whether there is a password: asked by a filter, so that not even its hash is sent. Raises Forbidden."""
        there = await link.read(dn, (), present(PASSWORD_ATTRIBUTE)) is not None
        if not there and not await self._sees(link, dn):
            raise Forbidden(f"{self._options.system} does not show whether {dn[:200]} has a password.")
        return there

    async def _sees(self, link: Link, dn: str, attribute: str = PASSWORD_ATTRIBUTE) -> bool:
        """Whether it can be seen that an entry has an attribute, or not: what may not be seen fits neither filter."""
        has = present(attribute)
        return await link.read(dn, (), none_of(has)) is not None or await link.read(dn, (), has) is not None

    # ---- deltas

    async def delta_token(self, link: Link, base: str) -> str | None:
        """A token of this moment, where the server tells its changes."""
        del base
        return await self._synchronization.token_of_now(link)

    async def group_token(self, link: Link) -> str | None:
        """The same: a token is of everything."""
        return await self._synchronization.token_of_now(link)

    async def changes(self, link: Link, token: str) -> Changes:
        """What changed of all entries since a token. Raises ResyncNeeded."""
        return await self._synchronization.changes(link, token)

    async def changed_accounts(self, link: Link, base: str, query: Query) -> AsyncIterator[Page[Account]]:
        """What changed since the token `query.since`. Raises ResyncNeeded."""
        del base
        changes = await self.changes(link, query.since or "")
        async for page in account_pages(link, changes, self, self._options, max(1, query.page_size)):
            yield page
