"""Whether what a source yields is a person at all: a stranger's adapter may yield anything."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final

from jmltui.adapter_api import ContractBroken, Person
from jmltui.domain.person import ATTRIBUTES, PersonStatus, PersonType

_KINDS: Final[Mapping[str, type]] = {"type": PersonType, "status": PersonStatus, "urgent": bool}
_DATES: Final = ("starts", "ends")


def believed(item: object, source: str) -> Person:
    """The item, if it is a person whose attributes are of the kinds that they must be. Raises ContractBroken."""
    if not isinstance(item, Person):
        raise ContractBroken(f"{source} lists something that is no person ({type(item).__name__}).", system=source)
    for name in ("key", *ATTRIBUTES):
        value = getattr(item, name)
        if name in _DATES:
            good = value is None or (isinstance(value, date) and not isinstance(value, datetime))
        else:
            good = isinstance(value, _KINDS.get(name, str))
        if not good:
            raise ContractBroken(
                f"{source} lists a person whose {name} is of a kind that it cannot be ({type(value).__name__}).",
                system=source,
            )
    texts = item.attributes.items() if isinstance(item.attributes, Mapping) else [(None, None)]
    if not all(isinstance(name, str) and isinstance(value, str) for name, value in texts):
        raise ContractBroken(f"{source} lists a person with attributes that are no texts.", system=source)
    return item
