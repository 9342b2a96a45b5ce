"""Reading the `tests` sections of a policy folder, as strictly as the policy itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, available_timezones

from jmltui.domain.exception import AccessException, ExceptionKind, ExceptionState
from jmltui.domain.nearest import did_you_mean
from jmltui.domain.person import ATTRIBUTES, Person, PersonStatus, PersonType, local_midnight
from jmltui.errors import PolicyError, Problem

from .attributes import NOW, PERSON, declared, full_name
from .expression import Declared, ValueType
from .facts import typed
from .fields import Fields, Problems, Where, scalar_text, word_for
from .fixtures import EXACTLY, Expectation, Fixture
from .policy import Policy
from .reader import policy_files
from .requirements import NO_END, NO_SPONSOR, TOO_LONG
from .strict_yaml import Node, StrictYamlError, parse

TEST_KEYS: Final = ("name", "given", "at", "exceptions", "expect")
EXPECT_KEYS: Final = (*EXACTLY, "problem", "includes", "excludes")
EXCEPTION_KEYS: Final = ("entitlement", "until", "outside_policy")
PROBLEM_CODES: Final = (NO_END, TOO_LONG, NO_SPONSOR)

MONDAY_MORNING: Final = datetime(2026, 6, 1, 10)  # noqa: DTZ001  it is made aware in the zone of the policy
"""When a test takes place that does not say `at`, in the zone of the policy."""

_DATES: Final = ("starts", "ends")


def read_tests(policy: Policy, *places: Path) -> tuple[Fixture, ...]:
    """The tests of folders or files. Raises PolicyError with every problem of them."""
    problems = Problems()
    reader = _Reader(policy, problems)
    found: list[Fixture] = []
    for place in places:
        for file, label in policy_files(place):
            found += reader.read(file, label)
    if problems.found:
        raise PolicyError(problems.ordered())
    return tuple(found)


@dataclass(slots=True)
class _Reader:
    policy: Policy
    problems: Problems

    def read(self, file: Path, label: str) -> list[Fixture]:
        """The tests of one file; the rest of it is the business of the policy's own reader."""
        try:
            root = parse(file.read_bytes(), label)
        except StrictYamlError as error:
            self.problems.found += error.problems
            return []
        except OSError as error:
            self.problems.found.append(Problem(label, 0, 0, f"The file cannot be read: {error.strerror}."))
            return []
        if root is None:
            return []
        top = Fields(root, label, self.problems, "a policy file")
        return [self._test(item) for item in top.items("tests", "a test")]

    def _test(self, item: Fields) -> Fixture:
        item.only(TEST_KEYS)
        zone = ZoneInfo(self.policy.zone)
        at = _instant(item, "at", zone) or MONDAY_MORNING.replace(tzinfo=zone).astimezone(UTC)
        given = item.mapping("given", "given")
        if given is None:
            self.problems.add(item.where, "A test lacks “given”.", "Write given: {person.type: employee}.")
        expect = item.mapping("expect", "expect")
        if expect is None or (not expect.nodes and item.nodes["expect"].is_mapping):
            self.problems.add(item.place("expect"), "A test expects nothing.", "Write expect: {granted: []}.")
        return Fixture(
            name=item.text("name", required=True),
            place=str(item.where),
            person=_Given(self.policy, self.problems).person(given) if given else Person(key="", name=""),
            at=at,
            exceptions=tuple(self._exceptions(item, at)),
            expect=self._expectation(expect) if expect else Expectation({}),
        )

    def _expectation(self, item: Fields) -> Expectation:
        item.only(EXPECT_KEYS)
        ids, rules = self.policy.entitlements, self.policy.definitions.separation
        known: Mapping[str, tuple[str, Collection[str]]] = {
            "problems": ("problem", PROBLEM_CODES),
            "conflicts": ("separation rule", rules),
        }
        exactly: dict[str, frozenset[str]] = {
            name: self._names(item, name, *known.get(name, ("entitlement", ids)))
            for name in EXACTLY
            if name in item.nodes
        }
        includes, excludes = (self._names(item, name, "entitlement", ids) for name in ("includes", "excludes"))
        return Expectation(exactly, includes, excludes, self._names(item, "problem", "problem", PROBLEM_CODES))

    def _names(self, item: Fields, key: str, what: str, known: Collection[str]) -> frozenset[str]:
        found = item.texts(key)
        for name, where in found:
            if name not in known:
                self.problems.add(where, f"There is no {what} “{name}”.", did_you_mean(name, known))
        return frozenset(name for name, _ in found)

    def _exceptions(self, item: Fields, at: datetime) -> Sequence[AccessException]:
        node = item.nodes.get("exceptions")
        if node is None:
            return ()
        if not node.is_list:
            message = f"“exceptions” must be a list of entitlements, not {word_for(node)}."
            self.problems.add(item.place("exceptions"), message)
            return ()
        return [self._exception(number, member, item, at) for number, member in enumerate(node.value, start=1)]

    def _exception(self, number: int, node: Node, item: Fields, at: datetime) -> AccessException:
        until, outside, where = None, False, Where(item.file, node.line, node.column)
        if node.is_scalar:
            subject = node.raw
        else:
            line = Fields(node, item.file, self.problems, "an exception")
            line.only(EXCEPTION_KEYS)
            subject, where = line.text("entitlement", required=True), line.place("entitlement")
            until = _instant(line, "until", ZoneInfo(self.policy.zone))
            outside = line.truth("outside_policy", False)
        if subject not in self.policy.entitlements:
            near = did_you_mean(subject, self.policy.entitlements)
            self.problems.add(where, f"There is no entitlement “{subject}”.", near)
        return AccessException(
            id=number,
            kind=ExceptionKind.ACCESS,
            person_id=0,
            subject=subject,
            reason="a test says so",
            requested_by="",
            approved_by="",
            state=ExceptionState.ACTIVE,
            asked_at=at,
            until=until,
            outside_policy=outside,
        )


@dataclass(slots=True)
class _Given:
    """The person that a test is about."""

    policy: Policy
    problems: Problems

    def person(self, item: Fields) -> Person:
        """Build the person; whoever is not said to be otherwise is an employee at work."""
        known = declared(self.policy.definitions.attributes)
        own: dict[str, Any] = {"key": "test", "name": "Somebody"}
        more: dict[str, str] = {}
        for key, node in item.nodes.items():
            name = full_name(key)
            where = item.key_place(key)
            if name.startswith(NOW):
                self.problems.add(where, f"“{key}” is not given, it follows from “at”.", "Write at: of the test.")
            elif name not in known:
                self.problems.add(where, f"“{key}” is not known.", did_you_mean(name, known))
            elif not (node.is_scalar and node.value is None):
                bare = name.removeprefix(PERSON)
                text = self._text(name, known[name], node, item)
                if text is not None and bare in ("key", *ATTRIBUTES):
                    own[bare] = _own(bare, text)
                elif text is not None:
                    more[bare] = text
        return Person(**own, attributes=more)

    def _text(self, name: str, stated: Declared, node: Node, item: Fields) -> str | None:
        """The value as a source would state it; None where it is none, which is a problem."""
        where = Where(item.file, node.line, node.column)
        if stated.type is ValueType.LIST and node.is_list:
            return ";".join(scalar_text(member) for member in node.value)
        if not node.is_scalar:
            self.problems.add(where, f"“{name}” must be one value, not {word_for(node)}.")
            return None
        text = scalar_text(node)
        if stated.values and text not in stated.values:
            self.problems.add(where, f"“{text}” is no value of {name}.", did_you_mean(text, stated.values))
            return None
        if name == f"{PERSON}zone" and text not in (zones := available_timezones()):
            self.problems.add(where, f"“{text}” is no time zone.", did_you_mean(text, zones, kind="For example"))
            return None
        is_day = name.removeprefix(PERSON) in _DATES
        if not _is_date(text) if is_day else typed(text, name, stated, ZoneInfo("UTC")) is None:
            self.problems.add(where, f"“{text}” is no {stated.type.value}, which {name} is.")
            return None
        return text


def _own(name: str, text: str) -> object:
    """The value of one of the attributes that every person has."""
    match name:
        case "type":
            return PersonType(text)
        case "status":
            return PersonStatus(text)
        case "starts" | "ends":
            return date.fromisoformat(text)
        case "urgent":
            return text == "true"
        case _:
            return text


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _instant(item: Fields, key: str, zone: ZoneInfo) -> datetime | None:
    """An instant with its offset, or in the zone of the policy; a bare date is its last moment for `until`."""
    text = item.text(key)
    if not text:
        return None
    try:
        if len(text) == len("2026-06-01"):
            day = date.fromisoformat(text)
            return local_midnight(day + timedelta(days=1) if key == "until" else day, zone)
        found = datetime.fromisoformat(text)
    except ValueError:
        item.problems.add(item.place(key), f"“{text}” is no instant; write it like 2026-06-01T10:00:00+02:00.")
        return None
    return (found if found.tzinfo is not None else found.replace(tzinfo=zone)).astimezone(UTC)
