"""Systems: health, counts, what waits, what each can do and how it can be proved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from textual.widget import Widget

from jmltui import plugins
from jmltui.ui import times
from jmltui.ui.actions import SYSTEMS
from jmltui.ui.case_text import ACTION_WORDS, PROOFS
from jmltui.ui.lines import Line, heading, line
from jmltui.ui.text import cell, show, wrap
from jmltui.ui.widgets.line_list import LineList
from jmltui.ui.widgets.row_view import RowView

from .base import BaseScreen
from .dialogs import Confirm

STATE_STYLES = {"good": "good", "ok": "good", "stopped": "bad", "failed": "bad"}


class SystemsScreen(BaseScreen):
    """Every system and source; what the one under the cursor can do."""

    ACTIONS = SYSTEMS
    PLACE = "systems"
    NAME = "Systems"

    def __init__(self) -> None:
        super().__init__()
        self.systems: dict[str, dict[str, Any]] = {}

    def body(self) -> Iterable[Widget]:
        """List and detail."""
        yield LineList(id="systems", cursor_sign=self.dashboard.glyphs.cursor)
        yield LineList(id="rule", cursor=False)
        yield LineList(id="detail", cursor=False)

    def start(self) -> None:
        """Read them."""
        self.query_one("#rule").styles.height = 1
        self.query_one("#systems").focus()
        self.show_systems(top=True)

    def resized(self) -> None:
        """Lay the lines out for another width."""
        if self.systems:
            self.show_systems()

    def changed(self, refs: set[tuple[str, str]]) -> None:
        """A sync, or the worker."""
        del refs
        self.show_systems()

    def show_systems(self, *, top: bool = False) -> None:
        """Draw what was read."""
        board = self.dashboard.board
        self.systems = {system["name"]: system for system in board.systems()}
        lines = system_lines(list(self.systems.values()), board.sources())
        table = self.query_one("#systems", LineList)
        table.styles.height = max(3, min(len(lines), (self.app.size.height - 4) // 2))
        table.set_lines(lines, top=top)
        stopped = [name for name, system in self.systems.items() if system["stopped"]]
        if stopped:
            self.say(f"Stopped until a person lets it go on (g): {', '.join(show(name) for name in stopped)}.", "bad")
        elif not self.systems:
            self.say("No system has been read yet. S reads them all.")
        else:
            self.say(f"{len(self.systems)} systems. S reads them all again.")
        self.show_detail()

    def on_row_view_moved(self, message: RowView.Moved) -> None:
        """Another system."""
        if message.view.id == "systems":
            self.show_detail()
            self.show_keys()

    def show_detail(self) -> None:
        """What the system under the cursor can do."""
        system = self.systems.get(self.query_one("#systems", LineList).key)
        self.query_one("#rule", LineList).set_lines([self.rule(show(system["name"]) if system else "Detail")])
        lines = detail_lines(system, self.app.size.width - 2) if system else []
        self.query_one("#detail", LineList).set_lines(lines, top=True)

    def why_not(self, name: str) -> str:
        """Only a stopped system can go on."""
        if name == "go_on":
            system = self.systems.get(self.query_one("#systems", LineList).key)
            if system is None or not system["stopped"]:
                return "This system is not stopped."
        return ""

    def do_sync(self) -> None:
        """Read sources and systems."""
        self.request(self.dashboard.desk.sync, "Reading the sources and systems; what changes appears here.")

    def do_go_on(self) -> None:
        """Let it go on."""
        name = self.query_one("#systems", LineList).key

        def decided(value: str | None) -> None:
            if value:
                self.request(lambda: self.dashboard.desk.go_on(name), f"{show(name)} may go on.")

        text = [f"{show(name)} was stopped: {show(self.systems[name]['reason'])}", "Is it put right?"]
        self.app.push_screen(Confirm("Let it go on", text, [("yes", "Go on")]), decided)


def system_lines(systems: list[dict[str, Any]], sources: list[dict[str, Any]]) -> list[Line]:
    """One line per system, then per source."""
    heads = [cell("SYSTEM", 14), cell("ADAPTER", 9), cell("STATE", 8), cell("ACCOUNTS", 9), cell("GRANTS", 9)]
    lines = [heading(" ".join([*heads, cell("LAST READ", 12), "WAITING"]))]
    for system in systems:
        state = "stopped" if system["stopped"] else str(system["state"])
        waiting = sum(system["waiting"].values())
        parts = [cell(system["name"], 14), cell(system["kind"], 9)]
        counts = [cell(f"{system['accounts']:,}", 9), cell(f"{system['grants']:,}", 9)]
        counts += [cell(times.stamp(system["last_good"]), 12), str(waiting) if waiting else ""]
        style = STATE_STYLES.get(state, "warn")
        spans = (" ".join(parts) + " ", (cell(state, 8), style), " " + " ".join(counts))
        lines.append(line(*spans, key=str(system["name"])))
    heads = [cell("SOURCE", 14), cell("ADAPTER", 9), cell("STATE", 8), cell("PEOPLE", 9), "LAST READ"]
    lines += [line(""), heading(" ".join(heads))]
    for source in sources:
        state = str(source["state"])
        bad = f"  {source['quarantined']} rows in quarantine" if source["quarantined"] else ""
        parts = [cell(source["name"], 14), cell(source["kind"], 9)]
        told = f" {cell(format(source['rows'], ','), 9)} {times.stamp(source['last_good'])}"
        error = f"  {show(source['error'])}" if source["error"] else ""
        lines.append(
            line(" ".join(parts) + " ", (cell(state, 8), STATE_STYLES.get(state, "warn")), told, (bad + error, "warn"))
        )
    return lines


def detail_lines(system: Mapping[str, Any], width: int) -> list[Line]:
    """Trouble first, then what waits, then capabilities with their proof."""
    lines: list[Line] = []
    if system["stopped"]:
        lines += [line((part, "bad")) for part in wrap(f"Stopped: {system['reason']}", width)]
    if system["error"]:
        lines += [line((part, "warn")) for part in wrap(f"Last trouble: {system['error']}", width)]
    if system["wait_until"]:
        told = f"Nothing is done before {times.stamp(system['wait_until'])}: {system['reason']}"
        lines += [line((part, "warn")) for part in wrap(told, width)]
    waiting = [f"{count} {ACTION_WORDS.get(state, state)}" for state, count in sorted(system["waiting"].items())]
    if waiting:
        lines += [line(part) for part in wrap("Waiting: " + ", ".join(waiting), width)]
    origin = plugins.stranger(str(system["kind"]))
    if origin is not None:
        told = f"Its adapter {origin.name} is of the package {origin.distribution} {origin.version}, not of jmltui."
        lines += [line(part) for part in wrap(told, width)]
    read = f"Read in {system['seconds']:.1f} s; {system['entitlements']:,} entitlements"
    told = f"{read}. Exercised against: {system['exercised_against'] or 'nothing yet'}"
    lines += [line(part) for part in wrap(told, width)]
    lines.append(heading(f"{cell('CAN', 20)} PROVED BY"))
    for name, support in sorted(system["capabilities"].items()):
        proof = support["proof"] if isinstance(support, Mapping) else support
        style = "warn" if proof == "none" else ""
        lines.append(line(f"{cell(name, 20)} ", (PROOFS.get(str(proof), show(proof)), style)))
    return lines
