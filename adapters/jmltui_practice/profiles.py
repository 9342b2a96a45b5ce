"""What each practice system can do, and how it can prove it: they differ as real systems do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from jmltui.adapter_api import Cap, Capabilities, Proof, Support

_LISTS: Final = (Cap.LIST_ACCOUNTS, Cap.LIST_ENTITLEMENTS, Cap.LIST_GRANTS, Cap.FIND)
_ACCOUNTS: Final = (Cap.CREATE, Cap.UPDATE, Cap.ENABLE, Cap.DISABLE)
_GRANTS: Final = (Cap.GRANT, Cap.REVOKE)
_SESSIONS: Final = (Cap.LIST_SESSIONS, Cap.END_SESSIONS)
_CREDENTIALS: Final = (Cap.LIST_CREDENTIALS, Cap.REVOKE_CREDENTIALS)

_READ: Final = Support(Proof.READ_BACK, reversible=True)
_FOR_GOOD: Final = Support(Proof.READ_BACK, reversible=False, note="cannot be taken back")
_AUDIT: Final = Support(Proof.AUDIT, reversible=True, note="only the audit log of the system says so")
_HANDS_OVER: Final = Support(
    Proof.READ_BACK, reversible=False, settle=timedelta(seconds=2), note="mailbox and calendar, within seconds"
)
_WIPES: Final = Support(
    Proof.READ_BACK, reversible=False, settle=timedelta(seconds=2), note="resets the phone once it is reached"
)
_BLIND: Final = Support(Proof.NONE, reversible=True, note="the doors tell nobody: try the badge at a reader")


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of practice system."""

    title: str
    capabilities: Capabilities


def _supports(*groups: tuple[Cap, ...], support: Support = _READ) -> dict[Cap, Support]:
    return {cap: support for group in groups for cap in group}


def _settling(seconds: float) -> dict[Cap, Support]:
    slow = Support(Proof.READ_BACK, reversible=True, settle=timedelta(seconds=seconds), note="shows it a moment later")
    return {Cap.ENABLE: slow, Cap.DISABLE: slow}


_EVERYTHING: Final = {
    **_supports(_LISTS, _ACCOUNTS, _GRANTS, _SESSIONS, _CREDENTIALS),
    Cap.DELETE: _FOR_GOOD,
    Cap.END_SESSIONS: _FOR_GOOD,
    Cap.REVOKE_CREDENTIALS: _FOR_GOOD,
}

PROFILES: Final[Mapping[str, Profile]] = {
    "directory": Profile("Directory: everything", _EVERYTHING),
    "mail": Profile(
        "Mail: shows a change two seconds later, knows phones, hands mailboxes over",
        {
            **_supports(_LISTS, _ACCOUNTS, _GRANTS),
            **_settling(2),
            Cap.TRANSFER: _HANDS_OVER,
            Cap.WIPE_DEVICE: _WIPES,
        },
    ),
    "vpn": Profile(
        "VPN: live sessions outlast a disabled account",
        {**_supports(_LISTS, _ACCOUNTS, _GRANTS, _SESSIONS), Cap.END_SESSIONS: _FOR_GOOD},
    ),
    "erp": Profile(
        "ERP: disable and enable are proved by its audit log alone",
        {**_supports(_LISTS, _ACCOUNTS, _GRANTS), Cap.ENABLE: _AUDIT, Cap.DISABLE: _AUDIT},
    ),
    "chat": Profile(
        "Chat: tokens can be revoked, sessions cannot be ended",
        {**_supports(_LISTS, _ACCOUNTS, _GRANTS, _CREDENTIALS), Cap.REVOKE_CREDENTIALS: _FOR_GOOD},
    ),
    "doors": Profile(
        "Doors: takes orders and proves nothing",
        {**_supports(_LISTS), **_supports(_ACCOUNTS, _GRANTS, support=_BLIND)},
    ),
}
"""By the value of the option `profile`; a system's own name is its profile where it is one of these."""

SCALE: Final[Capabilities] = _supports(_LISTS)
"""A generated system is for reading only."""
