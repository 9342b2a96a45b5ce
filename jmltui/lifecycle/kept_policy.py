"""The files of the policy in force, as they are kept with the cache."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from jmltui.cache.engine import Cache
from jmltui.cache.policy_marks import IN_FORCE
from jmltui.cache.tables import MetaRow
from jmltui.errors import PolicyError, Problem
from jmltui.policy import Policy
from jmltui.policy import load as load_policy


def kept(cache: Cache) -> dict[str, Any]:
    """Its hash, the name of its folder and its files by their labels; empty before a worker took one over."""
    with cache.read() as session:
        row = session.get(MetaRow, IN_FORCE)
        found: dict[str, Any] = json.loads(row.value) if row is not None and row.value else {}
        return found


def read(value: Mapping[str, Any], zone: str) -> Policy:
    """The policy of what was kept. Raises PolicyError where it cannot be read now."""
    with TemporaryDirectory(prefix="jmltui-policy-") as folder:
        for label, text in value["files"].items():
            path = PurePosixPath(label)
            if path.is_absolute() or ".." in path.parts:
                raise PolicyError([Problem(label, 0, 0, "The policy in force names a file outside of its folder.")])
            file = Path(folder) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="")
        return load_policy(Path(folder) / value["root"], zone)
