"""Tables of measured figures, kept equal to the rows in benchmarks/results.

What stands between ``<!-- benchmark NAME -->`` and ``<!-- /benchmark -->`` on a page is the table
`TABLES[NAME]`, and a line that says what it was measured with. `make generate` rewrites it.
"""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import shorten
from typing import Any

from benchmark_table import RESULTS, Cell, Row, Rows, Table, table
from quality_rows import (
    FIGURES,
    PREDICTORS,
    SETTING,
    advised,
    by_predictor,
    frontier,
)

MARK = re.compile(r"(<!-- benchmark (\w+) -->\n).*?(<!-- /benchmark -->)", re.DOTALL)


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


def shares(rows: Rows) -> list[Row]:
    """One row for each axis of `new_model_share.py`: how many models passed, of how many."""
    lines: list[Row] = []
    for axis in dict.fromkeys(row["axis"] for row in rows):
        passed = [row.get("ok", not row.get("reason")) for row in rows if row["axis"] == axis]
        count, share = len(passed), sum(passed) / len(passed)
        lines.append({"axis": axis, "passed": sum(passed), "count": count, "share": share})
    return lines


def yes_or_no(key: str) -> Cell:
    """The column of a truth value."""
    return lambda row: "yes" if row[key] else "no"


TABLES: dict[str, Table] = {
    "quality_advice": Table(
        "quality", {"for": "purpose", **SETTING, **FIGURES}, part="long", arrange=advised
    ),
    "quality_predictors": Table(
        "quality",
        {"threshold": "threshold", **{name: name for name in PREDICTORS}},
        part="long",
        arrange=by_predictor,
    ),
    "quality_best": Table("quality", {**SETTING, **FIGURES}, part="long", arrange=frontier),
    "quality_short": Table("quality", {**SETTING, **FIGURES}, part="short"),
    "quality_all": Table("quality", {**SETTING, **FIGURES}, part="long"),
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
    "new_model_share": Table(
        results="new_model_share",
        columns={"axis": "axis", "passed": "passed", "of": "count", "share": "share:.0%"},
        arrange=shares,
    ),
    "tensor_parallel": Table(
        results="tensor_parallel",
        part="model",
        columns={
            "ranks": "ranks",
            "exchanges": "exchanges",
            "S d b sent by a rank": "sent:.2f",
            "weights held": "share:.3f",
            "wall-clock time": "wall:.2f",
            "processor time": "processor:.2f",
            "error": "error:.0e",
        },
    ),
    "tensor_layers": Table(
        results="tensor_parallel",
        part="layers",
        columns={"two layers kept as": "parts", "processor time": "processor:.1f"},
    ),
    "tensor_compiled": Table(
        results="tensor_parallel",
        part="compiled",
        columns={
            "three blocks kept as": "parts",
            "graphs": "graphs",
            "graph breaks": "graph_breaks",
            "two more lengths": "other_lengths",
            "graphs then": "graphs_then",
            "processor time": "processor:.2f",
            "error": "error:.0e",
        },
    ),
    "tensor_quantized": Table(
        results="tensor_parallel",
        part="quantized",
        columns={
            "in 8 bits by": "by",
            "order": "order",
            "parts": "parts",
            "outcome": lambda row: shorten(row["outcome"], 80, placeholder=" ..."),
            "off from the whole, quantized": "error:.0e",
            "which is off by": "rounding:.0e",
        },
    ),
    "tensor_state": Table(
        results="tensor_parallel",
        part="state",
        columns={
            "block kept as": "parts",
            "lines": "lines",
            "exchanges": "exchanges",
            "sent by a rank / bytes of weights": "sent:.2f",
            "the same weights": yes_or_no("same"),
            "state_dict() has ordinary tensors": yes_or_no("ordinary"),
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


def with_tables(text: str, results: Path = RESULTS) -> str:
    """A page with all its tables as the results are now.

    What has not been measured yet stays as it stands on the page.

    Raises:
        ValueError: a table that nobody defines.
    """

    def replace(match: re.Match[str]) -> str:
        if match[2] not in TABLES:
            raise ValueError(
                f"<!-- benchmark {match[2]} -->: there is no such table. "
                f"Those of tools/benchmark_tables.py are {', '.join(TABLES)}."
            )
        if not (results / f"{TABLES[match[2]].results}.json").is_file():
            return match[0]
        return f"{match[1]}\n{table(TABLES[match[2]], results)}\n{match[3]}"

    return MARK.sub(replace, text)
