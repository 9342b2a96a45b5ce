"""SSH keys in a directory, known by their fingerprints."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence

from .entry import Change, Entry, Op


def fingerprints(entry: Entry, attributes: Sequence[str]) -> list[str]:
    """The fingerprints of all keys in some attributes of an entry, each once."""
    return list(dict.fromkeys(fingerprint(key) for name in attributes for key in entry.raw(name)))


def without(entry: Entry, attributes: Sequence[str], known_by: str) -> list[Change]:
    """What takes the key of a fingerprint away, wherever it is."""
    found = []
    for name in attributes:
        keys = tuple(key for key in entry.raw(name) if fingerprint(key) == known_by)
        found += [Change(Op.DELETE, name, keys)] if keys else []
    return found


def fingerprint(key: bytes) -> str:
    """The fingerprint of an SSH key, as ssh-keygen -l shows it; of the text itself where it is no key."""
    parts = key.split()
    blob = next((part for part in parts if part.startswith(b"AAAA")), b"")
    try:
        raw = base64.b64decode(blob, validate=True) if blob else key
    except binascii.Error:
        raw = key
    return "SHA256:" + base64.b64encode(hashlib.sha256(raw).digest()).decode().rstrip("=")
