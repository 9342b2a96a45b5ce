"""What jmltui may do on a host, and nothing else: a program that root owns and one sudoers line allows.

`python -m jmltui_ssh helper` packs these modules into one file that needs Python 3.9 or newer and nothing else. One
request comes as a JSON object on standard input, one answer goes as a line to standard output. Every name is checked
here again, whoever asks.
"""

from __future__ import annotations

from typing import Final

VERSION: Final = 1
"""Raised when a request or an answer changes its meaning."""
MARK: Final = "jmltui-host-helper"
"""What the line of an answer begins with: whatever a login shell prints besides is none."""
