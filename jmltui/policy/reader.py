"""From a policy folder to its definitions: every file, every section, and all problems at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Final

from jmltui.domain.access import ACCOUNT_TARGET, Tier
from jmltui.domain.nearest import did_you_mean
from jmltui.domain.person import ATTRIBUTES, PersonStatus, PersonType
from jmltui.errors import PolicyError, Problem

from .fields import Fields, Problems, Where
from .guards import GuardSections
from .model import Definitions, Matcher, PolicyAttribute, PolicyEntitlement, PolicyRole
from .procedures import ProcedureDraft, complete
from .strict_yaml import StrictYamlError, parse

SECTIONS: Final = ("version", "attributes", "entitlements", "roles", "procedures", "guards", "mover")
SUFFIXES: Final = (".yaml", ".yml")
MAX_FILES: Final = 2000
TARGET_KINDS: Final = ("group", "role", "licence", "permission", "device", "key-slot", "profile")
DEFAULT_PROCEDURES: Final = "default_procedures.yaml"

_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "type": tuple(kind.value for kind in PersonType),
    "status": tuple(status.value for status in PersonStatus),
    "urgent": ("true", "false"),
}


def read_folder(folder: Path) -> Definitions:
    """Read a folder, or one file. Raises PolicyError with every problem found."""
    problems = Problems()
    draft = _Draft(problems)
    for file, label in _files(folder):
        draft.read(_bytes(file, label, problems), label)
    draft.read_built_in()
    definitions = draft.finish()
    if problems.found:
        raise PolicyError(problems.ordered())
    return definitions


def _files(folder: Path) -> list[tuple[Path, str]]:
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


def _bytes(file: Path, label: str, problems: Problems) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        problems.add(Where(label, 0, 0), f"The file cannot be read: {error.strerror}.")
        return b""


@dataclass(slots=True)
class _Draft:
    """What was read so far; names are checked against each other once everything is read."""

    problems: Problems
    entitlements: dict[str, PolicyEntitlement] = field(default_factory=dict)
    roles: dict[str, tuple[PolicyRole, Fields]] = field(default_factory=dict)
    attributes: dict[str, PolicyAttribute] = field(default_factory=dict)
    procedures: dict[str, ProcedureDraft] = field(default_factory=dict)
    defaults: dict[str, ProcedureDraft] = field(default_factory=dict)
    guards: GuardSections = field(init=False)
    mover: tuple[tuple[str, Where], ...] = ()
    seen: dict[tuple[str, str], Where] = field(default_factory=dict)
    unreadable: bool = False

    def __post_init__(self) -> None:
        self.guards = GuardSections(self.problems)

    def read(self, data: bytes, label: str) -> None:
        """Read one file of the folder."""
        try:
            root = parse(data, label)
        except StrictYamlError as error:
            self.problems.found += error.problems
            self.unreadable = True
            return
        if root is None:
            return
        top = Fields(root, label, self.problems, "a policy file")
        top.only(SECTIONS)
        if top.integer("version", 1) != 1:
            self.problems.add(top.place("version"), "This jmltui knows version 1 of the policy language.")
        self._attributes(top)
        for item in top.items("entitlements", "an entitlement"):
            self._entitlement(item)
        for item in top.items("roles", "a role"):
            self._role(item)
        for item in top.items("procedures", "a procedure"):
            draft = ProcedureDraft.read(item)
            if draft.id and self.is_first("procedure", draft.id, item.place("id")):
                self.procedures[draft.id] = draft
        if (guards := top.mapping("guards", "guards")) is not None and self.is_first("section", "guards", guards.where):
            self.guards.read(guards)
        if (mover := top.mapping("mover", "mover")) is not None and self.is_first("section", "mover", mover.where):
            mover.only(("attributes",))
            self.mover = mover.texts("attributes")

    def read_built_in(self) -> None:
        """Read the packaged procedures through the same door."""
        data = resources.files(__package__).joinpath(DEFAULT_PROCEDURES).read_bytes()
        root = parse(data, f"built-in/{DEFAULT_PROCEDURES}")
        assert root is not None
        for item in Fields(root, f"built-in/{DEFAULT_PROCEDURES}", self.problems, "a file").items(
            "procedures", "a procedure"
        ):
            draft = ProcedureDraft.read(item)
            self.defaults[draft.id] = draft

    def finish(self) -> Definitions:
        """Check names against each other, and build."""
        roles = {}
        for role, fields in self.roles.values():
            roles[role.id] = role
            if not self.unreadable:
                self._check_grants(fields)
                self._check_match(role, fields)
        if not self.unreadable:
            for name, where in self.mover:
                self._known_attribute(name.removeprefix("person."), where)
        procedures, built_in = complete(self.procedures, self.defaults, self.problems)
        return Definitions(
            entitlements=self.entitlements,
            roles=roles,
            attributes=self.attributes,
            procedures=procedures,
            built_in=built_in,
            guards=self.guards.finish(),
            mover_attributes=_unique(
                [m.attribute for role in roles.values() for m in role.match],
                [name.removeprefix("person.") for name, _ in self.mover],
            ),
        )

    def is_first(self, kind: str, name: str, where: Where) -> bool:
        """Whether a name is new over the whole folder; a second one is a problem."""
        first = self.seen.setdefault((kind, name), where)
        if first is not where:
            self.problems.add(where, f"The {kind} “{name}” is defined twice; the first is at {first}.")
        return first is where

    def _attributes(self, top: Fields) -> None:
        section = top.mapping("attributes", "attributes")
        if section is None:
            return
        for name, node in section.nodes.items():
            bare = name.removeprefix("person.")
            where = section.key_place(name)
            item = Fields(node, section.file, self.problems, f"the attribute {name}")
            item.only(("type", "values"))
            item.choice("type", ("string",), "string")
            if not name.startswith("person."):
                self.problems.add(where, f"“{name}” is no attribute of a person.", f"Write person.{name}.")
            elif bare in _STANDARD:
                self.problems.add(where, f"Every person has “{name}”; it is not to be declared.")
            elif self.is_first("attribute", bare, where):
                values = tuple(value for value, _ in item.texts("values"))
                self.attributes[bare] = PolicyAttribute(bare, values, str(where))

    def _entitlement(self, item: Fields) -> None:
        item.only(("id", "system", "target", "tier", "approval", "remote_access", "privileged"))
        name = item.identifier()
        tier = Tier(item.choice("tier", [t.value for t in Tier], Tier.BIRTHRIGHT.value))
        entitlement = PolicyEntitlement(
            id=name,
            system=item.text("system", required=True),
            target=self._target(item),
            tier=tier,
            approval=item.truth("approval", tier is not Tier.BIRTHRIGHT),
            remote_access=item.truth("remote_access", False),
            privileged=item.truth("privileged", False),
            place=str(item.where),
        )
        if not name or not self.is_first("entitlement", name, item.place("id")):
            return
        self.entitlements[name] = entitlement
        if entitlement.system and entitlement.target:
            pair = f"{entitlement.target} on {entitlement.system}"
            self.is_first("target", pair, item.place("target"))

    def _target(self, item: Fields) -> str:
        target = item.text("target", required=True)
        kind, colon, name = target.partition(":")
        if not target or target == ACCOUNT_TARGET:
            return target
        if not colon or not name.strip():
            hint = "Write group:NAME (or role:, licence:, permission:), or account for the bare account."
            self.problems.add(item.place("target"), f"“{target}” is no target.", hint)
        elif kind not in TARGET_KINDS:
            hint = did_you_mean(kind, TARGET_KINDS)
            self.problems.add(item.place("target"), f"“{kind}” is no kind of entitlement.", hint)
        return target

    def _role(self, item: Fields) -> None:
        item.only(("id", "match", "grants"))
        name = item.identifier()
        match = item.mapping("match", "match")
        if match is None or (not match.nodes and item.nodes["match"].is_mapping):
            hint = f"To mean everybody, write match: {{person.type: [{', '.join(_VALUES['type'])}]}}."
            self.problems.add(item.place("match"), f"The role “{name}” does not say whom it matches.", hint)
        matchers = tuple(self._matchers(match)) if match is not None else ()
        grants = tuple(dict.fromkeys(grant for grant, _ in item.texts("grants")))
        if "grants" not in item.nodes:
            self.problems.add(item.where, f"The role “{name}” lacks “grants”.")
        if name and self.is_first("role", name, item.place("id")):
            self.roles[name] = (PolicyRole(name, matchers, grants, str(item.where)), item)

    def _matchers(self, match: Fields) -> Iterable[Matcher]:
        for key in match.nodes:
            values = match.texts(key)
            if not values and match.nodes[key].is_list:
                self.problems.add(match.place(key), f"“{key}” lists no value, so it could never match.")
            yield Matcher(
                key.removeprefix("person."),
                tuple(dict.fromkeys(v for v, _ in values)),
                str(match.key_place(key)),
            )

    def _check_grants(self, item: Fields) -> None:
        for grant, where in item.texts("grants"):
            if grant not in self.entitlements:
                hint = did_you_mean(grant, self.entitlements)
                self.problems.add(where, f"There is no entitlement “{grant}”.", hint)

    def _check_match(self, role: PolicyRole, item: Fields) -> None:
        match = item.mapping("match", "match")
        for key in match.nodes if match is not None else ():
            bare = key.removeprefix("person.")
            assert match is not None
            if not key.startswith("person."):
                hint = f"Write person.{bare}." if bare in _STANDARD or bare in self.attributes else ""
                message = f"“{key}” is not known; a match names attributes of a person."
                self.problems.add(match.key_place(key), message, hint or did_you_mean(f"person.{key}", self._names()))
            elif self._known_attribute(bare, match.key_place(key)):
                self._check_values(bare, match, key)

    def _check_values(self, bare: str, match: Fields, key: str) -> None:
        declared = self.attributes.get(bare)
        valid = _VALUES.get(bare) or (declared.values if declared else ())
        for value, where in match.texts(key) if valid else ():
            if value not in valid:
                self.problems.add(where, f"“{value}” is no value of {key}.", did_you_mean(value, valid))

    def _known_attribute(self, bare: str, where: Where) -> bool:
        if bare in _STANDARD or bare in self.attributes:
            return True
        near = did_you_mean(f"person.{bare}", self._names())
        hint = f"{near} A further column of a source is declared under attributes: person.{bare}: {{type: string}}."
        self.problems.add(where, f"“person.{bare}” is not known.", hint)
        return False

    def _names(self) -> list[str]:
        return [f"person.{name}" for name in (*_STANDARD, *self.attributes)]


_STANDARD: Final = ("key", *ATTRIBUTES)


def _unique(*names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for group in names for name in group))
