"""LPIPS: our part (what the network is fed, how it is found), and the real one where installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from cache_dit.metrics import compute_lpips, lpips


@pytest.fixture(autouse=True)
def forget_networks() -> Iterator[None]:
    lpips._network.cache_clear()
    yield
    lpips._network.cache_clear()


@pytest.fixture
def fed(monkeypatch: pytest.MonkeyPatch) -> list[torch.Tensor]:
    """Stand in for the package `lpips`, and note what its network is fed."""
    inputs: list[torch.Tensor] = []

    class LPIPS(torch.nn.Module):
        def __init__(self, net: str, verbose: bool) -> None:
            super().__init__()

        def forward(self, true: torch.Tensor, test: torch.Tensor) -> torch.Tensor:
            inputs.extend((true, test))
            return (true - test).abs().mean().view(1, 1, 1, 1)

    package: Any = ModuleType("lpips")
    package.LPIPS = LPIPS
    monkeypatch.setitem(sys.modules, "lpips", package)
    return inputs


def test_the_network_is_fed_rgb_planes_from_minus_one_to_one(fed: list[torch.Tensor]) -> None:
    black, white = np.zeros((8, 6, 3), np.uint8), np.full((8, 6, 3), 255, np.uint8)
    assert compute_lpips(black, white) == (2.0, 1)
    assert [tuple(plane.shape) for plane in fed] == [(1, 3, 8, 6)] * 2
    assert [plane.dtype for plane in fed] == [torch.float32] * 2
    assert [plane.unique().tolist() for plane in fed] == [[-1.0], [1.0]]


def test_planes_keep_their_pixels_and_grey_becomes_rgb(fed: list[torch.Tensor]) -> None:
    image = torch.rand(3, 8, 6)
    compute_lpips(image, image)
    torch.testing.assert_close(fed[0][0], 2 * image - 1)
    compute_lpips(image[0], image[0])
    torch.testing.assert_close(fed[2][0], (2 * image[:1] - 1).expand(3, -1, -1))


@pytest.mark.usefixtures("fed")
@pytest.mark.parametrize(
    ("image", "data_range", "message"),
    [
        (np.zeros((8, 8, 4), np.uint8), None, "has 4 channels"),
        (np.full((8, 8, 3), -1.0), 2.0, "are not in \\[0, data_range=2\\]"),
    ],
)
def test_what_the_network_was_not_trained_on_is_refused(
    image: np.ndarray, data_range: float | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        compute_lpips(image, image, data_range=data_range)


def test_without_the_package_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lpips", None)
    with pytest.raises(ImportError, match=r"pip install 'cache-dit\[metrics\]'"):
        compute_lpips(np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8, 3), np.uint8))


@pytest.mark.nightly
def test_the_real_network_orders_a_small_and_a_large_change() -> None:
    pytest.importorskip("lpips", reason="extra `metrics` is not installed (it brings torchvision)")
    rng = np.random.default_rng(0)
    true = rng.random((64, 64, 3))
    near, far = (np.clip(true + s * rng.standard_normal(true.shape), 0, 1) for s in (0.02, 0.5))
    assert compute_lpips(true, true).value == 0
    assert compute_lpips(true, near).value < compute_lpips(true, far).value
