"""What the settings say to a description, held against what it asks for: parameters, secrets, own columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jmltui.adapter_api import Invalid, OptionValue, Setup
from jmltui.domain.nearest import did_you_mean
from jmltui.errors import Problem, SettingsError

if TYPE_CHECKING:
    from .description import Description
    from .expression import Expression


@dataclass(frozen=True, slots=True)
class Choices:
    """A description and what the settings say to it, checked."""

    setup: Setup
    description: Description
    base: str
    parameters: Mapping[str, str]
    secrets: Mapping[str, str]
    """The description's name of a secret → the reference that opens it."""
    columns: Mapping[str, Expression]
    private_network: bool
    ca_file: str | None

    @classmethod
    def of(cls, setup: Setup) -> Choices:
        """Read the description and check the settings against it. Raises SettingsError with every problem."""
        from .description import load

        options = setup.options
        description = load(str(options["description"]))
        size = int(str(options.get("page_size") or 0))
        if size:
            description = replace(description, limits=replace(description.limits, page_size=size))
        private = options.get("private_network") is True
        problems: list[Problem] = []
        parameters = _parameters(setup, description, problems)
        description = _in_one_way(setup, description, parameters, problems)
        found = cls(
            setup,
            description,
            "",
            parameters,
            _secrets(setup, description, problems),
            _columns(setup, description, problems),
            private,
            str(options["ca_file"]) if options.get("ca_file") else None,
        )
        base = "" if problems else _base(found, problems)
        if problems:
            raise SettingsError(problems)
        return replace(found, base=base)

    def map_of(self, name: str) -> Mapping[str, str]:
        """An option that is a table of texts."""
        return as_map(self.setup.options.get(name))


def as_map(value: OptionValue | None) -> dict[str, str]:
    """A table of texts."""
    return {str(k): str(v) for k, v in value.items()} if isinstance(value, Mapping) else {}


def _parameters(setup: Setup, description: Description, problems: list[Problem]) -> dict[str, str]:
    given, found = as_map(setup.options.get("parameters")), dict[str, str]()
    _no_others(setup, "parameters", given, description.parameters, problems)
    for name, parameter in description.parameters.items():
        value = given.get(name, parameter.default)
        if value is None:
            problems.append(_problem(setup, f"“parameters.{name}” is missing.", parameter.about))
        elif parameter.pattern is not None and not parameter.pattern.fullmatch(value):
            told = f"“parameters.{name}” is not of the form {parameter.pattern.pattern}."
            problems.append(_problem(setup, told, parameter.about))
        else:
            found[name] = value
    return found


def _in_one_way(
    setup: Setup, description: Description, parameters: Mapping[str, str], problems: list[Problem]
) -> Description:
    """The description with the way of authorization that the settings choose, and the secrets that this one needs."""
    auth = description.auth
    chosen = parameters.get(auth.choice)
    if not auth.ways or chosen is None:
        return description
    if chosen not in auth.ways:
        told = f"“parameters.{auth.choice}” must be {' or '.join(auth.ways)}, not “{chosen[:60]}”."
        problems.append(_problem(setup, told, did_you_mean(chosen, auth.ways)))
        return description
    auth = auth.ways[chosen]
    for name in sorted(auth.names):
        of, _, short = name.partition(".")
        if of == "parameters" and parameters.get(short) == "":
            told = f"“{name}” is missing, which {description.auth.choice} = “{chosen}” needs."
            problems.append(_problem(setup, told, description.parameters[short].about))
    needed = {name: about for name, about in description.secrets.items() if f"secrets.{name}" in auth.names}
    return replace(description, auth=auth, secrets=needed)


def _secrets(setup: Setup, description: Description, problems: list[Problem]) -> dict[str, str]:
    given = as_map(setup.options.get("secrets"))
    _no_others(setup, "secrets", given, description.secrets, problems)
    for name, about in description.secrets.items():
        if name not in given:
            told = f"“secrets.{name}” is missing, a secret reference such as env:NAME."
            problems.append(_problem(setup, told, about))
    return given


def _no_others(
    setup: Setup, option: str, given: Mapping[str, str], known: Mapping[str, object], problems: list[Problem]
) -> None:
    for name in given:
        if name not in known:
            told = f"“{option}.{name}” is not what the description asks for."
            problems.append(_problem(setup, told, did_you_mean(name, known)))


def _columns(setup: Setup, description: Description, problems: list[Problem]) -> dict[str, Expression]:
    from .expression import BadExpression, parse_expression

    given = as_map(setup.options.get("columns"))
    if given and description.people is None:
        problems.append(_problem(setup, "“columns” is for people, of whom the description has none."))
    found = {}
    for name, text in given.items():
        try:
            found[name] = parse_expression(text)
        except BadExpression as error:
            problems.append(_problem(setup, f"“columns.{name}”: {error}"))
    return found


def _base(choices: Choices, problems: list[Problem]) -> str:
    from .origin import checked_origin, origin_of

    named = choices.setup.options.get("base")
    values = {f"parameters.{name}": value for name, value in choices.parameters.items()}
    try:
        if named:
            return checked_origin(str(named), private_network=choices.private_network)
        if choices.description.base is not None:
            return origin_of(choices.description.base, values, private_network=choices.private_network)
    except Invalid as error:
        problems.append(_problem(choices.setup, error.message))
        return ""
    problems.append(_problem(choices.setup, "“base” is missing, the base address; the description has none."))
    return ""


def _problem(setup: Setup, message: str, hint: str = "") -> Problem:
    return Problem(setup.name, 0, 0, message, hint)
