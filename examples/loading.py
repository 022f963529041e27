"""What the examples have in common: their arguments, and the pipeline that they run."""

from __future__ import annotations

import argparse
from typing import Any

import torch

from cache_dit.generate.load import load_pipeline

DEMO_PROMPT = "3d red apple on sky"


def arguments(description: str | None, steps: int = 28, **flags: int) -> argparse.Namespace:
    """``--model``, ``--prompt``, ``--steps``, and further options that are whole numbers."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="demo", help="a folder or hub id; demo is built in")
    parser.add_argument("--prompt", default=DEMO_PROMPT)
    parser.add_argument("--steps", type=int, default=steps)
    for name, value in flags.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    return parser.parse_args()


def load(model: str, device: torch.device | None = None) -> Any:
    """The pipeline, on the GPU if there is one."""
    device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
    pipe = load_pipeline(model, None, device).to(device)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def draw(pipe: Any, prompt: str, steps: int) -> Any:
    """An array [H, W, 3] in 0..1, from the same noise each time."""
    generator = torch.Generator().manual_seed(0)
    images = pipe(prompt, num_inference_steps=steps, generator=generator, output_type="np").images
    return images[0]
