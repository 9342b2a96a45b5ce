"""Everything that works on one opened server."""

from __future__ import annotations

from dataclasses import dataclass

from jmltui.adapter_api import Setup

from .accounts import Accounts
from .asked import AskedMemberships
from .grants import Grants
from .listings import Listings
from .memberships import Memberships
from .profiles import Profile
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
        """The server of these settings; nothing is sent yet."""
        options = setup.options
        transport = Transport(
            setup.name,
            str(options["url"]),
            setup.secret(str(options["token"])),
            float(str(options.get("exchange_seconds") or 20)),
            setup.clock,
            str(options["ca_file"]) if options.get("ca_file") else None,
            profile.accept,
        )
        resources = Resources(transport)
        listings = Listings(resources, profile, int(str(options.get("page_size") or 0)))
        memberships = (AskedMemberships if profile.membership else Memberships)(resources, profile)
        accounts = Accounts(resources, listings, profile)
        return cls(resources, listings, accounts, memberships, Grants(listings, memberships, profile, setup.name))
