"""A model of your own, from outside the package: cached and spread over devices by plain data.

    python examples/custom_model.py                     # run it with the cache
    cache-dit verify examples/custom_model.py           # prove the cache
    cache-dit verify examples/custom_model.py --axis cp # context parallelism, over two ranks
    cache-dit verify examples/custom_model.py --axis tp # and tensor parallelism

`small_dit.py` holds the model; nothing in it was changed for this. The model exists there only: it
has random weights, and takes none.
"""

from __future__ import annotations

import argparse
from typing import Any, ClassVar

import torch
from small_dit import make_inputs, make_model  # by which it is verified

import cache_dit
from cache_dit import BlockAdapter, BlockAdapterRegister, DBCacheConfig, ForwardPattern
from cache_dit.parallelism import (
    ContextParallelismPlanner,
    ContextParallelismPlannerRegister,
    TensorParallelismPlanner,
    TensorParallelismPlannerRegister,
    attention,
    gather,
    split,
)

IMAGE, TEXT = "hidden_states", "encoder_hidden_states"


@BlockAdapterRegister.register("SmallDiT")
def small_dit_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
    """Its blocks take image and text, and return both."""
    return BlockAdapter(
        pipe=pipe,
        blocks_name="blocks",
        forward_pattern=ForwardPattern.Pattern_0,
        **kwargs,
    )


@ContextParallelismPlannerRegister.register("SmallDiT")
class SmallDiTContextParallelismPlanner(ContextParallelismPlanner):
    """Image and text are split before the first block, and put together behind the last one."""

    plan: ClassVar[dict[str, Any]] = {
        "blocks.0": {IMAGE: split(1), TEXT: split(1)},
        "blocks.*.attn": attention(TEXT, IMAGE),
        "blocks.-1": [gather(1), gather(1, TEXT)],
    }


@TensorParallelismPlannerRegister.register("SmallDiT")
class SmallDiTTensorParallelismPlanner(TensorParallelismPlanner):
    """Heads and the inner width of the feed-forward network are shared out."""

    plan: ClassVar[dict[str, Any]] = {
        "blocks.*.attn.{to_q,to_k,to_v}": "colwise",
        "blocks.*.attn.to_out": "rowwise",
        "blocks.*.ff_in": "colwise",
        "blocks.*.ff_out": "rowwise",
    }
    divide = ("blocks.*.attn.heads",)


def main() -> None:
    refuse_weights()
    model = make_model().eval()
    config = DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=2, num_inference_steps=12)
    cache_dit.enable_cache(model, cache_config=config)
    with torch.no_grad():
        for step in range(12):
            model(**make_inputs(step, seed=0))
    cache_dit.summary(model, details=True)


def refuse_weights() -> None:
    """`--help`, and what is said to `--model`, which the other examples take."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", help="refused: nobody has trained a SmallDiT")
    if model := parser.parse_args().model:
        parser.error(
            f"--model {model}: SmallDiT exists in this example only, and there are no trained "
            "weights of it. Run transformer_only.py or one_line.py with them."
        )


if __name__ == "__main__":
    main()
