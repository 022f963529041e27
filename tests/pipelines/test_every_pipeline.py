"""Every pipeline of the table, as users run it: uncached, cached, counted, and uncached again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import wraps
from typing import Any

import diffusers
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
    FlowMatchEulerDiscreteSchedulerOutput,
)

import cache_dit
from cache_dit import (
    CalibratorConfig,
    DBCacheConfig,
    DBPruneConfig,
    FoCaCalibratorConfig,
    TaylorSeerCalibratorConfig,
)
from cache_dit.verify import pipelines
from cache_dit.verify.pipelines import PipelineEntry
from tests.pipelines.call_log import CallLog, blocks_of, reused_steps, says, seen

# What diffusers itself brings about with these components.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:{text}")
    for text in (
        "`LoraLoaderMixin` is deprecated:FutureWarning",
        "`torch.nn.utils.weight_norm` is deprecated:FutureWarning",
        "In CPU autocast, but the target dtype is not supported:UserWarning",
        "flex_attention called without torch.compile:UserWarning",
        "__array__ implementation doesn't accept a copy keyword:DeprecationWarning",
        "__array_wrap__ must accept context and return_scalar:DeprecationWarning",
    )
]
SLOW = {"Kandinsky6SRPipeline"}


def marks(entry: PipelineEntry) -> list[pytest.MarkDecorator]:
    if not entry.available:
        return [pytest.mark.skip(reason=f"not in diffusers {diffusers.__version__}")]
    return [pytest.mark.slow] if entry.name in SLOW else []


every_pipeline = pytest.mark.parametrize(
    "entry",
    [
        pytest.param(
            entry,
            id=entry.name,
            marks=marks(entry),
        )
        for entry in pipelines.ENTRIES.values()
    ],
)

STEPS = 5
MASK = [1, 1, 0, 1, 0]
ZEROS = [2, 4]
STATIC = DBCacheConfig(
    Fn_compute_blocks=1,
    Bn_compute_blocks=1,
    max_warmup_steps=1,
    steps_computation_mask=MASK,
    steps_computation_policy="static",
)
DYNAMIC = DBCacheConfig(
    Fn_compute_blocks=2, max_warmup_steps=1, residual_diff_threshold=0.5, max_cached_steps=3
)
NEVER = DBCacheConfig(Fn_compute_blocks=1, residual_diff_threshold=0.0, max_warmup_steps=1)


@pytest.fixture(autouse=True)
def _without_compiler() -> Iterator[None]:
    """Flex attention has its masks compiled, which takes a CPU far longer than all the rest."""
    with torch.compiler.set_stance("force_eager"):
        yield


def equal(one: Sequence[torch.Tensor], other: Sequence[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def in_loops(entry: PipelineEntry, loop: list[Any], whole: Any) -> list[Any]:
    """The calls of all loops, of which each has ``loop``, and what is computed between them."""
    return loop + (entry.sections - 1) * ([whole] * entry.between + loop)


@every_pipeline
def test_it_computes_what_its_summary_says(entry: PipelineEntry) -> None:
    pipe = entry.build()
    log = CallLog(getattr(pipe, entry.denoiser), entry.blocks(pipe))
    one_loop = list(entry.branches) * STEPS

    every_call = in_loops(entry, [log.sizes] * len(one_loop), log.sizes)

    plain = entry.run(pipe, STEPS)
    assert log.calls == every_call, "the table is wrong"
    assert all(bool(tensor.isfinite().all()) for tensor in plain)

    cache_dit.enable_cache(pipe, cache_config=NEVER)
    assert equal(entry.run(pipe, STEPS), plain)

    for config in (STATIC, DYNAMIC):
        cache_dit.enable_cache(pipe, cache_config=config)
        log.clear()
        approximate = entry.run(pipe, STEPS)
        stats = cache_dit.summary(pipe, logging=False)
        assert all(set(each.decisions) == set(entry.branches) for each in stats)
        said = says(stats, log, one_loop)
        if config is STATIC:  # every loop of a pipeline that has several is alike
            whole = {each.name: blocks_of(each, log) for each in stats}
            assert seen(stats, log) == in_loops(entry, said, whole)
            assert all(steps == ZEROS for each in stats for steps in reused_steps(each).values())
            assert not equal(approximate, plain)
        else:
            assert seen(stats, log)[-len(said) :] == said

    cache_dit.disable_cache(pipe)
    log.clear()
    assert equal(entry.run(pipe, STEPS), plain)
    assert log.calls == every_call


class Stationary(FlowMatchEulerDiscreteScheduler):
    """Moves the sample at the last step only, and gives every step the same timestep."""

    init_noise_sigma = 1.0

    def __init__(self) -> None:
        super().__init__()
        self.register_to_config(sigma_max=1.0, sigma_min=0.1, sigma_data=1.0)  # Cosmos asks for it

    @wraps(FlowMatchEulerDiscreteScheduler.set_timesteps)
    def set_timesteps(self, *args: Any, **kwargs: Any) -> None:
        super().set_timesteps(*args, **kwargs)
        self.sigmas[:] = 0.5
        self.timesteps[:] = 400.0

    def step(
        self, output: torch.Tensor, timestep: Any, sample: torch.Tensor, **kwargs: Any
    ) -> FlowMatchEulerDiscreteSchedulerOutput:
        self._step_index = 1 + (self._step_index or 0)
        last = self._step_index == len(self.timesteps)
        return FlowMatchEulerDiscreteSchedulerOutput(sample - 0.5 * output if last else sample)

    def scale_model_input(self, sample: torch.Tensor, timestep: Any) -> torch.Tensor:
        return sample


SETTINGS: dict[str, tuple[DBCacheConfig, CalibratorConfig | None]] = {
    "hold": (DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=2), None),
    "taylor": (
        DBCacheConfig(Fn_compute_blocks=2, Bn_compute_blocks=1, max_warmup_steps=3),
        TaylorSeerCalibratorConfig(taylorseer_order=2),
    ),
    "foca": (  # U-Net skips of the last two blocks come from the first two, one of them skipped
        DBCacheConfig(Fn_compute_blocks=1, Bn_compute_blocks=2, max_warmup_steps=3),
        FoCaCalibratorConfig(),
    ),
    "prune": (DBPruneConfig(Fn_compute_blocks=1, max_warmup_steps=2), None),
}


@every_pipeline
def test_reuse_is_exact_while_the_sample_stands_still(entry: PipelineEntry) -> None:
    """A text stream that is lost, a ControlNet residual that is added twice, a branch that takes
    the other's residual, a long skip out of a skipped block: all of them would show."""
    pipe = entry.build()
    pipe.scheduler = Stationary()
    plain = entry.run(pipe, STEPS)
    for key, (config, calibrator) in SETTINGS.items():
        cache_dit.enable_cache(pipe, cache_config=config, calibrator_config=calibrator)
        cached = entry.run(pipe, STEPS)
        for stats in cache_dit.summary(pipe, logging=False):
            reused = list(range(config.max_warmup_steps, STEPS))
            assert all(sorted(set(steps)) == reused for steps in reused_steps(stats).values())
        for one, other in zip(cached, plain, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5, msg=f"{key} differs")
