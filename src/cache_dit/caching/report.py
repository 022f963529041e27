"""Statistics as tables in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from .state import Decision
from .stats import CacheStats


def print_stats(
    stats: Sequence[CacheStats], *, details: bool, console: Console | None = None
) -> None:
    """Print one row for each block list and branch; with ``details`` one for each step too."""
    console = console or Console()
    if not stats:
        console.print("Cache-DiT: nothing is cached here.")
        return
    console.print(overview(stats))
    for each in stats:
        for note in each.notes:
            console.print(f"[yellow]{each.name}: {note}[/yellow]")
        if details:
            for branch, decisions in each.decisions.items():
                console.print(steps(each.name, branch, decisions))


def overview(stats: Sequence[CacheStats]) -> Table:
    """How much was reused in each branch of each block list."""
    table = Table(title="Cache-DiT: last run")
    for column in ("blocks", "settings", "branch", "steps", "reused", "change (min / max)", "held"):
        table.add_column(column)
    for each in stats:
        tag = str(each.cache_options["tag"])
        for branch, decisions in (each.decisions or {"": []}).items():
            changes = [d.change for d in decisions if d.change is not None]
            span = f"{min(changes):.3g} / {max(changes):.3g}" if changes else "-"
            reused = sum(d.reused for d in decisions)
            held = f"{each.branch_bytes.get(branch, 0) / 2**20:.1f} MiB"
            share = f"{reused} ({reused / len(decisions):.0%})" if decisions else "-"
            table.add_row(each.name, tag, branch or "-", str(len(decisions)), share, span, held)
    return table


def steps(name: str, branch: str, decisions: Sequence[Decision]) -> Table:
    """Every step, what was done, and why."""
    table = Table(title=f"{name} {branch}".strip())
    for column in ("step", "blocks", "reason", "change", "threshold"):
        table.add_column(column)
    for each in decisions:
        change = "-" if each.change is None else f"{each.change:.4g}"
        threshold = "-" if each.threshold is None else f"{each.threshold:.4g}"
        done = "[green]reused[/green]" if each.reused else "computed"
        table.add_row(str(each.step), done, str(each.reason), change, threshold)
    return table
