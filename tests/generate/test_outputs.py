"""Pictures, videos and sound are written as what they are."""

from __future__ import annotations

import wave
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from cache_dit.generate.outputs import output_of, save, save_beside


def test_frames_become_an_animation(tmp_path: Path) -> None:
    grey = Image.new("RGB", (6, 4), (128, 128, 128))
    white = Image.new("RGB", (6, 4), (255, 255, 255))
    kind, outputs = output_of(SimpleNamespace(frames=[[grey, white, grey]]))
    assert kind == "frames" and outputs.shape == (1, 3, 4, 6, 3)
    (path,) = save(kind, outputs, tmp_path, "video")
    with Image.open(path) as image:
        assert (image.n_frames, image.size) == (3, (6, 4))  # type: ignore[attr-defined]
    (both,) = save_beside(kind, outputs, outputs, tmp_path)
    with Image.open(both) as image:
        assert image.size == (12, 4)


def test_sound_becomes_a_wave_file(tmp_path: Path) -> None:
    kind, outputs = output_of({"audios": torch.tensor([[[0.0, 0.5, -1.0], [0.0, 0.0, 2.0]]])})
    (path,) = save(kind, outputs, tmp_path, "sound")
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getnframes()) == (2, 3)
        samples = np.frombuffer(file.readframes(3), "<i2")
    assert samples.tolist() == [0, 0, 16383, 0, -32767, 32767]
    assert save_beside(kind, outputs, outputs, tmp_path) == []


def test_anything_else_is_refused() -> None:
    with pytest.raises(ValueError, match="has none of images, frames, audios"):
        output_of(SimpleNamespace(image_embeds=torch.zeros(1)))
