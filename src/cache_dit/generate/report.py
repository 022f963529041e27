"""What calls of a pipeline took, as tables for the terminal."""

from __future__ import annotations

import math

from rich import box
from rich.table import Table

from cache_dit.generate.running import Outcome
from cache_dit.metrics import compute_psnr, compute_ssim

SSIM_WINDOW = 7


def measures(outcome: Outcome, track_memory: bool) -> Table:
    """One row: time, reused steps and, if wanted, memory."""
    table = _table(track_memory)
    table.add_row(*_cells("result", outcome, track_memory))
    return table


def comparison(plain: Outcome, cached: Outcome, track_memory: bool) -> Table:
    """Two rows, of which the second says how much faster, and how close to the first, it is."""
    table = _table(track_memory)
    for name in ("faster", "PSNR", "SSIM"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_row(*_cells("without cache", plain, track_memory), "1.00x", "", "")
    likeness = _likeness(plain, cached)
    faster = f"{plain.seconds / cached.seconds:.2f}x"
    table.add_row(*_cells("with cache", cached, track_memory), faster, *likeness)
    return table


def _likeness(plain: Outcome, cached: Outcome) -> tuple[str, str]:
    if plain.kind == "audios":
        return "", ""
    size = plain.outputs.shape[-1]
    pictures = [
        each.outputs.reshape(-1, *each.outputs.shape[-3:-1], size).clip(0, 1)
        for each in (plain, cached)
    ]
    psnr = compute_psnr(*pictures).value
    small = min(pictures[0].shape[1:3]) < SSIM_WINDOW
    ssim = "" if small else f"{compute_ssim(*pictures).value:.3f}"
    return (f"{psnr:.1f} dB" if math.isfinite(psnr) else "same"), ssim


def _table(track_memory: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("", no_wrap=True)
    table.add_column("time", justify="right", no_wrap=True)
    table.add_column("reused steps", justify="right")
    if track_memory:
        table.add_column("peak memory", justify="right", no_wrap=True)
    return table


def _cells(name: str, outcome: Outcome, track_memory: bool) -> list[str]:
    reused = "\n".join(
        f"{branch} {sum(each.reused for each in decisions)} of {len(decisions)}".strip()
        for stats in outcome.stats
        for branch, decisions in stats.decisions.items()
    )
    memory = [f"{outcome.peak / 2**30:.2f} GiB"] * track_memory
    return [name, f"{outcome.seconds:.2f} s", reused or "none", *memory]
