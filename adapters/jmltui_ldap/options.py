"""The options of a directory, and what they say once they are checked."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import accumulate
from typing import Final

from jmltui.adapter_api import Invalid, Option, OptionType, Setup

from .filters import checked_attribute, is_under
from .target import ENCRYPTIONS, Target, target_of

OPENLDAP: Final = "openldap"
ACTIVE_DIRECTORY: Final = "active-directory"
DS389: Final = "389ds"
PROFILES: Final = (OPENLDAP, ACTIVE_DIRECTORY, DS389)
RANDOM: Final = "random"
NO_SECRET: Final = "none"

OPTIONS: Final = (
    Option("url", OptionType.URL, "ldaps://HOST:PORT, or ldap://HOST:PORT with StartTLS.", required=True),
    Option("profile", OptionType.TEXT, "The kind of directory.", OPENLDAP, choices=PROFILES),
    Option("user", OptionType.TEXT, "The name of the entry that jmltui signs in as.", required=True),
    Option("password", OptionType.SECRET, "Its password.", required=True),
    Option("encryption", OptionType.TEXT, "tls, starttls or none; by the url unless said.", "", choices=ENCRYPTIONS),
    Option("link_protected", OptionType.BOOLEAN, "Something else protects the link; none is allowed then.", False),
    Option("ca_file", OptionType.PATH, "Your own certificate authority."),
    Option("server_name", OptionType.TEXT, "The name in the server's certificate, where the url has another."),
    Option("base", OptionType.TEXT, "The entry under which everything lies.", required=True),
    Option("accounts_base", OptionType.TEXT, "Where accounts lie; `base` unless said."),
    Option("groups_base", OptionType.TEXT, "Where groups lie; `base` unless said."),
    Option("create_base", OptionType.TEXT, "Where new accounts are put; `accounts_base` unless said."),
    Option("leavers_base", OptionType.TEXT, "Where disabled accounts are moved; they stay unless said."),
    Option("account_filter", OptionType.TEXT, "A further filter that accounts meet, as (employeeType=staff)."),
    Option("group_filter", OptionType.TEXT, "A further filter that groups meet."),
    Option("login_attribute", OptionType.TEXT, "The attribute of the login; by the profile unless said."),
    Option("name_attribute", OptionType.TEXT, "The attribute that names new entries; by the profile unless said."),
    Option("display_attribute", OptionType.TEXT, "The attribute of the display name.", "displayName"),
    Option("email_attribute", OptionType.TEXT, "The attribute of addresses.", "mail"),
    Option("external_id_attribute", OptionType.TEXT, "The attribute of the person's number.", "employeeNumber"),
    Option("object_classes", OptionType.LIST, "Object classes of new accounts; by the profile unless said.", ()),
    Option("create_attributes", OptionType.MAP, "Further attributes of new accounts; {login} is put in.", {}),
    Option(
        "first_secret", OptionType.TEXT, "A random one that nobody keeps, or none.", RANDOM, choices=(RANDOM, NO_SECRET)
    ),
    Option("placeholder", OptionType.TEXT, "The member that keeps a group from being empty.", ""),
    Option("protected", OptionType.LIST, "Groups whose members jmltui never changes, as patterns.", ()),
    Option("grantable", OptionType.LIST, "Powerful and built-in groups that may be granted all the same.", ()),
    Option("privileged", OptionType.LIST, "Groups that are privileged, as patterns.", ()),
    Option("services", OptionType.LIST, "Accounts of services rather than people, as patterns.", ()),
    Option("exclude", OptionType.LIST, "Accounts that are neither listed nor touched, as patterns.", ()),
    Option("probe", OptionType.BOOLEAN, "Prove a disable by a refused sign-in with an impossible password.", True),
    Option("settle_seconds", OptionType.NUMBER, "How long the server may clean up after a delete.", 2),
    Option("page_size", OptionType.INTEGER, "How many entries are asked for at once.", 500),
    Option("exchange_seconds", OptionType.NUMBER, "How long one exchange may take.", 20),
    Option("columns", OptionType.MAP, "As a source of people: which attribute holds what (`dn` is the name).", {}),
    Option("dates", OptionType.LIST, "Forms of dates, the first that fits counts.", ("%Y%m%d%H%M%SZ", "%Y-%m-%d")),
    Option("values", OptionType.MAP, "Other words for values: `attribute.word` = value.", {}),
    Option("defaults", OptionType.MAP, "What an empty attribute means.", {}),
)


@dataclass(frozen=True, slots=True)
class DirectoryOptions:
    """The checked options. Empty names of attributes and no object classes: the profile's own."""

    system: str
    target: Target
    profile: str
    accounts_base: str
    groups_base: str
    create_base: str
    leavers_base: str
    account_filter: str
    group_filter: str
    login_attribute: str
    name_attribute: str
    display_attribute: str
    email_attribute: str
    external_id_attribute: str
    object_classes: tuple[str, ...]
    create_attributes: Mapping[str, str]
    first_secret: str
    placeholder: str
    protected: tuple[str, ...]
    grantable: tuple[str, ...]
    privileged: tuple[str, ...]
    services: tuple[str, ...]
    exclude: tuple[str, ...]
    probe: bool
    settle: timedelta
    page_size: int
    columns: Mapping[str, str] = field(default_factory=dict)
    dates: tuple[str, ...] = ()
    values: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)

    def bases(self) -> tuple[str, ...]:
        """Where accounts are looked for: the leavers' place too, where it lies elsewhere."""
        if not self.leavers_base or is_under(self.leavers_base, self.accounts_base):
            return (self.accounts_base,)
        return (self.accounts_base, self.leavers_base)

    def is_service(self, login: str) -> bool:
        """Whether an account belongs to a service."""
        return matches(login, self.services)

    def is_excluded(self, login: str) -> bool:
        """Whether an account is neither shown nor touched."""
        return matches(login, self.exclude)

    def is_protected(self, name: str, dn: str) -> bool:
        """Whether a group's members are never changed."""
        return matches(name, self.protected) or matches(dn, self.protected)

    def is_grantable(self, name: str, dn: str) -> bool:
        """Whether a group that the directory guards may be granted all the same."""
        return matches(name, self.grantable) or matches(dn, self.grantable)

    def is_privileged(self, name: str, dn: str) -> bool:
        """Whether the settings call a group privileged."""
        return matches(name, self.privileged) or matches(dn, self.privileged)


def matches(text: str, patterns: Sequence[str]) -> bool:
    """Whether one of the patterns of `*` and `?` fits; letter case does not count in a directory."""
    folded = text.casefold()
    return any(fnmatch.fnmatchcase(folded, pattern.casefold()) for pattern in patterns)


def directory_options(setup: Setup) -> DirectoryOptions:
    """The options of a directory. Raises Invalid with one sentence for the first that is wrong."""
    given = {**{option.name: option.default for option in OPTIONS}, **setup.options}

    def text(name: str) -> str:
        return str(given.get(name) or "").strip()

    def words(name: str) -> tuple[str, ...]:
        found = given.get(name)
        return tuple(map(str, found)) if isinstance(found, list | tuple) else ()

    def table(name: str) -> Mapping[str, str]:
        found = given.get(name)
        return {str(key): str(value) for key, value in found.items()} if isinstance(found, Mapping) else {}

    accounts = text("accounts_base") or text("base")
    options = DirectoryOptions(
        system=setup.name,
        target=target_of(setup.name, given),
        profile=text("profile"),
        accounts_base=accounts,
        groups_base=text("groups_base") or text("base"),
        create_base=text("create_base") or accounts,
        leavers_base=text("leavers_base"),
        account_filter=_filter(text("account_filter")),
        group_filter=_filter(text("group_filter")),
        login_attribute=_attribute(text("login_attribute")),
        name_attribute=_attribute(text("name_attribute")),
        display_attribute=_attribute(text("display_attribute")),
        email_attribute=_attribute(text("email_attribute")),
        external_id_attribute=_attribute(text("external_id_attribute")),
        object_classes=words("object_classes"),
        create_attributes=table("create_attributes"),
        first_secret=text("first_secret"),
        placeholder=text("placeholder"),
        protected=words("protected"),
        grantable=words("grantable"),
        privileged=words("privileged"),
        services=words("services"),
        exclude=words("exclude"),
        probe=given.get("probe") is not False,
        settle=timedelta(seconds=float(text("settle_seconds") or 0)),
        page_size=int(text("page_size") or 0),
        columns=table("columns"),
        values=table("values"),
        defaults=table("defaults"),
        dates=words("dates"),
    )
    problem = _problem(options)
    if problem:
        raise Invalid(f"{setup.name}: {problem}", system=setup.name)
    return options


def _problem(options: DirectoryOptions) -> str:
    """What is wrong with the options taken together; empty when nothing is."""
    checks = (
        (not options.accounts_base or not options.groups_base, "name the `base` under which everything lies."),
        (options.profile not in PROFILES, f"“{options.profile[:40]}” is no profile; there are {', '.join(PROFILES)}."),
        (not is_under(options.create_base, options.accounts_base), "`create_base` has to lie under `accounts_base`."),
        (options.first_secret not in (RANDOM, NO_SECRET), "`first_secret` is random or none."),
        (not 1 <= options.page_size <= 1000, "`page_size` is from 1 to 1000: servers rarely give more at once."),
        (options.settle < timedelta(0), "`settle_seconds` cannot be less than 0."),
        (
            bool(options.columns) and not {"key", "name"} <= options.columns.keys(),
            "`columns` has to name key and name.",
        ),
    )
    return next((told for is_wrong, told in checks if is_wrong), "")


def _filter(text: str) -> str:
    """A filter of the settings, in parentheses. Raises Invalid where those do not close."""
    if not text:
        return ""
    whole = text if text.startswith("(") else f"({text})"
    depths = list(accumulate((sign == "(") - (sign == ")") for sign in whole))
    if depths[-1] != 0 or min(depths[:-1]) < 1:
        raise Invalid(f"“{text[:80]}” is no filter: its parentheses do not close, or close too early.")
    return whole


def _attribute(name: str) -> str:
    return checked_attribute(name) if name else ""
