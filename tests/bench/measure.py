"""Running both sides of a comparison in fresh processes, in turn, and saying how they compare."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Side = Callable[[str], Mapping[str, float]]
"""One side of a comparison: takes a private folder, returns its figures; `seconds` is the one that is compared."""


class Stopwatch:
    """Adds up the wall and processor time of what runs inside `with`."""

    def __init__(self) -> None:
        self.wall = 0.0
        self.cpu = 0.0

    def __enter__(self) -> Stopwatch:
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall += time.perf_counter() - self._wall
        self.cpu += time.process_time() - self._cpu


def peak_megabytes() -> float:
    """The largest resident size of this process so far; unlike `getrusage`, nothing of the parent's is in it."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


@dataclass
class Comparison:
    """A product's figure against a bare counterpart's, as a ratio that must not exceed `target`."""

    title: str
    product: Side
    bare: Side
    target: float
    rounds: int = 3
    prepare: Callable[[str], None] | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    """Absolute limits on figures of the product, by name."""

    def main(self, module: str) -> None:
        """Be one side when told so by the arguments, else run both and print; exit 1 when the target is missed."""
        if len(sys.argv) == 3:
            side = {"product": self.product, "bare": self.bare}[sys.argv[1]]
            print(json.dumps(dict(side(sys.argv[2]))))
            return
        sys.exit(0 if self._run(module) else 1)

    def _run(self, module: str) -> bool:
        print(f"{self.title}")
        ratios, worst = [], dict.fromkeys(self.limits, 0.0)
        with tempfile.TemporaryDirectory(prefix="jmltui-bench-") as folder:
            if self.prepare is not None:
                self.prepare(folder)
            for number in range(1, self.rounds + 1):
                bare, product = (_in_process(module, side, folder) for side in ("bare", "product"))
                ratios.append(product["seconds"] / bare["seconds"])
                worst = {name: max(value, product[name]) for name, value in worst.items()}
                print(f"  round {number}: bare {_told(bare)}; product {_told(product)}; ratio {ratios[-1]:.2f}")
        ratio = statistics.median(ratios)
        good = ratio <= self.target
        print(f"  ratio {ratio:.2f} (median of {self.rounds}), target {self.target:.2f}: {_verdict(good)}")
        for name, limit in self.limits.items():
            good = good and worst[name] <= limit
            print(f"  {name} {worst[name]:.0f}, target {limit:.0f}: {_verdict(worst[name] <= limit)}")
        return good


def _in_process(module: str, side: str, folder: str) -> dict[str, float]:
    command = [sys.executable, "-m", module, side, folder]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _told(figures: Mapping[str, float]) -> str:
    more = "".join(f", {name} {value:.0f}" for name, value in figures.items() if name != "seconds")
    return f"{figures['seconds']:.3f} s{more}"


def _verdict(good: bool) -> str:
    return "pass" if good else "FAIL"
