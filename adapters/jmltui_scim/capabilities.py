"""What a profile offers, and how each effect is proved."""

from __future__ import annotations

from jmltui.adapter_api import Cap, Capabilities, Proof, Support

from .profiles import Deletion, Profile

PROVED = Support(Proof.READ_BACK, reversible=True)


def offered(profile: Profile) -> Capabilities:
    """The capabilities of a server of this profile."""
    caps = dict.fromkeys((Cap.LIST_ACCOUNTS, Cap.FIND, Cap.CREATE, Cap.UPDATE, Cap.DISABLE), PROVED)
    if profile.groups:
        lists = (Cap.LIST_ENTITLEMENTS, Cap.LIST_GRANTS)
        caps |= dict.fromkeys((*lists, Cap.GRANT, Cap.REVOKE), PROVED)
    if profile.disabling_ends:
        note = "to disable removes the account here; it has to be created anew"
        caps[Cap.DISABLE] = Support(Proof.READ_BACK, reversible=False, note=note)
    else:
        caps[Cap.ENABLE] = PROVED
    lost = {
        Deletion.REMOVES: "a deleted account cannot be brought back",
        Deletion.UNLINKS: "deleting deactivates the account and forgets its id; it cannot be brought back through SCIM",
    }.get(profile.deletion)
    if lost is not None:
        caps[Cap.DELETE] = Support(Proof.READ_BACK, reversible=False, note=lost)
    return caps
