"""Context parallelism: bytes, time and error by method; what overlapping hides; 8 bits.

    python benchmarks/context_parallel.py [--parts PART ...] [--json FILE]

``methods``: every rank has one thread. A method and one process are timed in turn, and reported as
ratios: the wall-clock time of the slowest rank, and the processor time of the busiest. On an idle
machine with a core for each rank, the first is what users wait for. The second also tells something
on a busy machine: what a rank computes and copies, without what it waits.

``overlap``: one rank computes, and the link to the other is simulated (see `link`): with and
without ``ulysses_async``, for links that are faster and slower than the attention.

``projections``: the same for a layer of FLUX.1, beside ways that send v, q and k as they come.

``eight_bits``: what ``ulysses_float8`` costs, and what other ways to write 8 bits would.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from context_bits import eight_bits
from context_methods import METHODS, methods
from context_overlap import overlap
from context_projections import projections
from record import Row, save

PARTS: dict[str, Callable[[argparse.Namespace], Iterator[Row]]] = {
    "methods": methods,
    "overlap": overlap,
    "projections": projections,
    "eight_bits": eight_bits,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", choices=list(PARTS), nargs="*", default=list(PARTS))
    parser.add_argument("--tokens", type=int, default=4096)
    parser.add_argument("--heads", type=int, default=8)
    parser.add_argument("--width", type=int, default=64, help="of one head")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--ranks", type=int, nargs="*", default=list(METHODS), help="of methods")
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    options = parser.parse_args()
    print(f"{options.tokens} tokens, {options.heads} heads of {options.width}, float32")
    rows = []
    for part in options.parts:
        heading = ""
        for row in PARTS[part](options):
            if not heading:
                heading = f"\n| {' | '.join(row)} |\n|{' --- |' * len(row)}"
                print(heading)
            print(f"| {' | '.join(map(_cell, row.values()))} |", flush=True)
            rows.append({"part": part, **row})
    if options.json:
        save(options.json, rows)


def _cell(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else "" if value is None else str(value)


if __name__ == "__main__":
    main()
