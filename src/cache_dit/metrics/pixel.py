"""Scores that compare pixel by pixel: MSE, PSNR and SSIM, in float64 on the CPU."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from cache_dit.metrics.images import Array, ImagePair, ImageSource, read_pairs


class Score(NamedTuple):
    """The mean over all pairs of images, and how many pairs there were."""

    value: float
    num_pairs: int


def mean_score(pairs: Iterable[ImagePair], score: Callable[[ImagePair], float]) -> Score:
    """Score each pair and take the mean."""
    values = [score(pair) for pair in pairs]
    return Score(math.fsum(values) / len(values), len(values))


def compute_mse(
    image_true: ImageSource, image_test: ImageSource, *, data_range: float | None = None
) -> Score:
    """Mean squared error, in the units of the values (0 to 255 squared for 8-bit images).

    See `read_pairs` for what may be given and which errors are raised.
    """
    return mean_score(read_pairs(image_true, image_test, data_range), _mse)


def compute_psnr(
    image_true: ImageSource, image_test: ImageSource, *, data_range: float | None = None
) -> Score:
    """Peak signal-to-noise ratio in dB: `10 log10(data_range^2 / MSE)`, infinite if identical.

    Of several pairs the mean of their ratios is returned, so one identical pair makes it infinite.
    See `read_pairs` for what may be given and which errors are raised.
    """
    return mean_score(read_pairs(image_true, image_test, data_range), _psnr)


def compute_ssim(
    image_true: ImageSource,
    image_test: ImageSource,
    *,
    data_range: float | None = None,
    window: int = 7,
) -> Score:
    """Structural similarity, 1 for identical images (Wang et al., 2004).

    Local means, variances and covariance come from a uniform `window` x `window` patch with
    sample statistics (divided by n - 1), only where the whole patch lies in the image; channels
    are averaged. This is the common default; the paper's Gaussian window gives other numbers.

    Raises:
        ValueError: the window is not odd and at least 3, or is larger than an image; and what
            `read_pairs` raises.
    """
    if window < 3 or window % 2 == 0:
        raise ValueError(f"compute_ssim: window={window} is not an odd number of at least 3.")
    pairs = read_pairs(image_true, image_test, data_range)
    return mean_score(pairs, lambda pair: _ssim(pair, window))


def _mse(pair: ImagePair) -> float:
    return float(np.mean(np.square(pair.true - pair.test)))


def _psnr(pair: ImagePair) -> float:
    mse = _mse(pair)
    return 10 * math.log10(pair.data_range**2 / mse) if mse > 0 else math.inf


def _ssim(pair: ImagePair, window: int) -> float:
    height, width, _ = pair.true.shape
    if min(height, width) < window:
        raise ValueError(
            f"compute_ssim: window={window} is larger than an image of {height} x {width}. "
            "Give a smaller odd window."
        )
    x, y = _planes(pair.true), _planes(pair.test)

    def local_mean(plane: torch.Tensor) -> torch.Tensor:
        return F.avg_pool2d(plane, window, stride=1)

    unbiased = window**2 / (window**2 - 1)
    mean_x, mean_y = local_mean(x), local_mean(y)
    var_x = unbiased * (local_mean(x * x) - mean_x**2)
    var_y = unbiased * (local_mean(y * y) - mean_y**2)
    cov = unbiased * (local_mean(x * y) - mean_x * mean_y)
    c1, c2 = (0.01 * pair.data_range) ** 2, (0.03 * pair.data_range) ** 2
    luminance = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    structure = (2 * cov + c2) / (var_x + var_y + c2)
    return float((luminance * structure).mean())


def _planes(image: Array) -> torch.Tensor:
    return torch.from_numpy(image).movedim(-1, 0)  # [C, H, W]
