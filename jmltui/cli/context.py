"""What a command is given: where things are, who calls, where to print. Nothing is opened before it is asked for."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

from jmltui.errors import JmltuiError

if TYPE_CHECKING:
    from jmltui.config.identity import Actor
    from jmltui.config.places import Places


def utc_now() -> datetime:
    """The present instant, aware, in UTC."""
    return datetime.now(UTC)


@dataclass
class Context:
    """One run of the command line."""

    environ: Mapping[str, str]
    out: TextIO
    err: TextIO
    home: str | None = None
    json: bool = False
    clock: Callable[[], datetime] = utc_now
    _places: Places | None = field(default=None, repr=False)
    _actor: Actor | None = field(default=None, repr=False)

    @classmethod
    def of_process(cls, arguments: argparse.Namespace, actor: Actor | None = None, home: str | None = None) -> Context:
        """The context of this process and these arguments; `actor` is somebody of the practice company in `home`."""
        return cls(
            environ=os.environ,
            out=sys.stdout,
            err=sys.stderr,
            home=home or getattr(arguments, "home", None),
            json=bool(getattr(arguments, "json", False)),
            _actor=actor,
        )

    @property
    def places(self) -> Places:
        """Where settings and state are kept."""
        if self._places is None:
            from jmltui.config.places import Places

            environ = dict(self.environ)
            if self.home is not None:
                environ["JMLTUI_HOME"] = os.path.abspath(self.home)
            self._places = Places.from_environment(environ)
        return self._places

    @property
    def actor(self) -> Actor:
        """Who calls, from the kernel and never from the environment."""
        from jmltui.config.identity import current_actor

        return self._actor or current_actor()

    def guarded(self, command: Callable[[], int]) -> int:
        """Run a command; every error on purpose becomes one sentence on stderr and its exit code."""
        try:
            return command()
        except JmltuiError as error:
            self.complain(error)
            return error.exit_code
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 141
        except KeyboardInterrupt:
            self.err.write("\njmltui: stopped. What the worker has begun, it brings to its end.\n")
            return 130

    def complain(self, error: JmltuiError) -> None:
        """One error, cleaned for a terminal; as JSON when JSON was asked for."""
        from jmltui.domain.text import clean

        if self.json:
            self.print_json({"error": error.message, "hint": error.hint, "kind": type(error).__name__})
            return
        for line in str(error).splitlines():
            self.err.write(f"jmltui: {clean(line, limit=2000)}\n")

    def print_json(self, value: Any) -> None:
        """One JSON document on standard output; ASCII, so no byte of a source can reach the terminal raw."""
        import json

        json.dump(value, self.out, ensure_ascii=True, indent=2, default=str)
        self.out.write("\n")

    def say(self, text: str = "") -> None:
        """One line of our own words and cleaned data on standard output."""
        self.out.write(text + "\n")
