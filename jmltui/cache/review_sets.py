"""What a campaign asks about, found by sets and told item by item in the order in which it is shown.

People whom the policy cannot tell apart share a profile, so what explains a grant is a small table. Everything lives
in temporary tables of a session of `Cache.scratch`: it sees one state of the cache and locks nobody out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import islice
from typing import Any, Final, NamedTuple, cast

from sqlalchemy import BigInteger, Boolean, Column, Integer, MetaData, String, Table, bindparam, insert, select, text
from sqlmodel import Session, col

from jmltui.domain.access import AccountState, Link
from jmltui.domain.operation import Cap
from jmltui.domain.review import Band

from .ownership import owner_now
from .tables import AccountRow, OwnershipRow, PersonRow

ROWS_AT_ONCE: Final = 2_000
PEOPLE_AT_ONCE: Final = 1_000
PROFILES_AT_ONCE: Final = 500

_NUMBER: Final = BigInteger().with_variant(Integer, "sqlite")


def _temporary(name: str, *columns: Column[Any]) -> Table:
    return Table(name, MetaData(), *columns, prefixes=["TEMPORARY"])


def _key(name: str) -> Column[Any]:
    return Column(name, _NUMBER, primary_key=True, autoincrement=False)


_SUBJECT: Final = _temporary(
    "review_subject",
    _key("person"),
    Column("place", Integer),
    Column("profile", Integer),
    Column("chosen", Boolean),
    Column("human", Boolean),
    Column("starts", String),
    Column("key", String),
    Column("name", String),
    Column("department", String),
    Column("reviewer", String),
    Column("fallback", String),
    Column("gone", String),
)
_THING: Final = _temporary("review_thing", _key("entitlement"), Column("system", String), Column("privileged", Boolean))
_PROFILE: Final = _temporary("review_profile", _key("profile"), Column("peers", Integer))
_GROUP: Final = _temporary("review_group", _key("profile"), _key("peers"))
_DUE: Final = _temporary("review_due", _key("profile"), _key("entitlement"), Column("peers", Integer))
_GIVES: Final = _temporary("review_gives", _key("peers"), _key("entitlement"))
_KIND: Final = _temporary("review_kind", Column("kind", String, primary_key=True))
_PEERS: Final = _temporary("review_peers", _key("peers"), _key("entitlement"), Column("hold", Integer))
_ASKED: Final = _temporary(
    "review_asked",
    Column("id", _NUMBER, primary_key=True),
    Column("band", Integer),
    Column("account", _NUMBER),
    Column("entitlement", _NUMBER),
    Column("person", _NUMBER),
)
_TABLES: Final = (_SUBJECT, _THING, _PROFILE, _GROUP, _DUE, _GIVES, _KIND, _PEERS, _ASKED)

_COUNT_PEERS: Final = f"""
INSERT INTO review_peers (peers, entitlement, hold)
SELECT g.peers, n.entitlement, SUM(n.people) FROM (
  SELECT s.profile AS profile, h.entitlement AS entitlement, COUNT(DISTINCT s.person) AS people
  FROM review_subject s JOIN account a ON a.person_id = s.person AND a.link = '{Link.CONFIRMED}'
  JOIN held h ON h.account = a.id JOIN review_thing t ON t.entitlement = h.entitlement
  GROUP BY s.profile, h.entitlement
) AS n JOIN review_group g ON g.profile = n.profile GROUP BY g.peers, n.entitlement
"""

_BAND: Final = f"WHEN d.entitlement IS NULL THEN {Band.UNEXPLAINED} ELSE {Band.EXPLAINED} END AS band"
_CHOSEN: Final = "(:any_type OR s.chosen OR a.kind IN (SELECT kind FROM review_kind))"
_OF_ROLES: Final = (
    "(:any_role OR EXISTS (SELECT 1 FROM review_group g JOIN review_gives w ON w.peers = g.peers"
    " WHERE g.profile = s.profile AND w.entitlement = h.entitlement))"
)
_BY_PLACE: Final = "CASE WHEN s.place IS NULL THEN 1 ELSE 0 END, s.place, a.system, a.id"

_ASK_GRANTS: Final = f"""
INSERT INTO review_asked (band, account, entitlement, person)
SELECT CASE WHEN t.privileged THEN {Band.PRIVILEGED} {_BAND},
  a.id, h.entitlement, s.person
FROM account a JOIN held h ON h.account = a.id AND h.direct
JOIN review_thing t ON t.entitlement = h.entitlement
LEFT JOIN review_subject s ON s.person = a.person_id AND a.link = '{Link.CONFIRMED}'
LEFT JOIN review_due d ON d.profile = s.profile AND d.entitlement = h.entitlement
WHERE a.state <> '{AccountState.DELETED}' AND {_CHOSEN} AND {_OF_ROLES}
ORDER BY band, {_BY_PLACE}, h.entitlement
"""

_ASK_UNUSED: Final = f"""
INSERT INTO review_asked (band, account, entitlement, person)
SELECT CASE WHEN EXISTS (SELECT 1 FROM held h JOIN review_thing p ON p.entitlement = h.entitlement
    WHERE h.account = a.id AND p.privileged) THEN {Band.PRIVILEGED} {_BAND},
  a.id, t.entitlement, s.person
FROM account a JOIN review_thing t ON t.system = a.system AND t.entitlement < 0
LEFT JOIN review_subject s ON s.person = a.person_id AND a.link = '{Link.CONFIRMED}'
LEFT JOIN review_due d ON d.profile = s.profile AND d.entitlement = t.entitlement
WHERE a.state NOT IN ('{AccountState.DISABLED}', '{AccountState.DELETED}') AND {_CHOSEN}
AND (:any_grant OR EXISTS (SELECT 1 FROM held h JOIN review_thing o ON o.entitlement = h.entitlement
  WHERE h.account = a.id AND (:any_privilege OR o.privileged) AND {_OF_ROLES}))
AND (a.last_seen < :before OR (a.last_seen IS NULL
  AND a.system IN (SELECT b.system FROM account b WHERE b.last_seen IS NOT NULL)
  AND (s.starts IS NULL OR s.starts < :first_day)
  AND (a.system, a.account_id) NOT IN (SELECT c.system, c.account_id FROM action c
    WHERE c.operation IN ('{Cap.CREATE}', '{Cap.ENABLE}') AND c.settled_at >= :before)))
ORDER BY band, {_BY_PLACE}
"""

_ITEMS: Final = """
SELECT k.entitlement, k.band, a.system, a.account_id, a.login, a.kind, a.last_seen, s.person, s.profile, s.human,
  s.key, s.name, s.department, s.reviewer, s.fallback, s.gone, c.hold
FROM review_asked k CROSS JOIN account a LEFT JOIN review_subject s ON s.person = k.person
LEFT JOIN review_profile f ON f.profile = s.profile
LEFT JOIN review_due d ON d.profile = s.profile AND d.entitlement = k.entitlement
LEFT JOIN review_peers c ON c.peers = COALESCE(d.peers, f.peers) AND c.entitlement = k.entitlement
WHERE a.id = k.account ORDER BY k.id
"""


class Asked(NamedTuple):
    """One account with one entitlement; the account itself where `entitlement` is negative.

    What is said of the person is None where the account is nobody's. `hold` are their peers who hold it.
    """

    entitlement: int
    band: int
    system: str
    account_id: str
    login: str
    kind: str
    last_seen: datetime | None
    person: int | None
    profile: int | None
    human: bool | None
    key: str | None
    name: str | None
    department: str | None
    reviewer: str | None
    fallback: str | None
    gone: str | None
    hold: int | None


class Subject(NamedTuple):
    """A person: `profile` is what they are due, `gone` why that is nothing, `chosen` whether of a type asked for."""

    person: int
    place: int
    profile: int
    chosen: bool
    human: bool
    starts: str
    key: str
    name: str
    department: str
    reviewer: str
    fallback: str
    gone: str


class Profile(NamedTuple):
    """What people are due whom the policy cannot tell apart: `due` names the group of peers by each thing.

    `groups` are all that they are part of, `own` is the one that is looked at where something is not due.
    """

    number: int
    due: Mapping[int, int]
    groups: Sequence[int]
    own: int


class ReviewSets:
    """The temporary tables: filled with people, profiles and what may be held, then asked."""

    def __init__(self, session: Session) -> None:
        self._session = session
        for table in _TABLES:
            table.create(session.connection())

    def add_subjects(self, found: Iterable[Subject]) -> None:
        """State people."""
        self._insert(_SUBJECT, [subject._asdict() for subject in found])

    def add_things(self, found: Iterable[tuple[int, str, bool]]) -> None:
        """State what is asked about, as (entitlement, system, privileged); the account of a system by a negative
        number."""
        self._insert(_THING, [{"entitlement": e, "system": s, "privileged": p} for e, s, p in found])

    def add_profiles(self, found: Iterable[Profile]) -> None:
        """State what profiles are due, and their groups."""
        left = iter(found)
        while some := list(islice(left, PROFILES_AT_ONCE)):
            self._insert(_PROFILE, [{"profile": p.number, "peers": p.own} for p in some])
            self._insert(_GROUP, [{"profile": p.number, "peers": group} for p in some for group in p.groups])
            rows = [(p.number, thing, group) for p in some for thing, group in p.due.items()]
            self._insert(_DUE, [{"profile": p, "entitlement": thing, "peers": group} for p, thing, group in rows])

    def add_gives(self, found: Iterable[tuple[int, int]]) -> None:
        """State what roles that are asked about give, as (group of its people, number of the thing)."""
        self._insert(_GIVES, [{"peers": group, "entitlement": each} for group, each in found])

    def add_kinds(self, kinds: Iterable[str]) -> None:
        """State the kinds of accounts that are asked about whoever's they are."""
        self._insert(_KIND, [{"kind": kind} for kind in kinds])

    def ask_grants(self, *, any_type: bool, any_role: bool) -> int:
        """Find every direct grant of the things; how many. `any_*` where the scope does not narrow."""
        self._analyze(_SUBJECT, _THING, _PROFILE, _GROUP, _DUE, _GIVES)
        self._session.execute(text(_ASK_GRANTS), {"any_type": any_type, "any_role": any_role})
        found = self._count()
        if found:
            self._session.execute(text(_COUNT_PEERS))
            self._analyze(_ASKED, _PEERS)
        return found

    def ask_unused(
        self, before: datetime, first_day: date, *, any_type: bool, any_role: bool, any_privilege: bool
    ) -> int:
        """Find every account in use that nobody signed in to since an instant; how many.

        An account that was never used counts where its system tells of other ones, unless it or its person is as new.
        """
        self._analyze(_SUBJECT, _THING, _DUE, _GROUP, _GIVES)
        statement = text(_ASK_UNUSED).bindparams(bindparam("before", type_=_instant()))
        values: dict[str, object] = {"before": before, "first_day": first_day.isoformat(), "any_type": any_type}
        narrowed = {"any_role": any_role, "any_privilege": any_privilege, "any_grant": any_role and any_privilege}
        self._session.execute(statement, values | narrowed)
        self._analyze(_ASKED)
        return self._count()

    def items(self) -> Iterator[Asked]:
        """What was found: privileged first, then what nothing explains, then the rest; each person's together."""
        statement = text(_ITEMS).columns(last_seen=_instant())
        found = self._session.connection().execute(statement, execution_options={"yield_per": ROWS_AT_ONCE})
        yield from map(Asked._make, found)

    def _count(self) -> int:
        return int(self._session.execute(text("SELECT count(*) FROM review_asked")).scalar_one())

    def _insert(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            self._session.execute(insert(table), rows)

    def _analyze(self, *tables: Table) -> None:
        """PostgreSQL knows nothing of temporary tables before it is told to look; SQLite needs no telling."""
        if self._session.connection().dialect.name != "sqlite":
            for table in tables:
                self._session.execute(text(f"ANALYZE {table.name}"))


def _instant() -> Any:
    """How instants are stored."""
    return cast("Any", AccountRow).__table__.c.last_seen.type


class Place(NamedTuple):
    """A row number of people, whether their source names them still, and the key of who owns them now."""

    person: int
    present: bool
    owner: str


def people_in_order(session: Session) -> Iterator[list[Place]]:
    """Everybody, absent or not, by name, some at a time."""
    query = (
        select(col(PersonRow.id), col(PersonRow.present), owner_now())
        .outerjoin(OwnershipRow, col(OwnershipRow.person_id) == col(PersonRow.id))
        .order_by(col(PersonRow.sort_name), col(PersonRow.id))
    )
    found = map(Place._make, session.connection().execute(query, execution_options={"yield_per": PEOPLE_AT_ONCE}))
    while some := list(islice(found, PEOPLE_AT_ONCE)):
        yield some


def people_by_key(session: Session, keys: Iterable[str]) -> dict[int, bool]:
    """The row numbers of people by their keys, in any source, and whether it names them still."""
    wanted, found = sorted(set(keys)), dict[int, bool]()
    query = select(col(PersonRow.id), col(PersonRow.present))
    for start in range(0, len(wanted), 500):
        rows = session.execute(query.where(col(PersonRow.key).in_(wanted[start : start + 500])))
        found |= {number or 0: present for number, present in rows}
    return found
