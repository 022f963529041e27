"""One table in Markdown, made from the rows of a file in benchmarks/results."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, pairwise
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent.parent / "benchmarks" / "results"
NUMBER = re.compile(r"([-+]?[\d.]+(e[-+]?\d+)?%?)?")

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


def read(name: str, results: Path = RESULTS) -> dict[str, Any]:
    """The rows of a benchmark, and what they were measured with, where that matters.

    Raises:
        FileNotFoundError: it has not been run.
    """
    found: Any = json.loads((results / f"{name}.json").read_text(encoding="utf-8"))
    return found if isinstance(found, dict) else {"rows": found}


def table(shown: Table, results: Path = RESULTS) -> str:
    """A table in Markdown, and the line below it.

    Columns of numbers are aligned to the right, and those that are empty left out. The first column
    says what changes, row by row.
    """
    document = read(shown.results, results)
    rows = [row for row in document["rows"] if shown.part in (None, row.get("part"))]
    cells = [[cell(row, each) for each in shown.columns.values()] for row in shown.arrange(rows)]
    filled = [any(column) for column in zip(*cells, strict=True)]
    cells = [list(compress(line, filled)) for line in cells]
    numeric = [all(map(NUMBER.fullmatch, column)) for column in zip(*cells, strict=True)]
    rule = ["---:" if right else "---" for right in numeric]
    for above, line in reversed(list(pairwise(cells))):
        line[0] = "" if line[0] == above[0] else line[0]
    lines = [f"| {' | '.join(line)} |" for line in (compress(shown.columns, filled), rule, *cells)]
    below = ["", measured_with(document["ran"])] if "ran" in document else []
    return "\n".join([*lines, *below]) + "\n"


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
