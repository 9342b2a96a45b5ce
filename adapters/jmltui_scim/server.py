"""Everything that works on one opened server."""

from __future__ import annotations

from dataclasses import dataclass

from jmltui.adapter_api import Setup

from .accounts import Accounts
from .asked import AskedMemberships
from .credential import credential
from .grants import Grants
from .listings import Listings
from .memberships import Memberships
from .profiles import Profile
from .replacing import Replacing
from .resources import Resources
from .transport import Transport


@dataclass(frozen=True, slots=True)
class Server:
    """One opened server: what it lists, its single resources, its accounts and its memberships."""

    resources: Resources
    listings: Listings
    accounts: Accounts
    memberships: Memberships
    grants: Grants

    @classmethod
    def of(cls, setup: Setup, profile: Profile) -> Server:
        """The server of these settings; nothing is sent yet. Raises Invalid and SecretError."""
        options = setup.options
        deadline = float(str(options.get("exchange_seconds") or 20))
        authorization, tokens = credential(setup, profile, deadline)
        transport = Transport(
            setup.name,
            str(options["url"]),
            authorization,
            deadline,
            setup.clock,
            str(options["ca_file"]) if options.get("ca_file") else None,
            profile.accept,
            tokens,
        )
        resources = Resources(transport)
        listings = Listings(resources, profile, int(str(options.get("page_size") or 0)))
        replacing = Replacing(resources, listings)
        memberships = (AskedMemberships if profile.membership else Memberships)(resources, profile, replacing)
        accounts = Accounts(resources, listings, profile, replacing)
        return cls(resources, listings, accounts, memberships, Grants(listings, memberships, profile, setup.name))
