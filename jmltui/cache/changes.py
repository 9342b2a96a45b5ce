"""What changed in a system since its last listing, kept until all of it came, then put into the mirror as a whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import delete, func, insert, select
from sqlmodel import Session, col

from jmltui.domain.access import Account, Entitlement, Grant, Link
from jmltui.domain.diff import target_of

from .systems import account_values
from .tables import AccountRow, EntitlementRow, HeldRow

AT_ONCE = 500


class SystemChanges:
    """Accounts and entitlements that are new, changed or gone, and the grants of entitlements that are told anew."""

    def __init__(self, system: str) -> None:
        self._system = system
        self._accounts: dict[str, Account | None] = {}
        self._entitlements: dict[str, Entitlement | None] = {}
        self._grants: dict[tuple[str, str], Grant] = {}
        self._retold: set[str] = set()
        self.dropped = 0
        """Grants between what is not there: an account that came after accounts were listed."""

    def add(self, kind: str, page: Any) -> None:
        """Keep a page of changes; of one thing the last word counts."""
        if kind == "grants":
            # A page that comes again after a lost one takes the place of what the first one told.
            told_again = set(page.deleted)
            self._grants = {key: each for key, each in self._grants.items() if key[1] not in told_again}
            self._retold |= told_again
            self._grants.update({(each.account_id, each.entitlement_id): each for each in page.items})
            return
        kept: dict[str, Any] = self._accounts if kind == "accounts" else self._entitlements
        kept.update({each.id: each for each in page.items})
        kept.update(dict.fromkeys(page.deleted))

    def apply(self, session: Session, at: datetime) -> tuple[int, int, int]:
        """Bring the mirror up to date; how many accounts, entitlements and grants it holds now. Links stay."""
        self._apply_accounts(session, at)
        self._apply_entitlements(session, at)
        session.flush()
        self._apply_grants(session)
        return self._counted(session)

    def _apply_accounts(self, session: Session, at: datetime) -> None:
        known = _known(session, AccountRow, self._system, col(AccountRow.account_id), list(self._accounts))
        for account_id, account in self._accounts.items():
            row = cast("AccountRow | None", known.get(account_id))
            if account is None:
                _forget(session, row, col(HeldRow.account))
                continue
            values = account_values(self._system, account, at)
            if row is None:
                session.add(AccountRow.model_validate({**values, "link": Link.ORPHANED.value}))
            else:
                row.sqlmodel_update(values)

    def _apply_entitlements(self, session: Session, at: datetime) -> None:
        known = _known(
            session, EntitlementRow, self._system, col(EntitlementRow.entitlement_id), list(self._entitlements)
        )
        for entitlement_id, each in self._entitlements.items():
            row = cast("EntitlementRow | None", known.get(entitlement_id))
            if each is None:
                _forget(session, row, col(HeldRow.entitlement))
                continue
            values = {
                "system": self._system, "entitlement_id": entitlement_id, "kind": each.kind, "name": each.name,
                "target": target_of(each), "privileged": each.privileged, "grantable": each.grantable, "read_at": at,
            }  # fmt: skip
            if row is None:
                session.add(EntitlementRow.model_validate(values))
            else:
                row.sqlmodel_update(values)

    def _apply_grants(self, session: Session) -> None:
        entitlements = self._numbers(session, EntitlementRow, col(EntitlementRow.entitlement_id),
                                     {*self._retold, *(entitlement for _, entitlement in self._grants)})  # fmt: skip
        accounts = self._numbers(
            session, AccountRow, col(AccountRow.account_id), {account for account, _ in self._grants}
        )
        gone = [entitlements[each] for each in self._retold if each in entitlements]
        for at in range(0, len(gone), AT_ONCE):
            session.execute(delete(HeldRow).where(col(HeldRow.entitlement).in_(gone[at : at + AT_ONCE])))
        for (account, entitlement), grant in self._grants.items():
            numbers = accounts.get(account), entitlements.get(entitlement)
            if None in numbers:
                self.dropped += 1
                continue
            row = None if grant.entitlement_id in self._retold else session.get(HeldRow, numbers)
            values = {
                "account": numbers[0], "entitlement": numbers[1], "direct": grant.direct,
                "via": json.dumps(grant.via) if grant.via else "", "expires": grant.expires,
            }  # fmt: skip
            if row is None:
                session.execute(insert(HeldRow), values)
            else:
                row.sqlmodel_update(values)

    def _numbers(self, session: Session, model: Any, key: Any, wanted: set[str]) -> dict[str, int]:
        return {name: row.id for name, row in _known(session, model, self._system, key, sorted(wanted)).items()}

    def _counted(self, session: Session) -> tuple[int, int, int]:
        def count(query: Any) -> int:
            return int(session.scalar(query) or 0)

        mine = select(func.count()).select_from(AccountRow).where(col(AccountRow.system) == self._system)
        theirs = select(func.count()).select_from(EntitlementRow).where(col(EntitlementRow.system) == self._system)
        held = (
            select(func.count())
            .select_from(HeldRow)
            .join(AccountRow, col(AccountRow.id) == col(HeldRow.account))
            .where(col(AccountRow.system) == self._system)
        )
        return count(mine), count(theirs), count(held)


def _known(session: Session, model: Any, system: str, key: Any, wanted: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for at in range(0, len(wanted), AT_ONCE):
        query = select(model).where(col(model.system) == system, key.in_(wanted[at : at + AT_ONCE]))
        found |= {getattr(row, key.key): row for row in session.scalars(query)}
    return found


def _forget(session: Session, row: AccountRow | EntitlementRow | None, column: Any) -> None:
    if row is not None:
        session.execute(delete(HeldRow).where(column == row.id))
        session.delete(row)
