"""People's accounts in Active Directory: what an entry says, and the changes that bring something about."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from jmltui.adapter_api import Account, AccountState, ContractBroken, Invalid, Unsupported

from . import attributes
from .active_directory_values import (
    LOCKED,
    NEVER,
    NORMAL,
    PASSWORD_EXPIRED,
    SHUT,
    guid_of,
    instant,
    number,
    password_value,
    ticks,
)
from .dialect import NewEntry
from .entry import Change, Entry, Op
from .filters import all_of, equals, none_of, rdn
from .options import RANDOM, DirectoryOptions

CONTROL: Final = "userAccountControl"
COMPUTED: Final = "msDS-User-Account-Control-Computed"
LOGIN: Final = "sAMAccountName"
PRINCIPAL: Final = "userPrincipalName"
EXPIRES: Final = "accountExpires"
PASSWORD: Final = "unicodePwd"
PASSWORD_SET: Final = "pwdLastSet"
TO_BE_CHANGED: Final = "0"
"""What pwdLastSet holds when the password has to be changed before anything else."""
LOCKOUT: Final = "lockoutTime"
OBJECT_CLASSES: Final = ("top", "person", "organizationalPerson", "user")
FILTER: Final = all_of(equals("sAMAccountType", "805306368"), none_of(equals("isCriticalSystemObject", "TRUE")))
"""Normal user accounts, not those that every domain has: Administrator, Guest and krbtgt belong to nobody."""
ATTRIBUTES: Final = (
    "objectGUID",
    "objectClass",
    LOGIN,
    PRINCIPAL,
    CONTROL,
    COMPUTED,
    EXPIRES,
    PASSWORD_SET,
    LOCKOUT,
    "lastLogonTimestamp",
    "primaryGroupID",
    "adminCount",
    "proxyAddresses",
    "uSNChanged",
)
_LONGEST_LOGIN: Final = 20
_NO_LOGIN: Final = re.compile(r'["/\\\[\]:;|=,+*?<>@\x00-\x1f]')
_GUARDED: Final = frozenset(
    name.casefold()
    for name in (
        PASSWORD, "userPassword", CONTROL, PASSWORD_SET, "objectSid", "sIDHistory", "member", "memberOf", "adminCount",
        "primaryGroupID", "servicePrincipalName", "msDS-AllowedToDelegateTo", "altSecurityIdentities", "objectClass",
        "msDS-AllowedToActOnBehalfOfOtherIdentity", "msDS-KeyCredentialLink", "nTSecurityDescriptor", LOCKOUT,
    )
)  # fmt: skip
"""What an update never writes: each of these gives power, or has an operation of its own."""


class Accounts:
    """What entries of people mean, by the options of one directory. `now` is the time that the domain keeps."""

    def __init__(self, options: DirectoryOptions, now: Callable[[], datetime]) -> None:
        self._options = options
        self._now = now
        self.domain = ""
        """The DNS name of the domain, once it is known."""

    @property
    def attributes(self) -> tuple[str, ...]:
        """All that has to be read of an account."""
        options = self._options
        own = (options.display_attribute, options.email_attribute, options.external_id_attribute)
        return tuple(dict.fromkeys((*ATTRIBUTES, *filter(None, own))))

    def account(self, entry: Entry) -> Account:
        """The account that an entry is. Raises ContractBroken for one without id, login or flags."""
        login = entry.text(LOGIN)
        if not login or not entry.has(CONTROL) or not entry.has("objectGUID"):
            raise ContractBroken(
                f"{self._options.system} hides {LOGIN}, {CONTROL} or objectGUID of {entry.dn[:200]}: "
                "the account of jmltui has to be able to read them."
            )
        computed = number(entry, COMPUTED)
        raw: dict[str, object] = {"dn": entry.dn, CONTROL: number(entry, CONTROL)}
        if principal := entry.text(PRINCIPAL):
            raw[PRINCIPAL] = principal
        if computed & LOCKED:
            raw["locked_out"] = True
        if computed & PASSWORD_EXPIRED:
            raw["password_expired"] = True
        return Account(
            guid_of(entry.raw("objectGUID")[0]),
            login,
            AccountState.DISABLED if self._is_shut(entry) else AccountState.ACTIVE,
            self._emails(entry),
            entry.text(self._options.external_id_attribute) or None,
            entry.text(self._options.display_attribute),
            "service" if self._options.is_service(login) else "person",
            instant(number(entry, "lastLogonTimestamp")),
            instant(number(entry, EXPIRES)),
            entry.text("uSNChanged") or None,
            raw,
        )

    def new_account(self, wanted: Account) -> NewEntry:
        """What to add, whole in one: with a random password that has to be changed before anything else.

        Without one it is shut: a domain lets nobody in who has none. Raises Invalid for a login that Windows refuses.
        """
        options, login = self._options, self._checked(wanted.login)
        found: dict[str, Sequence[str | bytes]] = {
            **{name: one for name, one in attributes.person_attributes(wanted).items() if name != "cn"},
            PRINCIPAL: [f"{login}@{self.domain}"],
        }
        for name, pattern in options.create_attributes.items():
            found[_open(name)] = [pattern.replace("{login}", login)]
        for name, value in wanted.raw.items():
            if name not in attributes.OURS and attributes.values_of(value):
                found[_open(name)] = list(attributes.values_of(value))
        found |= {
            "objectClass": list(options.object_classes or OBJECT_CLASSES),
            LOGIN: [login],
            **_secret(options.first_secret == RANDOM),
            EXPIRES: [ticks(wanted.expires)],
            options.display_attribute: [wanted.display or login],
            options.email_attribute: list(wanted.emails[:1]),
            options.external_id_attribute: [wanted.external_id] if wanted.external_id else [],
        }
        kept = {name: values for name, values in found.items() if name and values}
        return NewEntry(rdn(options.name_attribute or "cn", login), kept)

    def updating(self, entry: Entry, changes: Mapping[str, object]) -> Sequence[Change]:
        """What makes these so; nothing when they are. Raises Invalid and Unsupported."""
        found: list[Change] = []
        for name, value in changes.items():
            if name == "login":
                found += self._renaming(entry, self._checked(str(value)))
            elif name == "expires":
                found += self._expiring(entry, value)
            elif name == "emails":
                found += self._mailing(entry, value)
            else:
                attribute = {
                    "display": self._options.display_attribute,
                    "external_id": self._options.external_id_attribute,
                }.get(name, name)
                found += attributes.change(entry, _open(attribute), attributes.values_of(value))
        return found

    def disabling(self, entry: Entry) -> Sequence[Change]:
        """What shuts it, all other flags kept; nothing when it is shut for good."""
        flags = number(entry, CONTROL)
        return () if flags & SHUT else (Change(Op.REPLACE, CONTROL, (str(flags | SHUT),)),)

    def enabling(self, entry: Entry) -> Sequence[Change]:
        """What lets it in: the flag, a lockout and an end that is past are taken away."""
        found: list[Change] = []
        flags = number(entry, CONTROL)
        if flags & SHUT:
            found.append(Change(Op.REPLACE, CONTROL, (str(flags & ~SHUT),)))
        if number(entry, COMPUTED) & LOCKED:
            found.append(Change(Op.REPLACE, LOCKOUT, ("0",)))
        if self._is_past(entry):
            found.append(Change(Op.REPLACE, EXPIRES, (NEVER,)))
        return found

    def _is_shut(self, entry: Entry) -> bool:
        return bool(number(entry, CONTROL) & SHUT) or self._is_past(entry)

    def _is_past(self, entry: Entry) -> bool:
        end = instant(number(entry, EXPIRES))
        return end is not None and end <= self._now()

    def _emails(self, entry: Entry) -> tuple[str, ...]:
        """The address of the settings first, then those that Exchange keeps beside it."""
        others = [one[5:] for one in entry.texts("proxyAddresses") if one[:5].casefold() == "smtp:"]
        own = entry.texts(self._options.email_attribute) if self._options.email_attribute else ()
        return tuple({one.casefold(): one for one in reversed([*own, *others])}.values())[::-1]

    def _checked(self, login: str) -> str:
        if not login or len(login) > _LONGEST_LOGIN or _NO_LOGIN.search(login) or login != login.strip(" ."):
            raise Invalid(
                f"“{login[:80]}” cannot be a login of Active Directory: at most {_LONGEST_LOGIN} letters, none of "
                '" / \\ [ ] : ; | = , + * ? < > @, and no space or full stop at either end.',
                system=self._options.system,
            )
        return login

    def _renaming(self, entry: Entry, login: str) -> Sequence[Change]:
        found = [] if entry.text(LOGIN) == login else [Change(Op.REPLACE, LOGIN, (login,))]
        local, _, suffix = entry.text(PRINCIPAL).rpartition("@")
        if found and local.casefold() == entry.text(LOGIN).casefold():
            found.append(Change(Op.REPLACE, PRINCIPAL, (f"{login}@{suffix}",)))
        return found

    def _expiring(self, entry: Entry, value: object) -> Sequence[Change]:
        end = attributes.instant(value)
        if instant(number(entry, EXPIRES)) == instant(int(ticks(end))):
            return ()
        return (Change(Op.REPLACE, EXPIRES, (ticks(end),)),)

    def _mailing(self, entry: Entry, value: object) -> Sequence[Change]:
        wanted, known = attributes.values_of(value), {one.casefold() for one in self._emails(entry)}
        if any(one.casefold() not in known for one in wanted[1:]):
            raise Unsupported(
                f"{self._options.system} keeps one address of a person; further ones are its mail server's.",
                system=self._options.system,
            )
        return attributes.change(entry, _open(self._options.email_attribute), wanted[:1])


def _secret(wanted: bool) -> Mapping[str, Sequence[str | bytes]]:
    """What of a new account is about signing in."""
    if not wanted:
        return {CONTROL: [str(NORMAL | SHUT)]}
    return {CONTROL: [str(NORMAL)], PASSWORD: [password_value(random_secret())], PASSWORD_SET: [TO_BE_CHANGED]}


def random_secret() -> str:
    """A password that nobody keeps, with signs of all the kinds that a policy may ask for."""
    return secrets.token_urlsafe(36) + "!aA1"


def _open(attribute: str) -> str:
    """An attribute that an update may write. Raises Invalid."""
    if not attribute:
        raise Invalid("The settings name no attribute for this.")
    if attribute.partition(";")[0].casefold() in _GUARDED:
        raise Invalid(f"jmltui does not write {attribute[:60]} by an update.")
    return attributes.further_attribute(attribute)
