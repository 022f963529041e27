"""`cache-dit verify`: which models of the zoo work, on which axes, proven here and now."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import torch
import typer
from diffusers.utils import logging as diffusers_logging
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from cache_dit.refusal import refusals
from cache_dit.verify.axes import AXES, verify_model
from cache_dit.verify.matrix import blocks_text
from cache_dit.verify.report import Report
from cache_dit.verify.rows import update_rows

MARKS = {True: "[green]✓[/green]", False: "[red]✗[/red]", None: "[dim]-[/dim]"}


def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Models of the zoo, such as FluxTransformer2DModel, or a FILE.py of your own."
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All models of the zoo.")] = False,
    axis: Annotated[str, typer.Option(help=f"What to verify: {', '.join(AXES)}.")] = "cache",
    json: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="Write the rows to this file; others in it stay."),
    ] = None,
    every_setting: Annotated[
        bool,
        typer.Option(
            "--every-setting", help="All settings, and up to eight ranks: minutes for each model."
        ),
    ] = False,
) -> None:
    """Prove that models work, with tiny copies of them: exact to rounding, in float64."""
    console = Console()
    with refusals(console):
        chosen = _chosen(names or [], everything, axis)
    reports = []
    for report in _verify(chosen, axis, every_setting, console):
        reports.append(report)
        if json is not None:
            update_rows(json, [report.as_row()])  # at once: the rest may take hours
    console.print(table(reports))
    if axis == "cache" and not everything:
        for report in reports:
            console.print(f"{report.model}: {blocks_text(report.details)}", highlight=False)
    for report in reports:
        if report.reason:
            mark = MARKS[report.ok]
            console.print(f"{mark} {report.model}: {escape(report.reason)}", highlight=False)
    if any(report.ok is False for report in reports):
        raise typer.Exit(1)


def _chosen(names: list[str], everything: bool, axis: str) -> list[str]:
    """Names of entries; the name of a class stands for all its variants."""
    if everything == bool(names):
        raise ValueError("cache-dit verify: name models or a FILE.py, or use --all.")
    if axis not in AXES:
        raise ValueError(f"cache-dit verify: no axis {axis!r}. Use one of {', '.join(AXES)}.")
    known = list(AXES[axis].entries)
    if everything:
        return known
    chosen = []
    for name in names:
        variants = [each for each in known if each.startswith(f"{name}/")]
        if name in known or not variants:
            chosen.append(AXES[axis].get(name).name)
        chosen += variants
    return list(dict.fromkeys(chosen))


def _verify(names: list[str], axis: str, every_setting: bool, console: Console) -> Iterator[Report]:
    torch.set_num_threads(1)  # more do not pay for models this small
    diffusers_logging.set_verbosity_error()
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[name]}"),
    )
    with Progress(*columns, console=console, transient=True) as progress, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of models that use old names of their own libraries
        task = progress.add_task(axis, total=len(names), name="")
        for name in names:
            progress.update(task, name=name)
            yield verify_model(name, axis, every_setting=every_setting)
            progress.advance(task)


def table(reports: list[Report]) -> Table:
    """One row for each report, and the time of all."""
    passed = sum(report.ok is True for report in reports)
    seconds = sum(report.seconds for report in reports)
    made = Table(title=f"{passed} of {len(reports)} verified in {seconds:.0f} s")
    made.add_column("model", overflow="fold", ratio=3)
    made.add_column("")
    made.add_column("error", justify="right", no_wrap=True)
    made.add_column("worst setting", ratio=2)
    made.add_column("s", justify="right", no_wrap=True)
    for report in reports:
        error, worst = report.max_rel_error, report.worst
        made.add_row(
            report.model,
            MARKS[report.ok],
            "" if error is None else f"{error:.0e}" if error else "0",
            escape(worst.setting) if worst else "",
            f"{report.seconds:.1f}",
        )
    return made
