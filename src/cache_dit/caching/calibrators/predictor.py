"""The one question a predictor answers: how much of each stored snapshot."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import torch

from ...registry import Registry

Gram = Callable[[], torch.Tensor]
"""Inner products of the stored snapshots, ``[n, n]`` in float64 on the CPU, oldest first."""


class Predictor(ABC):
    """Predicts a tensor at a step as a weighted sum of snapshots taken at computed steps.

    Attributes:
        history: how many snapshots it wants kept.
    """

    history: int = 1

    @abstractmethod
    def weights(
        self, steps: Sequence[float], at: float, gram: Gram, noise: float
    ) -> Sequence[float]:
        """One weight for each snapshot.

        Args:
            steps: when the snapshots were taken, oldest first; at least one, at most ``history``.
            at: the step to predict, later than all of them.
            gram: computes the inner products of the snapshots; costs a read from the device.
            noise: relative rounding noise of the snapshots' dtype.
        """


CalibratorRegister: Registry[type[Predictor]] = Registry(
    "calibrator", "cache_dit.caching.calibrators"
)


def make_predictor(kind: str, arguments: dict[str, Any]) -> Predictor:
    """The predictor of that name; raises `ValueError` naming it and arguments that do not fit."""
    cls = CalibratorRegister.get(kind)
    try:
        predictor = cls(**arguments)
        history = predictor.history
        if not isinstance(history, int) or history < 1:
            raise ValueError(f"it would keep {history!r} snapshots; expected 1 or more")
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Calibrator {kind!r}: {error}. Arguments given: {arguments}. Correct them in "
            "calibrator_kwargs."
        ) from error
    return predictor
