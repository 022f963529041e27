"""What counts as an image, and how images are paired, before any score is computed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cache_dit.metrics import compute_mse, compute_psnr


def photo(seed: int, size: tuple[int, ...] = (12, 10, 3)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)


def save(directory: Path, **images: np.ndarray) -> Path:
    directory.mkdir()
    for name, image in images.items():
        Image.fromarray(image).save(directory / f"{name}.png")
    return directory


def test_file_pil_array_and_tensor_of_one_picture_agree(tmp_path: Path) -> None:
    true, test = photo(0), photo(1)
    folder = save(tmp_path / "images", true=true, test=test)
    expected = compute_mse(true, test)
    assert compute_mse(folder / "true.png", str(folder / "test.png")) == expected
    assert compute_mse(Image.fromarray(true), Image.fromarray(test)) == expected
    assert compute_mse(*(torch.from_numpy(x).movedim(-1, 0) for x in (true, test))) == expected
    assert compute_mse(folder / "true.png", Image.fromarray(test)) == expected


def test_batch_sequence_and_video_are_means_over_their_images() -> None:
    true, test = photo(0, (2, 4, 12, 10, 3)), photo(1, (2, 4, 12, 10, 3))
    singles = [
        compute_psnr(a, b).value
        for a, b in zip(true.reshape(8, 12, 10, 3), test.reshape(8, 12, 10, 3), strict=True)
    ]
    value, count = compute_psnr(true, test)
    assert count == 8
    assert value == pytest.approx(np.mean(singles), rel=1e-12)
    assert compute_psnr(list(true), list(test)) == (value, count)
    channels_first = [torch.from_numpy(video).movedim(-1, -3) for video in (true, test)]
    assert compute_psnr(*channels_first) == (value, count)


def test_images_of_different_sizes_may_stand_in_one_sequence() -> None:
    true, test = [photo(0), photo(1, (9, 9, 3))], [photo(2), photo(3, (9, 9, 3))]
    assert compute_mse(true, test).num_pairs == 2


def test_directories_are_paired_by_name_whatever_the_suffix(tmp_path: Path) -> None:
    a, b = photo(0), photo(1)
    true = save(tmp_path / "true", first=a, second=b)
    test = save(tmp_path / "test", second=b)
    Image.fromarray(a).save(test / "first.bmp")
    (test / "notes.txt").write_text("not an image")
    assert compute_mse(true, test) == (0.0, 2)


def test_directories_with_other_names_are_refused(tmp_path: Path) -> None:
    true = save(tmp_path / "true", first=photo(0), second=photo(1))
    test = save(tmp_path / "test", first=photo(0), third=photo(1))
    with pytest.raises(ValueError, match="do not hold the same names: second, third"):
        compute_mse(true, test)


def test_an_empty_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no image"):
        compute_mse(tmp_path, tmp_path)


def test_transparency_and_palette_are_read_as_rgb() -> None:
    image = Image.fromarray(photo(0))
    transparent = image.copy()
    transparent.putalpha(7)
    assert compute_mse(image, transparent).value == 0
    palette = image.quantize(16)
    assert compute_mse(palette, palette.convert("RGB")).value == 0


def test_bfloat16_tensors_are_read_exactly() -> None:
    true = torch.rand(3, 8, 8).bfloat16()
    assert compute_mse(true, true.double()) == (0.0, 1)


@pytest.mark.parametrize(
    ("true", "test", "message"),
    [
        (photo(0), photo(0, (12, 11, 3)), "is \\(12, 10, 3\\), image_test \\(12, 11, 3\\)"),
        (photo(0), [photo(0), photo(1)], "image_true holds 1 images, image_test 2"),
        ([], [], "there is no image"),
        (photo(0), photo(0).astype(np.float32), "both must be uint8 or both floating point"),
        (photo(0).astype(np.float64), photo(1).astype(np.float64), "Give data_range"),
        (np.full((8, 8), np.nan), np.zeros((8, 8)), "image_true holds NaN"),
        (torch.zeros(8, 8, 3), torch.zeros(8, 8, 3), "is not a tensor with the channels first"),
        (np.zeros((3, 8, 8)), np.zeros((3, 8, 8)), "is not an array with the channels last"),
        (7, 7, "int is not an image"),
        (Image.new("I;16", (8, 8)), Image.new("I;16", (8, 8)), "more than 8 bits"),
    ],
    ids=lambda value: value[:24] if isinstance(value, str) else "",
)
def test_what_cannot_be_compared_is_refused_with_the_reason(
    true: object, test: object, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        compute_mse(true, test)  # type: ignore[arg-type]


def test_a_range_that_is_not_positive_is_refused() -> None:
    with pytest.raises(ValueError, match="data_range=0"):
        compute_mse(photo(0), photo(1), data_range=0)
