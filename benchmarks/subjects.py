"""What `overhead.py` compares: one FLUX transformer, and everything that may skip its blocks.

Also runs as a server in the interpreter of another environment (`--serve`), where `cache_dit` is
another release. It uses what all releases have in common.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache, partial
from types import FrameType
from typing import Any

os.environ["OMP_NUM_THREADS"] = "1"

import torch
from diffusers import FirstBlockCacheConfig, FluxTransformer2DModel
from diffusers.models.transformers.transformer_flux import (
    FluxSingleTransformerBlock,
    FluxTransformerBlock,
)
from torch import nn

import cache_dit

DOUBLE, SINGLE = 19, 38  # as FLUX.1
WARMUP, STEPS = 4, 100_000


@dataclass(frozen=True)
class Size:
    """How large the blocks are."""

    heads: int
    head_dim: int
    image_tokens: int
    text_tokens: int


SIZES = {
    "tiny": Size(heads=4, head_dim=16, image_tokens=16, text_tokens=8),
    "little": Size(heads=4, head_dim=32, image_tokens=32, text_tokens=16),
    "small": Size(heads=4, head_dim=64, image_tokens=48, text_tokens=16),
    "medium": Size(heads=8, head_dim=64, image_tokens=96, text_tokens=32),
}


@dataclass(frozen=True)
class Calls:
    """What one step calls: Python functions, functions written in C, transformer blocks."""

    python: int
    c: int
    blocks: int


class Subject:
    """A transformer whose next step is a reused one, if it caches at all.

    Args:
        kind: what skips blocks, a key of `MODELS`.
        size: of the blocks.
        front: how many blocks run on a reused step, where that can be chosen.
    """

    def __init__(self, kind: str, size: Size, front: int) -> None:
        torch.manual_seed(0)
        self.inputs = inputs(size)
        self.model = MODELS[kind](size, front)
        self.burst(WARMUP + 2)

    def burst(self, steps: int) -> list[int]:
        """Nanoseconds of processor time that each of several steps in a row takes."""
        times = []
        with torch.no_grad(), self.model.cache_context("cond"):
            for _ in range(steps):
                start = time.process_time_ns()
                self.model(**self.inputs)
                times.append(time.process_time_ns() - start)
        return times

    def calls(self) -> Calls:
        """Counts the calls of one step."""
        python = c = blocks = 0

        def count(frame: FrameType, event: str, argument: Any) -> None:
            nonlocal python, c, blocks
            python += event == "call"
            c += event == "c_call"
            blocks += event == "call" and frame.f_code in BLOCK_FORWARDS

        with torch.no_grad(), self.model.cache_context("cond"):
            sys.setprofile(count)
            try:
                self.model(**self.inputs)
            finally:
                sys.setprofile(None)
        return Calls(python, c - 1, blocks)  # one C function was the end of the profile


BLOCKS = FluxTransformerBlock, FluxSingleTransformerBlock
BLOCK_FORWARDS = {each.forward.__code__ for each in BLOCKS}


def inputs(size: Size) -> dict[str, Any]:
    """Arguments of a call; the same at every step, so that every change is below any threshold."""
    image, text = size.image_tokens, size.text_tokens
    return {
        "hidden_states": torch.randn(1, image, 4),
        "encoder_hidden_states": torch.randn(1, text, 32),
        "pooled_projections": torch.randn(1, 32),
        "timestep": torch.tensor([0.5]),
        "img_ids": torch.randn(image, 3),
        "txt_ids": torch.zeros(text, 3),
    }


def flux(size: Size, double: int = DOUBLE, single: int = SINGLE) -> nn.Module:
    """FLUX with random weights; all blocks of one kind share theirs, to save memory."""
    with torch.device("meta"):
        model = _flux(size, double, single)
    weights = _weights(size)
    first = {name: re.sub(r"blocks\.\d+\.", "blocks.0.", name) for name in model.state_dict()}
    model.load_state_dict({name: weights[same] for name, same in first.items()}, assign=True)
    return model.eval()


@cache
def _weights(size: Size) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return _flux(size, 1, 1).state_dict()


def _flux(size: Size, double: int, single: int) -> nn.Module:
    quarter = size.head_dim // 4
    return FluxTransformer2DModel(
        patch_size=1,
        in_channels=4,
        num_layers=double,
        num_single_layers=single,
        attention_head_dim=size.head_dim,
        num_attention_heads=size.heads,
        joint_attention_dim=32,
        pooled_projection_dim=32,
        axes_dims_rope=(quarter, quarter, 2 * quarter),
    )


def _uncached(size: Size, front: int) -> nn.Module:
    return flux(size)


def _bound(size: Size, front: int) -> nn.Module:
    return flux(size, min(front, DOUBLE), max(front - DOUBLE, 0))


def _first_block_cache(size: Size, front: int) -> nn.Module:
    model = flux(size)
    model.enable_cache(FirstBlockCacheConfig(threshold=0.5))
    return model


def _cached(policy: str, size: Size, front: int) -> nn.Module:
    model = flux(size)
    mask = [1] * WARMUP + [0] * (STEPS - WARMUP) if policy == "static" else None
    config = cache_dit.DBCacheConfig(
        Fn_compute_blocks=front,
        Bn_compute_blocks=0,
        max_warmup_steps=WARMUP,
        residual_diff_threshold=0.5,
        num_inference_steps=STEPS,
        steps_computation_mask=mask,
        steps_computation_policy=policy,
    )
    taylor = cache_dit.TaylorSeerCalibratorConfig(taylorseer_order=1)
    cache_dit.enable_cache(model, cache_config=config, calibrator_config=taylor)
    return model


MODELS: dict[str, Callable[[Size, int], nn.Module]] = {
    "uncached": _uncached,
    "bound": _bound,
    "first block cache": _first_block_cache,
    "static": partial(_cached, "static"),
    "dynamic": partial(_cached, "dynamic"),
}


def serve(kind: str, size: Size, front: int) -> None:
    """Answer the lines on standard input, one line of JSON each, until it is closed."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever else is printed must not get among the answers
    subject = Subject(kind, size, front)
    print(json.dumps(cache_dit.__version__), file=answers)
    for line in sys.stdin:
        steps = int(line)
        answer = subject.burst(steps) if steps else asdict(subject.calls())
        print(json.dumps(answer), file=answers)


def main() -> None:
    """Serve one subject."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", choices=MODELS, required=True)
    parser.add_argument("--size", choices=SIZES, required=True)
    parser.add_argument("--front", type=int, default=1)
    chosen = parser.parse_args()
    serve(chosen.serve, SIZES[chosen.size], chosen.front)


torch.set_num_threads(1)

if __name__ == "__main__":
    main()
