"""Hold, TaylorSeer and FoCa: which curves they continue exactly, whatever the spacing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cache_dit.caching.calibrators import FoCa, Hold, Predictor, TaylorSeer

spacings = st.lists(st.integers(1, 7), min_size=9, max_size=9)
coefficients = st.lists(st.integers(-4, 4), min_size=6, max_size=6)
aheads = st.integers(1, 6)


def positions(gaps: Sequence[int], count: int) -> list[int]:
    return [sum(gaps[:i]) for i in range(1, count + 1)]


def no_gram() -> torch.Tensor:
    raise AssertionError("a fixed formula must not look at the snapshots")


def weights(predictor: Predictor, steps: Sequence[float], at: float) -> list[float]:
    found = list(predictor.weights(steps, at, no_gram, 0.0))
    assert len(found) == len(steps)
    return found


def curve(coefficients: Sequence[int], at: float) -> float:
    return float(np.polynomial.polynomial.polyval(at, coefficients))


@given(st.integers(0, 4), spacings, coefficients, aheads)
def test_order_n_continues_polynomials_of_degree_n(
    order: int, gaps: list[int], drawn: list[int], ahead: int
) -> None:
    steps = positions(gaps, order + 1)
    terms, at = drawn[: order + 1], steps[-1] + ahead
    found = weights(TaylorSeer(order), steps, at)
    values = [curve(terms, step) for step in steps]
    predicted = sum(w * v for w, v in zip(found, values, strict=True))
    scale = sum(abs(w * v) for w, v in zip(found, values, strict=True)) + 1
    assert predicted == pytest.approx(curve(terms, at), abs=1e-11 * scale)


@given(st.integers(1, 4), st.integers(1, 5), spacings, aheads)
def test_the_order_is_lower_until_enough_steps_were_computed(
    order: int, known: int, gaps: list[int], ahead: int
) -> None:
    known = min(known, order + 1)
    steps = positions(gaps, known)
    found = weights(TaylorSeer(order), steps, steps[-1] + ahead)
    assert found == weights(TaylorSeer(known - 1), steps, steps[-1] + ahead)


def test_first_order_is_the_taylor_expansion_with_the_true_distance() -> None:
    assert weights(TaylorSeer(1), [3, 7], 9) == pytest.approx([-2 / 4, 1 + 2 / 4])


@given(spacings, st.integers(-4, 4), st.integers(-4, 4), aheads)
def test_foca_continues_straight_lines(
    gaps: list[int], offset: int, slope: int, ahead: int
) -> None:
    steps = positions(gaps, 3)
    at = steps[-1] + ahead
    predicted = np.dot(weights(FoCa(), steps, at), [offset + slope * s for s in steps])
    assert predicted == pytest.approx(offset + slope * at, abs=1e-9)


@given(spacings, aheads)
def test_foca_lies_between_a_line_and_a_parabola(gaps: list[int], ahead: int) -> None:
    steps = positions(gaps, 3)
    at = steps[-1] + ahead
    values = [float(step**2) for step in steps]
    line = np.dot(weights(TaylorSeer(1), steps[-2:], at), values[-2:])
    found = np.dot(weights(FoCa(), steps, at), values)
    assert line < found < at**2
    before, last = steps[-1] - steps[-2], ahead
    assert at**2 - found == pytest.approx(last**2 * (1 + 1 / (2 + 4 * last / before)))
    assert at**2 - line == pytest.approx(last * (last + before))


def test_foca_raises_noise_less_than_a_parabola() -> None:
    found = [np.linalg.norm(weights(each, [0, 1, 2], 3)) for each in (FoCa(), TaylorSeer(2))]
    assert found == pytest.approx([3.06, 4.36], abs=0.01)


def test_foca_is_a_bdf2_forecast_corrected_by_heuns_rule() -> None:
    """Worked by hand: y = t² at t = 0, 1, 2; slope 4, forecast (16 - 1 + 8) / 3 = 23/3."""
    found = np.dot(weights(FoCa(), [0, 1, 2], 3), [0.0, 1.0, 4.0])
    assert found == pytest.approx(4 + (4 + (23 / 3 - 4)) / 2)


@given(spacings, aheads)
def test_foca_extrapolates_linearly_from_two_snapshots(gaps: list[int], ahead: int) -> None:
    steps = positions(gaps, 2)
    at = steps[-1] + ahead
    assert weights(FoCa(), steps, at) == pytest.approx(weights(TaylorSeer(1), steps, at))


@pytest.mark.parametrize("predictor", [Hold(), TaylorSeer(0), TaylorSeer(3), FoCa()])
@given(st.data())
def test_a_constant_is_reproduced(predictor: Predictor, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, predictor.history))
    steps = positions(data.draw(spacings), count)
    assert sum(weights(predictor, steps, steps[-1] + data.draw(aheads))) == pytest.approx(1)


@pytest.mark.parametrize("predictor", [TaylorSeer(0), TaylorSeer(2), FoCa()])
def test_at_a_computed_step_itself_the_newest_snapshot_is_returned(predictor: Predictor) -> None:
    steps = positions([2, 3, 1], predictor.history)
    newest = [0.0] * (len(steps) - 1) + [1.0]
    assert weights(predictor, steps, steps[-1] + 1e-9) == pytest.approx(newest, abs=1e-6)


def test_hold_keeps_one_snapshot_and_returns_it() -> None:
    assert Hold().history == 1
    assert weights(Hold(), [4], 9) == [1.0]


@pytest.mark.parametrize("order", [0, 1, 2, 5])
def test_order_n_wants_one_more_snapshot_than_n(order: int) -> None:
    assert TaylorSeer(order).history == order + 1
