"""What can be said of a Google Workspace customer in the settings.

Applications whose data can be transferred, and their ids:
developers.google.com/workspace/admin/data-transfer/v1/parameters. Gmail is not among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from jmltui.adapter_api import Invalid, Option, OptionType, OptionValue

APPLICATIONS: Final = {"drive": "55656082996", "calendar": "435070579839", "looker": "810260081642"}
TRANSFERRED: Final = ("drive", "calendar")


class Wipe(StrEnum):
    """What of a device is wiped."""

    OFF = "off"
    ACCOUNT = "account"
    EVERYTHING = "everything"


OPTIONS: Final = (
    Option("service_account", OptionType.SECRET, "The service account's JSON key file.", required=True),
    Option("admin", OptionType.TEXT, "The administrator whom the service account acts as.", required=True),
    Option("licences", OptionType.LIST, "Products whose licences are shown, such as Google-Apps.", ()),
    Option("dynamic_groups", OptionType.BOOLEAN, "Whether Cloud Identity is asked for dynamic groups.", True),
    Option(
        "transfer", OptionType.LIST, "What goes to a successor: drive, calendar, looker; empty: nothing.", TRANSFERRED
    ),
    Option("release_rooms", OptionType.BOOLEAN, "Whether rooms booked for transferred events are let go.", False),
    Option("devices", OptionType.TEXT, "Whether devices are shown, and what a wipe takes.", "off", False, tuple(Wipe)),
    Option("chrome_devices", OptionType.BOOLEAN, "Whether ChromeOS devices are among the devices.", True),
    Option("roles", OptionType.BOOLEAN, "Whether roles of administrators are shown and changed.", False),
    Option("exchange_seconds", OptionType.NUMBER, "How long one exchange may take.", 20),
)


@dataclass(frozen=True, slots=True)
class Choices:
    """The options as read. `applications` are names of APPLICATIONS once `checked`."""

    admin: str
    deadline: float
    products: tuple[str, ...]
    dynamic: bool
    applications: tuple[str, ...]
    release_rooms: bool
    wipe: Wipe
    chrome: bool
    roles: bool

    @classmethod
    def of(cls, options: Mapping[str, OptionValue]) -> Choices:
        """What the settings say."""
        wanted = options.get("transfer")
        return cls(
            str(options["admin"]),
            float(str(options.get("exchange_seconds") or 20)),
            _texts(options.get("licences")),
            options.get("dynamic_groups") is not False,
            TRANSFERRED if wanted is None else tuple(dict.fromkeys(_texts(wanted))),
            options.get("release_rooms") is True,
            Wipe(str(options.get("devices") or Wipe.OFF)),
            options.get("chrome_devices") is not False,
            options.get("roles") is True,
        )

    def check(self, system: str) -> None:
        """Raises Invalid for an application that cannot be transferred."""
        for name in self.applications:
            if name not in APPLICATIONS:
                known = ", ".join(APPLICATIONS)
                raise Invalid(f"“{name[:60]}” of {system} cannot be transferred; {known} can.", system=system)


def _texts(found: object) -> tuple[str, ...]:
    if isinstance(found, list | tuple):
        return tuple(map(str, found))
    return (str(found),) if found else ()
