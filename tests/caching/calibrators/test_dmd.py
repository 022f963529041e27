"""DMD continues sums of exponentials, and stays calm where there are none."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cache_dit.caching.calibrators.dmd import DMD, evenly_spaced
from cache_dit.caching.calibrators.taylorseer import lagrange
from cache_dit.caching.state import NOISE, History

SIZE = 48


def modes(rates: Sequence[complex], seed: int = 0) -> torch.Tensor:
    """A random direction for each rate; of complex rates the conjugate belongs to it too."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(len(rates), SIZE, dtype=torch.complex128, generator=generator)


def signal(rates: Sequence[complex], at: float) -> torch.Tensor:
    powers = torch.tensor(rates, dtype=torch.complex128) ** at
    return (powers @ modes(rates)).real


def predicted(history: History, steps: Sequence[int], at: float, values: list[torch.Tensor]):
    for step, value in zip(steps, values, strict=True):
        history.learn(step, None, value)
    return history.predict(at, None)


def relative_error(found: torch.Tensor, expected: torch.Tensor) -> float:
    return ((found - expected).norm() / expected.norm()).item()


apart = st.lists(st.integers(4, 12), min_size=1, max_size=4, unique=True)


@settings(deadline=None)
@given(apart, st.integers(1, 4), st.integers(1, 3))
def test_real_exponentials_are_continued(tenths: list[int], ahead: int, spacing: int) -> None:
    """Up to four modes from six snapshots, growing ones among them, at any even spacing."""
    rates = [n / 10 for n in tenths]
    assume(all(abs(a - b) >= 0.2 for i, a in enumerate(rates) for b in rates[:i]))
    steps = [spacing * i for i in range(6)]
    at = steps[-1] + ahead
    found = predicted(History(DMD(ridge=0.0)), steps, at, [signal(rates, step) for step in steps])
    assert relative_error(found, signal(rates, at)) < 1e-5


@settings(deadline=None)
@given(st.floats(0.7, 1.1), st.floats(0.3, 1.2), st.integers(1, 4))
def test_an_oscillation_is_continued(radius: float, angle: float, ahead: int) -> None:
    """A complex pair and a decaying exponential: three modes."""
    rates = [radius * torch.exp(torch.tensor(1j * angle)).item(), 0.5]
    steps = range(6)
    values = [signal(rates, step) for step in steps]
    found = predicted(History(DMD(ridge=0.0)), steps, 5 + ahead, values)
    assert relative_error(found, signal(rates, 5 + ahead)) < 1e-5


@pytest.mark.parametrize("history", [4, 5, 6])
def test_one_mode_less_than_there_are_snapshots_is_continued_and_no_more(history: int) -> None:
    rates = [1.05, 0.85, 0.65, 0.45, 0.3, 0.15]
    errors = []
    for count in (history - 1, history):
        values = [signal(rates[:count], step) for step in range(history)]
        found = predicted(History(DMD(history, ridge=0.0)), range(history), history + 1, values)
        errors.append(relative_error(found, signal(rates[:count], history + 1)))
    assert errors[0] < 1e-5 and errors[1] > 1e-4


def test_a_longer_history_continues_more_modes() -> None:
    rates = [1.1, 0.9, 0.7, 0.5, 0.3, 0.1]
    steps = range(8)
    values = [signal(rates, step) for step in steps]
    short = predicted(History(DMD(history=4)), steps, 9, values)
    long = predicted(History(DMD(history=8, ridge=0.0)), steps, 9, values)
    assert relative_error(long, signal(rates, 9)) < 1e-6
    assert relative_error(short, signal(rates, 9)) > 1e-4


def test_the_rank_limits_the_number_of_modes() -> None:
    rates, steps = [1.0, 0.6, 0.3], range(6)
    values = [signal(rates, step) for step in steps]
    errors = [
        relative_error(
            predicted(History(DMD(rank=rank, ridge=0.0)), steps, 7, values), signal(rates, 7)
        )
        for rank in (1, 2, 3)
    ]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-7


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_a_constant_is_reproduced(dtype: torch.dtype) -> None:
    value = torch.randn(SIZE).to(dtype)
    found = predicted(History(DMD()), range(6), 9, [value] * 6)
    assert relative_error(found.double(), value.double()) < 64 * torch.finfo(dtype).eps


@settings(deadline=None)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=5), st.integers(1, 4))
def test_uneven_steps_fall_back_to_a_straight_line(gaps: list[int], ahead: int) -> None:
    steps = [sum(gaps[:i]) for i in range(len(gaps) + 1)]
    assume(len(evenly_spaced(steps)) < 4)

    def no_gram() -> torch.Tensor:
        raise AssertionError("the fallback needs no inner products")

    found = DMD().weights(steps, steps[-1] + ahead, no_gram, 1e-6)
    assert list(found)[-2:] == lagrange(steps[-2:], steps[-1] + ahead)
    assert not any(list(found)[:-2])


@pytest.mark.parametrize(
    ("steps", "used"),
    [
        ([0, 1, 2, 3], [0, 1, 2, 3]),
        ([0, 1, 2, 4, 6, 8], [0, 2, 3, 4, 5]),
        ([0, 5, 6, 7, 8], [1, 2, 3, 4]),
        ([0, 3, 4, 6, 9], [0, 1, 3, 4]),
        ([0, 2, 3], [1, 2]),
        ([4], []),
    ],
)
def test_the_longest_even_grid_that_ends_with_the_newest_snapshot_is_used(
    steps: list[int], used: list[int]
) -> None:
    assert evenly_spaced(steps) == used


def test_snapshots_off_the_even_grid_have_no_weight() -> None:
    rates, steps = [0.9, 0.5], [0, 1, 2, 4, 6, 8]
    values = [signal(rates, step) for step in steps]
    values[1] = torch.full((SIZE,), 1e6, dtype=torch.float64)  # would spoil any prediction
    found = predicted(History(DMD(ridge=0.0)), steps, 9, values)
    assert relative_error(found, signal(rates, 9)) < 1e-6


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_rounding_noise_is_not_taken_for_modes(dtype: torch.dtype) -> None:
    """A slow signal in low precision: better than holding it, and no large weights."""
    rates, steps = [0.97, 0.9], range(6)
    values = [signal(rates, step).to(dtype) for step in steps]
    truth = signal(rates, 8)
    found = predicted(History(DMD()), steps, 8, values).double()
    assert relative_error(found, truth) < relative_error(values[-1].double(), truth) / 2
    rows = torch.stack([value.double() for value in values])
    weights = DMD().weights(list(steps), 8, lambda: rows @ rows.T, NOISE[dtype])
    assert sum(abs(weight) for weight in weights) < 10


@pytest.mark.parametrize("degree", [1, 2])
@pytest.mark.parametrize("spacing", [1, 2])
def test_a_polynomial_is_continued_though_its_propagator_has_too_few_eigenvectors(
    degree: int, spacing: int
) -> None:
    terms = torch.randn(degree + 1, SIZE, dtype=torch.float64)
    steps = range(0, 6 * spacing, spacing)

    def value(at: float) -> torch.Tensor:
        return sum((at / 10) ** power * term for power, term in enumerate(terms))

    history = History(DMD())
    for ahead in (1, 2, 3):
        found = predicted(history, steps, steps[-1] + ahead, [value(step) for step in steps])
        exactly = 1e-10 if spacing == 1 else 1e-6
        assert relative_error(found, value(steps[-1] + ahead)) < exactly


@pytest.mark.parametrize("ahead", [1, 2, 3])
@pytest.mark.parametrize("spacing", [1, 2])
def test_snapshots_that_have_nothing_in_common_are_no_error(spacing: int, ahead: int) -> None:
    steps = range(0, 6 * spacing, spacing)
    values = list(torch.eye(6, dtype=torch.float64))
    found = predicted(History(DMD()), steps, steps[-1] + ahead, values)
    assert found.norm() < 2


@pytest.mark.parametrize("size", [SIZE, 2**20 + 7])
def test_single_precision_is_enough_for_modes_that_are_close(size: int) -> None:
    rates = torch.tensor([0.99, 0.95, 0.9], dtype=torch.float64)
    directions = torch.randn(3, size, dtype=torch.float64)
    values = [(rates**step @ directions).float() for step in range(6)]
    found = predicted(History(DMD()), range(6), 8, values)
    assert relative_error(found.double(), rates**8 @ directions) < 1e-5


def test_one_exponential_in_half_precision_is_one_mode() -> None:
    """Rounding adds directions to the snapshots; weight on these would be weight on noise."""
    values = [signal([0.95], step).half() for step in range(6)]
    rows = torch.stack([value.double() for value in values])
    found = DMD().weights(range(6), 8, lambda: rows @ rows.T, NOISE[torch.float16])
    assert sum(abs(weight) for weight in found) < 1.2


@pytest.mark.parametrize("seed", range(5))
def test_pure_noise_gives_a_bounded_prediction(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    values = [torch.randn(SIZE, generator=generator) for _ in range(6)]
    found = predicted(History(DMD()), range(6), 8, values)
    assert found.norm() < 10 * max(value.norm() for value in values)


def test_zero_snapshots_predict_zero() -> None:
    values = [torch.zeros(SIZE)] * 6
    assert predicted(History(DMD()), range(6), 7, values).abs().max() == 0
