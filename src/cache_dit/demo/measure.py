"""Draws the same pictures under each setting; measures time, block forwards and likeness."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from diffusers import FluxTransformer2DModel
from torch import nn

import cache_dit
from cache_dit.demo.pipeline import EmojiPipeline
from cache_dit.demo.settings import Setting
from cache_dit.metrics import compute_psnr, compute_ssim


@dataclass(frozen=True)
class Task:
    """What is drawn: one picture per prompt, always from the same noise."""

    prompts: list[str]
    seed: int = 0
    guidance: float = 3.0


@dataclass
class Result:
    """One setting's outcome, compared with the uncached pictures.

    Attributes:
        images: [B, 32, 32, 3] in 0..1.
        blocks: Block forwards that ran.
        share: The same as a share of the uncached run's.
        psnr: Mean over the pictures, in dB.
        ssim: Mean over the pictures.
        stats: `cache_dit.summary` after the run; None without a cache.
        seconds: CPU time of each pipeline call: its wall-clock time, but for what other programs
            take meanwhile. (It counts one thread, so the demo computes in one.)
        speedups: For each of these, the mean of the uncached calls just before and after it,
            divided by it.
        control: The uncached run of fewer steps that computes about as many blocks.
    """

    setting: Setting
    images: np.ndarray
    blocks: int
    share: float = 1.0
    psnr: float = np.inf
    ssim: float = 1.0
    stats: cache_dit.CacheStats | None = None
    seconds: list[float] = field(default_factory=list)
    speedups: list[float] = field(default_factory=list)
    control: Result | None = None

    @property
    def time(self) -> float:
        """Median CPU seconds of a pipeline call."""
        return statistics.median(self.seconds)

    @property
    def speedup(self) -> float:
        """Median speed-up against the uncached run."""
        return statistics.median(self.speedups)


class Comparison:
    """All settings, drawn with one pipeline and timed in alternation with the uncached run.

    Args:
        pipe: The pipeline; its cache must be off, and is off again between calls.
        task: What to draw.
        steps: Denoising steps of the uncached reference.
        called: Told of each finished pipeline call.
    """

    def __init__(
        self, pipe: EmojiPipeline, task: Task, steps: int, called: Callable[[], None]
    ) -> None:
        self.pipe, self.task, self.called = pipe, task, called
        self._call(Setting("warm-up", 1))
        self.baseline = self._call(Setting("No cache", steps))
        self.baseline.speedups.append(1.0)

    def measure(self, setting: Setting) -> Result:
        """Draws under one setting and compares the pictures with the uncached ones."""
        result = self._call(setting)
        result.share = result.blocks / self.baseline.blocks
        result.psnr = compute_psnr(self.baseline.images, result.images).value
        result.ssim = compute_ssim(self.baseline.images, result.images).value
        return result

    def measure_control(self, result: Result) -> Result:
        """Draws without a cache, in as many steps as compute about as many blocks as `result`.

        That is at least one step, and at least one less than the uncached run has.
        """
        full = self.baseline.setting.steps
        steps = max(1, min(full - 1, round(result.share * full)))
        name = f"{steps} steps, no cache" if steps > 1 else "1 step, no cache"
        return self.measure(Setting(name, steps))

    def pair(self, result: Result) -> None:
        """Sets the last call, which was `result`'s, against the uncached calls around it."""
        before = self.baseline.seconds[-1]
        after = self.time(self.baseline)
        result.speedups.append((before + after) / 2 / result.seconds[-1])

    def time(self, result: Result) -> float:
        """Times one more call."""
        result.seconds += self._call(result.setting).seconds
        return result.seconds[-1]

    def _call(self, setting: Setting) -> Result:
        counting = count_block_forwards(self.pipe.transformer)
        with _cached(self.pipe, setting), counting as count:
            start = time.thread_time()
            (images,) = self.pipe(
                self.task.prompts,
                num_inference_steps=setting.steps,
                guidance_scale=self.task.guidance,
                generator=torch.Generator().manual_seed(self.task.seed),
                output_type="np",
                return_dict=False,
            )
            seconds = time.thread_time() - start
            stats = cache_dit.summary(self.pipe, logging=False) if setting.options else [None]
        self.called()
        return Result(setting, images, count.total, stats=stats[0], seconds=[seconds])


@contextmanager
def _cached(pipe: EmojiPipeline, setting: Setting) -> Iterator[None]:
    if setting.options is None:
        yield
        return
    cache_dit.enable_cache(pipe, **setting.options)
    try:
        yield
    finally:
        cache_dit.disable_cache(pipe)


def require_fit(pipe: EmojiPipeline, setting: Setting) -> None:
    """Nothing, if the cache can be enabled like this.

    Raises:
        ValueError: a setting that the pipeline refuses.
    """
    with _cached(pipe, setting):
        pass


@dataclass
class BlockCount:
    """How many block forwards really ran."""

    total: int = 0


@contextmanager
def count_block_forwards(transformer: FluxTransformer2DModel) -> Iterator[BlockCount]:
    """Counts at the blocks themselves, whatever the cache says about itself."""
    count = BlockCount()

    def add(module: nn.Module, args: tuple[Any, ...]) -> None:
        count.total += 1

    blocks = [*transformer.transformer_blocks, *transformer.single_transformer_blocks]
    handles = [block.register_forward_pre_hook(add) for block in blocks]
    try:
        yield count
    finally:
        for handle in handles:
            handle.remove()
