"""What the tests of agreement between ranks run on every rank at once."""

from __future__ import annotations

import gc
import weakref
from datetime import timedelta
from itertools import count
from typing import Any
from unittest.mock import patch

import torch
import torch.distributed as dist
from torch import nn

import cache_dit
from cache_dit.parallelism import ParallelismConfig, parallelism_of, parallelize, restore
from cache_dit.parallelism.mesh import Mesh
from cache_dit.verify import zoo
from cache_dit.verify.outputs import difference
from cache_dit.verify.traces import differences, traces

NAME = "FluxTransformer2DModel"


def failing_midway(
    config: dict[str, int], what: str, at: int, rank_that_fails: int = 1
) -> tuple[str, list[str], float]:
    """What comes of it when one rank fails in the middle of being spread.

    Args:
        config: how the model is to be spread.
        what: the function, by its path, that fails on that rank.
        at: in which of its calls it fails.
        rank_that_fails: which.

    Returns:
        What this rank says, what is not as before, and the error when it is tried once more.
    """
    entry = zoo.get(NAME)
    model = entry.build(torch.float64)
    with torch.no_grad():
        expected = zoo.tensors(model(**entry.inputs(torch.float64)))
        weights = {key: value.clone() for key, value in model.state_dict().items()}
        before, said = traces(model), ""
        with patch(what, _failing(what, at if dist.get_rank() == rank_that_fails else 0)):
            try:
                parallelize([model], ParallelismConfig(**config))
            except (MemoryError, RuntimeError) as error:
                said = f"{type(error).__name__}: {error}"
        left = differences(before, traces(model))
        state = model.state_dict()
        left |= {key for key, value in weights.items() if not torch.equal(value, state[key])}
        left |= {type(each).__name__ for each in parallelism_of(model)}
        parallelize([model], ParallelismConfig(**config))
        error = difference(zoo.tensors(model(**entry.inputs(torch.float64))), expected)
        restore(model)
    return said, sorted(left), error


def _failing(what: str, at: int) -> Any:
    module, _, name = what.rpartition(".")
    working, calls = getattr(__import__(module, fromlist=[name]), name), count(1)

    def fail(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == at:
            raise MemoryError("no room")
        return working(*args, **kwargs)

    return fail


def in_a_new_world(meeting: str) -> tuple[list[float], bool]:
    """(errors of models in an old world and in a new one, whether the old one is forgotten)."""
    rank, size, errors = dist.get_rank(), dist.get_world_size(), []
    errors.append(_error_of_all_axes())
    old = weakref.ref(Mesh.of(ParallelismConfig(tp_size=2)))
    dist.barrier()
    dist.destroy_process_group()
    dist.init_process_group(
        "gloo",
        init_method=f"file://{meeting}",
        rank=rank,
        world_size=size,
        timeout=timedelta(seconds=60),
    )
    errors.append(_error_of_all_axes())
    gc.collect()
    return errors, old() is None


def _error_of_all_axes() -> float:
    entry, errors = zoo.get(NAME), []
    model = entry.build(torch.float64)
    with torch.no_grad():
        expected = zoo.tensors(model(**entry.inputs(torch.float64)))
        for config in ({"tp_size": 2}, {"ulysses_size": 2}, {"ring_size": 2}):
            parallelize([model], ParallelismConfig(**config))
            output = zoo.tensors(model(**entry.inputs(torch.float64)))
            errors.append(difference(output, expected))
            restore(model)
        parallelize([model], ParallelismConfig(tp_size=2))
        compiled = torch.compile(model.get_submodule("transformer_blocks.0.ff"), backend="eager")
        value = torch.ones(1, 2, model.inner_dim, dtype=torch.float64)
        dist.barrier()
        errors.append(float((compiled(value) - compiled._orig_mod(value)).abs().max()))
        restore(model)
    return max(errors)


def a_little_apart(config: dict[str, int], seed: int) -> tuple[list[int], list[int]]:
    """(steps reused by each rank for itself, and over ranks), at a threshold on a knife's edge.

    What the first block makes differs a little between the ranks, as rounding may make it; the
    threshold is in the middle between what they measure as the smallest change of the run.
    """
    changes: list[dict[int, float]] = [{} for _ in range(dist.get_world_size())]
    dist.all_gather_object(changes, _cached_run(seed, 1e-30, None)[1])
    edge = sum(min(each.values()) for each in changes) / len(changes)
    return _cached_run(seed, edge, None)[0], _cached_run(seed, edge, config)[0]


def _cached_run(
    seed: int, threshold: float, config: dict[str, int] | None
) -> tuple[list[int], dict[int, float]]:
    """(reused steps, step -> measured change)."""
    entry = zoo.get(NAME)
    model = entry.build(torch.float64)
    model.get_submodule("transformer_blocks.0").register_forward_hook(_nudge)
    cache_dit.enable_cache(
        model,
        cache_dit.DBCacheConfig(
            Fn_compute_blocks=1,
            max_warmup_steps=1,
            residual_diff_threshold=threshold,
            num_inference_steps=8,
        ),
        parallelism_config=ParallelismConfig(**config) if config else None,
    )
    with torch.no_grad():
        for step in (0, 9, 17, 24, 30, 35, 39, 42):  # closer and closer
            model(**entry.step_inputs(step, torch.float64, seed))
    (stats,) = cache_dit.summary(model, logging=False)
    cache_dit.disable_cache(model)
    return stats.cached_steps, dict(stats.residual_diffs)


def _nudge(module: nn.Module, args: Any, output: Any) -> Any:
    return tuple(each * (1 + 1e-9 * dist.get_rank()) for each in output)
