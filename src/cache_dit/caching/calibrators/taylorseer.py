"""TaylorSeer: extrapolate along a polynomial in the step (arXiv:2503.06923)."""

from __future__ import annotations

from collections.abc import Sequence

from .predictor import CalibratorRegister, Gram, Predictor


def lagrange(steps: Sequence[float], at: float) -> list[float]:
    """Weights of the polynomial through all points: exact up to degree ``len(steps) - 1``."""
    weights = []
    for i, own in enumerate(steps):
        weight = 1.0
        for j, other in enumerate(steps):
            if j != i:
                weight *= (at - other) / (own - other)
        weights.append(weight)
    return weights


@CalibratorRegister.register("taylorseer")
class TaylorSeer(Predictor):
    """Taylor expansion of order ``order`` about the last computed step.

    Its finite differences are taken at the true, uneven distances of the computed steps, which
    makes it the polynomial through the last ``order + 1`` of them: exact up to that degree.
    """

    def __init__(self, order: int = 1) -> None:
        self.history = order + 1

    def weights(
        self, steps: Sequence[float], at: float, gram: Gram, noise: float
    ) -> Sequence[float]:
        """Lagrange weights; of a lower order until enough steps were computed."""
        return lagrange(steps, at)
