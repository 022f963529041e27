"""What one argument of a forward looks like, written down without making a tensor.

``materialise`` turns a spec into a value. Every random tensor is drawn from the seed and from its
own place in the arguments, in float32, and converted afterwards: adding an argument changes no
other one, and float64 runs see exactly the numbers of float32 runs.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch


def generator(seed: int, place: str) -> torch.Generator:
    """A generator that depends on the seed and the name of what is drawn, and nothing else."""
    return torch.Generator().manual_seed(zlib.crc32(f"{seed}/{place}".encode()))


@dataclass(frozen=True)
class Draw:
    """For what a value is made: dtype, seed, denoising step, and place in the arguments."""

    dtype: torch.dtype
    seed: int = 0
    step: float = 0
    place: str = ""

    def at(self, key: object) -> Draw:
        return replace(self, place=f"{self.place}.{key}")

    def noise(self, shape: Sequence[int], what: str = "") -> torch.Tensor:
        source = generator(self.seed, self.place + what)
        return torch.randn(tuple(shape), generator=source, dtype=torch.float32)


@dataclass(frozen=True)
class Spec:
    """One value to be made, and how it reads in a listing."""

    make: Callable[[Draw], Any]
    text: str

    def __repr__(self) -> str:
        return self.text


def materialise(spec: Any, draw: Draw) -> Any:
    """The value that ``spec`` describes.

    Containers are walked, floating-point tensors converted; everything else stays as it is.
    """
    if isinstance(spec, Spec):
        return spec.make(draw)
    if isinstance(spec, Mapping):
        return {key: materialise(value, draw.at(key)) for key, value in spec.items()}
    if isinstance(spec, (list, tuple)):
        return type(spec)(materialise(value, draw.at(i)) for i, value in enumerate(spec))
    if isinstance(spec, torch.Tensor) and spec.is_floating_point():
        return spec.to(draw.dtype)
    return spec


def randn(*shape: int) -> Spec:
    """A standard normal tensor, the same at every step: text states, image conditions, ..."""
    return Spec(lambda draw: draw.noise(shape).to(draw.dtype), f"randn{shape}")


def latent(*shape: int, drift: float = 0.02) -> Spec:
    """The denoised sample: normal at step 0, then moving by ``drift`` in a fixed direction."""

    def make(draw: Draw) -> torch.Tensor:
        moved = draw.noise(shape) + drift * draw.step * draw.noise(shape, "/direction")
        return moved.to(draw.dtype)

    return Spec(make, f"latent{shape}")


def joined(dim: int, *parts: Spec) -> Spec:
    """Tensors concatenated along ``dim``: the sample and what a pipeline puts beside it."""

    def make(draw: Draw) -> torch.Tensor:
        return torch.cat([part.make(draw.at(i)) for i, part in enumerate(parts)], dim=dim)

    return Spec(make, f"joined({dim}, {', '.join(map(repr, parts))})")


def timestep(
    *shape: int,
    start: float = 900.0,
    rising: bool = False,
    clean: int = 0,
    dtype: torch.dtype | None = None,
) -> Spec:
    """The diffusion time, 0.1 % lower with every step (``rising``: ``1 - start``, going up to 1).

    The first ``clean`` entries of the last dimension are 0: frames given as a condition. ``dtype``
    None is that of the inputs; ``torch.int64`` rounds, as schedulers with whole timesteps do.
    """

    def make(draw: Draw) -> torch.Tensor:
        time = start * 0.999**draw.step
        time = 1.0 - time if rising else time
        if dtype is not None and not dtype.is_floating_point:
            time = round(time)
        times = torch.full(shape, time, dtype=dtype or draw.dtype)
        if clean:
            times[..., :clean] = 0
        return times

    return Spec(make, f"timestep{shape}")


def ints(high: int, *shape: int) -> Spec:
    """Whole numbers from 0 to ``high - 1``: class labels, token ids."""

    def make(draw: Draw) -> torch.Tensor:
        return torch.randint(0, high, shape, generator=generator(draw.seed, draw.place))

    return Spec(make, f"ints{shape} < {high}")


def full(value: float, *shape: int) -> Spec:
    """A tensor of one value: guidance scales, sizes."""
    return Spec(lambda draw: torch.full(shape, value, dtype=draw.dtype), f"full{shape}={value}")


def kept(batch: int, length: int, padding: int = 2) -> torch.Tensor:
    """Which positions are no padding, [batch, length]: row i lacks the last ``i * padding``.

    The first row is unpadded and the others are shorter, as in a batch of prompts.
    """
    lengths = torch.tensor([max(1, length - padding * row) for row in range(batch)])
    return torch.arange(length)[None] < lengths[:, None]


def mask(batch: int, length: int, padding: int = 2, dtype: torch.dtype | None = torch.bool) -> Spec:
    """A padding mask of 1 and 0, as ``kept`` says. ``dtype`` None: that of the inputs."""
    rows = kept(batch, length, padding)
    return Spec(lambda draw: rows.to(dtype or draw.dtype), f"mask({batch}, {length})")


def grid(*axes: int, before: int = 0, after: int = 0, offset: int = 0) -> torch.Tensor:
    """Positions of a grid of tokens in row-major order: [prod(axes), columns].

    A column for each axis; columns ``before`` hold ``offset`` (which image, which frame), columns
    ``after`` hold 0.
    """
    steps = torch.meshgrid(*(torch.arange(n) for n in axes), indexing="ij")
    positions = torch.stack([step.flatten() for step in steps], dim=-1).float()
    left = torch.full((len(positions), before), float(offset))
    return torch.cat([left, positions, torch.zeros(len(positions), after)], dim=1)


def rotary(tokens: int, dim: int, *, interleaved: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines of rotary positions in one dimension: [tokens, dim], frequencies twice."""
    frequencies = 100.0 ** (-torch.arange(0, dim, 2) / dim)
    angles = torch.outer(torch.arange(tokens).float(), frequencies)
    angles = angles.repeat_interleave(2, 1) if interleaved else torch.cat([angles, angles], 1)
    return angles.cos(), angles.sin()
