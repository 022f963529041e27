"""Which step was computed and which reused, and the measured change behind it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cache_dit.demo.measure import Result
from cache_dit.demo.style import COMPUTED, FAINT, INK, LIMIT, REUSED, RULE

CURVE, GAP, STRIP, SPACE, HEAD, FOOT = 1.0, 0.08, 0.17, 0.52, 0.75, 0.5  # inches
WIDTH, LEFT, RIGHT = 9.5, 0.9, 0.3
MARKERS = {"o": 14, "D": 36, "s": 60, "^": 90}  # shape and size, one per CFG branch
BLEND = LinearSegmentedColormap.from_list("reused", [COMPUTED, REUSED])


def save_chart(path: Path, results: list[Result]) -> None:
    """Writes one panel for each setting that has a cache: changes above, decisions below."""
    cached = [result for result in results if result.stats is not None]
    names = list(dict.fromkeys(name for result in cached for name in _branches(result)))
    panel = CURVE + GAP + STRIP * len(names) + SPACE
    height = HEAD + panel * len(cached) + FOOT - SPACE
    figure = Figure(figsize=(WIDTH, height), facecolor="white")

    def place(top: float, size: float) -> Axes:
        width = WIDTH - LEFT - RIGHT
        box = (LEFT / WIDTH, 1 - (top + size) / height, width / WIDTH, size / height)
        return figure.add_axes(box, frameon=False)

    for number, result in enumerate(cached):
        top = HEAD + number * panel
        _draw_changes(place(top, CURVE), result)
        strip = place(top + CURVE + GAP, STRIP * len(names))
        _draw_decisions(strip, result, is_last=number + 1 == len(cached))
    figure.legend(handles=_legend(names), loc="upper center", ncols=6, frameon=False, fontsize=8.5)
    figure.savefig(path, dpi=150)


def _branches(result: Result) -> dict[str, list[Any]]:
    """The decisions of the run, step by step, for each CFG branch."""
    return result.stats.decisions if result.stats is not None else {}


def _draw_changes(axes: Axes, result: Result) -> None:
    """The measured changes, and the threshold they were compared with."""
    branches = _branches(result)
    points = [d for decisions in branches.values() for d in decisions if d.change is not None]
    limits = {d.threshold for d in points if d.threshold is not None}
    top = max([2.0 * max(limits, default=0.0), 0.01])
    for (marker, size), decisions in zip(MARKERS.items(), branches.values(), strict=False):
        own = [d for d in decisions if d.change is not None]
        axes.scatter(
            [d.step for d in own],
            [min(d.change, top) for d in own],
            c=[REUSED if d.reused else COMPUTED for d in own],
            marker=marker,
            s=size,
            edgecolors=INK,
            linewidths=0.5,
            zorder=3 - size / 100,  # the small ones in front
            clip_on=False,
        )
    for limit in limits:
        axes.axhline(limit, color=LIMIT, lw=1, ls=(0, (4, 3)), zorder=1)
    axes.set_xlim(-0.7, result.setting.steps - 0.3)
    axes.set_ylim(0, top)
    axes.set_xticks([])
    axes.set_title(result.setting.name, loc="left", size=10, weight="bold", color=INK, pad=8)
    axes.set_title(
        f"{result.share:.0%} of block forwards", loc="right", size=8.5, color=FAINT, pad=8
    )
    if not points:
        axes.set_yticks([])
        note = "nothing is measured: the mask decides"
        axes.text(0.5, 0.4, note, transform=axes.transAxes, ha="center", size=8.5, color=FAINT)
        return
    axes.set_ylabel("change", size=8.5, color=FAINT)
    axes.yaxis.set_label_coords(-0.055, 0.5)
    axes.locator_params(axis="y", nbins=4)
    axes.tick_params(colors=FAINT, labelsize=8, length=0)
    axes.grid(axis="y", color=RULE, lw=0.6)
    axes.set_axisbelow(True)


def _draw_decisions(axes: Axes, result: Result, is_last: bool) -> None:
    """A row of cells per branch; with block-wise pruning a cell's colour is a share."""
    branches = _branches(result)
    for row, decisions in enumerate(branches.values()):
        reused: defaultdict[int, list[bool]] = defaultdict(list)
        for decision in decisions:
            reused[decision.step].append(decision.reused)
        axes.bar(
            list(reused),
            height=0.78,
            bottom=row + 0.2,
            width=0.88,
            color=[BLEND(sum(values) / len(values)) for values in reused.values()],
        )
    axes.set_xlim(-0.7, result.setting.steps - 0.3)
    axes.set_ylim(len(branches), 0)
    axes.set_yticks([row + 0.6 for row in range(len(branches))], labels=list(branches))
    axes.tick_params(colors=FAINT, labelsize=8, length=0)
    if is_last:
        axes.set_xlabel("denoising step", color=INK, size=9)
    else:
        axes.set_xticks([])


def _legend(branches: Sequence[str]) -> list[Artist]:
    shapes = [
        Line2D([], [], marker=marker, color="none", mec=INK, mfc="white", ms=5, label=name)
        for name, marker in zip(branches, MARKERS, strict=False)
    ]
    return [
        Patch(color=COMPUTED, label="computed"),
        Patch(color=REUSED, label="reused"),
        *shapes,
        Line2D([], [], color=LIMIT, lw=1, ls=(0, (4, 3)), label="threshold"),
    ]
