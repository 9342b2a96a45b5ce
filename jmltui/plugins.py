"""Installed adapters, by entry point of the group `jmltui.adapters`. Three grains: names, the class, a
built adapter.

In-tree adapters are installed and found like everybody else's. A plug-in that cannot be loaded is a row
with its error; it stops nobody else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from jmltui.domain.nearest import did_you_mean
from jmltui.errors import JmltuiError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from jmltui.adapter_api.options import AdapterClass, Clock
    from jmltui.config.settings import Block

GROUP = "jmltui.adapters"
OWN = "jmltui"


class PluginError(JmltuiError):
    """An adapter that is not installed, cannot be imported, or is not an adapter."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Installed:
    """An adapter that is installed, known without importing it. `value` is `module:class`."""

    name: str
    version: str
    distribution: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Inspected:
    """An installed adapter after an attempt to load it: its class, or the sentence that says why not."""

    installed: Installed
    adapter: AdapterClass | None
    error: str = ""


def names() -> list[Installed]:
    """All installed adapters in the order of their names; imports none of them."""
    return [
        Installed(
            point.name,
            point.dist.version if point.dist else "",
            point.dist.name if point.dist else "",
            point.value,
        )
        for point in sorted(_points(), key=lambda point: point.name)
    ]


def stranger(kind: str) -> Installed | None:
    """The installed adapter of this kind where it came in a package other than jmltui; nothing of it is imported."""
    return next((one for one in names() if one.name == kind and one.distribution != OWN), None)


def load(kind: str) -> AdapterClass:
    """The adapter class of a kind. Raises PluginError."""
    points = [point for point in _points() if point.name == kind]
    if not points:
        known = [point.name for point in _points()]
        hint = did_you_mean(kind, known, kind="Installed") or "No adapter is installed at all: install jmltui again."
        raise PluginError(f"No adapter named “{kind}” is installed.", hint=hint)
    values = sorted({point.value for point in points})
    if len(values) > 1:
        owners = ", ".join(sorted(point.dist.name if point.dist else point.value for point in points))
        raise PluginError(
            f"Several packages install an adapter named “{kind}”: {owners}.", hint="Uninstall all but one."
        )
    return _load_point(points[0])


def inspect() -> list[Inspected]:
    """Every installed adapter with its class or its error."""
    rows = []
    for installed in names():
        try:
            rows.append(Inspected(installed, load(installed.name)))
        except PluginError as error:
            rows.append(Inspected(installed, None, str(error)))
    return rows


def build(block: Block, folder: Path, secret: Callable[[str], str], clock: Clock) -> object:
    """The adapter of a source or system of the settings, options checked; nothing is opened.

    `folder` is the settings file's. Raises PluginError and SettingsError.
    """
    from jmltui.adapter_api.errors import AdapterError
    from jmltui.adapter_api.options import Setup
    from jmltui.config.options import checked

    adapter_class = load(block.adapter)
    try:
        setup = Setup(block.name, checked(block, adapter_class.OPTIONS, folder), secret, clock)
        return adapter_class(setup)
    except (AdapterError, JmltuiError):
        raise
    except Exception as error:  # a stranger's adapter may raise anything
        told = f"The adapter “{block.adapter}” of {block.name} cannot be built: {type(error).__name__}: {error}."
        raise PluginError(told, hint="Ask its author; the other systems go on.") from error


def _points() -> list[EntryPoint]:
    from importlib.metadata import entry_points

    return list(entry_points(group=GROUP))


def _load_point(point: EntryPoint) -> AdapterClass:
    owner = f"The adapter “{point.name}”" + (f" of {point.dist.name}" if point.dist else "")
    try:
        found = point.load()
    except ModuleNotFoundError as error:
        extra = point.name in (point.dist.metadata.get_all("Provides-Extra") or () if point.dist else ())
        how = f"Install it: pip install '{point.dist.name}[{point.name}]'" if point.dist and extra else ""
        hint = how or "Install its missing parts or ask its author; `jmltui adapters` lists what is installed."
        raise PluginError(
            f"{owner} cannot be loaded: it needs “{error.name}”, which is not here.", hint=hint
        ) from error
    except (Exception, SystemExit) as error:  # a stranger's module may raise anything while it is imported
        hint = "Install its missing parts or ask its author; `jmltui adapters` lists what is installed."
        raise PluginError(f"{owner} cannot be loaded: {type(error).__name__}: {error}.", hint=hint) from error
    lacking = [name for name in ("kind", "OPTIONS", "EXERCISED_AGAINST") if not hasattr(found, name)]
    if not isinstance(found, type) or lacking:
        what = f"it lacks {', '.join(lacking)}" if lacking else "it is not a class"
        raise PluginError(f"{owner} is not an adapter: {what}.", hint="Ask its author to run the conformance suite.")
    wrong = _wrong(found)
    if wrong:
        raise PluginError(f"{owner} is not an adapter: {wrong}.", hint="Ask its author to run the conformance suite.")
    return cast("AdapterClass", found)


def _wrong(found: type) -> str:
    """What the class states of itself in a form that nobody can read, "" where it is in order."""
    from jmltui.adapter_api.options import Option

    for name in ("kind", "EXERCISED_AGAINST"):
        if not isinstance(getattr(found, name), str):
            return f"its {name} is no text"
    options = found.OPTIONS  # type: ignore[attr-defined]  # its presence was seen
    if not isinstance(options, list | tuple) or not all(isinstance(option, Option) for option in options):
        return "its OPTIONS are no sequence of Option"
    return ""
