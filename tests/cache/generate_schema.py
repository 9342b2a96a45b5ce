"""Write the schema files of the newest version: `python -m tests.cache.generate_schema`.

They hold what the tables have and the versions before do not: new tables, indexes, and columns with their defaults.
Only for a version that was never released; a released version's file is never written again.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlmodel import SQLModel

from jmltui.cache import migrations, tables

FOLDER = Path(tables.__file__).parent / "schema"


def before() -> tuple[dict[str, set[str]], set[str]]:
    """Columns by table, and the indexes, of the version before the newest."""
    connection = sqlite3.connect(":memory:")
    for version in range(1, migrations.LATEST):
        for statement in migrations.statements(version, "sqlite"):
            connection.execute(statement)
    names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    columns = {name: {row[1] for row in connection.execute(f"PRAGMA table_info('{name}')")} for name in names}
    indexes = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
    return columns, indexes


def statements(dialect: Any) -> list[str]:
    """What brings a cache of the version before to this one, in a stable order."""
    columns, indexes = before()
    found = []
    for table in sorted(SQLModel.metadata.tables.values(), key=lambda t: t.name):
        if table.name not in columns:
            found.append(str(CreateTable(table).compile(dialect=dialect)).strip())
        else:
            new = [column for column in table.columns if column.name not in columns[table.name]]
            found += [_add(table, column, dialect) for column in new]
        for index in sorted(table.indexes, key=lambda i: str(i.name)):
            if index.name not in indexes:
                found.append(str(CreateIndex(index).compile(dialect=dialect)).strip())
    return ["\n".join(part.rstrip() for part in statement.splitlines()) for statement in found]


def _add(table: Table, column: Column[Any], dialect: Any) -> str:
    kind = column.type.compile(dialect=dialect)
    rule = "" if column.nullable else f" NOT NULL DEFAULT {_literal(column)}"
    return f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind}{rule}"


def _literal(column: Column[Any]) -> str:
    default = column.default.arg if column.default is not None else None
    if default is None or isinstance(default, datetime):
        raise ValueError(f"{column} needs a default, because old rows have none")
    if isinstance(default, bool):
        return "true" if default else "false"
    return str(default) if isinstance(default, int) else f"'{default}'"


def main() -> None:
    """Write both files."""
    for dialect, name in ((sqlite.dialect(), "sqlite"), (postgresql.dialect(), "postgresql")):
        text = migrations.SEPARATOR.join(statements(dialect)) + "\n"
        (FOLDER / f"{migrations.LATEST:03}.{name}.sql").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
