"""Statistics as tables in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .state import Decision
from .stats import CacheStats


def print_stats(
    stats: Sequence[CacheStats], *, details: bool, console: Console | None = None
) -> None:
    """Print a table of its branches for each block list; with ``details`` one of its steps too."""
    console = console or Console()
    if not stats:
        console.print("Cache-DiT: nothing is cached here.")
        return
    for each in stats:
        console.print(Text(f"Cache-DiT, last run: {each.name}", style="bold"))
        console.print(Text(str(each.cache_options["tag"])))  # no column: it would not fit
        console.print(branches(each))
        for note in each.notes:
            console.print(Text(note, style="yellow"))
        if details:
            for branch, decisions in each.decisions.items():
                console.print(every_step(each.name, branch, decisions))


def branches(stats: CacheStats) -> Table:
    """How much was reused in each branch of a block list; DBPrune decides for each block."""
    table = Table()
    for column in ("branch", "steps", "reused", "change (min / max)", "held"):
        table.add_column(column)
    for branch, decisions in (stats.decisions or {"": []}).items():
        changes = [d.change for d in decisions if d.change is not None]
        span = f"{min(changes):.3g} / {max(changes):.3g}" if changes else "-"
        number, reused = len(decisions), sum(d.reused for d in decisions)
        steps = str(len({d.step for d in decisions}))
        held = f"{stats.branch_bytes.get(branch, 0) / 2**20:.1f} MiB"
        share = f"{reused} of {number} ({reused / number:.0%})" if decisions else "-"
        table.add_row(branch or "-", steps, share, span, held)
    return table


def every_step(name: str, branch: str, decisions: Sequence[Decision]) -> Table:
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
