"""The `attributes` section, the attributes that are there without it, and what a `match` may name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from jmltui.domain.nearest import did_you_mean
from jmltui.domain.person import ATTRIBUTES, PersonStatus, PersonType
from jmltui.domain.window import WEEKDAYS

from .expression import Declared, ValueType
from .fields import Fields, Where
from .model import Matcher, PolicyAttribute

if TYPE_CHECKING:
    from .known import Known

PERSON: Final = "person."
NOW: Final = "now."

_TYPES: Final[Mapping[str, ValueType]] = {
    "string": ValueType.STRING,
    "int": ValueType.INT,
    "bool": ValueType.BOOL,
    "timestamp": ValueType.TIMESTAMP,
    "list": ValueType.LIST,
}
_STANDARD_TYPES: Final = {"starts": "timestamp", "ends": "timestamp", "urgent": "bool"}
_STANDARD_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "type": tuple(kind.value for kind in PersonType),
    "status": tuple(status.value for status in PersonStatus),
}
_TRUTHS: Final = ("true", "false")
_FORM: Final = re.compile(r"[a-z][a-z0-9_]*\.[A-Za-z_][A-Za-z0-9_-]*")
_INTEGER: Final = re.compile(r"0|-?[1-9][0-9]{0,17}")


def _standard() -> Iterator[PolicyAttribute]:
    for name in ("key", *ATTRIBUTES):
        kind = _STANDARD_TYPES.get(name, "string")
        yield PolicyAttribute(name, _STANDARD_VALUES.get(name, ()), "", kind, nullable=kind == "timestamp")
    yield PolicyAttribute("now.hour", (), "", "int")
    yield PolicyAttribute("now.weekday", WEEKDAYS, "")


STANDARD: Final[Mapping[str, PolicyAttribute]] = {attribute.name: attribute for attribute in _standard()}
"""What every person has, and the hour and weekday where the person is, by their names in the model."""


def full_name(name: str) -> str:
    """An attribute's name as a policy writes it: `person.` before what has no other prefix."""
    return name if "." in name else PERSON + name


def declared(attributes: Mapping[str, PolicyAttribute]) -> dict[str, Declared]:
    """All names that an expression may use, with their types: the folder's own and those always there."""
    return {
        full_name(name): Declared(_TYPES[a.type], nullable=a.nullable, values=a.values)
        for name, a in {**STANDARD, **attributes}.items()
    }


def read_attributes(section: Fields, known: Known) -> None:
    """Read one `attributes` section into what is known."""
    for name, node in section.nodes.items():
        where = section.key_place(name)
        item = Fields(node, section.file, section.problems, f"the attribute {name}")
        attribute = _attribute(name, item, where)
        if attribute is not None and known.is_first("attribute", attribute.name, where):
            known.attributes[attribute.name] = attribute


def _attribute(name: str, item: Fields, where: Where) -> PolicyAttribute | None:
    item.only(("type", "nullable", "values"))
    bare = name.removeprefix(PERSON)
    standard = STANDARD.get(bare) if name == full_name(bare) else None
    kind = item.choice("type", _TYPES, standard.type if standard else "string")
    values = tuple(dict.fromkeys(value for value, _ in item.texts("values")))
    nullable = item.truth("nullable", False)
    if not _FORM.fullmatch(name):
        hint = f"Write person.{name}." if _FORM.fullmatch(PERSON + name) else "A name is like person.floor."
        item.problems.add(where, f"“{name}” is no name of an attribute.", hint)
        return None
    if standard is None and name.startswith(NOW):
        hint = did_you_mean(name, [n for n in STANDARD if n.startswith(NOW)])
        item.problems.add(where, f"“{name}” is not known; there are only now.hour and now.weekday.", hint)
        return None
    if standard is not None and kind != standard.type:
        item.problems.add(item.place("type"), f"“{name}” is a {standard.type} for every person, not a {kind}.")
        return None
    if "values" in item.nodes:
        _check_values(item, kind, standard.values if standard else ())
    if standard is not None:
        nullable, values = nullable or standard.nullable, values or standard.values
    return PolicyAttribute(bare, values, str(where), kind, nullable)


def _check_values(item: Fields, kind: str, within: tuple[str, ...]) -> None:
    values = item.texts("values")
    if kind == "timestamp":
        item.problems.add(item.place("values"), "A timestamp has no list of values.")
    elif not values:
        item.problems.add(item.place("values"), "“values” lists nothing; leave it out where any value is good.")
    for value, where in values:
        if within and value not in within:
            item.problems.add(where, f"“{value}” is no value of {item.what}.", did_you_mean(value, within))
        elif not _fits(value, kind):
            item.problems.add(where, f"“{value}” is no {kind}.")


def _fits(value: str, kind: str) -> bool:
    if kind == "bool":
        return value in _TRUTHS
    return kind != "int" or bool(_INTEGER.fullmatch(value))


def read_match(match: Fields, known: Known) -> tuple[Matcher, ...]:
    """The matchers of a `match`, with their attributes and values checked."""
    return tuple(_matchers(match, known))


def _matchers(match: Fields, known: Known) -> Iterator[Matcher]:
    seen: set[str] = set()
    for key, node in match.nodes.items():
        place = match.key_place(key)
        values = match.texts(key)
        if not values and node.is_list:
            match.problems.add(match.place(key), f"“{key}” lists no value, so it could never match.")
        attribute = known_attribute(key, place, known)
        if key.startswith(NOW):
            hint = f"Write a condition: when: {key} == …"
            match.problems.add(place, f"“{key}” is no attribute of a person, so a match cannot name it.", hint)
        elif attribute is not None:
            _check_matched(attribute, key, values, match)
        bare = key.removeprefix(PERSON)
        if bare not in seen:
            yield Matcher(bare, tuple(dict.fromkeys(value for value, _ in values)), str(place))
        seen.add(bare)


def known_attribute(name: str, where: Where, known: Known, kind: str = "") -> PolicyAttribute | None:
    """The attribute of a full name; a problem and None where there is none. `kind` is the type it should have."""
    bare = name.removeprefix(PERSON)
    attribute = known.attributes.get(bare) or STANDARD.get(bare)
    if attribute is not None and name == full_name(bare):
        return attribute
    if not known.complete:
        return None
    if attribute is not None:
        hint = f"Write {full_name(bare)}."
    else:
        full = name if "." in name else PERSON + name
        names = [n for n, one in known.declared.items() if kind in ("", one.type.value)]
        near = known.near(f"{kind} attribute", full, names)
        more = f"{full}: {{type: {kind or 'string'}}}"
        hint = f"{near} A further column of a source is declared under attributes: {more}."
    known.problems.add(where, f"“{name}” is not known.", hint.strip())
    return None


def _check_matched(attribute: PolicyAttribute, key: str, values: Iterable[tuple[str, Where]], match: Fields) -> None:
    valid = attribute.values or {"bool": _TRUTHS}.get(attribute.type, ())
    for value, where in values:
        if (valid and value not in valid) or not _fits(value, attribute.type):
            match.problems.add(where, f"“{value}” is no value of {key}.", did_you_mean(value, valid))
