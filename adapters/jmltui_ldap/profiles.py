"""Which dialect a profile of the settings means."""

from __future__ import annotations

from jmltui.adapter_api import Clock

from .dialect import Dialect
from .options import ACTIVE_DIRECTORY, DS389, DirectoryOptions


def dialect_of(options: DirectoryOptions, clock: Clock) -> Dialect:
    """The dialect that the settings name."""
    if options.profile == ACTIVE_DIRECTORY:
        from .active_directory import ActiveDirectory

        return ActiveDirectory(options, clock)
    if options.profile == DS389:
        from .ds389 import Ds389

        return Ds389(options, clock)
    from .openldap import OpenLdap

    return OpenLdap(options, clock)
