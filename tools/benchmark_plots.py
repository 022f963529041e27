"""Plots of measured figures, kept equal to the rows in benchmarks/results.

A plot carries the digest of what it was drawn from, its rows and the code that draws it, so that a
test can tell whether it is current with any version of matplotlib. Drawn twice by one version, it
is the same to the byte.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from benchmark_table import RESULTS, Rows, read
from plot_overhead import draw_overhead
from plot_overlap import draw_overlap
from plot_quality import draw_quality

SETTINGS: Any = {"svg.hashsalt": "cache-dit", "svg.fonttype": "path", "font.family": "DejaVu Sans"}
DIGEST = re.compile(r"drawn from ([0-9a-f]{64})")


@dataclass(frozen=True)
class Plot:
    """A file's name without ``.json``, and what draws its rows."""

    results: str
    draw: Callable[[Rows], Figure]


PLOTS: Mapping[str, Plot] = {
    "images/quality.svg": Plot("quality", draw_quality),
    "images/overlap.svg": Plot("context_parallel", draw_overlap),
    "images/overhead.svg": Plot("overhead", draw_overhead),
}
"""Path under docs -> plot."""


def stale_plots(directory: Path, results: Path = RESULTS) -> dict[Path, str]:
    """The plots that are missing or drawn from something else, as they should be."""
    return {
        directory / name: rendered(plot, results)
        for name, plot in PLOTS.items()
        if drawn_from(directory / name) != digest(plot, results)
    }


def drawn_from(path: Path) -> str:
    """The digest that a plot carries; empty for none."""
    found = DIGEST.search(path.read_text(encoding="utf-8")) if path.is_file() else None
    return found[1] if found else ""


def digest(plot: Plot, results: Path = RESULTS) -> str:
    """Of the rows, and of the code that draws them."""
    rows = json.dumps(read(plot.results, results)["rows"], sort_keys=True)
    code = plot.draw.__globals__["__file__"]
    whole = rows + Path(code).read_text(encoding="utf-8")
    return hashlib.sha256(whole.encode()).hexdigest()


def rendered(plot: Plot, results: Path = RESULTS) -> str:
    """The plot as SVG."""
    with matplotlib.rc_context(SETTINGS):
        figure = plot.draw(read(plot.results, results)["rows"])
        text = io.StringIO()
        description = f"drawn from {digest(plot, results)}"
        about = {"Date": None, "Creator": None, "Description": description}
        figure.savefig(text, format="svg", metadata=about)
    return re.sub(r"[ \t]+$", "", text.getvalue(), flags=re.MULTILINE)
