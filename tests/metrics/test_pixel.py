"""MSE, PSNR and SSIM against skimage, a second implementation, and against known values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from skimage import metrics as skimage

from cache_dit.metrics import compute_mse, compute_psnr, compute_ssim


def pair(shape: tuple[int, ...], noise: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(noise)
    true = rng.integers(0, 256, shape)
    test = np.clip(true + rng.integers(-noise, noise + 1, shape), 0, 255)
    return true.astype(np.uint8), test.astype(np.uint8)


@pytest.mark.parametrize("noise", [1, 9, 120, 255])
@pytest.mark.parametrize("shape", [(32, 24, 3), (17, 33)])
def test_scores_of_8_bit_images_equal_skimage(shape: tuple[int, ...], noise: int) -> None:
    true, test = pair(shape, noise)
    channel_axis = -1 if len(shape) == 3 else None
    assert compute_mse(true, test).value == pytest.approx(
        skimage.mean_squared_error(true, test), rel=1e-12
    )
    assert compute_psnr(true, test).value == pytest.approx(
        skimage.peak_signal_noise_ratio(true, test), rel=1e-12
    )
    expected = skimage.structural_similarity(true, test, channel_axis=channel_axis)
    assert compute_ssim(true, test).value == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("low", "data_range"), [(0.0, 1.0), (-1.0, 2.0)])
def test_scores_of_floating_point_images_equal_skimage(low: float, data_range: float) -> None:
    rng = np.random.default_rng(0)
    true, test = (low + data_range * rng.random((32, 24, 3)) for _ in range(2))
    given = None if low == 0 else data_range
    psnr = skimage.peak_signal_noise_ratio(true, test, data_range=data_range)
    ssim = skimage.structural_similarity(
        true, test, data_range=data_range, channel_axis=-1, win_size=5
    )
    assert compute_psnr(true, test, data_range=given).value == pytest.approx(psnr, rel=1e-12)
    assert compute_ssim(true, test, data_range=given, window=5).value == pytest.approx(
        ssim, rel=1e-9
    )


def test_8_bit_differences_do_not_wrap_around() -> None:
    black, white = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)
    assert compute_mse(black, white).value == 255**2  # 1 in wrapped uint8 arithmetic
    assert compute_psnr(black, white).value == 0.0  # below the 24 dB that wrapping cannot leave
    assert compute_psnr(white, black).value == 0.0


def test_the_scale_of_the_values_does_not_change_psnr_and_ssim() -> None:
    true, test = pair((32, 24, 3), 20)
    unit_true, unit_test = true / 255, test / 255
    assert compute_psnr(unit_true, unit_test).value == pytest.approx(compute_psnr(true, test).value)
    assert compute_ssim(unit_true, unit_test).value == pytest.approx(compute_ssim(true, test).value)


def test_identical_images_score_perfectly() -> None:
    true, _ = pair((16, 16, 3), 1)
    assert compute_mse(true, true) == (0.0, 1)
    assert compute_psnr(true, true) == (math.inf, 1)
    assert compute_ssim(true, true).value == pytest.approx(1.0, abs=1e-12)


def test_scores_unpack_as_value_and_count() -> None:
    true, test = pair((2, 16, 16, 3), 9)
    value, count = compute_psnr(true, test)
    assert (value, count) == (compute_psnr(true, test).value, 2)


@pytest.mark.parametrize("window", [0, 1, 4])
def test_a_window_that_has_no_centre_is_refused(window: int) -> None:
    true, test = pair((16, 16, 3), 9)
    with pytest.raises(ValueError, match=f"window={window} is not an odd number"):
        compute_ssim(true, test, window=window)


def test_a_window_larger_than_the_image_is_refused() -> None:
    true, test = pair((6, 16, 3), 9)
    with pytest.raises(ValueError, match="larger than an image of 6 x 16"):
        compute_ssim(true, test)
