"""What one of several ranks holds of known text encoders, counted from their plans.

    python benchmarks/encoder_shares.py --ranks 2 4 8

The encoders are built as large as they are, without data ("meta"), and their planners work out what
each rank would hold; nothing is computed, and no other process is started.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import transformers
from record import Row, save
from torch import nn
from torch.testing._internal.distributed.fake_pg import FakeStore

from cache_dit import ParallelismConfig
from cache_dit.parallelism import TextEncoderTensorParallelismPlannerRegister as Register


@dataclass(frozen=True)
class Encoder:
    """A text encoder of transformers.

    Attributes:
        name: what people call it.
        users: whose text encoder it is.
        cls: its class.
        config: keyword arguments of the class's configuration.
    """

    name: str
    users: str
    cls: Callable[..., Any]
    config: dict[str, Any]

    def build(self) -> nn.Module:
        """The model, without data."""
        with torch.device("meta"):
            model: nn.Module = self.cls(self.cls.config_class(**self.config))
        return model


def layers(hidden: int, inner: int, count: int, heads: int, **others: Any) -> dict[str, Any]:
    """What nearly every configuration has, and what only this one has."""
    return {
        "hidden_size": hidden,
        "intermediate_size": inner,
        "num_hidden_layers": count,
        "num_attention_heads": heads,
        **others,
    }


T5_XXL: dict[str, Any] = {
    "d_model": 4096,
    "d_ff": 10240,
    "d_kv": 64,
    "num_heads": 64,
    "num_layers": 24,
    "feed_forward_proj": "gated-gelu",
}
QWEN_VL = {
    "text_config": layers(3584, 18944, 28, 28, num_key_value_heads=4, vocab_size=152064),
    "vision_config": {
        "hidden_size": 1280,
        "intermediate_size": 3420,
        "depth": 32,
        "num_heads": 16,
        "out_hidden_size": 3584,
    },
    "tie_word_embeddings": False,
}
GEMMA = {
    "text_config": layers(
        3840, 15360, 48, 16, num_key_value_heads=8, head_dim=256, vocab_size=262208
    ),
    "vision_config": layers(1152, 4304, 27, 16, image_size=896, patch_size=14),
}
MISTRAL = {
    "text_config": layers(
        5120, 32768, 40, 32, num_key_value_heads=8, head_dim=128, vocab_size=131072
    ),
    "vision_config": layers(1024, 4096, 24, 16, patch_size=14),
    "tie_word_embeddings": False,
}
LLAMA = layers(4096, 14336, 32, 32, num_key_value_heads=8, vocab_size=128320)

ENCODERS = (
    Encoder("CLIP-L", "FLUX, SD3", transformers.CLIPTextModel, layers(768, 3072, 12, 12)),
    Encoder("T5-XXL", "FLUX, SD3, LTX", transformers.T5EncoderModel, T5_XXL),
    Encoder("UMT5-XXL", "Wan", transformers.UMT5EncoderModel, {**T5_XXL, "vocab_size": 256384}),
    Encoder("Llama-3-8B", "HunyuanVideo", transformers.LlamaModel, LLAMA),
    Encoder(
        "Qwen2.5-VL-7B", "Qwen-Image", transformers.Qwen2_5_VLForConditionalGeneration, QWEN_VL
    ),
    Encoder("Gemma-3-12B", "LTX-2", transformers.Gemma3ForConditionalGeneration, GEMMA),
    Encoder("Mistral-Small-24B", "FLUX.2", transformers.Mistral3ForConditionalGeneration, MISTRAL),
)
"""As large as their published configurations say."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ranks", type=int, nargs="*", default=[2, 4, 8])
    parser.add_argument("--encoders", type=int, default=len(ENCODERS), help="the first ones only")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    logging.getLogger("cache_dit").setLevel(logging.ERROR)
    rows: list[Row] = []
    for encoder in ENCODERS[: options.encoders]:
        model = encoder.build()
        for size in options.ranks:
            row = held(model, size)
            rows.append({"encoder": encoder.name, "users": encoder.users, **row})
            many = f"{encoder.name}, {row['numbers'] / 1e9:.1f} billion, over {size} ranks"
            print(f"{many}: {row['sharing']} share it out, each holds {row['share']:.1%}")
    if options.json:
        save(options.json, rows)


def held(model: nn.Module, size: int) -> Row:
    """What the plan leaves on one of so many ranks."""
    numbers = sum(each.numel() for each in model.parameters())
    with pretended(size):
        planner = Register.get_planner(model)()
        parallel = planner.prepare(model, ParallelismConfig(ulysses_size=size))
    sharing = parallel.channel.size
    share = 1 - parallel.shards.saved(sharing) / numbers
    return {"numbers": numbers, "ranks": size, "sharing": sharing, "share": share}


@contextmanager
def pretended(size: int) -> Iterator[None]:
    """This process is the first of so many; nothing can be exchanged."""
    dist.init_process_group("fake", rank=0, world_size=size, store=FakeStore())
    try:
        yield
    finally:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()
