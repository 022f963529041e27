"""The demo: a small trained diffusion transformer that travels with the package."""

from __future__ import annotations

from pathlib import Path

from cache_dit.demo.caption_encoder import CaptionEncoder
from cache_dit.demo.pipeline import EmojiPipeline, EmojiPipelineOutput

__all__ = ["CaptionEncoder", "EmojiPipeline", "EmojiPipelineOutput", "load_demo_pipeline"]

WEIGHTS = Path(__file__).with_name("weights")


def load_demo_pipeline() -> EmojiPipeline:
    """The trained pipeline, in float32 on the CPU; nothing is downloaded."""
    return EmojiPipeline.from_pretrained(WEIGHTS)
