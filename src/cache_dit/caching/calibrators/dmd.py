"""Dynamic mode decomposition: extrapolate with the linear propagator of the snapshots."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from .predictor import CalibratorRegister, Gram, Predictor
from .taylorseer import lagrange

LEAST_SNAPSHOTS = 4


def evenly_spaced(steps: Sequence[float]) -> list[int]:
    """Indices of the longest run of equally spaced steps that ends with the last one."""
    position = {step: index for index, step in enumerate(steps)}
    best: list[int] = []
    for other in reversed(steps[:-1]):  # among equals, the narrower spacing
        step, run = steps[-1], []
        while step in position:
            run.append(position[step])
            step -= steps[-1] - other
        best = max(best, run[::-1], key=len)
    return best


@CalibratorRegister.register("dmd")
class DMD(Predictor):
    """DMD (Schmid 2010), projected on the snapshots, by their Gram matrix ("method of snapshots").

    The snapshots x_0 ... x_m, evenly spaced, define the operator that takes each to the next. With
    an orthonormal basis U of x_0 ... x_(m-1), its projection is A = U' X_(1..m) X_(0..m-1)^+ U, and
    x_(m+a) is predicted as x_m + U (A^a - 1) U' x_m. All of it follows from inner products, so that
    the cost is one Gram matrix and an eigen-decomposition of a few numbers. Exact on sums of up to
    m exponentials, such as five of the default six snapshots. Where fewer than four of the kept
    steps are evenly spaced, linear extrapolation stands in.

    Args:
        history: snapshots kept.
        rank: most modes kept; 0 for all that stand above the noise of the dtype.
        ridge: what the eigenvalues of the Gram matrix are raised by, in units of the largest of
            them times the relative noise of the dtype.

    Raises:
        ValueError: a history below 4, a negative rank or ridge.
    """

    def __init__(self, history: int = 6, rank: int = 0, ridge: float = 1e-8) -> None:
        if history < LEAST_SNAPSHOTS or rank < 0 or not 0 <= ridge < math.inf:
            raise ValueError(
                f"history={history}, rank={rank}, ridge={ridge}; expected at least "
                f"{LEAST_SNAPSHOTS}, and no negative number"
            )
        self.history = history
        self.rank = rank
        self.ridge = ridge

    def weights(
        self, steps: Sequence[float], at: float, gram: Gram, noise: float
    ) -> Sequence[float]:
        """Weights over all snapshots, zero for those off the even grid."""
        weights = [0.0] * len(steps)
        used = evenly_spaced(steps)
        if len(used) < LEAST_SNAPSHOTS:
            weights[-2:] = lagrange(steps[-2:], at)
            return weights
        inner = gram()[used][:, used]
        ahead = (at - steps[-1]) / (steps[used[1]] - steps[used[0]])
        chosen = self._extrapolate(inner, ahead, noise)
        for index, weight in zip(used, chosen, strict=True):
            weights[index] = weight
        return weights

    def _extrapolate(self, inner: torch.Tensor, ahead: float, noise: float) -> list[float]:
        """Weights w with x(m + ahead) = sum w_i x_i, for Gram matrix ``inner`` of x_0 ... x_m."""
        before, across = inner[:-1, :-1], inner[:-1, 1:]
        values, vectors = torch.linalg.eigh(before)
        top = values[-1].clamp_min(torch.finfo(values.dtype).tiny)
        keep = values > top * noise**2
        if self.rank:
            keep[: -self.rank] = False
        values, vectors = values[keep], vectors[:, keep]
        scale = (values + self.ridge * noise * top).rsqrt()
        basis = vectors * scale  # x[:-1] @ basis is orthonormal
        propagator = basis.T @ across @ basis
        start = basis.T @ inner[:-1, -1]
        # What the modes do not span of the newest snapshot is carried along unchanged.
        chosen = basis @ (_power(propagator, ahead) @ start - start)
        return [*chosen.tolist(), 1.0]


def _power(matrix: torch.Tensor, exponent: float) -> torch.Tensor:
    """A real matrix power. Eigenvectors are left aside for whole exponents, because they may be
    too few: on a straight line the propagator is not diagonalisable."""
    if exponent == int(exponent):
        return torch.linalg.matrix_power(matrix, int(exponent))
    values, vectors = torch.linalg.eig(matrix)
    return ((vectors * values**exponent) @ torch.linalg.pinv(vectors)).real
