"""The demo over several processes: the same pictures as in one, and what is sent for them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from rich import box
from rich.console import Console
from rich.table import Table

import cache_dit
from cache_dit import ParallelismConfig
from cache_dit.demo import load_demo_pipeline
from cache_dit.demo.measure import Task, require_fit
from cache_dit.demo.pipeline import EmojiPipeline
from cache_dit.demo.settings import Setting, standard_settings
from cache_dit.launch import Place, joined
from cache_dit.parallelism import parallelism_of

TOLERANCE = 1e-4
"""How much a colour from 0 to 1 may differ: a fortieth of a step of an 8-bit picture."""


@dataclass(frozen=True)
class Drawn:
    """The pictures of one call, its seconds, and what a rank sent in each denoising step."""

    images: np.ndarray
    seconds: float
    sent: float
    decisions: list[Any]


@dataclass(frozen=True)
class Pair:
    """One setting, drawn by every rank for itself, and by all of them together."""

    setting: Setting
    alone: Drawn
    together: Drawn

    @property
    def difference(self) -> float:
        """The largest difference of a colour."""
        return float(np.abs(self.alone.images - self.together.images).max())

    @property
    def same(self) -> bool:
        """Whether the ranks drew, and decided, as one process does."""
        return self.difference <= TOLERANCE and self.alone.decisions == self.together.decisions


def demo_over_ranks(
    task: Task, steps: int, sizes: Mapping[str, int | None], own: Setting | None, console: Console
) -> None:
    """Draw with and without the cache, alone and together, and print the comparison.

    Args:
        task: What to draw.
        steps: Denoising steps.
        sizes: Of the mesh, by axis: "ulysses", "ring", "tp".
        own: A setting of the user's, to be drawn as well.
        console: Where the first rank prints.

    Raises:
        ValueError: The sizes do not fit the number of processes, or the pictures differ.
    """
    if not any(sizes.values()):
        axes = ", ".join(f"--{axis}" for axis in sizes)
        raise ValueError(f"cache-dit demo: several processes. Say how they share the work: {axes}.")
    torch.set_num_threads(1)
    by_axis: dict[str, Any] = {f"{axis}_size": size for axis, size in sizes.items()}
    config = ParallelismConfig(**by_axis)
    settings = [Setting("No cache", steps), standard_settings(steps)[1], *([own] if own else [])]
    with joined("cpu") as here:
        pipe = load_demo_pipeline()
        pipe.set_progress_bar_config(disable=True)
        if own is not None:
            require_fit(pipe, own)
        draw(pipe, task, Setting("warm-up", 1), None)
        pairs = [
            Pair(each, draw(pipe, task, each, None), draw(pipe, task, each, config))
            for each in settings
        ]
        everywhere = _agreed(all(pair.same for pair in pairs))
        if here.first:
            console.print(table(pairs, here, sizes))
    if not everywhere:
        raise ValueError(
            f"cache-dit demo: the pictures of {here.size} ranks differ from those of one by more "
            f"than {TOLERANCE:.0e}, or their decisions do. That is a mistake in this program."
        )
    if here.first:
        console.print(f"{here.size} ranks drew the same pictures as one.", style="green")


def draw(
    pipe: EmojiPipeline, task: Task, setting: Setting, config: ParallelismConfig | None
) -> Drawn:
    """One call, over several ranks where there is a config."""
    options = dict(setting.options or {})
    if config is not None:
        options["parallelism_config"] = config
    if options:
        cache_dit.enable_cache(pipe, **options)
    try:
        before = _bytes_sent(pipe)
        _wait_for_all()
        start = time.perf_counter()
        (images,) = pipe(
            task.prompts,
            num_inference_steps=setting.steps,
            guidance_scale=task.guidance,
            generator=torch.Generator().manual_seed(task.seed),
            output_type="np",
            return_dict=False,
        )
        seconds = time.perf_counter() - start
        sent = (_bytes_sent(pipe) - before) / setting.steps
        stats = cache_dit.summary(pipe, logging=False)
    finally:
        cache_dit.disable_cache(pipe)
    return Drawn(images, seconds, sent, [each.cached_steps for each in stats])


def table(pairs: list[Pair], here: Place, sizes: Mapping[str, int | None]) -> Table:
    """One row for each setting."""
    mesh = " x ".join(f"{axis} {size}" for axis, size in sizes.items() if size not in (None, 1))
    made = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, title=mesh)
    made.caption = "Ranks that share the cores of one machine gain no time."
    made.add_column("setting", no_wrap=True)
    columns = ("1 rank", f"{here.size} ranks", "faster", "sent per step", "largest difference")
    for name in columns:
        made.add_column(name, justify="right", no_wrap=True)
    for pair in pairs:
        made.add_row(
            pair.setting.name,
            f"{pair.alone.seconds:.2f} s",
            f"{pair.together.seconds:.2f} s",
            f"{pair.alone.seconds / pair.together.seconds:.2f}x",
            f"{pair.together.sent / 1024:.0f} KiB",
            f"{pair.difference:.0e}",
        )
    return made


def _bytes_sent(pipe: EmojiPipeline) -> int:
    """By this rank, along any axis of the mesh, since it was made."""
    meshes = {id(each.mesh): each.mesh for each in parallelism_of(pipe.transformer)}
    return sum(
        channel.bytes_sent
        for mesh in meshes.values()
        for channel in (mesh.ring, mesh.ulysses, mesh.tp, mesh.context)
    )


def _wait_for_all() -> None:
    if dist.is_initialized():
        dist.barrier()


def _agreed(fine: bool) -> bool:
    """Whether all ranks say so."""
    answers = torch.tensor([int(fine)])
    if dist.is_initialized():
        dist.all_reduce(answers, dist.ReduceOp.MIN)
    return bool(answers)
