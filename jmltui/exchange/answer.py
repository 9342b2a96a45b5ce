"""What a server answered."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jmltui.adapter_api import ContractBroken


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, whole. `headers` have lower-case names; `operation` is the call (`GET /users/42`), no query."""

    system: str
    operation: str
    status: int
    body: bytes
    headers: Mapping[str, str]

    def json(self) -> Any:
        """What the body holds; None for an empty body. Raises ContractBroken for what is not JSON."""
        if not self.body.strip():
            return None
        try:
            return json.loads(self.body, parse_constant=_refused)
        except (ValueError, RecursionError):
            what = "a web page" if self.body.lstrip()[:1] == b"<" else "something that is not JSON"
            raise ContractBroken(
                f"{self.system} answered {self.operation} with {what}; something else may stand in its place.",
                system=self.system,
                operation=self.operation,
                code=str(self.status),
            ) from None

    def object(self) -> dict[str, Any]:
        """The JSON object of the body. Raises ContractBroken."""
        found = self.json()
        if not isinstance(found, dict):
            raise self._broken("something that is not a JSON object")
        return found

    def items(self) -> list[Any]:
        """The JSON array of the body. Raises ContractBroken."""
        found = self.json()
        if not isinstance(found, list):
            raise self._broken("something that is not a JSON array")
        return found

    def _broken(self, what: str) -> ContractBroken:
        text = f"{self.system} answered {self.operation} with {what}; something else may stand in its place."
        return ContractBroken(text, system=self.system, operation=self.operation, code=str(self.status))


def _refused(name: str) -> Any:
    """NaN and Infinity are not JSON (RFC 8259 section 6)."""
    raise ValueError(name)
