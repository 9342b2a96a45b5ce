"""From a policy folder to its definitions: every file, every section, and all problems at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final, Protocol, TypeVar

from jmltui.domain.access import Tier
from jmltui.domain.procedure import Procedure
from jmltui.domain.separation import SeparationRule
from jmltui.errors import PolicyError, Problem

from .approvals import read_approval_path
from .attributes import NOW, PERSON, declared, known_attribute, read_attributes
from .break_glass import read_break_glass
from .entitlements import read_entitlement
from .fields import Fields, Problems, Where
from .guards import GuardSections
from .hours import read_working_time, read_zone
from .known import Known
from .model import Definitions, PolicyEntitlement, PolicyRole
from .procedures import ProcedureDraft, complete, read_procedure
from .reviews import read_review
from .roles import read_role
from .runbook_tests import read_runbook_test
from .sections import Sections
from .separation import broken_by_roles, read_separation, told
from .strict_yaml import StrictYamlError, parse
from .teams import read_system_owners, read_teams

SUFFIXES: Final = (".yaml", ".yml")
MAX_FILES: Final = 2000
DEFAULT_PROCEDURES: Final = "default_procedures.yaml"
_BUILT_IN: Final = f"built-in/{DEFAULT_PROCEDURES}"


@dataclass(frozen=True, slots=True)
class Reading:
    """What a folder states, warnings about what of it has no effect, and the systems it names beside entitlements."""

    definitions: Definitions
    warnings: tuple[Problem, ...]
    named_systems: tuple[tuple[str, Where], ...]


def read_folder(folder: Path) -> Definitions:
    """Read a folder, or one file. Raises PolicyError with every problem found."""
    return read(folder).definitions


def read(folder: Path) -> Reading:
    """Like `read_folder`, with the warnings that only the reader can give."""
    problems = Problems()
    known = Known(problems)
    sections = Sections(known)
    for file, label in policy_files(folder):
        try:
            root = parse(_bytes(file, label, known), label)
        except StrictYamlError as error:
            problems.found += error.problems
            known.complete = False
            continue
        if root is None:
            problems.add(Where(label, 0, 0), "The file states nothing.", "Take it out, or write what it should state.")
        else:
            sections.take(root, label)
    reading = _Reader(sections, known).read()
    if problems.found:
        raise PolicyError(problems.ordered())
    return reading


def policy_files(folder: Path) -> list[tuple[Path, str]]:
    """The files of a folder, or one file, each with the name that problems call it by. Raises PolicyError."""
    if folder.is_file():
        return [(folder, folder.name)]
    if not folder.is_dir():
        hint = "`jmltui init` writes a starter policy; [policy] folder in the settings names another place."
        raise PolicyError([Problem(str(folder), 0, 0, "There is no policy folder here.", hint)])
    found = sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES and path.is_file())
    visible = [p for p in found if not any(part.startswith(".") for part in p.relative_to(folder).parts)]
    if not visible:
        raise PolicyError([Problem(str(folder), 0, 0, "The policy folder holds no .yaml file.", "Try: jmltui init")])
    if len(visible) > MAX_FILES:
        raise PolicyError([Problem(str(folder), 0, 0, f"The policy folder holds more than {MAX_FILES} files.")])
    return [(path, f"{folder.name}/{path.relative_to(folder).as_posix()}") for path in visible]


def _bytes(file: Path, label: str, known: Known) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        known.complete = False
        known.problems.add(Where(label, 0, 0), f"The file cannot be read: {error.strerror}.")
        return b""


class _Named(Protocol):
    @property
    def id(self) -> str: ...


_Part = TypeVar("_Part", bound=_Named)
_Value = TypeVar("_Value")


@dataclass(slots=True)
class _Reader:
    """Reads the sections in the order in which one needs the names of another."""

    sections: Sections
    known: Known

    def read(self) -> Reading:
        """Everything. The definitions are of use only where no problem was found."""
        known, once = self.known, self.sections.once
        self._names()
        teams = self._merged("teams", read_teams)
        entitlements = self._all("entitlements", read_entitlement)
        roles = self._all("roles", read_role)
        separation = self._all("separation", read_separation)
        self._check_roles(separation.values(), roles, entitlements)
        procedures, built_in = self._procedures()
        guards = GuardSections(known.problems)
        if "guards" in once:
            guards.read(once["guards"])
        definitions = Definitions(
            entitlements=entitlements,
            roles=roles,
            attributes=known.attributes,
            procedures=procedures,
            built_in=built_in,
            guards=guards.finish(),
            mover_attributes=_unique(_deciding(roles.values(), entitlements.values()), self._mover()),
            timezone=known.timezone,
            separation=separation,
            approvals=self._all("approvals", read_approval_path),
            teams=teams,
            system_owners=self._merged("system_owners", read_system_owners),
            break_glass=read_break_glass(once["break_glass"], known) if "break_glass" in once else None,
            reviews=self._all("reviews", read_review),
        )
        warnings = tuple(read_runbook_test(item, known) for item in self.sections.lists["runbook_tests"])
        return Reading(definitions, warnings, tuple(known.named_systems))

    def _names(self) -> None:
        """What the other sections name."""
        known, sections = self.known, self.sections
        if sections.timezone is not None:
            known.timezone = read_zone(sections.timezone, "timezone") or "UTC"
        for section in sections.mappings["attributes"]:
            read_attributes(section, known)
        known.declared = declared(known.attributes)
        known.entitlements = sections.texts("entitlements", "id")
        known.systems = sections.texts("entitlements", "system")
        known.roles = sections.texts("roles", "id")
        known.approvals = sections.texts("approvals", "id")
        if sections.mappings["teams"]:
            known.teams = {name: None for section in sections.mappings["teams"] for name in section.nodes}

    def _all(self, name: str, read: Callable[[Fields, Known], _Part | None]) -> dict[str, _Part]:
        """The members of a list by their ids."""
        parts = (read(item, self.known) for item in self.sections.lists[name])
        return {part.id: part for part in parts if part is not None}

    def _merged(self, name: str, read: Callable[[Fields, Known], dict[str, _Value]]) -> dict[str, _Value]:
        """A section that may be spread over several files."""
        found: dict[str, _Value] = {}
        for section in self.sections.mappings[name]:
            found |= read(section, self.known)
        return found

    def _check_roles(
        self,
        rules: Iterable[SeparationRule],
        roles: Mapping[str, PolicyRole],
        entitlements: Mapping[str, PolicyEntitlement],
    ) -> None:
        """A role contradicts the policy that breaks a rule with its own grants, or gives for good what has to end."""
        blocking = [rule for rule in rules if rule.blocks]
        places = {
            item.nodes["id"].raw: item.where for item in reversed(self.sections.lists["roles"]) if "id" in item.nodes
        }
        for role, conflict in broken_by_roles(blocking, roles):
            self.known.problems.add(places[role.id], told(role, conflict), "Take one of the two out of its grants.")
        for role in roles.values():
            for name in role.grants:
                if name in entitlements and entitlements[name].tier is Tier.JIT:
                    message = f"The role “{role.id}” grants “{name}” for good, which is jit: it has to end by itself."
                    self.known.problems.add(places[role.id], message, f"Write may_request: [{name}] instead.")

    def _procedures(self) -> tuple[dict[str, Procedure], frozenset[str]]:
        """The folder's own procedures and, behind them, the packaged ones, read through the same door."""
        known, once = self.known, self.sections.once
        working_time = read_working_time(once["working_time"], known) if "working_time" in once else None
        own: dict[str, ProcedureDraft] = {}
        for item in self.sections.lists["procedures"]:
            draft = read_procedure(item, known, working_time)
            if draft.id and known.is_first("procedure", draft.id, draft.where):
                own[draft.id] = draft
        packaged = Sections(Known(known.problems))
        root = parse(resources.files(__package__).joinpath(DEFAULT_PROCEDURES).read_bytes(), _BUILT_IN)
        assert root is not None
        packaged.take(root, _BUILT_IN)
        defaults = [read_procedure(item, packaged.known, working_time) for item in packaged.lists["procedures"]]
        return complete(own, {draft.id: draft for draft in defaults})

    def _mover(self) -> Iterator[str]:
        section = self.sections.once.get("mover")
        if section is None:
            return
        section.only(("attributes",))
        for name, where in section.texts("attributes"):
            if name.startswith(NOW):
                self.known.problems.add(where, f"“{name}” is no attribute of a person, so no change of it is a move.")
            else:
                known_attribute(name if "." in name else PERSON + name, where, self.known)
                yield name.removeprefix(PERSON)


def _deciding(roles: Iterable[PolicyRole], entitlements: Iterable[PolicyEntitlement]) -> Iterator[str]:
    """The attributes of people that matchers and conditions look at."""
    conditions = []
    for role in roles:
        yield from (matcher.attribute for matcher in role.match)
        conditions.append(role.when)
    for condition in (*conditions, *(entitlement.when for entitlement in entitlements)):
        if condition is not None:
            yield from (
                name.removeprefix(PERSON) for name in condition.expression.attributes if not name.startswith(NOW)
            )


def _unique(*names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for group in names for name in group))
