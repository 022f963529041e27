"""What the names in the documentation stand for, as small as it can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import diffusers
import torch
import torch.distributed as dist
from diffusers import DiffusionPipeline
from PIL import Image

import cache_dit
from cache_dit.verify import pipelines, zoo
from examples.small_dit import SmallDiT

WAN = zoo.get("WanTransformer3DModel")


class WanPipeline:
    """Two transformers, and nothing else."""

    def __init__(self) -> None:
        self.transformer, self.transformer_2 = WAN.build(), WAN.build(seed=1)


def flux(*unused: Any, **ignored: Any) -> Any:
    """A whole FLUX pipeline with text encoders, which draws pictures of 16 pixels."""
    pipe = pipelines.get("FluxPipeline/prompt").build()
    pipe.default_sample_size = 8
    return pipe


def cached_transformer() -> torch.nn.Module:
    return cache_dit.enable_cache(SmallDiT().eval())


def make_inputs(step: int, seed: int) -> dict[str, torch.Tensor]:
    """Inputs of `SmallDiT` that move from step to step."""
    generator = torch.Generator().manual_seed(seed)
    sample, direction, text = (
        torch.randn(1, tokens, 8, generator=generator, dtype=torch.float64) for tokens in (9, 9, 5)
    )
    return {
        "hidden_states": sample + 0.02 * step * direction,
        "encoder_hidden_states": text,
        "timestep": torch.tensor([900.0 - step], dtype=torch.float64),
    }


STAND_INS: dict[str, Callable[[], Any]] = {
    "pipe": flux,
    "wan_pipe": WanPipeline,
    "model": lambda: SmallDiT().eval(),
    "transformer": cached_transformer,
    "make_inputs": lambda: make_inputs,
}
"""Names that the pages use without making them."""


@contextmanager
def as_if_installed() -> Iterator[None]:
    """Checkpoints are there, and the ranks are initialised, if there are any."""
    classes = {DiffusionPipeline, diffusers.FluxPipeline}
    patches = [patch.object(each, "from_pretrained", flux) for each in classes]
    patches.append(patch.object(torch.nn.Module, "to", lambda self, *device: self))
    if dist.is_initialized():
        patches.append(patch.object(dist, "init_process_group", partial(lambda *a, **k: None)))
        patches.append(patch.object(dist, "destroy_process_group", lambda *a, **k: None))
    for each in patches:
        each.start()
    try:
        yield
    finally:
        for each in patches:
            each.stop()


def write_files(folder: Path) -> None:
    """The files that the pages speak of."""
    for name, colour in {"original": "red", "cached": "orange"}.items():
        picture = Image.new("RGB", (16, 16), colour)
        picture.save(folder / f"{name}.png")
        (folder / f"{name}_dir").mkdir()
        picture.save(folder / f"{name}_dir" / "1.png")
