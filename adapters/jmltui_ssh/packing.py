"""The helper as one file for the hosts, the same bytes every time, and the line that lets it run."""

from __future__ import annotations

import hashlib
import io
import zipfile
from importlib.resources import files
from typing import Final

from .options import DEFAULT_HELPER

SHEBANG: Final = b"#!/usr/bin/python3 -IS\n"
"""Isolated: neither the environment nor a site of the host adds anything to what runs as root."""
_MAIN: Final = "from host_helper.program import main\n\nmain()\n"
_MOMENT: Final = (1980, 1, 1, 0, 0, 0)


def packed() -> bytes:
    """The helper: a zip archive that Python runs; `unzip -p` shows what is in it."""
    folder = files("jmltui_ssh").joinpath("host_helper")
    modules = sorted((each.name, each.read_text("utf-8")) for each in folder.iterdir() if each.name.endswith(".py"))
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        for name, text in [("__main__.py", _MAIN), *((f"host_helper/{name}", text) for name, text in modules)]:
            archive.writestr(zipfile.ZipInfo(name, _MOMENT), text)
    return SHEBANG + content.getvalue()


def digest() -> str:
    """The SHA-256 of the helper, to compare with `sha256sum` on the hosts."""
    return hashlib.sha256(packed()).hexdigest()


def sudoers(user: str, helper: str = DEFAULT_HELPER) -> str:
    """The rule for /etc/sudoers.d: the empty argument list is part of it."""
    return f'{user} ALL=(root) NOPASSWD: {helper} ""\nDefaults!{helper} !requiretty\n'
