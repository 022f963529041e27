"""What it costs to send what an attention takes and gives in 8 bits, written in several ways."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from diffusers.utils.logging import disable_progress_bar
from record import Row
from torch.overrides import TorchFunctionMode

from cache_dit.demo import load_demo_pipeline
from cache_dit.demo.settings import PROMPTS
from cache_dit.metrics import compute_psnr
from cache_dit.parallelism.wire import EIGHT_BITS, written

STEPS = 12
Write = Callable[[torch.Tensor], torch.Tensor]


def eight_bits(options: Namespace) -> Iterator[Row]:
    """A row for each way: errors of one attention, relative to its output, and of pictures in dB.

    Everything is rounded, as between very many ranks; between two, a half of it stays where it is.
    """
    torch.manual_seed(0)
    shape = (1, options.heads, options.tokens, options.width)
    samples = {name: make(*shape) for name, make in SAMPLES.items()}
    expected = [F.scaled_dot_product_attention(*sample) for sample in samples.values()]
    pictures = drawing()
    exact = pictures()
    for name, write in WRITES.items():
        for sent in ("q, k, v, output", "q, v, output"):
            with Written(write, "k" in sent):
                found = [F.scaled_dot_product_attention(*sample) for sample in samples.values()]
                psnr, _ = compute_psnr(exact, pictures(), data_range=1.0)
            errors = [
                float((one - right).norm() / right.norm())
                for one, right in zip(found, expected, strict=True)
            ]
            yield {
                "sent": sent,
                "written": name,
                **dict(zip(samples, errors, strict=True)),
                "psnr": float(psnr),
            }


class Written(TorchFunctionMode):
    """Within it, what an attention takes and gives has been written in 8 bits."""

    def __init__(self, write: Write, keys: bool) -> None:
        super().__init__()
        self.write, self.keys = write, keys

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is not F.scaled_dot_product_attention:
            return func(*args, **kwargs)
        names = ("query", "key", "value")
        given = [*args[:3], *(kwargs.pop(name) for name in names[len(args) :])]
        kept = given[1]
        query, key, value = map(self.write, given)
        key = key if self.keys else kept
        return self.write(func(query, key, value, *args[3:], **kwargs))


def as_sent(tensor: torch.Tensor) -> torch.Tensor:
    """As `EightBits` does."""
    return EIGHT_BITS.unpack(written([tensor], EIGHT_BITS), tuple(tensor.shape), tensor.dtype)


def whole_numbers(tensor: torch.Tensor) -> torch.Tensor:
    """With a scale for each token only."""
    scale = tensor.abs().amax(-1, keepdim=True).clamp(min=1e-30) / 127
    return (tensor / scale).round() * scale


def float8(tensor: torch.Tensor) -> torch.Tensor:
    """With a scale for each token, three bits of mantissa."""
    scale = tensor.abs().amax(-1, keepdim=True).clamp(min=1e-30) / 448
    return (tensor / scale).to(torch.float8_e4m3fn).to(tensor.dtype) * scale


WRITES: dict[str, Write] = {
    "whole numbers, and means": as_sent,
    "whole numbers": whole_numbers,
    "float8_e4m3fn": float8,
}


def normal(*shape: int) -> list[torch.Tensor]:
    """Random tensors."""
    return [torch.randn(shape) for _ in range(3)]


def shared_channel(*shape: int) -> list[torch.Tensor]:
    """A channel of the keys is 40 times as large as the others in every token."""
    query, key, value = normal(*shape)
    key[..., 3] += 40
    return [query, key, value]


def large_in_some(*shape: int) -> list[torch.Tensor]:
    """A channel of the keys is 30 times as large as the others in a twentieth of the tokens."""
    query, key, value = normal(*shape)
    key[..., 3] *= torch.where(torch.rand(shape[:-1]) < 0.05, 30.0, 1.0)
    return [query, key, value]


SAMPLES = {"random": normal, "large_channel": shared_channel, "large_in_some": large_in_some}


def drawing() -> Callable[[], np.ndarray]:
    """Draws the same pictures with the demo's model each time."""
    disable_progress_bar()
    pipe = load_demo_pipeline()
    pipe.set_progress_bar_config(disable=True)

    def pictures() -> np.ndarray:
        source = torch.Generator().manual_seed(0)
        drawn = pipe(list(PROMPTS), num_inference_steps=STEPS, generator=source, output_type="np")
        return np.asarray(drawn.images)

    return pictures
