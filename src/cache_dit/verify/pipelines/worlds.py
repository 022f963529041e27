"""Worlds seen through a camera, and what a text, a picture and a video share a sequence in."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch

from cache_dit.verify.pipelines.components import (
    autoencoder_wan,
    parts,
    pictures,
    transformer,
    unipc,
)
from cache_dit.verify.pipelines.entry import PipelineEntry
from cache_dit.verify.pipelines.image import BOTH, ONE
from cache_dit.verify.pipelines.sound import video_autoencoder
from cache_dit.verify.pipelines.texts import image_size, masks, video_size
from cache_dit.verify.zoo.entry import Arguments
from cache_dit.verify.zoo.spec import randn


class ChatTokenizer:
    """In place of the tokenizer of Cosmos 3, whose transformer embeds words itself."""

    eos_token_id = 1

    def convert_tokens_to_ids(self, token: str) -> int:
        return 2

    def apply_chat_template(self, messages: list[dict[str, str]], **kwargs: Any) -> Any:
        words = messages[-1]["content"].split()
        return SimpleNamespace(input_ids=[3 + sum(map(ord, word)) % 40 for word in words])


def camera(frames: int) -> Any:
    """A camera moving to the right: [frames, 4, 4]."""
    poses = torch.eye(4).repeat(frames, 1, 1)
    poses[:, 0, 3] = 0.1 * torch.arange(frames)
    return poses.numpy()


def sana_wm(s: SimpleNamespace) -> Arguments:
    names = ("prompt_embeds", "negative_prompt_embeds")
    return {
        **image_size(s),
        **{name: randn(1, 1, s.text, 20) for name in names},
        **masks(SimpleNamespace(batch=1, text=s.text)),
        "prompt": "",
        "image": pictures(1, s.height, s.width)[0],
        "num_frames": s.frames,
        "c2w": camera(s.frames),
        "intrinsics": [float(s.width), float(s.width), s.width / 2, s.height / 2],
    }


ENTRIES = (
    PipelineEntry(
        class_name="Cosmos3OmniPipeline",
        components=parts(
            "Cosmos3OmniTransformer",
            vae=lambda: autoencoder_wan(4),
            scheduler=unipc,
            text_tokenizer=ChatTokenizer,
            enable_safety_checker=lambda: False,
        ),
        call=lambda s: {
            **video_size(s),
            "prompt": "a red cat",
            "image": pictures(1, s.height, s.width)[0],
        },
        sizes={"frames": 5, "height": 48, "width": 64},
        branches=BOTH,
        note="the picture is the first frame of the video, and is not denoised",
    ),
    PipelineEntry(
        class_name="SanaWMPipeline",
        components=parts(
            "SanaWMTransformer3DModel",
            transformer=lambda: transformer("SanaWMTransformer3DModel", chunk_plucker_channels=48),
            vae=lambda: video_autoencoder(
                spatial_compression_ratio=32, temporal_compression_ratio=8
            ),
        ),
        call=sana_wm,
        sizes={"frames": 9, "height": 96, "width": 128, "text": 7},
        branches=ONE,
    ),
)
