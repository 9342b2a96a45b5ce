"""What a fresh process imports: start-up time and the walls between the rooms."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("textual", "sqlmodel", "sqlalchemy", "httpx", "keyring", "pydantic", "yaml", "msgspec")


def modules_after(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint('\\n'.join(sorted(sys.modules)), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stderr.splitlines()}


@pytest.mark.parametrize(
    "code",
    [
        "import jmltui.adapter_api",
        "import jmltui.domain.plan, jmltui.domain.detect, jmltui.domain.text",
        "import jmltui.cli; jmltui.cli.main([])",
        "import jmltui.cli\ntry: jmltui.cli.main(['--version'])\nexcept SystemExit: pass",
        "import jmltui.cli\ntry: jmltui.cli.main(['run', '--help'])\nexcept SystemExit: pass",
        "import jmltui_csv",
    ],
)
def test_nothing_heavy_is_imported(code: str) -> None:
    assert not modules_after(code) & set(HEAVY)
