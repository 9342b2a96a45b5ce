"""Who gets what in the practice company: one table, from which its policy and its accounts of today follow."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from jmltui.domain.window import parse_window

from .people import DEPARTMENTS, DEVICE, LOCATIONS, Member

PEOPLE: Final = ("employee", "contractor", "temp")
EXTERNAL: Final = ("contractor", "temp", "vendor", "guest")
DAYS: Final = ("mon", "tue", "wed", "thu", "fri")
HOURS: Final = "06:00-20:00"


@dataclass(frozen=True, slots=True)
class Right:
    """One entitlement of the policy; `id` is the policy's own, `target` how the system names it.

    `more` are its further keys, `note` is the comment above it, each as the policy file has them.
    """

    id: str
    system: str
    target: str
    more: str = ""
    note: str = ""

    @property
    def privileged(self) -> bool:
        """Whether whoever holds it can do great harm."""
        return "privileged: true" in self.more


@dataclass(frozen=True, slots=True)
class Role:
    """Who gets what, and (`may_request`) who may ask for what."""

    id: str
    match: Mapping[str, Sequence[str]]
    grants: tuple[str, ...] = ()
    may_request: tuple[str, ...] = ()
    more: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

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
    Right("directory-admin", "directory", "group:Directory administrators",
          "tier: elevated, approval: true, privileged: true",
          "`approval: true` waits for anybody but who asked and whom it is for."),
    Right("prod-admin", "directory", "group:Production administrators",
          "tier: jit, approval: two-of-security, privileged: true, max_duration: 8h, break_glass: true",
          "Just in time: nobody keeps it. Two of security agree, or it is taken at once in an emergency."),
    Right("mailbox", "mail", "licence:Mailbox", 'licence: {sku: mail-standard, monthly_cost: "7.50"}'),
    Right("newsletter", "mail", "group:Company news"),
    Right("shared-mailbox", "mail", "group:Shared mailboxes"),
    Right("vpn", "vpn", "group:Remote access", "remote_access: true, when: device.managed",
          "Only with a managed laptop. Where HR does not say, nobody can tell: nothing is granted or taken away."),
    Right("remote-desktop", "vpn", "profile:Remote desktop",
          f'remote_access: true, window: {{days: [{", ".join(DAYS)}], hours: "{HOURS}"}}',
          "Granted in the morning and taken away in the evening, by the clock of where each of them is."),
    Right("ledger", "erp", "role:Ledger", 'licence: {sku: erp-finance, monthly_cost: "38"}'),
    Right("payments", "erp", "role:Payments", "tier: elevated, approval: true, privileged: true"),
    Right("payment-release", "erp", "role:Payment release",
          "tier: elevated, approval: manager-then-finance, privileged: true, max_duration: 90d",
          "On request alone, for 90 days at most, agreed to in two stages."),
    Right("personnel", "erp", "role:Personnel files", "tier: elevated, approval: true"),
    Right("orders", "erp", "role:Orders"),
    Right("customer-export", "erp", "permission:Customer export",
          "tier: elevated, approval: manager-then-owner, max_duration: 30d"),
    Right("chat-general", "chat", "group:General"),
    Right("chat-guests", "chat", "group:Guests"),
    *(Right(f"door-{slug(place)}", "doors", f"permission:{place} main entrance") for place in LOCATIONS),
    Right("door-server-room", "doors", "permission:Server room", "privileged: true"),
)  # fmt: skip

ROLES: Final = (
    Role("staff", {"type": PEOPLE}, ("staff", "mailbox", "newsletter", "chat-general")),
    Role("external", {"type": ("vendor", "guest")}, ("externals", "chat-guests")),
    Role("service", {"type": ("service",)}, ("services",)),
    Role("shared", {"type": ("shared",)}, ("shared-mailbox",)),
    *(Role(f"in-{slug(d)}", {"type": PEOPLE, "department": (d,)}, (f"dept-{slug(d)}",)) for d in DEPARTMENTS),
    *(Role(f"at-{slug(p)}", {"type": PEOPLE, "location": (p,)}, (f"door-{slug(p)}",)) for p in LOCATIONS),
    Role("remote-worker", {"type": PEOPLE, "department": ("Engineering", "IT", "Sales", "Finance")}, ("vpn",)),
    Role("shift-lead", {"type": ("employee",), "title": ("Shift Lead",), "location": ("Porto",)},
         ("vpn", "remote-desktop"), note="They look at the machines from home."),
    Role("accounting", {"type": ("employee",), "department": ("Finance",)}, ("ledger",), ("payment-release",)),
    Role("controlling", {"type": ("employee",), "title": ("Controller",)}, ("payments",)),
    Role("personnel", {"type": ("employee",), "department": ("People",)}, ("personnel",)),
    Role("selling", {"type": PEOPLE, "department": ("Sales", "Logistics")}, ("orders",)),
    Role("account-executive", {"type": ("employee",), "title": ("Account Executive",)}, (), ("customer-export",)),
    Role("administration", {"type": ("employee",), "title": ("System Administrator",)},
         ("directory-admin", "door-server-room"), ("prod-admin",)),
    Role("reliability", {"type": ("employee",), "title": ("Site Reliability Engineer",)}, (), ("prod-admin",)),
    Role("from-outside", {"type": EXTERNAL},
         more={"require": "{ends: true, sponsor: true, max_contract: 730d}", "warn_before_end": "14d"},
         note="Who comes from outside needs a last day and a sponsor; without them nothing new is granted."),
)  # fmt: skip

BY_ID: Final = {right.id: right for right in RIGHTS}


def due(member: Member, now: datetime) -> list[Right]:
    """Everything that this member has at an instant as the policy means it.

    Of those of whose laptop nobody knows, every second one has the VPN.
    """
    ids = dict.fromkeys(grant for role in ROLES if role.has(member) for grant in role.grants)
    held = [BY_ID[grant] for grant in ids]
    without = set()
    if member[DEVICE] == "false" or (not member[DEVICE] and int(member["key"][1:]) % 2):
        without.add("vpn")
    if not parse_window(DAYS, HOURS).is_open(now, ZoneInfo(member["zone"])):
        without.add("remote-desktop")
    return [right for right in held if right.id not in without]


def access_file() -> str:
    """The entitlements and roles as a policy file."""
    lines = ["# What accounts can hold, and who gets it. Every line of a plan names the role that gives it."]
    lines += ["version: 1", "entitlements:"]
    for right in RIGHTS:
        target = json.dumps(right.target, ensure_ascii=False)
        more = f", {right.more}" if right.more else ""
        lines += [f"  # {right.note}"] * bool(right.note)
        lines.append(f"  - {{id: {right.id}, system: {right.system}, target: {target}{more}}}")
    lines += ["", "# All attributes of a `match` must have one of their values."]
    lines.append("roles:")
    for role in ROLES:
        lines += [f"  # {role.note}"] * bool(role.note)
        lines += [f"  - id: {role.id}", "    match:"]
        lines += [f"      person.{name}: {_listed(values)}" for name, values in role.match.items()]
        lines += [f"    grants: {_listed(role.grants)}"] * bool(role.grants)
        lines += [f"    may_request: {_listed(role.may_request)}"] * bool(role.may_request)
        lines += [f"    {name}: {value}" for name, value in role.more.items()]
    return "\n".join(lines) + "\n"


def _listed(names: Sequence[str]) -> str:
    return f"[{', '.join(names)}]"
