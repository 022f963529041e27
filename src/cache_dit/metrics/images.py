"""Reading what people call "an image" (or many of them) into pairs that can be compared."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from PIL import Image

Array: TypeAlias = np.ndarray
ImageSource: TypeAlias = (
    "str | os.PathLike[str] | Image.Image | Array | torch.Tensor | Sequence[ImageSource]"
)

_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"})
_CHANNELS = (1, 3, 4)
_MODES_8_BIT = ("1", "L", "LA", "P", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "LAB")


class ImagePair(NamedTuple):
    """Two images of one shape, in float64, and the distance from black to white."""

    true: Array  # [H, W, C]
    test: Array  # [H, W, C]
    data_range: float


def read_pairs(
    image_true: ImageSource, image_test: ImageSource, data_range: float | None = None
) -> Iterator[ImagePair]:
    """Yield the images of both sides in pairs; files are opened only when their turn comes.

    Each side is a file, a directory, a PIL image, an array with the channels last
    (`[H, W]`, `[..., H, W, C]`), a tensor with the channels first (`[H, W]`, `[..., C, H, W]`),
    or a sequence of these. Leading dimensions (batch, frames) are images of their own. Two
    directories are paired by file name, everything else in order. Files and PIL images are read
    as 8-bit RGB (transparency is dropped).

    Args:
        image_true: the reference.
        image_test: what is compared with it.
        data_range: distance from black to white. By default 255 for uint8 and 1.0 for floating
            point, whose values must then lie in [0, 1].

    Raises:
        ValueError: the two sides differ in number, size, type or file names, or hold something
            that is not an image, or NaN; or the range of the values cannot be known.
    """
    if data_range is not None and not data_range > 0:
        raise ValueError(
            f"metrics: data_range={data_range} is not positive. "
            "Give the distance from black to white."
        )
    side_true, side_test = _flatten(image_true), _flatten(image_test)
    if _is_directory(image_true) and _is_directory(image_test):
        _check_same_names(side_true, side_test)
    if len(side_true) != len(side_test):
        raise ValueError(
            f"metrics: image_true holds {len(side_true)} images, image_test {len(side_test)}. "
            "They are compared in pairs. Give as many on both sides."
        )
    if not side_true:
        raise ValueError("metrics: there is no image to compare. Both sides are empty.")
    for one, other in zip(side_true, side_test, strict=True):
        yield _pair(_open(one), _open(other), data_range)


def _flatten(source: ImageSource) -> list[Path | Image.Image | Array]:
    """All single images of one side, files still unopened."""
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        return _files_of(path) if path.is_dir() else [path]
    if isinstance(source, Image.Image):
        return [source]
    if isinstance(source, torch.Tensor):
        return list(_split(_channels_last(source), "a tensor with the channels first"))
    if isinstance(source, np.ndarray):
        return list(_split(source, "an array with the channels last"))
    if isinstance(source, Sequence):
        return [image for item in source for image in _flatten(item)]
    raise ValueError(
        f"metrics: {type(source).__name__} is not an image. Give a path, a PIL image, an array, "
        "a tensor, or a sequence of these."
    )


def _files_of(directory: Path) -> list[Path | Image.Image | Array]:
    files = sorted(path for path in directory.iterdir() if path.suffix.lower() in _SUFFIXES)
    if not files:
        raise ValueError(
            f"metrics: {directory} holds no image. Files ending in "
            f"{', '.join(sorted(_SUFFIXES))} are read; sub-directories are not."
        )
    return list(files)


def _is_directory(source: ImageSource) -> bool:
    return isinstance(source, (str, os.PathLike)) and Path(source).is_dir()


def _check_same_names(
    side_true: Sequence[Path | Image.Image | Array], side_test: Sequence[Path | Image.Image | Array]
) -> None:
    stems_true = [path.stem for path in side_true if isinstance(path, Path)]
    stems_test = [path.stem for path in side_test if isinstance(path, Path)]
    if stems_true != stems_test:
        odd = sorted(set(stems_true) ^ set(stems_test)) or stems_true
        raise ValueError(
            f"metrics: the two directories do not hold the same names: {', '.join(odd[:5])}"
            f"{', ...' if len(odd) > 5 else ''}. Images are paired by file name without suffix. "
            "Rename them, or give two lists of paths in matching order."
        )


def _channels_last(tensor: torch.Tensor) -> Array:
    tensor = tensor.detach().cpu()
    if tensor.is_floating_point():
        tensor = tensor.double()  # numpy has no bfloat16
    return (tensor.movedim(-3, -1) if tensor.ndim > 2 else tensor).numpy()


def _split(array: Array, what: str) -> Array:
    """`[..., H, W, C]` or `[H, W]` as `[N, H, W, C]`."""
    if array.ndim == 2:
        return array[None, :, :, None]
    if array.ndim < 2 or array.shape[-1] not in _CHANNELS:
        raise ValueError(
            f"metrics: shape {array.shape} (channels moved last) is not {what}: 1, 3 or 4 "
            "channels are expected there. Transpose it."
        )
    return array.reshape(-1, *array.shape[-3:])


def _open(image: Path | Image.Image | Array) -> Array:
    if isinstance(image, np.ndarray):
        return image
    if isinstance(image, Path):
        with Image.open(image) as file:
            return _rgb(file)
    return _rgb(image)


def _rgb(image: Image.Image) -> Array:
    if image.mode not in _MODES_8_BIT:
        raise ValueError(
            f"metrics: a PIL image of mode {image.mode!r} has more than 8 bits a channel, which "
            "reading it as RGB would cut. Give an array and its data_range."
        )
    return np.asarray(image.convert("RGB"))


def _pair(true: Array, test: Array, data_range: float | None) -> ImagePair:
    if true.shape != test.shape:
        raise ValueError(
            f"metrics: image_true is {true.shape}, image_test {test.shape} (height, width, "
            "channels). Images are compared pixel by pixel. Resize or crop one of them."
        )
    if data_range is None:
        data_range = _known_range(true, test)
    pair = ImagePair(true.astype(np.float64), test.astype(np.float64), float(data_range))
    for name, array in (("image_true", pair.true), ("image_test", pair.test)):
        if not np.isfinite(array).all():
            raise ValueError(f"metrics: {name} holds NaN or infinity, so it has no score.")
    return pair


def _known_range(true: Array, test: Array) -> float:
    if true.dtype == test.dtype == np.uint8:
        return 255.0
    if not (np.issubdtype(true.dtype, np.floating) and np.issubdtype(test.dtype, np.floating)):
        raise ValueError(
            f"metrics: image_true is {true.dtype}, image_test {test.dtype}. Without data_range "
            "both must be uint8 or both floating point. Convert one, or give data_range."
        )
    low, high = min(true.min(), test.min()), max(true.max(), test.max())
    if low < 0 or high > 1:
        raise ValueError(
            f"metrics: floating-point values from {low:.4g} to {high:.4g} are not in [0, 1]. "
            "The scale of the score would be a guess. Give data_range (255 for 8-bit values, "
            "2 for [-1, 1])."
        )
    return 1.0
