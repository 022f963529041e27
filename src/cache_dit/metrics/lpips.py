"""LPIPS: distance between the features of a trained image network (Zhang et al., 2018)."""

from __future__ import annotations

import functools

import numpy as np
import torch

from cache_dit.metrics.images import Array, ImagePair, ImageSource, read_pairs
from cache_dit.metrics.pixel import Score, mean_score


def compute_lpips(
    image_true: ImageSource,
    image_test: ImageSource,
    *,
    net: str = "alex",
    data_range: float | None = None,
    device: torch.device | str = "cpu",
) -> Score:
    """Learned perceptual distance: 0 for identical images, larger is further apart.

    Needs the extra `metrics`; the backbone's weights are downloaded at the first use.

    Args:
        image_true: the reference; see `read_pairs` for what may be given.
        image_test: what is compared with it.
        net: backbone, `alex`, `vgg` or `squeeze`.
        data_range: distance from black to white; see `read_pairs`.
        device: where the network runs.

    Raises:
        ImportError: the package `lpips` is not installed.
        ValueError: an image has neither 1 nor 3 channels, or values outside [0, data_range]; and
            what `read_pairs` raises.
    """
    network = _network(net).to(device)

    @torch.no_grad()
    def distance(pair: ImagePair) -> float:
        planes = [_network_input(image, pair.data_range) for image in (pair.true, pair.test)]
        return float(network(*(plane.to(device) for plane in planes)))

    return mean_score(read_pairs(image_true, image_test, data_range), distance)


@functools.lru_cache(maxsize=1)
def _network(net: str) -> torch.nn.Module:
    try:
        from lpips import LPIPS  # noqa: PLC0415  (optional, and it imports torchvision)
    except ImportError as error:
        raise ImportError(
            f"compute_lpips: the package lpips cannot be imported ({error}). "
            "Install it: pip install 'cache-dit[metrics]'."
        ) from error
    return LPIPS(net=net, verbose=False).eval()


def _network_input(image: Array, data_range: float) -> torch.Tensor:
    """`[H, W, C]` from black to white as `[1, 3, H, W]` in [-1, 1]."""
    channels = image.shape[-1]
    if channels not in (1, 3):
        raise ValueError(
            f"compute_lpips: an image has {channels} channels. The network takes RGB or grey. "
            "Drop the transparency first."
        )
    if image.min() < 0 or image.max() > data_range:
        raise ValueError(
            f"compute_lpips: values from {image.min():.4g} to {image.max():.4g} are not in "
            f"[0, data_range={data_range:g}]. The network was trained on that range. Shift and "
            "scale the images first."
        )
    scaled = np.broadcast_to(image * (2 / data_range) - 1, (*image.shape[:2], 3))
    return torch.from_numpy(scaled.astype(np.float32)).movedim(-1, 0).unsqueeze(0)
