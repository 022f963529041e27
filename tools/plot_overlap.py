"""How much longer an attention over ranks takes than its computing, by how long messages take."""

from __future__ import annotations

from matplotlib.figure import Figure

from benchmark_table import Rows
from plot_style import AMBER, BLUE, GREY, plain_axes

COLOURS = {1: GREY, 2: AMBER, 4: BLUE}
NAMES = {1: "one after the other", 2: "in 2 turns", 4: "in 4 turns (ulysses_async)"}


def draw_overlap(rows: Rows) -> Figure:
    """A line for each number of turns in which heads travel while others are attended to."""
    figure = Figure(figsize=(7.5, 4.2), facecolor="white", layout="constrained")
    axes = plain_axes(
        figure,
        "time of the exchange, in that of the attention (simulated link)",
        "time of both, in that of the attention",
    )
    measured = [row for row in rows if row["part"] == "overlap"]
    for turns in dict.fromkeys(row["turns"] for row in measured):
        own = sorted((r["exchange"], r["time"]) for r in measured if r["turns"] == turns)
        exchanges, times = zip(*own, strict=True)
        axes.plot(exchanges, times, color=COLOURS[turns], marker="o", ms=5, lw=1.6)
        axes.annotate(
            NAMES[turns],
            (exchanges[-1], times[-1]),
            (8, -3),
            textcoords="offset points",
            color=COLOURS[turns],
            size=9.5,
            annotation_clip=False,
        )
    axes.set_ylim(bottom=0)
    axes.set_xlim(0, 1.45 * max(row["exchange"] for row in measured))
    return figure
