"""Look at a trained pipeline: a grid of pictures, and how far fewer steps are from 28.

    python evaluate.py outputs/train_demo/pipeline --grid samples.png

A model whose pictures hardly change with fewer steps would make any cache look good or useless
alike: the less its denoising path is a straight line, the more the figures of the demo mean.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from cache_dit.demo import EmojiPipeline
from cache_dit.metrics import compute_psnr

CAPTIONS = """
    3d red apple on sky | flat cat on mint | 3d panda on lilac | flat hamburger on cream
    3d rocket on pink | flat palm tree on white | 3d strawberry on mint | flat owl on sky
    3d yellow star on sky | flat house on cream | 3d robot on lilac | flat rainbow on white
    3d red car on mint | flat crying smiley on sky | 3d christmas tree on pink | flat fox on cream
    3d penguin on mint | flat doughnut on pink | 3d blue heart on cream | flat cactus on white
    3d fruit on sky | flat animal on mint | 3d face on lilac | flat blue thing on cream
"""
STEPS = (20, 14, 10, 7)
COLUMNS, SCALE = 8, 3


def captions() -> list[str]:
    """The captions above, one by one."""
    return [part.strip() for line in CAPTIONS.strip().splitlines() for part in line.split("|")]


def draw(pipe: EmojiPipeline, steps: int, guidance: float) -> np.ndarray:
    """All captions, from the same noise every time: [24, 32, 32, 3]."""
    (images,) = pipe(
        captions(),
        num_inference_steps=steps,
        guidance_scale=guidance,
        generator=torch.Generator().manual_seed(0),
        output_type="np",
        return_dict=False,
    )
    return images


def save_grid(images: np.ndarray, path: Path) -> None:
    """The pictures in rows, each pixel as a square."""
    rows = images.reshape(-1, COLUMNS, *images.shape[1:])  # [r, c, h, w, 3]
    sheet = rows.transpose(0, 2, 1, 3, 4).reshape(rows.shape[0] * 32, COLUMNS * 32, 3)
    pixels = (sheet * 255).round().astype(np.uint8).repeat(SCALE, axis=0).repeat(SCALE, axis=1)
    Image.fromarray(pixels).save(path, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pipeline", type=Path)
    parser.add_argument("--guidance", type=float, default=3.0)
    parser.add_argument("--grid", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    pipe = EmojiPipeline.from_pretrained(options.pipeline)
    reference = draw(pipe, 28, options.guidance)
    if options.grid:
        save_grid(reference, options.grid)
    for steps in STEPS:
        psnr = compute_psnr(reference, draw(pipe, steps, options.guidance)).value
        print(f"{steps} steps against 28: {psnr:.1f} dB")


if __name__ == "__main__":
    main()
