"""The connections of one customer: each of Google's interfaces with the least that its token may do.

What every installation needs is one token. Transfers, devices and roles have a token each: Google refuses a token as a
whole when one of its scopes is not delegated, and what is not delegated must not stop the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from jmltui.adapter_api import Setup
from jmltui.exchange import HttpExchange

from .authorization import (
    CHROME_SCOPE,
    DYNAMIC_SCOPE,
    LICENCE_SCOPE,
    MOBILE_SCOPE,
    ROLE_SCOPE,
    SCOPES,
    TRANSFER_SCOPE,
    Delegated,
    ServiceAccount,
    read_key_file,
)
from .options import Choices, Wipe
from .workspace import Workspace, judged

TRANSFERS: Final = "transfer what a user owns", "set `transfer = []`"
DEVICES: Final = "see and wipe devices", 'set `devices = "off"`'
ROLES: Final = "see and change roles of administrators", "set `roles = false`"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where Google's interfaces are."""

    tokens: str
    admin: str
    licensing: str
    identity: str


@dataclass(frozen=True, slots=True)
class Connections:
    """Google's interfaces; what is None is not wanted. Without `identity` dynamic groups are not told apart."""

    tokens: HttpExchange
    admin: Workspace
    licensing: Workspace | None
    identity: Workspace | None
    transfers: Workspace | None
    devices: Workspace | None
    roles: Workspace | None

    async def close(self) -> None:
        """Let go of all."""
        found = (self.tokens, self.admin, self.licensing, self.identity, self.transfers, self.devices, self.roles)
        for one in found:
            if one is not None:
                await one.close()


def connect(setup: Setup, choices: Choices, at: Addresses) -> Connections:
    """Make the connections that the options want. Does no I/O. Raises Invalid for a key file that is none."""
    key_file = read_key_file(setup.secret(str(setup.options["service_account"])), setup.name)
    tokens = HttpExchange(setup.name, at.tokens, deadline=choices.deadline, clock=setup.clock)
    base = (*SCOPES, *((DYNAMIC_SCOPE,) if choices.dynamic else ()), *((LICENCE_SCOPE,) if choices.products else ()))
    given = ServiceAccount(tokens, key_file, choices.admin, base)

    def connection(address: str, authorization: ServiceAccount = given) -> Workspace:
        return Workspace(
            setup.name,
            address,
            deadline=choices.deadline,
            clock=setup.clock,
            authorization=authorization,
            judge=judged,
        )

    def further(wanted: bool, scopes: tuple[str, ...], names: tuple[str, str]) -> Workspace | None:
        if not wanted:
            return None
        return connection(at.admin, Delegated(tokens, key_file, choices.admin, scopes, *names))

    device_scopes = (MOBILE_SCOPE, *((CHROME_SCOPE,) if choices.chrome else ()))
    return Connections(
        tokens,
        connection(at.admin),
        connection(at.licensing) if choices.products else None,
        connection(at.identity) if choices.dynamic else None,
        further(bool(choices.applications), (TRANSFER_SCOPE,), TRANSFERS),
        further(choices.wipe is not Wipe.OFF, device_scopes, DEVICES),
        further(choices.roles, (ROLE_SCOPE,), ROLES),
    )
