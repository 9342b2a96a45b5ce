"""A folder taken apart: which file states which section, before anything of it is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from .fields import Fields, word_for
from .known import Known
from .strict_yaml import Node

LISTS: Final = {
    "entitlements": "an entitlement",
    "roles": "a role",
    "separation": "a separation rule",
    "approvals": "an approval path",
    "procedures": "a procedure",
    "reviews": "a review",
    "runbook_tests": "a runbook test",
}
"""Sections that are lists, with what each member is."""

MAPPINGS: Final = ("attributes", "teams", "system_owners")
"""Sections that are mappings and may be spread over several files."""

ONCE: Final = ("working_time", "guards", "mover", "break_glass")
"""Sections that one file states."""

WORDS: Final = ("version", "timezone", *MAPPINGS, *LISTS, *ONCE, "tests")


@dataclass(slots=True)
class Sections:
    """What the files state, by section, in the order of the files."""

    known: Known
    lists: dict[str, list[Fields]] = field(default_factory=lambda: {name: [] for name in LISTS})
    mappings: dict[str, list[Fields]] = field(default_factory=lambda: {name: [] for name in MAPPINGS})
    once: dict[str, Fields] = field(default_factory=dict)
    timezone: Fields | None = None

    def take(self, root: Node, label: str) -> None:
        """Take the sections of one file."""
        problems = self.known.problems
        top = Fields(root, label, problems, "a policy file")
        top.only(WORDS)
        if top.integer("version", 1) != 1:
            problems.add(top.place("version"), "This jmltui knows version 1 of the policy language.")
        if "timezone" in top.nodes and self.known.is_first("section", "timezone", top.key_place("timezone")):
            self.timezone = top
        for name, what in LISTS.items():
            self.lists[name] += top.items(name, what)
        for name in MAPPINGS:
            if (section := top.mapping(name, name)) is not None:
                self.mappings[name].append(section)
        for name in ONCE:
            section = top.mapping(name, name)
            if section is not None and self.known.is_first("section", name, top.key_place(name)):
                self.once[name] = section
        tests = top.nodes.get("tests")
        if tests is not None and not tests.is_list:
            message = f"“tests” must be a list (lines that start with “- ”), not {word_for(tests)}."
            problems.add(top.place("tests"), message)

    def texts(self, name: str, key: str) -> dict[str, None]:
        """The texts under one key of every member of a list, before the members are read."""
        found: dict[str, None] = {}
        for item in self.lists[name]:
            node = item.nodes.get(key)
            if node is not None and node.is_scalar and node.raw:
                found[node.raw] = None
        return found
