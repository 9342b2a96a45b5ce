"""What each host says of a login, as one account; and nothing that one host says is hidden by another."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final
from urllib.parse import quote, unquote

from jmltui.adapter_api import Account, AccountState, Credential, Entitlement, Grant, Session

from .answers import Facts, Group, Listing, Live, Rule
from .names import GROUP, PERMISSION, full_name

PASSWORD: Final = "password"
_OWNER: Final = "jmltui="
_EPOCH: Final = date(1970, 1, 1)


def belongs_to(external_id: str | None) -> str:
    """The key of a person as the fifth part of passwd(5)'s field holds it."""
    return f"{_OWNER}{quote(external_id, safe='')}" if external_id else ""


def owner_of(facts: Facts) -> str | None:
    """The key of the person, where jmltui wrote one."""
    parts = facts.gecos.split(",", 4)
    found = parts[4] if len(parts) == 5 else ""
    return unquote(found.removeprefix(_OWNER)) if found.startswith(_OWNER) else None


def gecos(display: str, external_id: str | None) -> str:
    """The full-name field of a new account."""
    owner = belongs_to(external_id)
    return f"{full_name(display)},,,,{owner}" if owner else full_name(display)


def day(number: int) -> str:
    """A day of shadow(5) as a date."""
    return (_EPOCH + timedelta(days=number)).isoformat()


def day_number(text: str) -> int:
    """A date as shadow(5) counts it. Raises ValueError."""
    return (date.fromisoformat(text) - _EPOCH).days


def is_locked(facts: Facts) -> bool:
    """Whether no way in is left and nothing runs, as a lock leaves it."""
    shut = facts.expired and facts.password in ("locked", "none")
    return shut and not (facts.processes or facts.crontab or any(key.active for key in facts.keys))


def told(facts: Facts) -> str:
    """One account on one host, as evidence and screens show it."""
    active = sum(key.active for key in facts.keys)
    aside = len(facts.keys) - active
    parts = [
        "locked" if is_locked(facts) else "expired" if facts.expired else "can sign in",
        f"password {facts.password}",
        "no expiry" if facts.expires is None else f"expires {day(facts.expires)}",
        f"{active} keys" + (f" and {aside} set aside" if aside else ""),
        f"{facts.processes} processes",
    ]
    parts += ["a crontab"] * facts.crontab + ["keys by a command as well"] * facts.keys_by_command
    return "; ".join(parts)


def account(by_host: Mapping[str, Facts], others: Mapping[str, str]) -> Account:
    """One login of the fleet. `others` says of the remaining hosts why they tell nothing.

    The account can sign in when it can on any host. It is unknown when all that answered lock it and others did not
    answer: `others` names those, and hosts where it is not there say so.
    """
    facts = list(by_host.values())
    unknown = any(why != NOT_THERE for why in others.values())
    state = AccountState.ACTIVE
    if all(each.expired for each in facts):
        state = AccountState.UNKNOWN if unknown else AccountState.DISABLED
    owners = {owner_of(each) for each in facts} - {None}
    ends = [each.expires for each in facts if each.expires is not None and not each.expired]
    seen = [each.last_login for each in facts if each.last_login]
    is_service = all(each.shell.rpartition("/")[2] in ("nologin", "false") for each in facts)
    return Account(
        id=facts[0].login,
        login=facts[0].login,
        state=state,
        external_id=owners.pop() if len(owners) == 1 else None,
        display=next((name for each in facts if (name := each.gecos.split(",")[0])), ""),
        kind="service" if is_service else "person",
        last_seen=datetime.fromtimestamp(max(seen), UTC) if seen else None,
        expires=datetime.fromisoformat(day(min(ends) + 1)).replace(tzinfo=UTC) if ends else None,
        version=None if unknown else version(by_host),
        raw={"hosts": {**{host: f"uid {each.uid}; {told(each)}" for host, each in by_host.items()}, **others}},
    )


NOT_THERE: Final = "no account"


def version(by_host: Mapping[str, Facts]) -> str:
    """Another one as soon as the account is another one on any host; what runs does not count."""
    lines = [
        (host, each.uid, each.gecos, each.home, each.shell, each.password, each.expires, sorted(map(str, each.keys)))
        for host, each in sorted(by_host.items())
    ]
    return hashlib.sha256(repr(lines).encode()).hexdigest()[:16]


def accounts(listings: Mapping[str, Listing]) -> list[Account]:
    """All logins of the fleet in their order."""
    found: dict[str, dict[str, Facts]] = {}
    for host, listing in listings.items():
        for facts in listing.accounts:
            found.setdefault(facts.login, {})[host] = facts
    return [
        account(found[login], {host: NOT_THERE for host in listings if host not in found[login]})
        for login in sorted(found)
    ]


def entitlements(listings: Iterable[Listing]) -> list[Entitlement]:
    """Groups and sudo rules of all hosts by name; privileged where any host makes it so."""
    groups: dict[str, list[Group]] = {}
    rules: set[str] = set()
    for listing in listings:
        rules.update(rule.name for rule in listing.rules)
        for group in listing.groups:
            groups.setdefault(group.name, []).append(group)
    return [
        *(
            Entitlement(
                f"{GROUP}{name}", "group", name, any(g.privileged for g in each), all(g.grantable for g in each)
            )
            for name, each in sorted(groups.items())
        ),
        *(Entitlement(f"{PERMISSION}sudo-{name}", "permission", f"sudo-{name}", True, False) for name in sorted(rules)),
    ]


def grants(listings: Iterable[Listing], logins: Mapping[str, set[int]]) -> list[Grant]:
    """Who holds what on any host. `logins` are the accounts to tell of, with their numbers."""
    found: dict[tuple[str, str], Grant] = {}

    def hold(login: str, entitlement: str, *via: str) -> None:
        if login not in logins:
            return
        known = found.get((login, entitlement))
        if known is None or (via == () and not known.direct):
            found[login, entitlement] = Grant(login, entitlement, direct=not via, via=via)

    for listing in listings:
        members = {group.name: [*group.members, *group.primary] for group in listing.groups}
        for group in listing.groups:
            for login in group.members:
                hold(login, f"{GROUP}{group.name}")
            for login in group.primary:
                hold(login, f"{GROUP}{group.name}", "first group")
        for rule in listing.rules:
            for login in named_by(rule, logins):
                hold(login, f"{PERMISSION}sudo-{rule.name}")
            for group_name in rule.groups:
                for login in members.get(group_name, ()):
                    hold(login, f"{PERMISSION}sudo-{rule.name}", group_name)
    return [found[key] for key in sorted(found)]


def named_by(rule: Rule, logins: Mapping[str, set[int]]) -> list[str]:
    """Whom a rule names itself, by name, by number or by `ALL`."""
    if "ALL" in rule.users:
        return list(logins)
    return [login for login, uids in logins.items() if login in rule.users or {*map(str, uids)} & {*rule.users}]


def numbers(listings: Iterable[Listing]) -> dict[str, set[int]]:
    """The uids of each login."""
    found: dict[str, set[int]] = {}
    for listing in listings:
        for each in listing.accounts or listing.people:
            found.setdefault(each.login, set()).add(each.uid)
    return found


def credentials(account_id: str, by_host: Mapping[str, Facts]) -> list[Credential]:
    """Keys by fingerprint and the password; active when any host takes them."""
    found: dict[str, Credential] = {}

    def add(id_: str, kind: str, active: bool, created: datetime | None = None) -> None:
        known = found.get(id_)
        if known is None or (active and not known.active):
            found[id_] = Credential(id_, account_id, kind, created=created, active=active)

    for facts in by_host.values():
        if facts.password != "none":
            since = facts.password_changed
            created = datetime.fromisoformat(day(since)).replace(tzinfo=UTC) if since else None
            add(PASSWORD, "password", facts.password in ("usable", "empty"), created)
        for key in facts.keys:
            add(key.fingerprint, key.kind, key.active)
    return list(found.values())


def sessions(account_id: str, by_host: Mapping[str, list[Live]]) -> list[Session]:
    """What runs for the account, host by host."""
    return [
        Session(
            f"{host}/{live.id}",
            account_id,
            datetime.fromtimestamp(live.started, UTC),
            f"{host}: {live.what[:80]}" + (f" from {live.origin}" if live.origin else ""),
        )
        for host, each in by_host.items()
        for live in each
    ]
