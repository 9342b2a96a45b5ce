"""The `entitlements` section: what accounts can hold, and how it is come by."""

from __future__ import annotations

import re
from typing import Final

from jmltui.domain.access import ACCOUNT_TARGET, Tier
from jmltui.domain.nearest import did_you_mean

from .conditions import read_condition
from .fields import Fields
from .hours import read_window
from .known import Known
from .model import Licence, PolicyEntitlement

TARGET_KINDS: Final = (
    "group",
    "role",
    "licence",
    "permission",
    "device",
    "device-group",
    "key-slot",
    "profile",
)

_KEYS: Final = (
    "id",
    "system",
    "target",
    "tier",
    "approval",
    "remote_access",
    "privileged",
    "when",
    "window",
    "max_duration",
    "break_glass",
    "licence",
)
_COST: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,4})?")


def read_entitlement(item: Fields, known: Known) -> PolicyEntitlement | None:
    """One entitlement; None when it has no id of its own. The approval path it names is checked here."""
    item.only(_KEYS)
    name = item.identifier()
    tier = Tier(item.choice("tier", [t.value for t in Tier], Tier.BIRTHRIGHT.value))
    approval, path = read_approval(item, known, default=tier is not Tier.BIRTHRIGHT)
    entitlement = PolicyEntitlement(
        id=name,
        system=item.text("system", required=True),
        target=_target(item),
        tier=tier,
        approval=approval,
        remote_access=item.truth("remote_access", False),
        privileged=item.truth("privileged", False),
        place=str(item.where),
        approval_path=path,
        when=read_condition(item, "when", known),
        window=read_window(item),
        max_duration=item.duration("max_duration", None, positive=True),
        break_glass=item.truth("break_glass", False),
        licence=_licence(item),
    )
    if tier is Tier.JIT and "max_duration" not in item.nodes:
        hint = "Write how long it may be held at most: max_duration: 8h"
        item.problems.add(item.where, f"The entitlement “{name}” is jit and lacks “max_duration”.", hint)
    if not name or not known.is_first("entitlement", name, item.place("id")):
        return None
    if entitlement.system and entitlement.target:
        known.is_first("target", f"{entitlement.target} on {entitlement.system}", item.place("target"))
    return entitlement


def read_approval(item: Fields, known: Known, *, default: bool) -> tuple[bool, str]:
    """What `approval` says: whether somebody must agree, and by which path ("" is anybody else)."""
    node = item.nodes.get("approval")
    if node is None:
        return default, ""
    if isinstance(node.value, bool):
        return node.value, ""
    path = item.text("approval")
    if path:
        known.has("approval path", path, item.place("approval"), known.approvals)
    return True, path


def _target(item: Fields) -> str:
    target = item.text("target", required=True)
    kind, colon, name = target.partition(":")
    if not target or target == ACCOUNT_TARGET:
        return target
    if not colon or not name.strip():
        hint = "Write group:NAME (or role:, licence:, permission:), or account for the bare account."
        item.problems.add(item.place("target"), f"“{target}” is no target.", hint)
    elif kind not in TARGET_KINDS:
        hint = did_you_mean(kind, TARGET_KINDS)
        item.problems.add(item.place("target"), f"“{kind}” is no kind of entitlement.", hint)
    return target


def _licence(item: Fields) -> Licence | None:
    licence = item.mapping("licence", "a licence")
    if licence is None:
        return None
    licence.only(("sku", "monthly_cost"))
    cost = licence.text("monthly_cost")
    if cost and not _COST.fullmatch(cost):
        message = f"“{cost}” is no cost; write a decimal number like 7.50."
        licence.problems.add(licence.place("monthly_cost"), message)
        cost = ""
    return Licence(licence.text("sku", required=True), cost)
