"""What the tests run on every rank at once: functions that other processes can import."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.distributed as dist
from diffusers.models.attention_dispatch import AttentionBackendName, _AttentionBackendRegistry
from torch import nn

import cache_dit
from cache_dit.parallelism import ParallelismConfig
from cache_dit.parallelism.controlnets.context_parallelism import (
    ControlNetContextParallelismPlannerRegister,
)
from cache_dit.parallelism.mesh import Mesh
from cache_dit.verify import controlnets, zoo
from cache_dit.verify.outputs import difference

Sizes = dict[str, int]


def model_outputs(name: str, config: dict[str, Any] | None = None) -> list[torch.Tensor]:
    """What a model of the zoo returns, over several ranks where there is a config."""
    entry = zoo.get(name)
    model = entry.build(torch.float64)
    if config:
        cache_dit.enable_cache(model, parallelism_config=ParallelismConfig(**config))
    with torch.no_grad():
        outputs = zoo.tensors(model(**entry.inputs(torch.float64)))
    cache_dit.disable_cache(model)
    return outputs


def options_of_ulysses(name: str) -> tuple[float, bool]:
    """(error in 8 bits, whether overlapping changes no bit) of a model."""
    alone, plain = model_outputs(name), model_outputs(name, {"ulysses_size": 2})
    overlapped = model_outputs(name, {"ulysses_size": 2, "ulysses_async": True})
    eight_bits = model_outputs(name, {"ulysses_size": 2, "ulysses_float8": True})
    return difference(eight_bits, alone), all(map(torch.equal, overlapped, plain))


def with_kernel(name: str, config: dict[str, Any], returns_lse: bool = False) -> tuple[Any, ...]:
    """(error, shapes of the queries that a made-up kernel was called with) of a model.

    The kernel stands in place of "_native_math", and attends by hand.
    """
    registry, made_up = _AttentionBackendRegistry, AttentionBackendName._NATIVE_MATH
    saved = registry._backends[made_up], registry._supported_arg_names[made_up]
    shapes: list[tuple[int, ...]] = []

    def kernel(query: Any, key: Any, value: Any, scale: Any = None, **options: Any) -> Any:
        shapes.append(tuple(query.shape))
        query, key, value = (each.transpose(1, 2) for each in (query, key, value))
        scores = query @ key.transpose(2, 3) * (scale or query.shape[-1] ** -0.5)
        out = (scores.softmax(-1) @ value).transpose(1, 2)
        return (out, scores.logsumexp(-1)) if options.get("return_lse") else out

    names = {"query", "key", "value", "scale"} | ({"return_lse"} if returns_lse else set())
    registry._backends[made_up], registry._supported_arg_names[made_up] = kernel, names
    try:
        alone = model_outputs(name)
        output = model_outputs(name, {**config, "attention_backend": "_native_math"})
    finally:
        registry._backends[made_up], registry._supported_arg_names[made_up] = saved
    return difference(output, alone), shapes


def refused_kernel(name: str, config: dict[str, Any]) -> str:
    """What is said about a kernel that does not give the log of the sum."""
    try:
        with_kernel(name, config)
    except ValueError as error:
        return str(error)
    return "accepted"


def backend_error(name: str, config: dict[str, Any], backend: str) -> float:
    """Error of a model with another kernel, against one process with torch's."""
    alone = model_outputs(name)
    return difference(model_outputs(name, {**config, "attention_backend": backend}), alone)


def decisions(stats: list[cache_dit.CacheStats]) -> list[Any]:
    """Which steps were reused, for every block list."""
    return [each.cached_steps for each in stats]


def cached_run(
    name: str,
    config: dict[str, Any] | None,
    seed: int,
    first: str = "together",
    steps: Sequence[int] = (0, 1, 2, 12, 13, 14, 30, 31),  # two jumps, which must be computed
    seen: Callable[[list[cache_dit.CacheStats]], None] = list,
) -> tuple[list[Any], list[torch.Tensor]]:
    """(decisions, outputs) of a run with cache, over several ranks where there is a config."""
    entry, dtype = zoo.get(name), torch.float64
    model = entry.build(dtype)
    cache = cache_dit.DBCacheConfig(
        Fn_compute_blocks=1, max_warmup_steps=1, residual_diff_threshold=0.2, num_inference_steps=8
    )
    spread = ParallelismConfig(**config) if config else None
    if first == "together":
        cache_dit.enable_cache(model, cache, parallelism_config=spread)
    elif first == "parallelism":
        cache_dit.enable_cache(model, parallelism_config=spread)
        cache_dit.enable_cache(model, cache)
    else:
        cache_dit.enable_cache(model, cache)
        cache_dit.enable_cache(model, parallelism_config=spread)
    outputs = []
    with torch.no_grad():
        for step in steps:
            inputs = entry.step_inputs(step, dtype, seed)
            outputs += zoo.tensors(model(**inputs))
    stats = cache_dit.summary(model, logging=False)
    seen(stats)
    cache_dit.disable_cache(model)
    return decisions(stats), outputs


def cache_with_parallelism(
    name: str, config: dict[str, Any], first: str
) -> tuple[list[Any], list[Any], float]:
    """(decisions over ranks, decisions of one process, largest error)."""
    own, outputs = cached_run(name, config, 0, first)
    alone, expected = cached_run(name, None, 0)
    return own, alone, difference(outputs, expected)


def replicas(name: str, config: dict[str, Any]) -> tuple[list[Any], list[Any], float]:
    """Like `cache_with_parallelism`, with another sample and other steps on every replica."""
    first = Mesh.of(ParallelismConfig(**config)).sample.ranks[0]
    steps = (0, 1, 2, 12, 13, 14, 30, 31) if first == 0 else (0, 12, 13, 30, 31)
    own, outputs = cached_run(name, config, 10 + first, steps=steps)
    alone, expected = cached_run(name, None, 10 + first, steps=steps)
    return own, alone, difference(outputs, expected)


def reductions(name: str, config: dict[str, Any]) -> tuple[list[int], set[Any], list[int], int]:
    """What all-reduces a cached run makes.

    Returns:
        Numbers in each, their groups as global ranks, the ranks of this sample, and how many
        changes were measured.
    """
    sample = Mesh.of(ParallelismConfig(**config)).sample
    numbers, groups = [], set()

    def noted(tensor: torch.Tensor, *args: Any, group: Any = None, **kwargs: Any) -> Any:
        numbers.append(tensor.numel())
        groups.add(tuple(dist.get_process_group_ranks(group or dist.group.WORLD)))
        return all_reduce(tensor, *args, group=group, **kwargs)

    all_reduce, dist.all_reduce = dist.all_reduce, noted
    measured: list[cache_dit.CacheStats] = []
    try:
        cached_run(name, config, 0, seen=measured.extend)
    finally:
        dist.all_reduce = all_reduce
    return numbers, groups, list(sample.ranks), sum(len(each.residual_diffs) for each in measured)


def oracle(name: str, config: dict[str, Any], order: int) -> tuple[list[Any], float]:
    """(decisions, largest error) where every step has the same inputs: a reused one is exact."""
    entry, dtype = zoo.get(name), torch.float64
    model, inputs = entry.build(dtype), entry.inputs(dtype)
    mask = [1, 1, 0, 0, 1, 0]
    with torch.no_grad():
        expected = zoo.tensors(model(**entry.inputs(dtype)))
        cache_dit.enable_cache(
            model,
            cache_dit.DBCacheConfig(
                Fn_compute_blocks=1,
                Bn_compute_blocks=1,
                max_warmup_steps=1,
                steps_computation_mask=mask,
                steps_computation_policy="static",
                num_inference_steps=len(mask),
            ),
            cache_dit.TaylorSeerCalibratorConfig(taylorseer_order=order) if order else None,
            parallelism_config=ParallelismConfig(**config),
        )
        errors = [difference(zoo.tensors(model(**inputs)), expected) for _ in mask]
    made = decisions(cache_dit.summary(model, logging=False))
    cache_dit.disable_cache(model)
    return made, max(errors)


def short_text(config: dict[str, Any], text: int) -> float:
    """Error of a model whose text has fewer tokens than there are ranks."""
    entry = zoo.get("FluxTransformer2DModel")
    model = entry.build(torch.float64)
    expected = zoo.tensors(model(**entry.inputs(torch.float64, text=text)))
    cache_dit.enable_cache(model, parallelism_config=ParallelismConfig(**config))
    output = zoo.tensors(model(**entry.inputs(torch.float64, text=text)))
    cache_dit.disable_cache(model)
    return difference(output, expected)


def enabled_twice() -> tuple[float, float]:
    """Errors after a second config, and after disabling."""
    entry = zoo.get("WanTransformer3DModel")
    model = entry.build(torch.float64)
    expected = zoo.tensors(model(**entry.inputs(torch.float64)))
    cache_dit.enable_cache(model, parallelism_config=ParallelismConfig(ulysses_size=2))
    cache_dit.enable_cache(model, parallelism_config=ParallelismConfig(ring_size=2))
    twice = zoo.tensors(model(**entry.inputs(torch.float64)))
    cache_dit.disable_cache(model)
    once = zoo.tensors(model(**entry.inputs(torch.float64)))
    return difference(twice, expected), difference(once, expected)


def own_plan(plan: dict[str, Any]) -> float:
    """Error of a model that is split as a user says."""
    entry = zoo.get("WanTransformer3DModel")
    model = entry.build(torch.float64)
    expected = zoo.tensors(model(**entry.inputs(torch.float64)))
    spread = ParallelismConfig(ulysses_size=2, cp_plan=copy.copy(plan))
    cache_dit.enable_cache(model, parallelism_config=spread)
    output = zoo.tensors(model(**entry.inputs(torch.float64)))
    cache_dit.disable_cache(model)
    return difference(output, expected)


def failing_config(config: dict[str, Any]) -> str:
    """What is said about a config that does not fit, and whether anything was touched."""
    model = zoo.get("WanTransformer3DModel").build()
    try:
        cache_dit.enable_cache(model, parallelism_config=ParallelismConfig(**config))
    except ValueError as error:
        return f"{error} touched={type(model).__call__ is not nn.Module.__call__}"
    return "accepted"


def controlnet_alone(config: dict[str, Any]) -> tuple[float, int]:
    """(error of the residuals, bytes sent) of a ControlNet that is spread without a transformer."""
    entry = controlnets.ENTRIES["FluxControlNetModel"]
    pair = entry.build(torch.float64)
    expected, _ = entry.step(pair, 0, torch.float64)
    planner = ControlNetContextParallelismPlannerRegister.get_planner(pair.controlnet)()
    parallel = planner.apply(pair.controlnet, ParallelismConfig(**config))
    residuals, _ = entry.step(pair, 0, torch.float64)
    parallel.uninstall()
    return difference(residuals, expected), parallel.bytes_sent


def shares_groups() -> bool:
    """Whether axes along which there are the same ranks use one connection."""
    mesh = Mesh.of(ParallelismConfig(ulysses_size=2))
    return mesh.ulysses.group is mesh.context.group is mesh.sample.group is not None
