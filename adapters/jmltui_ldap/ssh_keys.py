"""SSH keys in a directory, known by their fingerprints."""

from __future__ import annotations

import base64
import binascii
import hashlib


def fingerprint(key: bytes) -> str:
    """The fingerprint of an SSH key, as ssh-keygen -l shows it; of the text itself where it is no key."""
    parts = key.split()
    blob = next((part for part in parts if part.startswith(b"AAAA")), b"")
    try:
        raw = base64.b64decode(blob, validate=True) if blob else key
    except binascii.Error:
        raw = key
    return "SHA256:" + base64.b64encode(hashlib.sha256(raw).digest()).decode().rstrip("=")
