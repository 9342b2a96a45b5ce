"""Write the schema files of version 1 from the tables: `python tests/cache/generate_schema.py`.

Only for a version that was never released; a released version's file is never written again.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlmodel import SQLModel

from jmltui.cache import migrations, tables

FOLDER = Path(tables.__file__).parent / "schema"

META = "INSERT INTO meta (key, value) VALUES ('schema', '1')"

SQLITE_ONLY = [
    """CREATE VIRTUAL TABLE person_search USING fts5(
  name, key, department, email, title,
  content='person', content_rowid='id', tokenize='trigram', detail='none')""",
    """CREATE VIRTUAL TABLE case_search USING fts5(
  person_name, person_key, department,
  content='jcase', content_rowid='id', tokenize='trigram', detail='none')""",
    """CREATE TRIGGER case_search_added AFTER INSERT ON jcase BEGIN
  INSERT INTO case_search(rowid, person_name, person_key, department)
  VALUES (new.id, new.person_name, new.person_key, new.department);
END""",
    """CREATE TRIGGER case_search_changed AFTER UPDATE OF person_name, person_key, department ON jcase
WHEN old.person_name <> new.person_name OR old.person_key <> new.person_key OR old.department <> new.department
BEGIN
  INSERT INTO case_search(case_search, rowid, person_name, person_key, department)
  VALUES ('delete', old.id, old.person_name, old.person_key, old.department);
  INSERT INTO case_search(rowid, person_name, person_key, department)
  VALUES (new.id, new.person_name, new.person_key, new.department);
END""",
    """CREATE TRIGGER person_search_added AFTER INSERT ON person BEGIN
  INSERT INTO person_search(rowid, name, key, department, email, title)
  VALUES (new.id, new.name, new.key, new.department, new.email, new.title);
END""",
    """CREATE TRIGGER person_search_changed AFTER UPDATE OF name, key, department, email, title ON person
WHEN (old.name, old.key, old.department, old.email, old.title)
  <> (new.name, new.key, new.department, new.email, new.title)
BEGIN
  INSERT INTO person_search(person_search, rowid, name, key, department, email, title)
  VALUES ('delete', old.id, old.name, old.key, old.department, old.email, old.title);
  INSERT INTO person_search(rowid, name, key, department, email, title)
  VALUES (new.id, new.name, new.key, new.department, new.email, new.title);
END""",
    """CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal BEGIN
  SELECT RAISE(ABORT, 'the journal is append-only');
END""",
    """CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal BEGIN
  SELECT RAISE(ABORT, 'the journal is append-only');
END""",
    META,
]

POSTGRESQL_ONLY = [
    """CREATE FUNCTION journal_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the journal is append-only'; END $$""",
    """CREATE TRIGGER journal_no_change BEFORE UPDATE OR DELETE ON journal
FOR EACH ROW EXECUTE FUNCTION journal_is_append_only()""",
    META,
]


def lines(dialect: object) -> list[str]:
    """CREATE TABLE and CREATE INDEX statements in a stable order."""
    found = []
    for table in sorted(SQLModel.metadata.tables.values(), key=lambda t: t.name):
        found.append(str(CreateTable(table).compile(dialect=dialect)).strip())  # type: ignore[arg-type]  # a Dialect
        found += [
            str(CreateIndex(index).compile(dialect=dialect)).strip()  # type: ignore[arg-type]  # a Dialect
            for index in sorted(table.indexes, key=lambda i: str(i.name))
        ]
    return ["\n".join(part.rstrip() for part in statement.splitlines()) for statement in found]


def main() -> None:
    """Write both files."""
    FOLDER.mkdir(exist_ok=True)
    for dialect, name, extra in (
        (sqlite.dialect(), "sqlite", SQLITE_ONLY),
        (postgresql.dialect(), "postgresql", POSTGRESQL_ONLY),
    ):
        text = migrations.SEPARATOR.join([*lines(dialect), *extra]) + "\n"
        (FOLDER / f"001.{name}.sql").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
