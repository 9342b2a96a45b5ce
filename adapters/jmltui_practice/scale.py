"""A system of any size made by arithmetic, to measure with: nothing is stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from jmltui.adapter_api import Account, AccountState, Entitlement, Grant

ENTITLEMENTS: Final = 500


@dataclass(frozen=True, slots=True)
class Scale:
    """So many accounts with so many different grants each."""

    accounts: int
    grants_per_account: int

    def account(self, number: int) -> Account:
        """One account."""
        key = f"{number:07d}"
        active = AccountState.ACTIVE
        return Account(f"a{key}", f"user{key}", active, (f"user{key}@scale.test",), f"P{key}", f"User {number}")

    def entitlements(self) -> list[Entitlement]:
        """All entitlements."""
        return [Entitlement(f"g{number:03d}", "group", f"Group {number:03d}") for number in range(ENTITLEMENTS)]

    def grants(self, number: int) -> Iterator[Grant]:
        """The grants of one account; they differ since 13 and the number of entitlements share no divisor."""
        key = f"a{number:07d}"
        for k in range(min(self.grants_per_account, ENTITLEMENTS)):
            yield Grant(key, f"g{(number * 7 + k * 13) % ENTITLEMENTS:03d}")

    def number(self, account_id: str, letter: str = "a") -> int | None:
        """Which account an id or login means, or None."""
        text = account_id.removeprefix(letter)
        if len(text) != 7 or not (text.isascii() and text.isdigit()) or text == account_id:
            return None
        return int(text) if int(text) < self.accounts else None
