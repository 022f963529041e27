"""What the tests of text encoders run on every rank at once."""

from __future__ import annotations

import torch

from cache_dit.parallelism import ParallelismConfig, parallelism_of, parallelize, restore
from cache_dit.parallelism.tensor_parallel import TensorParallel
from cache_dit.verify.outputs import difference
from cache_dit.verify.text_encoders import ENTRIES


def encoder_of_two_heads() -> tuple[float, int]:
    """(error, ranks that share it out) of an encoder with fewer heads than ranks."""
    entry = ENTRIES["CLIPTextModel"].with_variant("", config={"num_attention_heads": 2})
    model = entry.build(torch.float64)
    expected = entry.encode(model, "right", torch.float64)
    parallelize([], ParallelismConfig(ulysses_size=2, ring_size=2), [model])
    (parallel,) = parallelism_of(model)
    output = entry.encode(model, "right", torch.float64)
    restore(model)
    assert isinstance(parallel, TensorParallel)
    return difference(output, expected), parallel.channel.size
