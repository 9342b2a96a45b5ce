"""A source's or system's options against what its adapter declares: types, choices, required ones, secret
references.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from jmltui.adapter_api.options import Option, OptionType, OptionValue
from jmltui.domain.nearest import did_you_mean
from jmltui.errors import Problem, SecretError, SettingsError

from .settings import Block
from .table import is_of, word_for

_TYPES: Final[Mapping[OptionType, tuple[type, str]]] = {
    OptionType.TEXT: (str, "a text"),
    OptionType.URL: (str, "an address in quotes"),
    OptionType.PATH: (str, "a path in quotes"),
    OptionType.INTEGER: (int, "a whole number"),
    OptionType.NUMBER: (float, "a number"),
    OptionType.BOOLEAN: (bool, "true or false"),
    OptionType.LIST: (list, "a list of texts"),
    OptionType.MAP: (dict, "a table of texts"),
    OptionType.SECRET: (str, "a secret reference in quotes"),
}


def checked(block: Block, declared: Sequence[Option], folder: Path) -> dict[str, OptionValue]:
    """The options with defaults filled in and relative paths made absolute.

    Raises SettingsError with all problems.
    """
    problems = option_problems(block, declared)
    if problems:
        raise SettingsError(problems)
    values: dict[str, OptionValue] = {}
    for option in declared:
        value = block.options.get(option.name, option.default)
        if value is not None:
            values[option.name] = _converted(option, value, folder)
    return values


def option_problems(block: Block, declared: Sequence[Option]) -> list[Problem]:
    """Everything that is wrong with the options of one block."""
    by_name = {option.name: option for option in declared}
    problems = []
    for key, value in block.options.items():
        option = by_name.get(key)
        if option is None:
            problems.append(_unknown(block, key, by_name))
        else:
            message, hint, inner = _wrong(option, value)
            if message:
                problems.append(block.place.problem(f"{key}.{inner}" if inner else key, message, hint))
    for option in declared:
        if option.required and option.name not in block.options:
            message = f"[{'.'.join(block.place.path)}] lacks “{option.name}”, which the adapter {block.adapter} needs."
            problems.append(block.place.problem("", message, option.help))
    return problems


def _unknown(block: Block, key: str, by_name: Mapping[str, Option]) -> Problem:
    shared = ("adapter", "every", "deadline")
    own = (
        ("absent",)
        if block.place.path[:1] == ("sources",)
        else ("login", "attributes", "max_parallel", "rate_per_second")
    )
    message = f"“{key}” is not known to the adapter {block.adapter}."
    return block.place.problem(key, message, did_you_mean(key, [*by_name, *shared, *own]))


def _wrong(option: Option, value: object) -> tuple[str, str, str]:
    """(message, hint, key within) for a wrong value; empty message when it is right.

    Never repeats a secret.
    """
    kind, words = _TYPES[option.type]
    if not is_of(value, kind):
        return f"“{option.name}” must be {words}, not {word_for(value)}.", option.help, ""
    if option.type is OptionType.SECRET:
        return _wrong_secret(option, str(value))
    if isinstance(value, (list, dict)):
        members = value.items() if isinstance(value, dict) else ((str(i), v) for i, v in enumerate(value))
        for key, member in members:
            if not isinstance(member, str):
                return f"“{option.name}” must be {words}; this is {word_for(member)}.", option.help, key
    if option.type is OptionType.URL and "://" not in str(value):
        return f"“{option.name}” must be an address such as https://host/path.", option.help, ""
    if option.choices and value not in option.choices:
        return (
            f"“{value}” is none of {', '.join(option.choices)}.",
            did_you_mean(str(value), option.choices),
            "",
        )
    return "", "", ""


def _wrong_secret(option: Option, value: str) -> tuple[str, str, str]:
    from .secrets import parse_reference

    try:
        parse_reference(value)
    except SecretError as error:
        return f"“{option.name}”: {error.message}", error.hint, ""
    return "", "", ""


def _converted(option: Option, value: object, folder: Path) -> OptionValue:
    if option.type is OptionType.PATH:
        return str(folder / Path(str(value)).expanduser())
    if option.type is OptionType.NUMBER and isinstance(value, int):
        return float(value)
    return value  # type: ignore[return-value]  # its type was checked against the option's
