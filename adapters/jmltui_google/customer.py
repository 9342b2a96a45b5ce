"""The pieces that read and change one customer, over connections that are open."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass

from jmltui.adapter_api import Clock

from .connecting import Connections
from .devices import Devices
from .directory import Directory
from .holdings import Holdings
from .options import Choices
from .roles import Roles
from .transfers import Transfers
from .wiping import Wiping
from .writing import Writing


@dataclass(frozen=True, slots=True)
class Customer:
    """One customer; what is None is not wanted."""

    directory: Directory
    holdings: Holdings
    writing: Writing
    roles: Roles | None
    devices: Devices | None
    wiping: Wiping | None
    transfers: Transfers | None

    @classmethod
    def over(
        cls, connections: Connections, choices: Choices, clock: Clock, commands: MutableMapping[str, str]
    ) -> Customer:
        """The pieces. `commands` outlives them: the ids of commands given to ChromeOS devices."""
        directory = Directory(connections, choices.products)
        roles = Roles(directory, connections.roles) if connections.roles else None
        devices = Devices(directory, connections.devices, choices.wipe, choices.chrome) if connections.devices else None
        return cls(
            directory,
            Holdings(directory, roles, devices),
            Writing(directory, roles),
            roles,
            devices,
            Wiping(devices, commands) if devices else None,
            Transfers(directory, connections.transfers, choices, clock) if connections.transfers else None,
        )
