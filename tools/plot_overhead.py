"""What a reused step costs, over its bound, for blocks of several sizes."""

from __future__ import annotations

from matplotlib.figure import Figure

from benchmark_table import Rows
from benchmark_tables import blocks_of
from plot_style import AMBER, BLUE, GREEN, GREY, RED, plain_axes

LIMIT = 1.05  # what we aim at for blocks of a millisecond and more
COLOURS = {"this package": BLUE, "FirstBlockCache": AMBER, "cache-dit": RED}


def draw_overhead(rows: Rows) -> Figure:
    """A line for each kind of blocks, a mark for each subject."""
    cases = list(dict.fromkeys(row["case"] for row in rows))
    names = {row["case"]: blocks_of(row) for row in rows}
    others = [row for row in rows if row["subject"] not in ("bound", "uncached")]
    figure = Figure(figsize=(9, 1.2 + 0.8 * len(cases)), facecolor="white", layout="constrained")
    axes = plain_axes(figure, "processor time of a reused step, in that of the bound (median)", "")
    for value, name, colour in ((1.0, "bound", GREY), (LIMIT, "5% above", GREEN)):
        axes.axvline(value, color=colour, lw=1.4)
        axes.annotate(name, (value, -0.45), (4, 0), textcoords="offset points", color=colour)
    subjects = list(dict.fromkeys(row["subject"] for row in others))
    for subject in subjects:
        own = [row for row in others if row["subject"] == subject]
        family = next(each for each in COLOURS if subject.startswith(each))
        dynamic = subject.endswith("dynamic")
        axes.scatter(
            [row["median_times_bound"] for row in own],
            [cases.index(row["case"]) for row in own],
            s=52,
            marker="D" if dynamic else "o",
            facecolors="white" if dynamic else COLOURS[family],
            edgecolors=COLOURS[family],
            linewidths=1.4,
            label=subject,
            zorder=3,
        )
    axes.set_yticks(range(len(cases)), [names[case] for case in cases])
    axes.set_ylim(len(cases) - 0.5, -0.5)
    axes.legend(loc="lower right", frameon=False, fontsize=8.5)
    return figure
