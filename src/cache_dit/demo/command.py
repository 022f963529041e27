"""`cache-dit demo`: the whole comparison, from a command line to a table and two pictures."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Annotated, TypeAlias

import torch
import typer
from diffusers.utils import logging as diffusers_logging
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cache_dit.demo import load_demo_pipeline
from cache_dit.demo.measure import Comparison, Result, Task, require_fit
from cache_dit.demo.over_ranks import demo_over_ranks
from cache_dit.demo.settings import PROMPTS, Setting, own_setting, standard_settings
from cache_dit.demo.table import comparison_table
from cache_dit.launch import first_rank, started_by_torchrun
from cache_dit.refusal import refusals

REPEAT_SECONDS = 45  # until when another round of timing is begun
THREADS = 1  # that are timed; more pay only on an idle machine

Ulysses: TypeAlias = Annotated[
    int | None, typer.Option(min=1, help="Over ranks: heads for tokens (with torchrun).")
]
Ring: TypeAlias = Annotated[
    int | None, typer.Option(min=1, help="Over ranks: keys and values passed around.")
]

Tp: TypeAlias = Annotated[
    int | None, typer.Option(min=1, help="Over ranks: the width of the layers shared out.")
]


def demo(
    prompt: Annotated[
        list[str] | None,
        typer.Option(help='A caption such as "3d red apple on sky"; repeat for more pictures.'),
    ] = None,
    steps: Annotated[int, typer.Option(min=2, help="Denoising steps.")] = 28,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the noise.")] = 0,
    guidance: Annotated[float, typer.Option(help="Guidance scale; 1 turns guidance off.")] = 3.0,
    output: Annotated[Path, typer.Option(file_okay=False, help="Folder for the pictures.")] = Path(
        "outputs/demo"
    ),
    config: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="YAML file with a setting to add."),
    ] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FIELD=VALUE",
            help="A setting to add, field by field: any field of DBCacheConfig, or what else a "
            "YAML cache_config may hold, such as enable_taylorseer=true; repeat for more fields.",
        ),
    ] = None,
    words: Annotated[bool, typer.Option("--words", help="List the known words only.")] = False,
    ulysses: Ulysses = None,
    ring: Ring = None,
    tp: Tp = None,
) -> None:
    """Draw emoji with and without the cache, and compare time and pictures.

    With --ulysses, --ring or --tp, processes started by torchrun draw the same pictures as one.
    """
    sizes = {"ulysses": ulysses, "ring": ring, "tp": tp}
    console = Console(quiet=not first_rank())
    if words:
        with only_our_progress_bar():
            known = load_demo_pipeline().text_encoder.index
        console.print(" ".join(known), highlight=False)
        return
    with refusals(console), only_our_progress_bar():
        own = own_setting(steps, config, assignments or [])
        task = Task(prompt or PROMPTS, seed, guidance)
        if any(sizes.values()) or started_by_torchrun():
            demo_over_ranks(task, steps, sizes, own, console)
            return
        chart, picture = drawing_modules()
        baseline, results = compare(task, steps, own, console)
    output.mkdir(parents=True, exist_ok=True)
    picture.save_picture(output / "pictures.png", task.prompts, baseline, results)
    chart.save_chart(output / "steps.png", results)
    console.print(comparison_table(baseline, results))
    console.print(f"Pictures: {output / 'pictures.png'}", highlight=False)
    console.print(f"Decisions: {output / 'steps.png'}", highlight=False)


def drawing_modules() -> tuple[ModuleType, ModuleType]:
    """The modules that draw, which need matplotlib."""
    try:
        from cache_dit.demo import chart, picture  # noqa: PLC0415
    except ImportError as error:
        raise ValueError(
            f"cache-dit demo: the pictures cannot be drawn ({error}). They need matplotlib. "
            "Run: pip install 'cache-dit[demo]'"
        ) from error
    return chart, picture


@contextmanager
def only_our_progress_bar() -> Iterator[None]:
    """Keeps the log lines and bars of loading and enabling out of the way."""
    package = logging.getLogger("cache_dit")
    level = package.level
    package.setLevel(logging.WARNING if first_rank() else logging.ERROR)
    diffusers_logging.disable_progress_bar()
    try:
        yield
    finally:
        package.setLevel(level)
        diffusers_logging.enable_progress_bar()


def compare(
    task: Task, steps: int, own: Setting | None, console: Console
) -> tuple[Result, list[Result]]:
    """Draws and times every setting: (the uncached run, all others)."""
    start = time.monotonic()
    torch.set_num_threads(THREADS)
    pipe = load_demo_pipeline()
    pipe.set_progress_bar_config(disable=True)
    if own is not None:
        require_fit(pipe, own)  # before anything is drawn
    settings = [*standard_settings(steps), *([own] if own else [])]
    with Progress(TextColumn("drawing"), BarColumn(), TimeElapsedColumn(), console=console) as bar:
        calls = bar.add_task("drawing", total=3 * len(settings) + 7)
        comparison = Comparison(pipe, task, steps, lambda: bar.advance(calls))
        results = []
        for setting in settings:
            results.append(comparison.measure(setting))
            comparison.pair(results[-1])
        results += measure_controls(comparison, results)
        bar.update(calls, completed=bar.tasks[0].total)
        while time.monotonic() - start < REPEAT_SECONDS:
            repeat(comparison, results)
    return comparison.baseline, results


def measure_controls(comparison: Comparison, results: list[Result]) -> list[Result]:
    """Gives each setting its control; returns the slowest and the fastest of them, timed."""
    controls: dict[int, Result] = {}
    for result in results:
        control = comparison.measure_control(result)
        result.control = controls.setdefault(control.setting.steps, control)
    shown = [controls[steps] for steps in sorted({max(controls), min(controls)}, reverse=True)]
    comparison.time(comparison.baseline)
    repeat(comparison, shown)
    return shown


def repeat(comparison: Comparison, results: list[Result]) -> None:
    """Times all once more, in alternation with the uncached run."""
    for result in results:
        comparison.time(result)
        comparison.pair(result)
