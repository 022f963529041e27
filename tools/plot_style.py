"""What all plots have in common."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cache_dit.demo.style import FAINT, INK, RULE

BLUE, AMBER, GREEN, RED, GREY = "#2b4c7e", "#e09f1f", "#3a7d44", "#c0392b", "#7b8794"


def plain_axes(figure: Figure, xlabel: str, ylabel: str) -> Axes:
    """Axes with a light grid, and nothing around them."""
    axes = figure.add_subplot()
    axes.spines[:].set_visible(False)
    axes.grid(color=RULE, lw=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(colors=FAINT, labelsize=9, length=0)
    axes.set_xlabel(xlabel, color=INK, size=10)
    axes.set_ylabel(ylabel, color=INK, size=10)
    return axes
