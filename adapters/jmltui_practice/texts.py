"""The settings of the practice company, written as any company writes them."""

from __future__ import annotations

from typing import Final

from .people import COLUMNS, DEVICE


def _system(name: str, login: str, email: bool = True) -> str:
    lines = [f"[systems.{name}]", 'adapter = "practice"', 'file = "systems.sqlite"', f'login = "{login}"']
    lines += ["", f"[systems.{name}.attributes]", 'display = "{name}"']
    return "\n".join([*lines, *(['email = "{email}"'] * email), ""])


SETTINGS: Final = "\n".join(
    [
        "# The practice company. It is an ordinary installation: everything here can be changed.",
        "[company]",
        'name = "Practice company"',
        'zone = "Europe/Berlin"',
        "",
        "[policy]",
        'folder = "policy"',
        "",
        "[sources.hr]",
        'adapter = "csv"',
        'path = "people.csv"',
        'absent = "ask"',
        "",
        "[sources.hr.columns]",
        *(f'{name} = "{name}"' for name in COLUMNS if name != DEVICE),
        f'"device.managed" = "{DEVICE}"',
        "",
        *(_system(name, "{email|before_at}") for name in ("directory", "vpn", "erp", "chat")),
        _system("mail", "{email}"),
        _system("doors", "{key}"),
    ]
)
