"""What tables and plots show of the rows of `benchmarks/quality.py`."""

from __future__ import annotations

from typing import Any

from benchmark_table import Cell, Row, Rows

CONTROL = "fewer steps"
PREDICTORS = ("none", "TaylorSeer 1", "TaylorSeer 2", "FoCa", "DMD")

ADVICE: dict[str, tuple[str, str, str]] = {
    "close to the uncached picture": ("DBCache", "F1B0 W4 R0.05", "FoCa"),
    "balanced": ("DBCache", "F1B0 W4 R0.08", "FoCa"),
    "fast": ("DBCache", "F1B0 W1 R0.12", "FoCa"),
    "steps fixed in advance": ("static mask", "every 2nd step", "FoCa"),
    "the same, by a preset": ("static mask", "medium", "FoCa"),
    "a preset that still asks the change": ("dynamic mask", "medium, R0.2", "TaylorSeer 1"),
    "nothing chosen": ("DBCache", "the defaults", "none"),
    "a predictor chosen": ("DBCache", "the defaults", "TaylorSeer 1"),
}
"""What the cache guide says about settings -> family, setting and predictor."""


def advised(rows: Rows) -> list[Row]:
    """The settings of the guide, with what they are for."""
    found = {(row["family"], row["setting"], row["predictor"]): row for row in rows}
    return [{**found[setting], "purpose": purpose} for purpose, setting in ADVICE.items()]


def cached(rows: Rows) -> list[Row]:
    """Without the control."""
    return [row for row in rows if row["family"] != CONTROL]


def frontier(rows: Rows) -> list[Row]:
    """Those that nothing beats, neither another setting nor fewer steps; cheapest first."""
    best: list[Row] = []
    worth = [row for row in rows if (row["gain"] or 0) > 0]  # the control has none
    for row in sorted(worth, key=lambda row: (row["share"], -row["psnr"])):
        if not best or row["psnr"] > best[-1]["psnr"]:
            best.append(row)
    return best


def by_predictor(rows: Rows) -> list[Row]:
    """DBCache with one block in front and four steps of warm-up: a row for each threshold."""
    lines: dict[str, dict[str, Any]] = {}
    for row in rows:
        start, _, threshold = row["setting"].rpartition(" R")
        if row["family"] == "DBCache" and start == "F1B0 W4":
            cell = f"{psnr(row)} at {row['share']:.0%}"
            lines.setdefault(threshold, {"threshold": threshold})[row["predictor"]] = cell
    return [line for line in lines.values() if len(line) > len(PREDICTORS)]


def psnr(row: Row) -> str:
    """Mean and spread; identical pictures have no finite one."""
    return "same" if row["psnr"] is None else f"{row['psnr']:.1f} ± {row['psnr_spread'] or 0:.1f}"


def gain(row: Row) -> str:
    """Mean and spread of what it is above the control; nothing for the control itself."""
    return "" if row["gain"] is None else f"{row['gain']:+.1f} ± {row['gain_spread'] or 0:.1f}"


FIGURES: dict[str, str | Cell] = {
    "blocks computed": "share:.0%",
    "PSNR, dB": psnr,
    "SSIM": "ssim:.3f",
    "LPIPS": "lpips:.3f",
    "above fewer steps, dB": gain,
}
SETTING = {"family": "family", "setting": "setting", "predictor": "predictor"}
