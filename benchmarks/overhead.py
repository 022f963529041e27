"""What a reused step costs, beside the least that it could cost and beside others.

    python benchmarks/overhead.py [--peer PYTHON] [--json FILE] [--rounds N] [--cases tiny:1 ...]

The bound is the same model with only the blocks that a reused step has to run. All subjects are
measured in turns, a short burst of steps each, so that whatever else the machine does meets all of
them alike. Times are processor time of one thread; the fastest step of a burst counts, since others
can only slow one down. Printed are the fastest step of all, which is what an idle machine would
show, and the median over all rounds of the ratio within a round, which is what this one did. Calls
of functions are counted too: they are the same on every machine.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any, Protocol

from record import Row, save
from rich.console import Console
from rich.progress import track
from rich.table import Table
from subjects import SIZES, Calls, Subject

BURST = 5
SELDOM = 10  # a whole uncached step takes long: only in every tenth round


class Measured(Protocol):
    """A `Subject`, in this process or in another."""

    def burst(self, steps: int) -> list[int]:
        """Nanoseconds that each of several steps in a row takes."""

    def calls(self) -> Calls:
        """Counts the calls of one step."""


class Elsewhere:
    """A subject that lives in another interpreter, with another release of the package."""

    def __init__(self, python: str, kind: str, size: str, front: int) -> None:
        self._python = python
        script = Path(__file__).with_name("subjects.py")
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        self._process = subprocess.Popen(
            [python, str(script), "--serve", kind, "--size", size, "--front", str(front)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        self.version = self._answer()

    def burst(self, steps: int) -> list[int]:
        """Nanoseconds that each of several steps in a row takes."""
        return self._ask(steps)

    def calls(self) -> Calls:
        """Counts the calls of one step."""
        return Calls(**self._ask(0))

    def close(self) -> None:
        """End the other process."""
        self._process.communicate()

    def _ask(self, steps: int) -> Any:
        assert self._process.stdin is not None
        print(steps, file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self._python}: no answer. Is cache-dit installed for it?")
        return json.loads(line)


def measure(size: str, front: int, peer: str | None, rounds: int) -> dict[str, dict[str, Any]]:
    """Subject -> its figures, for blocks of one size of which the first ``front`` always run."""
    subjects: dict[str, Measured] = {
        "bound": Subject("bound", SIZES[size], front),
        "this package, static": Subject("static", SIZES[size], front),
        "this package, dynamic": Subject("dynamic", SIZES[size], front),
    }
    if front == 1:
        subjects["FirstBlockCache"] = Subject("first block cache", SIZES[size], front)
    others = []
    for kind in ("static", "dynamic") if peer else ():
        assert peer is not None
        others.append(Elsewhere(peer, kind, size, front))
        subjects[f"cache-dit {others[-1].version}, {kind}"] = others[-1]
    uncached = Subject("uncached", SIZES[size], front)
    bursts: dict[str, list[float]] = {name: [] for name in subjects}
    whole: list[int] = []
    for turn in track(range(rounds), description=f"{size}:{front}", transient=True):
        names = list(subjects)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            bursts[name].append(min(subjects[name].burst(BURST)))
        if turn % SELDOM == 0:
            whole += uncached.burst(1)
    bursts["uncached"] = [min(whole)] * rounds
    calls = {name: each.calls() for name, each in {**subjects, "uncached": uncached}.items()}
    for other in others:
        other.close()
    return {name: figures(times, bursts["bound"], calls[name]) for name, times in bursts.items()}


def figures(times: list[float], bound: list[float], calls: Calls) -> dict[str, Any]:
    """The fastest, and the median over the rounds of the ratio to the bound."""
    return {
        "ms": min(times) / 1e6,
        "times_bound": min(times) / min(bound),
        "over_bound_us": (min(times) - min(bound)) / 1e3,
        "median_times_bound": median(a / b for a, b in zip(times, bound, strict=True)),
        "python_calls": calls.python,
        "c_calls": calls.c,
        "blocks": calls.blocks,
    }


def block_ms(found: Mapping[str, Mapping[str, Any]]) -> float:
    """What one of the blocks takes that a reused step skips."""
    skipped = found["uncached"]["blocks"] - found["bound"]["blocks"]
    return (found["uncached"]["ms"] - found["bound"]["ms"]) / skipped


def table(case: str, found: Mapping[str, Mapping[str, Any]]) -> Table:
    """The figures of one case."""
    made = Table(title=f"One reused step of FLUX, {case}: {block_ms(found):.2f} ms a block")
    made.add_column("", no_wrap=True)
    for column in ("blocks", "calls", "C calls", "ms", "+ µs", "÷ bound", "median"):
        made.add_column(column, justify="right")
    for name, each in found.items():
        ours = "bold" if name.startswith("this package") else None
        made.add_row(
            name,
            str(each["blocks"]),
            str(each["python_calls"]),
            str(each["c_calls"]),
            f"{each['ms']:.3f}",
            f"{each['over_bound_us']:.0f}",
            f"{each['times_bound']:.3f}",
            f"{each['median_times_bound']:.3f}",
            style=ours,
        )
    return made


def rows(case: str, found: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """The figures of one case, a row for each subject."""
    about = {"case": case, "block_ms": block_ms(found)}
    return [{**about, "subject": subject, **each} for subject, each in found.items()]


def main() -> None:
    """Measure, print the tables, and write the figures to a file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer", help="interpreter of an environment with the public cache-dit")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--rounds", type=int, default=100, help="turns of each subject")
    parser.add_argument(
        "--cases",
        nargs="+",
        default=["tiny:1", "little:1", "small:1", "little:8"],
        help=f"SIZE:BLOCKS, a size ({', '.join(SIZES)}) and how many blocks run on a reused step",
    )
    chosen = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 100)
    if chosen.peer is None:
        console.print("Without the public cache-dit: no --peer was given (see README.md).")
    results: list[Row] = []
    for case in chosen.cases:
        size, _, front = case.partition(":")
        found = measure(size, int(front or 1), chosen.peer, chosen.rounds)
        console.print(table(case, found))
        results += rows(case, found)
    if chosen.json:
        save(chosen.json, results)


if __name__ == "__main__":
    main()
