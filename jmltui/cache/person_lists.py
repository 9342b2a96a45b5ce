"""One person whole, as a screen reads it: accounts, access, cases, exceptions, what is theirs, what was found."""

from __future__ import annotations

from typing import Any, Final

from .lists import JOURNAL_COLUMNS, Lists

ENTRIES_OF_PERSON: Final = 200
"""How many entries of the journal a person's history shows."""

OWNER: Final = "CASE WHEN o.person_id IS NOT NULL AND o.feed_owner = p.owner THEN o.owner ELSE p.owner END"
"""Whose a person that is nobody is: a decision counts until the source says something new."""


NAMED: Final = ("manager", "sponsor", "owner")
"""What a person says of others by their keys."""


class PersonLists(Lists):
    """Reads about one person."""

    def person(self, person_id: int) -> dict[str, Any] | None:
        """The person with accounts, what each holds, the cases, and the others they name; None where there is none."""
        found = self.all("SELECT * FROM person WHERE id = ?", person_id)
        if not found:
            return None
        person = found[0]
        person["accounts"] = self.accounts_of(person_id)
        columns = "id, kind, state, opened_at, closed_at, next_step"
        person["cases"] = self.all(f"SELECT {columns} FROM jcase WHERE person_id = ? ORDER BY id DESC", person_id)
        person["owned_by"] = self.owner_of(person_id)
        keys = {str(person[field]) for field in (*NAMED, "owned_by") if person[field]}
        person["names"] = self._names(keys, str(person["source"]))
        return person

    def _names(self, keys: set[str], source: str) -> dict[str, dict[str, Any]]:
        """Who has these keys: in the source that names them, else in another one."""
        if not keys:
            return {}
        marks = ",".join("?" * len(keys))
        # Named source by source, because the index of keys begins with the source.
        found = self.all(
            f"SELECT key, name, status FROM person WHERE source IN (SELECT name FROM source) AND key IN ({marks}) "
            "ORDER BY CASE WHEN source = ? THEN 1 ELSE 0 END, id DESC",
            *sorted(keys),
            source,
        )
        return {str(each["key"]): each for each in found}

    def accounts_of(self, person_id: int) -> list[dict[str, Any]]:
        """The accounts of a person, each with what it holds."""
        accounts = self.all("SELECT * FROM account WHERE person_id = ? ORDER BY system, login", person_id)
        for account in accounts:
            account["holds"] = self.all(
                "SELECT e.target, e.kind, e.privileged, h.direct, h.via, h.expires FROM held h "
                "JOIN entitlement e ON e.id = h.entitlement WHERE h.account = ? ORDER BY e.target",
                account["id"],
            )
        return accounts

    def person_numbered(self, key: str) -> int | None:
        """The row number of the person with a key; the first one if several sources use it."""
        found = self.own.execute("SELECT id FROM person WHERE key = ? ORDER BY id", (key,)).fetchone()
        return None if found is None else int(found[0])

    def entries_of(self, person_id: int) -> list[dict[str, Any]]:
        """The newest entries of the journal about a person, newest first."""
        return self.all(
            f"SELECT {JOURNAL_COLUMNS} FROM journal WHERE person_id = ? ORDER BY seq DESC LIMIT {ENTRIES_OF_PERSON}",
            person_id,
        )

    def exceptions_of(self, person_id: int) -> list[dict[str, Any]]:
        """Every exception of a person: what stands first, then what ended, newest first."""
        return self.all(
            "SELECT x.*, c.state AS case_state FROM exception x LEFT JOIN jcase c ON c.id = x.case_id "
            "WHERE x.person_id = ? ORDER BY CASE WHEN x.state IN ('asked', 'active') THEN 0 ELSE 1 END, x.id DESC",
            person_id,
        )

    def findings_of(self, person_id: int) -> list[dict[str, Any]]:
        """What was found about a person and is not gone, the worst first."""
        return self.all(
            "SELECT id, kind, state, danger, system, login, target, detail, first_seen, case_id FROM finding "
            "WHERE person_id = ? AND state <> 'gone' ORDER BY danger DESC, id",
            person_id,
        )

    def owned_by(self, key: str) -> list[dict[str, Any]]:
        """Service and shared accounts whose owner has this key, each with its accounts."""
        found = self.all(
            f"SELECT p.id, p.key, p.name, p.type, p.status, p.present, p.ends, o.decided_by, o.at AS decided_at, "
            f"{OWNER} AS owned_by FROM person p LEFT JOIN ownership o ON o.person_id = p.id "
            f"WHERE p.type IN ('service', 'shared') AND {OWNER} = ? ORDER BY p.sort_name, p.id",
            key,
        )
        for person in found:
            person["accounts"] = self.all(
                "SELECT system, login, state, last_seen FROM account WHERE person_id = ? ORDER BY system, login",
                person["id"],
            )
        return found

    def owner_of(self, person_id: int) -> str:
        """The key of whoever owns a service or shared account now, "" for nobody."""
        found = self.own.execute(
            f"SELECT {OWNER} FROM person p LEFT JOIN ownership o ON o.person_id = p.id WHERE p.id = ?", (person_id,)
        ).fetchone()
        return "" if found is None else str(found[0])
