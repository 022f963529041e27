"""Snapshots of a stream: how many, of what form, and the sum that is made of them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch

from cache_dit import (
    CalibratorConfig,
    DBCacheConfig,
    DMDCalibratorConfig,
    FoCaCalibratorConfig,
    TaylorSeerCalibratorConfig,
    enable_cache,
    summary,
)
from cache_dit.caching.calibrators import DMD, FoCa, Hold, Predictor, TaylorSeer
from cache_dit.caching.state import History
from tests.caching.toys import WIDTH, GainTransformer

PREDICTORS: list[Predictor] = [Hold(), TaylorSeer(1), TaylorSeer(3), FoCa(), DMD()]


def learned(history: History, dtype: torch.dtype, steps: Sequence[int]) -> list[torch.Tensor]:
    """The residuals that were learned."""
    residuals = []
    for step in steps:
        entered, left = torch.randn(2, 5, 8).to(dtype), torch.randn(2, 5, 8).to(dtype)
        history.learn(step, entered, left)
        residuals.append(left - entered)
    return residuals[-history.predictor.history :]


@pytest.mark.parametrize("predictor", PREDICTORS, ids=lambda p: type(p).__name__)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_a_prediction_is_the_weighted_sum_on_top_of_what_enters(
    predictor: Predictor, dtype: torch.dtype
) -> None:
    history = History(predictor)
    steps = [0, 1, 2, 3, 4, 5]
    residuals = learned(history, dtype, steps)
    entering = torch.randn(2, 5, 8).to(dtype)
    rows = torch.stack([residual.double().flatten() for residual in residuals])
    kept = steps[-len(residuals) :]
    weights = predictor.weights(kept, 7, lambda: rows @ rows.T, 1e-6)
    terms = [w * residual.double() for w, residual in zip(weights, residuals, strict=True)]
    expected = entering.double() + sum(terms)
    found = history.predict(7, entering)
    assert found.dtype == dtype
    size = entering.double().abs() + sum(term.abs() for term in terms)
    # One rounding for each term; DMD's weights themselves depend on the precision of its input.
    slack = 1e-3 if isinstance(predictor, DMD) else 0.0
    assert (
        (found.double() - expected).abs() <= (len(terms) + 1) * _eps(dtype) * size + slack
    ).all()


def _eps(dtype: torch.dtype) -> float:
    return torch.finfo(dtype).eps


def test_the_entering_stream_is_not_written_to() -> None:
    for predictor in PREDICTORS:
        history = History(predictor)
        learned(history, torch.float32, [0, 1, 2, 3])
        entering = torch.ones(2, 5, 8)
        found = history.predict(5, entering)
        assert (entering == 1).all()
        assert found.data_ptr() != entering.data_ptr()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_output_itself_can_be_kept(dtype: torch.dtype) -> None:
    history = History(TaylorSeer(1), absolute=True)
    left = [torch.randn(2, 5).to(dtype) for _ in range(2)]
    for step, each in enumerate(left):
        history.learn(step, torch.randn(2, 5).to(dtype), each)
    expected = 2 * left[1].double() - left[0].double()
    size = 2 * left[1].double().abs() + left[0].double().abs()
    found = history.predict(2, torch.randn(2, 5).to(dtype)).double()
    assert ((found - expected).abs() <= 2 * _eps(dtype) * size).all()


def test_what_the_block_returned_may_be_written_to_afterwards() -> None:
    for absolute in (False, True):
        history, left = History(Hold(), absolute), torch.ones(3)
        history.learn(0, torch.zeros(3), left)
        left.fill_(7)
        expected = torch.ones(3) if absolute else torch.full((3,), 6.0)
        assert torch.equal(history.predict(1, torch.full((3,), 5.0)), expected)


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize(
    "entering",
    [
        torch.zeros(1, 4),
        torch.zeros(2, 3),
        torch.zeros(2, 4).bfloat16(),
        torch.zeros(2, 4, device="meta"),
        None,
    ],
    ids=["batch", "tokens", "dtype", "device", "none"],
)
def test_a_stream_of_another_form_does_not_fit(
    absolute: bool, entering: torch.Tensor | None
) -> None:
    history = History(Hold(), absolute)
    history.learn(0, torch.zeros(2, 4), torch.ones(2, 4))
    assert history.fits(torch.zeros(2, 4))
    assert not history.fits(entering)


def test_a_block_may_return_another_dtype_than_it_takes() -> None:
    history = History(Hold())
    entered = torch.ones(2, 4).bfloat16()
    history.learn(0, entered, torch.full((2, 4), 3.0))
    assert history.fits(entered)
    assert torch.equal(history.predict(1, entered), torch.full((2, 4), 3.0))


def test_snapshots_of_another_form_replace_the_old_ones() -> None:
    history = History(TaylorSeer(2))
    for step, tokens in enumerate((3, 3, 4)):
        history.learn(step, torch.zeros(1, tokens), torch.ones(1, tokens))
    assert (list(history.steps), len(history.snapshots)) == ([2], 1)


CALIBRATORS = [
    (None, 1),
    (TaylorSeerCalibratorConfig(taylorseer_order=1), 2),
    (TaylorSeerCalibratorConfig(taylorseer_order=3), 4),
    (FoCaCalibratorConfig(), 3),
    (DMDCalibratorConfig(dmd_history=5), 5),
]


@pytest.mark.parametrize(("calibrator", "snapshots"), CALIBRATORS)
@pytest.mark.parametrize("policy", ["static", "dynamic"])
def test_exactly_as_many_snapshots_are_held_as_the_predictor_uses(
    calibrator: CalibratorConfig | None, snapshots: int, policy: str
) -> None:
    model = GainTransformer()
    config = DBCacheConfig(
        Fn_compute_blocks=1,
        max_warmup_steps=6,
        steps_computation_mask=[0] * 20,
        steps_computation_policy=policy,
    )
    enable_cache(model.adapter(), config, calibrator)
    for _ in range(9):
        model.at(1.0)
    (stats,) = summary(model, logging=False)
    tensor = 3 * WIDTH * 8
    reference = 1 if policy == "dynamic" else 0
    assert stats.held_bytes == (snapshots + reference) * tensor


def test_each_branch_holds_its_own() -> None:
    model = GainTransformer()
    enable_cache(model.adapter(has_separate_cfg=True), DBCacheConfig(Fn_compute_blocks=1))
    for _ in range(4):
        model.at(1.0)
    (stats,) = summary(model, logging=False)
    own = 2 * 3 * WIDTH * 8  # a snapshot and the reference
    assert stats.branch_bytes == {"cond": own, "uncond": own}
    assert stats.held_bytes == 2 * own
