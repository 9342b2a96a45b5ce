"""The comment on a role (COMMENT ON ROLE), which is all that PostgreSQL offers to keep a person's key in.

    jmltui:KEY                              whose role it is
    Ana Silva                               what people wrote there, the display name of a new account
    jmltui-disabled: connection limit 5     left by a disable: what an enable gives back

Every line may be missing. What people wrote is kept as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from jmltui.adapter_api import Invalid

_KEY: Final = "jmltui:"
_DISABLED: Final = re.compile(r"jmltui-disabled: connection limit (-?\d{1,9})")


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment in its parts. `limit` is the connection limit before a disable, None when there was none."""

    key: str | None = None
    text: str = ""
    limit: int | None = None

    def __str__(self) -> str:
        lines = [f"{_KEY}{self.key}"] if self.key is not None else []
        lines += [self.text] if self.text else []
        lines += [f"jmltui-disabled: connection limit {self.limit}"] if self.limit is not None else []
        return "\n".join(lines)


def parsed(comment: str) -> Remark:
    """The parts of a comment."""
    lines = comment.split("\n")
    key = lines.pop(0).removeprefix(_KEY) if lines[0].startswith(_KEY) else None
    found = _DISABLED.fullmatch(lines[-1]) if lines else None
    if found is not None:
        lines.pop()
    return Remark(key or None, "\n".join(lines), int(found[1]) if found else None)


def checked(remark: Remark) -> Remark:
    """The remark, if it will be read back as it is. Raises Invalid."""
    if "\0" in str(remark) or parsed(str(remark)) != remark:
        raise Invalid(
            f"“{(remark.text or remark.key or '')[:80]}” cannot be kept in the comment on a role: it holds a line that "
            "jmltui keeps for itself, or a character that PostgreSQL does not store."
        )
    return remark
