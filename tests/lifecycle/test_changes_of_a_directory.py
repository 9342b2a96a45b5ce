"""A domain that tells what changed: read in full once, then by its changes, then in full again when a week is over."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlmodel import col, select

from jmltui.adapter_api import Query
from jmltui.cache.tables import AccountRow
from jmltui.config.places import Places
from jmltui.lifecycle.sync import sync
from jmltui.lifecycle.workshop import open_workshop
from tests.conftest import StandingClock
from tests.servers.samba import ADMINISTRATOR_PASSWORD, SambaDomain


async def test_only_what_changed_is_listed_and_a_week_later_everything(
    private: Path, samba_domain: SambaDomain, clock: StandingClock
) -> None:
    samba_domain.person("delta-first")
    dn = samba_domain.person("delta-gone")
    with samba_domain.administrator() as link:
        link.delete(dn)  # a domain that has never told of a deletion gives no token
    samba_domain.person("delta-leaves", description="before")
    lines = ["[company]", 'name = "X"', "[policy]", 'folder = "policy"', "[systems.ad]", 'adapter = "ldap"']
    options = {**samba_domain.options(), "password": "env:AD_PASSWORD"}
    lines += [
        f"{key} = {value if isinstance(value, int) else chr(34) + str(value) + chr(34)}"
        for key, value in options.items()
    ]
    (private / "settings.toml").write_text("\n".join(lines) + "\n")
    (private / "policy").mkdir()
    (private / "policy" / "policy.yaml").write_text("entitlements:\n  - {id: ad, system: ad, target: account}\n")
    environ = {"JMLTUI_HOME": str(private), "AD_PASSWORD": ADMINISTRATOR_PASSWORD}
    workshop = open_workshop(Places.from_environment(environ), "ana", clock, environ)
    adapter: Any = await workshop.adapters.get("ad")
    asked: list[Query] = []
    listed = adapter.accounts

    def noted(query: Query) -> Any:
        asked.append(query)
        return listed(query)

    adapter.accounts = noted

    def logins() -> set[str]:
        with workshop.cache.read() as session:
            return set(session.scalars(select(col(AccountRow.login)).where(col(AccountRow.login).startswith("delta-"))))

    assert (await sync(workshop, lambda _: None)).problems == {}
    assert logins() == {"delta-first", "delta-leaves"}
    samba_domain.person("delta-second")
    with samba_domain.administrator() as link:
        link.delete(samba_domain_dn(samba_domain, "delta-leaves"))
    clock.forward(timedelta(hours=1))
    assert (await sync(workshop, lambda _: None)).problems == {}
    assert logins() == {"delta-first", "delta-second"}
    clock.forward(timedelta(days=8))
    assert (await sync(workshop, lambda _: None)).problems == {}
    assert [query.since is not None for query in asked] == [False, True, False]
    await workshop.close()


def samba_domain_dn(domain: SambaDomain, login: str) -> str:
    """Where an account lies."""
    with domain.administrator() as link:
        link.search("DC=ad,DC=example,DC=test", f"(sAMAccountName={login})", attributes=["cn"])
        return str(link.response[0]["dn"])
