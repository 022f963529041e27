"""What the cache saves and what it costs in likeness, on the trained model of `cache-dit demo`.

    python benchmarks/quality.py --json quality.json

Every picture is drawn alone, with a caption and a noise of its own, under every setting, and is
compared with the same picture without a cache. The control is the same without a cache in fewer
steps: what a cache has to beat at an equal share of computed blocks. Between two numbers of steps
the control's figure is interpolated, picture by picture. Nothing is timed: the figures do not
depend on how busy the machine is.
"""

from __future__ import annotations

import argparse
import logging
import math
import statistics
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from quality_settings import Trial, few_steps, trials
from record import Row, save
from rich.progress import track

from cache_dit.demo import load_demo_pipeline
from cache_dit.demo.measure import Comparison, Result, Task
from cache_dit.demo.settings import Setting
from cache_dit.metrics import compute_lpips

CONTROL = "fewer steps"
SHARES = (0.96, 0.85, 0.71, 0.64, 0.57, 0.5, 0.43, 0.36, 0.29, 0.25, 0.21)
"""Of the steps, for the control."""

CAPTIONS = """
    3d red apple on sky | flat cat on mint | 3d panda on lilac | flat hamburger on cream
    3d christmas tree on pink | flat owl on white | 3d rocket on pink | flat house on cream
"""
"""Enough for a mean and a spread; each has its number for a seed."""


@dataclass
class Scored:
    """One setting, and what became of it: a number for each picture.

    Attributes:
        names: the columns that say what it is.
        options: for `cache_dit.enable_cache`; None is the control.
        steps: of its run.
        figures: what was measured -> picture by picture. "gain" is the PSNR above the control's at
            the same share of computed blocks.
    """

    names: dict[str, str]
    options: dict[str, Any] | None
    steps: int
    figures: dict[str, list[float]] = field(
        default_factory=lambda: {name: [] for name in ("share", "psnr", "ssim", "lpips", "gain")}
    )

    def add(self, result: Result, reference: Result) -> None:
        """One more picture."""
        self.figures["share"].append(result.share)
        self.figures["psnr"].append(result.psnr)
        self.figures["ssim"].append(result.ssim)
        with suppress(ImportError, OSError):  # it is not installed, or its weights are not there
            distance = compute_lpips(reference.images, result.images).value
            self.figures["lpips"].append(distance)

    def row(self) -> Row:
        """Mean and spread (standard deviation) over the pictures; null where there is none."""
        row: dict[str, Any] = dict(self.names)
        for name, values in self.figures.items():
            known = bool(values) and all(map(math.isfinite, values))
            row[name] = statistics.fmean(values) if known else None
            row[f"{name}_spread"] = statistics.stdev(values) if known and values[1:] else None
        return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=len(captions()))
    parser.add_argument("--steps", type=int, default=28)
    parser.add_argument("--few", type=int, default=8, help="steps of the short run")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    logging.getLogger("cache_dit").setLevel(logging.ERROR)
    pipe = load_demo_pipeline()
    pipe.set_progress_bar_config(disable=True)
    chosen = captions()[: options.pictures]
    rows: list[Row] = []
    parts = {"long": (options.steps, trials(options.steps)), "short": (options.few, few_steps())}
    for part, (steps, compared) in parts.items():
        scored = [*controls(steps), *(cached(trial, steps) for trial in compared)]
        for seed, caption in enumerate(track(chosen, description=f"{steps} steps", transient=True)):
            draw(Comparison(pipe, Task([caption], seed), steps, lambda: None), scored)
        rows += [{"part": part, "steps": steps, **each.row()} for each in scored]
    print_rows(rows)
    if options.json:
        save(options.json, rows)


def captions() -> list[str]:
    """The captions above, one by one."""
    return [part.strip() for line in CAPTIONS.strip().splitlines() for part in line.split("|")]


def controls(steps: int) -> list[Scored]:
    """Runs without a cache, from nearly all steps to a few."""
    numbers = {max(1, min(steps - 1, round(share * steps))) for share in SHARES}
    return [
        Scored(_names(CONTROL, f"{number} steps"), None, number)
        for number in sorted(numbers, reverse=True)
    ]


def cached(trial: Trial, steps: int) -> Scored:
    """A setting, still without pictures."""
    return Scored(_names(trial.family, trial.name, trial.predictor), trial.options, steps)


def _names(family: str, setting: str, predictor: str = "") -> dict[str, str]:
    return {"family": family, "setting": setting, "predictor": predictor}


def draw(comparison: Comparison, scored: list[Scored]) -> None:
    """One picture under all settings."""
    for each in scored:
        setting = Setting(each.names["setting"], each.steps, each.options)
        each.add(comparison.measure(setting), comparison.baseline)
    control = sorted(
        (each.figures["share"][-1], each.figures["psnr"][-1])
        for each in scored
        if each.options is None
    )
    shares, ratios = zip(*control, strict=True)
    for each in scored:
        if each.options is not None:
            expected = float(np.interp(each.figures["share"][-1], shares, ratios))
            each.figures["gain"].append(each.figures["psnr"][-1] - expected)


def print_rows(rows: Sequence[Row]) -> None:
    """A line for each setting."""
    print(f"{'':50}{'share':>8}{'PSNR':>14}{'SSIM':>8}{'gain':>14}")
    for row in rows:
        name = f"{row['family']} {row['setting']} {row['predictor']}"
        psnr, gain = (_with_spread(row, key) for key in ("psnr", "gain"))
        print(f"{name:50}{row['share']:8.1%}{psnr:>14}{row['ssim']:8.3f}{gain:>14}")


def _with_spread(row: Row, key: str) -> str:
    return "" if row[key] is None else f"{row[key]:.1f} ± {row[f'{key}_spread'] or 0:.1f}"


if __name__ == "__main__":
    main()
