"""The policy of the practice company: one table, from which both its files and its accounts of today follow."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .people import DEPARTMENTS, LOCATIONS, Member

PEOPLE: Final = ("employee", "contractor", "temp")


@dataclass(frozen=True, slots=True)
class Right:
    """One entitlement of the policy; `id` is the policy's own, `target` how the system names it."""

    id: str
    system: str
    target: str
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Role:
    """Who gets what."""

    id: str
    match: Mapping[str, Sequence[str]]
    grants: tuple[str, ...]

    def has(self, member: Member) -> bool:
        """Whether the member has this role."""
        return all(member[name] in values for name, values in self.match.items())


def slug(text: str) -> str:
    """A name for an id."""
    return text.casefold().replace(" ", "-")


RIGHTS: Final = (
    Right("staff", "directory", "group:All staff"),
    Right("externals", "directory", "group:External people"),
    Right("services", "directory", "group:Service accounts"),
    *(Right(f"dept-{slug(d)}", "directory", f"group:{d}") for d in DEPARTMENTS),
    Right("directory-admin", "directory", "group:Directory administrators", ("approval", "privileged")),
    Right("mailbox", "mail", "licence:Mailbox"),
    Right("newsletter", "mail", "group:Company news"),
    Right("shared-mailbox", "mail", "group:Shared mailboxes"),
    Right("vpn", "vpn", "group:Remote access", ("remote_access",)),
    Right("ledger", "erp", "role:Ledger"),
    Right("payments", "erp", "role:Payments", ("approval", "privileged")),
    Right("personnel", "erp", "role:Personnel files", ("approval",)),
    Right("orders", "erp", "role:Orders"),
    Right("chat-general", "chat", "group:General"),
    Right("chat-guests", "chat", "group:Guests"),
    *(Right(f"door-{slug(place)}", "doors", f"permission:{place} main entrance") for place in LOCATIONS),
    Right("door-server-room", "doors", "permission:Server room", ("privileged",)),
)

ROLES: Final = (
    Role("staff", {"type": PEOPLE}, ("staff", "mailbox", "newsletter", "chat-general")),
    Role("external", {"type": ("vendor", "guest")}, ("externals", "chat-guests")),
    Role("service", {"type": ("service",)}, ("services",)),
    Role("shared", {"type": ("shared",)}, ("shared-mailbox",)),
    *(Role(f"in-{slug(d)}", {"type": PEOPLE, "department": (d,)}, (f"dept-{slug(d)}",)) for d in DEPARTMENTS),
    *(Role(f"at-{slug(p)}", {"type": PEOPLE, "location": (p,)}, (f"door-{slug(p)}",)) for p in LOCATIONS),
    Role("remote-worker", {"type": PEOPLE, "department": ("Engineering", "IT", "Sales", "Finance")}, ("vpn",)),
    Role("accounting", {"type": ("employee",), "department": ("Finance",)}, ("ledger",)),
    Role("controlling", {"type": ("employee",), "title": ("Controller",)}, ("payments",)),
    Role("personnel", {"type": ("employee",), "department": ("People",)}, ("personnel",)),
    Role("selling", {"type": PEOPLE, "department": ("Sales", "Logistics")}, ("orders",)),
    Role("administration", {"type": ("employee",), "title": ("System Administrator",)},
         ("directory-admin", "door-server-room")),
)  # fmt: skip

BY_ID: Final = {right.id: right for right in RIGHTS}


def due(member: Member) -> list[Right]:
    """Everything the policy gives this member."""
    ids = dict.fromkeys(grant for role in ROLES if role.has(member) for grant in role.grants)
    return [BY_ID[grant] for grant in ids]


def access_file() -> str:
    """The entitlements and roles as a policy file."""
    lines = ["# Who gets what. Every line of a plan names the role that gives it.", "version: 1", "entitlements:"]
    for right in RIGHTS:
        tier = "elevated" if "approval" in right.flags else "birthright"
        flags = "".join(f", {flag}: true" for flag in right.flags)
        target = json.dumps(right.target, ensure_ascii=False)
        lines.append(f"  - {{id: {right.id}, system: {right.system}, target: {target}, tier: {tier}{flags}}}")
    lines.append("roles:")
    for role in ROLES:
        lines += [f"  - id: {role.id}", "    match:"]
        lines += [f"      person.{name}: {json.dumps(list(values))}" for name, values in role.match.items()]
        lines.append(f"    grants: {json.dumps(list(role.grants))}")
    return "\n".join(lines) + "\n"
