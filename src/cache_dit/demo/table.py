"""The comparison as a table for the terminal."""

from __future__ import annotations

import math

from rich import box
from rich.table import Table

from cache_dit.demo.measure import Result


def comparison_table(baseline: Result, results: list[Result]) -> Table:
    """One row per setting, the uncached run first; 79 characters wide.

    The last column is each setting's control: an uncached run of as many steps as compute about as
    many blocks.
    """
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("setting", no_wrap=True)
    for name in ("blocks", "CPU time", "faster", "PSNR", "SSIM"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("fewer steps", justify="right", style="dim", no_wrap=True)
    for result in [baseline, *results]:
        is_control = result.stats is None and result is not baseline
        table.add_row(*_cells(result), style="dim" if is_control else None)
    return table


def _cells(result: Result) -> list[str]:
    fewer = result.control
    return [
        result.setting.name,
        f"{result.share:.0%}",
        f"{result.time:.2f} s",
        f"{result.speedup:.2f}x",
        decibels(result.psnr),
        f"{result.ssim:.3f}",
        f"{fewer.setting.steps}: {decibels(fewer.psnr)}" if fewer else "",
    ]


def decibels(psnr: float) -> str:
    """A PSNR for people; identical pictures have no finite one."""
    return f"{psnr:.1f} dB" if math.isfinite(psnr) else "same"
