"""The comparison as a picture: one row per setting, the same images side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cache_dit.demo.measure import Result
from cache_dit.demo.style import FAINT, INK, RULE
from cache_dit.demo.table import decibels

LABEL, CELL, GAP, MARGIN, HEAD = 2.5, 1.0, 0.07, 0.22, 0.75  # inches


def save_picture(path: Path, prompts: list[str], baseline: Result, results: list[Result]) -> None:
    """Writes the images of all settings to `path`, the uncached ones on top."""
    rows = [baseline, *results]
    width = LABEL + len(prompts) * (CELL + GAP) + MARGIN
    height = HEAD + len(rows) * (CELL + GAP) + MARGIN
    figure = Figure(figsize=(width, height), facecolor="white")
    for column, prompt in enumerate(prompts):
        x = LABEL + column * (CELL + GAP) + CELL / 2
        _write(figure, x, HEAD - 0.25, _two_lines(prompt), size=8, color=FAINT, ha="center")
    for row, result in enumerate(rows):
        top = HEAD + row * (CELL + GAP)
        _write_label(figure, result, top + CELL / 2, is_control=result.stats is None and row > 0)
        for column, image in enumerate(result.images):
            left = LABEL + column * (CELL + GAP)
            axes = figure.add_axes(
                (left / width, 1 - (top + CELL) / height, CELL / width, CELL / height)
            )
            axes.imshow(np.clip(image, 0, 1), interpolation="nearest")
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set(color=RULE, linewidth=0.8)
    figure.savefig(path, dpi=150)


def _write_label(figure: Figure, result: Result, middle: float, is_control: bool) -> None:
    """The setting's name and its figures, left of its images."""
    weight, colour = ("normal", FAINT) if is_control else ("bold", INK)
    _write(
        figure, MARGIN, middle - 0.2, result.setting.name, size=10.5, color=colour, weight=weight
    )
    if np.isinf(result.psnr):
        effort, likeness = f"{result.setting.steps} steps · all blocks", "the reference"
    else:
        effort = f"{result.speedup:.2f}x faster · {result.share:.0%} of blocks"
        likeness = f"{decibels(result.psnr)} · SSIM {result.ssim:.3f}"
    _write(figure, MARGIN, middle + 0.03, effort, size=8.5, color=colour)
    _write(figure, MARGIN, middle + 0.23, likeness, size=8.5, color=FAINT)


def _write(figure: Figure, x: float, y: float, text: str, **style: Any) -> None:
    """Text at so many inches from the left and from the top."""
    width, height = figure.get_size_inches()
    figure.text(x / width, 1 - y / height, text, va="center", **style)


def _two_lines(prompt: str) -> str:
    """The caption with its background on a line of its own."""
    return prompt.replace(" on ", "\non ", 1)
