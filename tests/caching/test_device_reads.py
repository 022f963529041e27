"""Numbers are read from the device for a dynamic decision, once, and never otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from cache_dit import (
    CalibratorConfig,
    DBCacheConfig,
    DBPruneConfig,
    DMDCalibratorConfig,
    FoCaCalibratorConfig,
    TaylorSeerCalibratorConfig,
    enable_cache,
)
from cache_dit.caching.clock import Clock, Tick
from cache_dit.caching.known_sessions import sessions_of
from tests.caching.toys import WIDTH, GainTransformer

READERS = ("tolist", "numpy", "cpu", "__array__")
"""Methods that wait for the device without the operator that `item` and `bool` go through."""


class Reads(TorchDispatchMode):
    """Counts how often a value of a tensor becomes a Python number."""

    count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func is torch.ops.aten._local_scalar_dense.default
        return func(*args, **kwargs or {})


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Reads]:
    with Reads() as reads, monkeypatch.context() as patch:
        for name in READERS:
            patch.setattr(torch.Tensor, name, _noting(reads, getattr(torch.Tensor, name)))
        yield reads


def _noting(reads: Reads, method: Callable[..., Any]) -> Callable[..., Any]:
    def noted(self: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        before = reads.count
        value = method(self, *args, **kwargs)
        reads.count = before + 1  # one wait, however many numbers
        return value

    return noted


def reads_of(
    monkeypatch: pytest.MonkeyPatch,
    config: DBCacheConfig,
    steps: int,
    calibrator: CalibratorConfig | None = None,
    **adapter: Any,
) -> list[int]:
    """How many reads there were in each of the calls."""
    model = GainTransformer()
    enable_cache(model.adapter(**adapter), config, calibrator)
    states = torch.ones(1, 3, WIDTH, dtype=torch.float64)
    found = []
    with torch.no_grad():
        for _ in range(steps):
            with counted(monkeypatch) as reads:
                model(states)
            found.append(reads.count)
    return found


def config(**fields: Any) -> DBCacheConfig:
    return DBCacheConfig(**{"Fn_compute_blocks": 1, "max_warmup_steps": 1} | fields)


def test_the_counter_sees_every_way_to_read(monkeypatch: pytest.MonkeyPatch) -> None:
    tensor = torch.ones(2)
    ways = [
        lambda: tensor[0].item(),
        lambda: tensor.tolist(),
        lambda: bool(tensor[0] > 0),
        lambda: float(tensor[0]),
        lambda: tensor.numpy(),
        lambda: tensor.cpu(),
    ]
    for way in ways:
        with counted(monkeypatch) as reads:
            way()
        assert reads.count == 1


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"max_warmup_steps": 6}, [0] * 6),
        ({"max_warmup_steps": 6, "warmup_interval": 3}, [0, 1, 1, 0, 1, 1]),
        ({}, [0, 1, 1, 1, 1, 1]),
        ({"steps_computation_mask": [1] * 6}, [0] * 6),
        ({"steps_computation_mask": [1, 0, 1, 0]}, [0, 1, 0, 1, 0, 0]),
        (
            {"steps_computation_mask": [1, 0, 0, 0], "steps_computation_policy": "static"},
            [0] * 6,
        ),
        ({"max_cached_steps": 2}, [0, 1, 1, 0, 0, 0]),
        ({"max_continuous_cached_steps": 2}, [0, 1, 1, 0, 1, 1]),
        ({"residual_diff_threshold": 0.0}, [0] * 6),
        ({"residual_diff_threshold": 1.0}, [0] * 6),
        (
            {"residual_diff_threshold": 1.0, "max_accumulated_residual_diff_threshold": 9.0},
            [0, 1, 1, 1, 1, 1],
        ),
        ({"Fn_compute_blocks": 4}, [0] * 6),
    ],
)
def test_one_read_for_each_dynamic_decision(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], expected: list[int]
) -> None:
    assert reads_of(monkeypatch, config(**fields), 6) == expected


def test_a_call_that_follows_another_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    follows = config(enable_separate_cfg=True, cfg_diff_compute_separate=False)
    assert reads_of(monkeypatch, follows, 8) == [0, 0, 1, 0, 1, 0, 1, 0]


def test_each_pruned_block_reads_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    pruned = DBPruneConfig(Fn_compute_blocks=1, max_warmup_steps=2)
    assert reads_of(monkeypatch, pruned, 4) == [0, 0, 3, 3]


@pytest.mark.parametrize(
    "calibrator", [TaylorSeerCalibratorConfig(taylorseer_order=2), FoCaCalibratorConfig()]
)
def test_a_fixed_formula_reads_nothing(
    monkeypatch: pytest.MonkeyPatch, calibrator: CalibratorConfig
) -> None:
    static = config(
        max_warmup_steps=4, steps_computation_mask=[0] * 6, steps_computation_policy="static"
    )
    assert reads_of(monkeypatch, static, 6, calibrator) == [0] * 6


def test_dmd_reads_its_inner_products_once_a_reused_step(monkeypatch: pytest.MonkeyPatch) -> None:
    static = config(
        max_warmup_steps=4, steps_computation_mask=[0] * 6, steps_computation_policy="static"
    )
    model = GainTransformer()
    enable_cache(model.adapter(), static, DMDCalibratorConfig())
    for _ in range(5):
        model.at(1.0)
    (session,) = sessions_of(model)
    history = session.transformers[0].units[0].groups[0].states["", 0].histories[0][0]
    fetched = []  # in one piece; what follows is arithmetic on the host
    monkeypatch.setattr(history, "_gram", lambda: fetched.append(1) or torch.eye(4).double())
    model.at(1.0)
    assert len(fetched) == 1


def test_the_timestep_on_an_accelerator_is_read_only_where_it_is_allowed() -> None:
    """The meta device stands for an accelerator whose values cannot be seen."""
    clock = Clock()
    for size in (1, 2, 3):
        timestep = torch.zeros(size, device="meta")
        assert clock.tick(None, timestep, may_read=False) is Tick.UNKNOWN
    with pytest.raises(RuntimeError, match="meta"):
        clock.tick(None, torch.zeros(4, device="meta"), may_read=True)
