"""The token for the next listing of changes: Graph's own link, and which entitlements without changes there were.

A device's id takes about 25 characters of it.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Sequence
from typing import Final

from jmltui.adapter_api import ResyncNeeded

MOST: Final = 32 * 1024 * 1024
"""How many bytes are unpacked of a token."""


def packed(link: str, ids: Sequence[str]) -> str:
    """One token of both."""
    text = "\n".join(ids).encode()
    return f"{link} {base64.b64encode(zlib.compress(text, 9)).decode()}"


def unpacked(token: str) -> tuple[str, list[str]]:
    """Both again. Raises ResyncNeeded for a token that does not tell what there was."""
    link, _, kept = token.partition(" ")
    reader = zlib.decompressobj()
    try:
        found = reader.decompress(base64.b64decode(kept, validate=True), MOST).decode()
    except (binascii.Error, zlib.error, UnicodeDecodeError) as error:
        raise ResyncNeeded("The token of the last listing is damaged.") from error
    if not reader.eof:
        raise ResyncNeeded("The token of the last listing does not tell what there was.")
    return link, found.split("\n") if found else []
