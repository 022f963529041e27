"""Tables of measured figures, kept equal to the rows in benchmarks/results.

What stands between ``<!-- benchmark NAME -->`` and ``<!-- /benchmark -->`` on a page is the table
`TABLES[NAME]`, and a line that says what it was measured with. `make generate` rewrites it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent.parent / "benchmarks" / "results"
NUMBER = re.compile(r"([-+]?[\d.]+(e[-+]?\d+)?%?)?")
MARK = re.compile(r"(<!-- benchmark (\w+) -->\n).*?(<!-- /benchmark -->)", re.DOTALL)

Row = Mapping[str, Any]
Rows = Sequence[Row]
Cell = Callable[[Row], str]


@dataclass(frozen=True)
class Table:
    """How rows of a results file are shown.

    Attributes:
        results: the file's name, without ``.json``.
        columns: title -> key of a row with a format, such as ``"wall:.2f"``, or a function.
        part: only rows with this value of their key ``"part"``.
        arrange: what makes the rows of the table from those of the file.
    """

    results: str
    columns: Mapping[str, str | Cell]
    part: str | None = None
    arrange: Callable[[Rows], Rows] = lambda rows: rows


def blocks_of(row: Row) -> str:
    """The blocks of a case of `overhead.py`: their size, and how many run."""
    size, _, front = row["case"].partition(":")
    return f"{size}, {row['block_ms']:.1f} ms, {front} of 57 run"


def one_line_each(rows: Rows) -> list[Row]:
    """One row for each encoder of `encoder_shares.py`, with what it holds of so many ranks."""
    lines: dict[str, dict[str, Any]] = {}
    for row in rows:
        held = f"{row['share']:.1%}"
        if row["sharing"] < row["ranks"]:
            held += f", over {row['sharing']}"
        lines.setdefault(row["encoder"], dict(row))[f"of {row['ranks']}"] = held
    return list(lines.values())


def frontier(rows: Rows) -> list[Row]:
    """Those that no other beats: fewer blocks computed, and a higher PSNR; cheapest first."""
    best: list[Row] = []
    for row in sorted(rows, key=lambda row: (row["share"], -row["psnr"])):
        if not best or row["psnr"] > best[-1]["psnr"]:
            best.append(row)
    return best


TABLES: dict[str, Table] = {
    "overhead": Table(
        results="overhead",
        columns={
            "blocks": blocks_of,
            "a reused step of": "subject",
            "Python calls": "python_calls",
            "C calls": "c_calls",
            "fastest step / bound": "times_bound:.2f",
            "above the bound, µs": "over_bound_us:.0f",
            "median / bound": "median_times_bound:.2f",
        },
        arrange=lambda rows: [row for row in rows if row["subject"] != "uncached"],
    ),
    "encoder_shares": Table(
        results="encoder_shares",
        columns={
            "encoder": lambda row: f"{row['encoder']} ({row['users']})",
            "weights, billions": lambda row: f"{row['numbers'] / 1e9:.1f}",
            "of 2 ranks": "of 2",
            "of 4": "of 4",
            "of 8": "of 8",
        },
        arrange=one_line_each,
    ),
    "context_methods": Table(
        results="context_parallel",
        part="methods",
        columns={
            "method": "method",
            "sent by a rank, in S d b": "sent:.3f",
            "wall-clock time": "wall:.2f",
            "processor time of a rank": "processor:.2f",
            "error": "error:.0e",
        },
    ),
    "context_overlap": Table(
        results="context_parallel",
        part="overlap",
        columns={
            "exchange / attention": "exchange",
            "turns": "turns",
            "time / attention": "time:.2f",
            "hidden": "hidden:.0%",
        },
    ),
    "context_projections": Table(
        results="context_parallel",
        part="projections",
        columns={
            "exchange / attention": "exchange",
            "hidden behind": "behind",
            "hidden": "hidden:.0%",
        },
    ),
    "context_bits": Table(
        results="context_parallel",
        part="eight_bits",
        columns={
            "in 8 bits": "sent",
            "written as": "written",
            "random": "random:.1%",
            "a channel of keys is large": "large_channel:.1%",
            "large in some tokens": "large_in_some:.1%",
            "PSNR, dB": "psnr:.1f",
        },
    ),
    "vae_parallel": Table(
        results="vae_parallel",
        columns={
            "decoded": "what",
            "over": "over",
            "/ untiled": "per_untiled:.2f",
            "/ tiled": "per_tiled:.2f",
            "/ output": "per_output:.2f",
            "largest share": "largest_share:.2f",
        },
    ),
}
"""What a page can show."""


def read(name: str, results: Path = RESULTS) -> dict[str, Any]:
    """The rows of a benchmark, and what they were measured with.

    Raises:
        FileNotFoundError: it has not been run.
    """
    found: dict[str, Any] = json.loads((results / f"{name}.json").read_text(encoding="utf-8"))
    return found


def with_tables(text: str, results: Path = RESULTS) -> str:
    """A page with all its tables as the results are now.

    Raises:
        ValueError: a table that nobody defines.
        FileNotFoundError: a table of a benchmark that has not been run.
    """

    def replace(match: re.Match[str]) -> str:
        if match[2] not in TABLES:
            raise ValueError(
                f"<!-- benchmark {match[2]} -->: there is no such table. "
                f"Those of tools/benchmark_tables.py are {', '.join(TABLES)}."
            )
        return f"{match[1]}\n{table(TABLES[match[2]], results)}\n{match[3]}"

    return MARK.sub(replace, text)


def table(shown: Table, results: Path = RESULTS) -> str:
    """A table in Markdown, and the line below it.

    Columns of numbers are aligned to the right. The first column says what changes, row by row.
    """
    document = read(shown.results, results)
    rows = [row for row in document["rows"] if shown.part in (None, row.get("part"))]
    cells = [[cell(row, each) for each in shown.columns.values()] for row in shown.arrange(rows)]
    numeric = [all(map(NUMBER.fullmatch, column)) for column in zip(*cells, strict=True)]
    rule = ["---:" if right else "---" for right in numeric]
    for above, line in reversed(list(pairwise(cells))):
        line[0] = "" if line[0] == above[0] else line[0]
    lines = [f"| {' | '.join(line)} |" for line in (list(shown.columns), rule, *cells)]
    return "\n".join([*lines, "", measured_with(document["ran"])]) + "\n"


def cell(row: Row, column: str | Cell) -> str:
    """What a column shows of a row: nothing for what the row lacks."""
    if callable(column):
        return column(row)
    key, _, form = column.partition(":")
    value = row.get(key)
    return "" if value is None else format(value, form)


def measured_with(ran: Mapping[str, Any]) -> str:
    """One sentence: the command, versions and cores."""
    return (
        f"Measured by `{ran['command']}` with Python {ran['python']}, torch {ran['torch']}, "
        f"diffusers {ran['diffusers']}, on {ran['processor']} with {ran['cores']} cores."
    )
