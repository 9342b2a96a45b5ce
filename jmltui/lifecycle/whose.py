"""Which words for approvers, owners and reviewers a login answers to."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Callable, Iterable, Mapping

from sqlalchemy import select
from sqlmodel import Session, col

from jmltui.cache.approvals import persons_of_login
from jmltui.cache.tables import PersonRow
from jmltui.domain.person import Person, PersonStatus
from jmltui.policy.model import Team

from .workshop import Workshop

Groups = Callable[[str], frozenset[str]]

__all__ = ["answers", "persons_of_login", "unix_groups"]


def unix_groups(login: str) -> frozenset[str]:
    """The names of the groups of this host that a login is in; of a login without an account, those that list it.

    Asked of the user database each time, because the groups of a process are those of when it began.
    """
    try:
        account = pwd.getpwnam(login)
    except KeyError:
        return frozenset(group.gr_name for group in grp.getgrall() if login in group.gr_mem)
    found = set()
    for number in os.getgrouplist(login, account.pw_gid):
        try:
            found.add(grp.getgrgid(number).gr_name)
        except KeyError:
            continue
    return frozenset(found)


def answers(
    workshop: Workshop,
    session: Session,
    login: str,
    person: Person,
    systems: str | Iterable[str],
    *,
    requester: str = "",
    groups_of: Groups = unix_groups,
) -> Callable[[str], bool]:
    """Whether `login` is one of those that a word means in a case of `person`, as a function of the word.

    manager, sponsor and owner are the person whom the source names by that key, known by the login of a confirmed
    account or by the address, never by a name. `systems` are those that the case is about: a system-owner owns all of
    them. A team that the policy does not state is the group of that name on this host.
    """
    about = (systems,) if isinstance(systems, str) else tuple(systems)
    mine: set[int] = persons_of_login(session, login)
    groups: list[frozenset[str]] = []

    def in_group(name: str) -> bool:
        if not groups:
            groups.append(groups_of(login))
        return name in groups[0]

    def is_one_of(word: str) -> bool:
        kind, colon, name = word.partition(":")
        if colon:
            return _is_named(workshop.policy.definitions.teams, kind, name, login, in_group)
        if word in ("manager", "sponsor", "owner"):
            return bool(mine & _people_of(session, getattr(person, word), person.source))
        if word == "requester":
            return bool(requester) and requester.casefold() == login.casefold()
        if word == "system-owner":
            owners = [workshop.policy.definitions.system_owners.get(system, "") for system in about]
            return bool(owners) and all(owner not in ("", word) and is_one_of(owner) for owner in owners)
        return False

    return is_one_of


def _is_named(teams: Mapping[str, Team], kind: str, name: str, login: str, in_group: Callable[[str], bool]) -> bool:
    """Whether a login is what team:, group: or user: and a name say."""
    if kind == "user":
        return name.casefold() == login.casefold()
    if kind == "group":
        return in_group(name)
    if kind != "team":
        return False
    team = teams.get(name)
    if team is None:
        return in_group(name)
    listed = login.casefold() in {member.casefold() for member in team.members}
    return listed or (bool(team.group) and in_group(team.group))


def _people_of(session: Session, key: str, source: str) -> set[int]:
    """Who has this key, in the source that names it; in another one only where that source has nobody of this key."""
    if not key:
        return set()
    query = select(col(PersonRow.id), col(PersonRow.source)).where(
        col(PersonRow.key) == key, col(PersonRow.present), col(PersonRow.status) != PersonStatus.LEFT.value
    )
    found = [(number or 0, of) for number, of in session.execute(query)]
    near = {number for number, of in found if of == source}
    return near or {number for number, _ in found}
