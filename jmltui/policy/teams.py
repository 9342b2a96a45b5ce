"""The `teams` and `system_owners` sections: who the words of owners and approvers stand for."""

from __future__ import annotations

import re
from typing import Final

from .fields import IDENTIFIER, Fields
from .known import Known
from .model import Team
from .people_words import read_word

_LOGIN: Final = re.compile(r"[^\s:,]{1,256}")


def read_teams(section: Fields, known: Known) -> dict[str, Team]:
    """One `teams` section: each a list of logins, or members and a group of this host."""
    found = {}
    for name, node in section.nodes.items():
        where = section.key_place(name)
        members: tuple[str, ...] = ()
        group = ""
        if node.is_list:
            members = _logins(section, name)
        elif node.is_scalar:
            hint = f"Write {name}: [LOGIN, LOGIN], or {name}: {{members: [LOGIN], group: GROUP}}."
            section.problems.add(section.place(name), f"The team “{name}” must be a list of logins.", hint)
        else:
            item = Fields(node, section.file, section.problems, f"the team {name}")
            item.only(("members", "group"))
            members, group = _logins(item, "members"), item.text("group")
        if not IDENTIFIER.fullmatch(name):
            hint = "Use letters, digits, dot, dash and underscore, 80 characters at most."
            section.problems.add(where, f"“{name}” cannot be the name of a team.", hint)
        elif known.is_first("team", name, where):
            found[name] = Team(name, members, group.removeprefix("group:"), str(where))
    return found


def _logins(item: Fields, key: str) -> tuple[str, ...]:
    found = item.texts(key)
    for login, where in found:
        if not _LOGIN.fullmatch(login):
            hint = "Write logins alone, without user: before them."
            item.problems.add(where, f"“{login}” is no login.", hint)
    return tuple(dict.fromkeys(login for login, _ in found))


def read_system_owners(section: Fields, known: Known) -> dict[str, str]:
    """One `system_owners` section: a team:, group: or user: by the name of a system."""
    found = {}
    for system in section.nodes:
        owner = read_word(section, system, "owner of a system", (), known)
        if known.is_first("owner of the system", system, section.key_place(system)):
            found[system] = owner
            known.named_systems.append((system, section.key_place(system)))
    return found
