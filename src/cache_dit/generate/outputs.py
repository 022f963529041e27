"""Writing what a pipeline returned: pictures, videos or sound."""

from __future__ import annotations

import wave
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

FRAMES_PER_SECOND = 16
SAMPLES_PER_SECOND = 44100


def output_of(result: Any) -> tuple[str, np.ndarray]:
    """(``"images"``, ``"frames"`` or ``"audios"``, array) of a pipeline's result.

    Raises:
        ValueError: it holds none of these.
    """
    fields = result if isinstance(result, Mapping) else vars(result)
    for name in WRITERS:
        if fields.get(name) is not None:
            return name, np.stack([_array(each) for each in fields[name]])
    raise ValueError(
        f"cache-dit generate: {type(result).__name__} has none of {', '.join(WRITERS)}. Use the "
        "pipeline from Python."
    )


def save(kind: str, outputs: np.ndarray, folder: Path, name: str) -> list[Path]:
    """Write each sample to a file of its own; gives the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    several = len(outputs) > 1
    return [
        WRITERS[kind](each, folder / (f"{name}_{number}" if several else name))
        for number, each in enumerate(outputs)
    ]


def save_beside(kind: str, left: np.ndarray, right: np.ndarray, folder: Path) -> list[Path]:
    """Write two series of pictures or videos next to each other; nothing for sound."""
    if kind == "audios":
        return []
    return save(kind, np.concatenate([left, right], axis=-2), folder, "comparison")


def _array(sample: Any) -> np.ndarray:
    if isinstance(sample, (list, tuple)):  # the frames of a video
        return np.stack([_array(each) for each in sample])
    if hasattr(sample, "detach"):
        return np.asarray(sample.detach().float().cpu())
    array = np.asarray(sample)
    return array / 255 if array.dtype == np.uint8 else array


def _bytes(colours: np.ndarray) -> np.ndarray:
    return (colours.clip(0, 1) * 255).round().astype(np.uint8)


def _picture(colours: np.ndarray, path: Path) -> Path:
    path = path.with_suffix(".png")
    Image.fromarray(_bytes(colours)).save(path)
    return path


def _video(frames: np.ndarray, path: Path) -> Path:
    path = path.with_suffix(".gif")
    first, *others = [Image.fromarray(_bytes(each)) for each in frames]
    duration = 1000 // FRAMES_PER_SECOND
    first.save(path, save_all=True, append_images=others, duration=duration, loop=0)
    return path


def _sound(samples: np.ndarray, path: Path) -> Path:
    """``samples`` [channels, time], or [time]."""
    path = path.with_suffix(".wav")
    channels = np.atleast_2d(samples)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(len(channels))
        file.setsampwidth(2)
        file.setframerate(SAMPLES_PER_SECOND)
        file.writeframes((channels.T.clip(-1, 1) * 32767).astype("<i2").tobytes())
    return path


WRITERS: dict[str, Callable[[np.ndarray, Path], Path]] = {
    "images": _picture,
    "frames": _video,
    "audios": _sound,
}
