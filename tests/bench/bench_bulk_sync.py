"""The first sync of a large system into SQLite against a bare bulk insert of the same rows.

Product: `jmltui sync`'s own code, listing included. Bare: the rows are made beforehand, only their insertion into the
same tables (SQLAlchemy Core, executemany in chunks, one transaction) is timed.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from jmltui.cache.engine import open_cache
from jmltui.cache.tables import AccountRow, EntitlementRow, HeldRow
from jmltui.config.places import Places
from jmltui.lifecycle.sync import sync
from jmltui.lifecycle.workshop import open_workshop
from jmltui_practice.scale import ENTITLEMENTS, Scale
from tests.bench.measure import Comparison, Stopwatch, peak_megabytes

ACCOUNTS = 100_000
GRANTS = 10
CHUNK = 10_000
NOW = datetime(2026, 6, 1, tzinfo=UTC)

SETTINGS = f"""\
[company]
name = "Example"
zone = "UTC"
[policy]
folder = "policy"
[systems.directory]
adapter = "practice"
accounts = {ACCOUNTS}
grants_per_account = {GRANTS}
"""

POLICY = "entitlements:\n  - {id: account, system: directory, target: account}\n"


def product(folder: str) -> Mapping[str, float]:
    """Sync through the product's own path."""
    home = Path(tempfile.mkdtemp(dir=folder))
    (home / "policy").mkdir()
    (home / "policy" / "policy.yaml").write_text(POLICY)
    (home / "settings.toml").write_text(SETTINGS)
    environ = {"JMLTUI_HOME": str(home)}
    workshop = open_workshop(Places.from_environment(environ), "bench", lambda: NOW, environ)
    watch = Stopwatch()

    async def run() -> None:
        with watch:
            report = await sync(workshop, lambda _: None)
        assert report.systems == {
            "directory": {"accounts": ACCOUNTS, "entitlements": ENTITLEMENTS, "grants": ACCOUNTS * GRANTS}
        }, report
        await workshop.close()

    asyncio.run(run())
    _check(workshop.cache.path)
    return {"seconds": watch.wall, "cpu seconds": watch.cpu, "peak MB": peak_megabytes()}


def bare(folder: str) -> Mapping[str, float]:
    """Insert the same rows into the same tables."""
    home = Path(tempfile.mkdtemp(dir=folder))
    cache = open_cache(str(home / "cache.sqlite"), clock=lambda: NOW)
    scale, watch = Scale(ACCOUNTS, GRANTS), Stopwatch()
    entitlements = [_entitlement(n, e.id, e.name) for n, e in enumerate(scale.entitlements(), 1)]
    with cache.write() as session:
        connection = session.connection()
        with watch:
            connection.execute(insert(EntitlementRow), entitlements)
        for model, rows in ((AccountRow, _accounts(scale)), (HeldRow, _held(scale))):
            while chunk := list(islice(rows, CHUNK)):
                with watch:
                    connection.execute(insert(model), chunk)
        watch.__enter__()
    watch.__exit__()
    cache.close()
    _check(cache.path)
    return {"seconds": watch.wall, "cpu seconds": watch.cpu, "peak MB": peak_megabytes()}


def _accounts(scale: Scale) -> Iterator[dict[str, Any]]:
    for number in range(scale.accounts):
        account = scale.account(number)
        yield {
            "id": number + 1, "system": "directory", "account_id": account.id, "login": account.login,
            "login_folded": account.login.casefold(), "state": account.state.value,
            "emails": f'["{account.emails[0]}"]', "external_id": account.external_id, "display": account.display,
            "kind": account.kind, "last_seen": None, "expires": None, "version": None, "person_id": None,
            "link": "orphaned", "read_at": NOW,
        }  # fmt: skip


def _entitlement(number: int, id_: str, name: str) -> dict[str, Any]:
    return {
        "id": number, "system": "directory", "entitlement_id": id_, "kind": "group", "name": name,
        "target": f"group:{name}", "privileged": False, "grantable": True, "read_at": NOW,
    }  # fmt: skip


def _held(scale: Scale) -> Iterator[dict[str, Any]]:
    for number in range(scale.accounts):
        for grant in scale.grants(number):
            entitlement = int(grant.entitlement_id[1:]) + 1
            yield {"account": number + 1, "entitlement": entitlement, "direct": True, "via": "", "expires": None}


def _check(path: Path | None) -> None:
    """Both sides must have written the same."""
    assert path is not None
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM account").fetchone() == (ACCOUNTS,)
        assert connection.execute("SELECT count(*) FROM held").fetchone() == (ACCOUNTS * GRANTS,)


if __name__ == "__main__":
    Comparison(
        f"First sync of {ACCOUNTS:,} accounts with {GRANTS} grants each, against a bare bulk insert of the same rows",
        product,
        bare,
        target=1.5,
        limits={"peak MB": 600},
    ).main("tests.bench.bench_bulk_sync")
