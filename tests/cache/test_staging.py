"""A listing replaces the mirror of its system as a whole, or leaves no trace."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlmodel import Session

from jmltui.cache import people, systems
from jmltui.cache.engine import Cache, open_cache
from jmltui.cache.staging import staged
from jmltui.cache.tables import AccountRow, EntitlementRow, HeldRow
from jmltui.domain.access import Account, AccountState, Entitlement, Grant
from jmltui.domain.person import Person

NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


@dataclass(frozen=True)
class Listing:
    """What a system says at one moment."""

    accounts: tuple[Account, ...] = ()
    entitlements: tuple[Entitlement, ...] = ()
    grants: tuple[Grant, ...] = ()


def account(number: int, **facts: object) -> Account:
    values: dict[str, object] = {"login": f"User{number}", "state": AccountState.ACTIVE, **facts}
    return Account(id=f"a{number}", **values)  # type: ignore[arg-type]  # facts of a test


def opened(folder: Path) -> Cache:
    return open_cache(str(folder / "cache.sqlite"), clock=lambda: NOW)


def swap(cache: Cache, listing: Listing, at: datetime = NOW, system: str = "crm") -> tuple[int, int, int]:
    with staged(cache, system) as stage:
        for start in range(0, len(listing.accounts), 2):
            stage.add_accounts(listing.accounts[start : start + 2])
        stage.add_entitlements(listing.entitlements)
        stage.add_grants(listing.grants)
        with stage.write() as session:
            return stage.swap(session, at)


def mirrored(cache: Cache, system: str = "crm") -> Listing:
    """What the mirror says, in the order of ids."""
    with cache.read() as session:
        accounts = session.scalars(select(AccountRow).filter_by(system=system)).all()
        entitlements = session.scalars(select(EntitlementRow).filter_by(system=system)).all()
        ids, names = {row.id: row.account_id for row in accounts}, {row.id: row.entitlement_id for row in entitlements}
        held = [row for row in session.scalars(select(HeldRow)) if row.account in ids]
        for row in entitlements:
            assert row.target == f"{row.kind}:{row.name}"
        return Listing(
            tuple(sorted(map(systems.account_of, accounts), key=lambda a: a.id)),
            tuple(
                sorted(
                    (Entitlement(e.entitlement_id, e.kind, e.name, e.privileged, e.grantable) for e in entitlements),
                    key=lambda e: e.id,
                )
            ),
            tuple(
                sorted(
                    (Grant(ids[h.account], names[h.entitlement], h.direct, _via(h.via), h.expires) for h in held),
                    key=lambda g: (g.account_id, g.entitlement_id),
                )
            ),
        )


def _via(text_: str) -> tuple[str, ...]:
    return tuple(json.loads(text_)) if text_ else ()


def expected(listing: Listing) -> Listing:
    """The listing as the mirror must show it: the first of equal ids, grants between what is there, sorted."""
    accounts = {a.id: a for a in reversed(listing.accounts)}
    entitlements = {e.id: e for e in reversed(listing.entitlements)}
    grants = {
        (g.account_id, g.entitlement_id): g
        for g in reversed(listing.grants)
        if g.account_id in accounts and g.entitlement_id in entitlements
    }
    return Listing(
        tuple(accounts[key] for key in sorted(accounts)),
        tuple(entitlements[key] for key in sorted(entitlements)),
        tuple(grants[key] for key in sorted(grants)),
    )


instants = st.sampled_from([None, NOW, datetime(2030, 1, 2, 3, 4, 5, 678, tzinfo=UTC)])
accounts = st.builds(
    Account,
    id=st.sampled_from(["a1", "a2", "a3", "a4"]),
    login=st.sampled_from(["ana", "Ana", "STRASSE", "x'--"]),
    state=st.sampled_from(AccountState),
    emails=st.sampled_from([(), ("ana@x.test",), ("a@x.test", "b@x.test")]),
    external_id=st.sampled_from([None, "", "P1"]),
    display=st.sampled_from(["", "Ana É"]),
    last_seen=instants,
    expires=instants,
    version=st.sampled_from([None, 'W/"1"']),
)
entitlements = st.builds(
    Entitlement,
    id=st.sampled_from(["g1", "g2", "g3"]),
    kind=st.sampled_from(["group", "role"]),
    name=st.sampled_from(["Staff", "Admins"]),
    privileged=st.booleans(),
    grantable=st.booleans(),
)
grants = st.builds(
    Grant,
    account_id=st.sampled_from(["a1", "a2", "a3", "nobody"]),
    entitlement_id=st.sampled_from(["g1", "g2", "nothing"]),
    direct=st.booleans(),
    via=st.sampled_from([(), ("Outer", "Inner")]),
    expires=instants,
)
listings = st.builds(
    Listing,
    st.lists(accounts, max_size=5).map(tuple),
    st.lists(entitlements, max_size=4).map(tuple),
    st.lists(grants, max_size=8).map(tuple),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(listings, min_size=1, max_size=4))
def test_the_mirror_is_what_was_listed_last(tmp_path_factory: pytest.TempPathFactory, steps: list[Listing]) -> None:
    folder = tmp_path_factory.mktemp("cache", numbered=True)
    folder.chmod(0o700)
    listed_last_is_mirrored(opened(folder), steps)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(listings, min_size=1, max_size=3))
def test_the_mirror_on_postgres_is_what_was_listed_last(new_database: Callable[[], str], steps: list[Listing]) -> None:
    listed_last_is_mirrored(open_cache(new_database(), clock=lambda: NOW), steps)


def listed_last_is_mirrored(cache: Cache, steps: list[Listing]) -> None:
    """Swap one listing after the other in, and look at the mirror each time."""
    other = Listing((account(1), account(2)), (Entitlement("g1", "group", "Staff"),), (Grant("a1", "g1"),))
    swap(cache, other, system="wiki")
    for listing in steps:
        counts = swap(cache, listing)
        want = expected(listing)
        assert mirrored(cache) == want
        assert counts == (len(want.accounts), len(want.entitlements), len(want.grants))
    assert mirrored(cache, "wiki") == other
    cache.close()


def test_what_did_not_change_keeps_its_row_and_its_link(private: Path) -> None:
    cache = opened(private)
    staff = (Entitlement("g1", "group", "Staff"), Entitlement("g2", "group", "Choir"))
    swap(cache, Listing((account(1, external_id="P1"), account(2)), staff, (Grant("a1", "g1"), Grant("a2", "g1"))))
    with cache.write() as session:
        people.replace_people(session, "hr", [Person(key="P1", name="Ana Novak", source="hr")], NOW)
        assert people.correlate(session, "crm") == 1
    before = _rows(cache)
    swap(
        cache,
        Listing(
            (account(2, display="Bo"), account(1, external_id="P1")), staff, (Grant("a1", "g1"), Grant("a2", "g2"))
        ),
        LATER,
    )
    after = _rows(cache)
    assert after["a1"] == before["a1"]
    assert after["a1"]["link"] == "confirmed"
    assert after["a2"]["id"] == before["a2"]["id"]
    assert (after["a2"]["display"], after["a2"]["read_at"], after["a1"]["read_at"]) == ("Bo", LATER, NOW)
    cache.close()


def _rows(cache: Cache) -> dict[str, dict[str, Any]]:
    with cache.read() as session:
        return {row.account_id: row.model_dump() for row in session.scalars(select(AccountRow))}


def test_a_listing_that_breaks_off_leaves_no_trace(private: Path) -> None:
    cache = opened(private)
    listing = Listing((account(1), account(2)), (Entitlement("g1", "group", "Staff"),), (Grant("a1", "g1"),))
    swap(cache, listing)

    def break_off() -> None:
        with staged(cache, "crm") as stage:
            stage.add_accounts([account(7)])
            raise ConnectionError

    with pytest.raises(ConnectionError):
        break_off()
    assert mirrored(cache) == listing
    swap(cache, listing)
    cache.close()


def test_a_swap_that_fails_is_undone_as_a_whole(private: Path) -> None:
    cache = opened(private)
    listing = Listing((account(1), account(2)), (Entitlement("g1", "group", "Staff"),), (Grant("a1", "g1"),))
    swap(cache, listing)

    def fail() -> None:
        with staged(cache, "crm") as stage:
            stage.add_accounts([account(7)])
            with stage.write() as session:
                stage.swap(session, LATER)
                raise RuntimeError("the power of something else")

    with pytest.raises(RuntimeError):
        fail()
    assert mirrored(cache) == listing
    assert swap(cache, Listing((account(7),))) == (1, 0, 0)
    assert mirrored(cache) == Listing((account(7),))
    cache.close()


def test_staging_locks_nobody_out_and_shows_nothing(private: Path) -> None:
    cache = opened(private)
    with staged(cache, "crm") as stage:
        stage.add_accounts([account(1)])
        assert cache.path is not None
        with sqlite3.connect(cache.path, timeout=0) as somebody:
            somebody.execute("INSERT INTO meta (key, value) VALUES ('somebody', 'else')")
        assert mirrored(cache) == Listing()
        with stage.write() as session:
            stage.swap(session, NOW)
            assert mirrored(cache) == Listing()
    assert mirrored(cache) == Listing((account(1),))
    cache.close()


@pytest.mark.parametrize(
    ("emails", "external_id", "before", "link"),
    [
        ((), "P1", "orphaned", ("Ana", "confirmed")),
        (("ANA@x.test",), None, "orphaned", ("Ana", "proposed")),
        (("bo@x.test",), "P1", "proposed", ("Ana", "confirmed")),
        (("ana@x.test",), "P9", "orphaned", ("Ana", "proposed")),
        (("nobody@x.test",), "P9", "orphaned", (None, "orphaned")),
        (("bo@x.test",), "P2", "confirmed", ("Ana", "confirmed")),
    ],
)
def test_only_the_key_of_the_feed_links(
    private: Path, emails: Sequence[str], external_id: str | None, before: str, link: tuple[str | None, str]
) -> None:
    cache = opened(private)
    staff = [
        Person(key="P1", name="Ana", email="ana@x.test"),
        Person(key="P2", name="Bo", email="bo@x.test"),
    ]
    swap(cache, Listing((account(1, emails=tuple(emails), external_id=external_id),)))
    with cache.write() as session:
        people.replace_people(session, "hr", staff, NOW)
        if before != "orphaned":
            session.execute(text("UPDATE account SET link=:link, person_id=1"), {"link": before})
        people.correlate(session, "crm")
    with cache.read() as session:
        assert _link(session) == link
    cache.close()


def _link(session: Session) -> tuple[str | None, str]:
    query = "SELECT p.name, a.link FROM account a LEFT JOIN person p ON p.id = a.person_id"
    name, link = session.execute(text(query)).one()
    return name, link
