"""What a tenant holds beside groups, roles and licences, each read only where the options ask for it.

None of it has a delta in Graph (learn.microsoft.com/graph/delta-query-overview, “Supported resources”): devices of
Intune, assignments of app roles and schedules of roles are told as a whole every time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import ClassVar, Protocol

from jmltui.adapter_api import Entitlement, Forbidden, Grant, Outcome, Unsupported


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether an account holds something, as the call `source` tells it."""

    held: bool
    source: str
    more: Mapping[str, object] = field(default_factory=dict)


class Holding(Protocol):
    """One kind of entitlement. Every call raises Forbidden and Unsupported with what the tenant lacks for it."""

    name: ClassVar[str]
    prefix: ClassVar[str]

    async def probe(self) -> str:
        """That it can be read, in a few words."""
        ...

    async def entitlements(self) -> list[Entitlement]:
        """All of this kind."""
        ...

    async def grants(self, accounts: Collection[str]) -> list[Grant]:
        """Who of these accounts holds what."""
        ...

    async def of(self, account_id: str) -> list[Grant]:
        """What one account holds. Raises NotFound."""
        ...

    async def set_held(self, account_id: str, entitlement_id: str, held: bool, expires: datetime | None) -> Outcome:
        """Make the account hold it, or not."""
        ...

    async def standing(self, account_id: str, entitlement_id: str) -> Standing:
        """Whether the account holds it, by another list than the one that `set_held` looks at."""
        ...


@contextmanager
def explained(system: str, what: str, permissions: str, licence: str = "") -> Iterator[None]:
    """Says in place of a refusal what is missing for it: a permission of the application, a licence of the tenant."""
    try:
        yield
    except Forbidden as error:
        raise Forbidden(
            f"{system} refuses {what} to this application; it needs the permission {permissions}, with admin consent.",
            system=system,
            operation=error.operation,
            code=error.code,
        ) from error
    except Unsupported as error:
        if not licence:
            raise
        raise Unsupported(
            f"{system} offers no {what}: the tenant has no licence for {licence}. Take the option out without one.",
            system=system,
            operation=error.operation,
            code=error.code,
        ) from error


def distinct(found: Sequence[Entitlement]) -> list[Entitlement]:
    """The same; a name that comes twice has the end of the id behind it: policies and people tell them apart by it."""
    count = Counter(one.name.casefold() for one in found)
    return [
        replace(one, name=f"{one.name[:180]} ({one.id.partition(':')[2][-12:]})")
        if count[one.name.casefold()] > 1
        else one
        for one in found
    ]
