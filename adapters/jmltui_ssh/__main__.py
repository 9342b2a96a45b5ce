"""`python -m jmltui_ssh helper FILE`, `digest` and `sudoers [USER]`: what is installed on the hosts."""

from __future__ import annotations

import sys
from pathlib import Path

from .names import NAME
from .packing import digest, packed, sudoers

USAGE = """\
usage: python -m jmltui_ssh helper FILE     write the helper, to be copied to the hosts
       python -m jmltui_ssh digest          its SHA-256, as sha256sum shows it on a host
       python -m jmltui_ssh sudoers [USER]  the rule for /etc/sudoers.d/jmltui (USER: jmltui)
"""


def main(arguments: list[str]) -> int:
    """Write what was asked for; 2 when it was not understood."""
    match arguments:
        case ["helper", file]:
            path = Path(file)
            path.write_bytes(packed())
            path.chmod(0o755)
        case ["digest"]:
            sys.stdout.write(f"{digest()}\n")
        case ["sudoers", *user] if len(user) < 2 and all(NAME.fullmatch(each) for each in user):
            sys.stdout.write(sudoers(*user or ["jmltui"]))
        case _:
            sys.stderr.write(USAGE)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
