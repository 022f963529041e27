"""The share of blocks that are computed against likeness, with fewer steps as the control."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark_table import Row, Rows
from plot_style import AMBER, BLUE, GREEN, GREY, RED, plain_axes
from quality_rows import CONTROL, cached, frontier

KINDS = {
    "DBCache": ("o", BLUE),
    "DBPrune": ("s", GREEN),
    "dynamic mask": ("D", AMBER),
    "static mask": ("v", RED),
}
"""Family -> marker and colour."""

HEIGHT = 1.3  # of a name, in dB


def draw_quality(rows: Rows) -> Figure:
    """All settings of the long run; those that nothing beats are named."""
    shown = [row for row in rows if row["part"] == "long" and row["psnr"] is not None]
    control = sorted((r for r in shown if r["family"] == CONTROL), key=lambda row: row["share"])
    figure = Figure(figsize=(9, 6), facecolor="white", layout="constrained")
    axes = plain_axes(
        figure,
        "block forwards computed, % of the uncached run",
        "likeness to the uncached picture: PSNR, dB (mean over the pictures)",
    )
    _draw_control(axes, control)
    for family, (marker, colour) in KINDS.items():
        own = [row for row in cached(shown) if row["family"] == family]
        for predicted in (False, True):
            part = [row for row in own if (row["predictor"] != "none") == predicted]
            if not part:
                continue
            axes.scatter(
                [100 * row["share"] for row in part],
                [row["psnr"] for row in part],
                marker=marker,
                s=34,
                facecolors=colour if predicted else "white",
                edgecolors=colour,
                linewidths=1.2,
                zorder=3,
                label=f"{family}, {'with a predictor' if predicted else 'no predictor'}",
            )
    _name_best(axes, frontier(shown))
    axes.set_xlim(left=0)
    axes.margins(y=0.08)
    axes.legend(loc="lower right", frameon=False, fontsize=9)
    return figure


def _draw_control(axes: Axes, control: Rows) -> None:
    shares = [100 * row["share"] for row in control]
    means = [row["psnr"] for row in control]
    spreads = [row["psnr_spread"] or 0 for row in control]
    low = [mean - spread for mean, spread in zip(means, spreads, strict=True)]
    high = [mean + spread for mean, spread in zip(means, spreads, strict=True)]
    axes.fill_between(shares, low, high, color=GREY, alpha=0.18, lw=0)
    axes.plot(shares, means, color=GREY, lw=1.6)
    axes.annotate(
        "fewer steps, no cache",
        (shares[-1], high[-1]),
        xytext=(0, 10),
        textcoords="offset points",
        ha="right",
        color=GREY,
        size=10,
    )


def _name_best(axes: Axes, best: list[Row]) -> None:
    """Names that would lie on one another are left to the table: the larger gain has it."""
    named: list[Row] = []
    for row in sorted(best, key=lambda row: -(row["gain"] or 0)):
        if all(abs(row["psnr"] - other["psnr"]) > HEIGHT for other in named):
            named.append(row)
    for row in named:
        predictor = "" if row["predictor"] == "none" else f", {row['predictor']}"
        axes.annotate(
            f"{row['setting']}{predictor}",
            (100 * row["share"], row["psnr"]),
            (-7, 3),
            textcoords="offset points",
            ha="right",
            size=8.5,
            color=KINDS[row["family"]][1],
        )
