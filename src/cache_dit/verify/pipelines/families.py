"""One pipeline of each family that the other files do not have.

Those that insist on encoding a text themselves are given `encoded` in place of their encoder.
`absent` says which models have no pipeline here, and why.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch

from cache_dit.verify.pipelines.components import (
    autoencoder_flux2,
    autoencoder_wan,
    from_diffusers,
    parts,
    picture,
    pictures,
    transformer,
    unipc,
)
from cache_dit.verify.pipelines.entry import PipelineEntry
from cache_dit.verify.pipelines.image import BOTH, ONE
from cache_dit.verify.pipelines.texts import (
    MASKS,
    POOLED,
    encoded,
    image_size,
    masks,
    pooled,
    seen,
    states,
    video_size,
)
from cache_dit.verify.zoo.entry import Arguments
from cache_dit.verify.zoo.image import IMAGE, TEXT_STATE
from cache_dit.verify.zoo.spec import grid, randn

SIZES = {"batch": 1, "height": 64, "width": 80}
IDEOGRAM_TEXT = 7
VIDEO = {"batch": 1, "frames": 5, "height": 48, "width": 64, "text": 7}


def with_lengths(prompt: str | list[str], *args: Any, **kwargs: Any) -> tuple[torch.Tensor, ...]:
    """States of LongCat-Audio, and how many of each text there are."""
    made = encoded(20)(prompt)
    return made, torch.full((len(made),), made.shape[1])


def with_mask(prompt: str | list[str], *args: Any, **kwargs: Any) -> tuple[torch.Tensor, ...]:
    """States of JoyImage Edit Plus, and their mask."""
    made = encoded(20)(prompt)
    return made, torch.ones(made.shape[:2], dtype=torch.int64)


def with_layers(prompt: str | list[str], *args: Any, **kwargs: Any) -> tuple[Any, ...]:
    """States of Bria FIBO, those behind each layer of its text encoder, and a mask."""
    made = encoded(24)(prompt)
    layers = [encoded(12)([each + str(layer) for each in prompt]) for layer in range(10)]
    return made, layers, torch.ones(made.shape[:2])


def packed(prompt: list[str], grid_h: int, grid_w: int, **kwargs: Any) -> tuple[torch.Tensor, ...]:
    """The conditioning of Ideogram: text and picture in one sequence; states, places, and kinds."""
    tokens = IDEOGRAM_TEXT + grid_h * grid_w
    kinds = torch.tensor([TEXT_STATE] * IDEOGRAM_TEXT + [IMAGE] * (grid_h * grid_w))
    places = torch.cat(
        [grid(IDEOGRAM_TEXT, after=2), grid(grid_h, grid_w, before=1, offset=IDEOGRAM_TEXT)]
    )
    count = len(prompt)
    return (
        encoded(20, tokens)(prompt),
        places.long().expand(count, -1, -1),
        torch.ones(count, tokens, dtype=torch.int64),
        kinds.expand(count, -1),
    )


class AnySize:
    """In place of an image processor that knows sizes from 512 pixels up."""

    def get_default_height_width(
        self, image: Any, height: int = 0, width: int = 0
    ) -> tuple[int, int]:
        return height, width

    def resize_center_crop(self, image: Any, size: tuple[int, int]) -> Any:
        return image

    def preprocess(self, image: Any) -> torch.Tensor:
        return from_diffusers("VaeImageProcessor").preprocess(image)


class TextEncoder:
    """In place of a text encoder of which only the dtype is asked."""

    dtype = torch.float32


class AudioAutoencoder:
    """In place of an autoencoder that is asked for its numbers, and decodes nothing."""

    config = SimpleNamespace(sample_rate=8, downsampling_ratio=1, sampling_rate=8, latent_dim=8)
    downsampling_ratio = latent_hop_length = 1


def duration_embedder() -> Any:
    return from_diffusers(
        "StableAudio3DurationEmbedder", {"output_dim": 20, "fourier_dim": 8}, "stable_audio_3"
    )


def fibo2(s: SimpleNamespace) -> Arguments:
    names = ("prompt_embeds", "negative_prompt_embeds")
    return {**image_size(s), **{name: randn(s.batch, 4, s.text, 24) for name in names}}


ENTRIES = (
    PipelineEntry(
        class_name="LongCatImagePipeline",
        components=parts(
            "LongCatImageTransformer2DModel",
            transformer=lambda: transformer("LongCatImageTransformer2DModel", in_channels=64),
        ),
        call=lambda s: {
            **image_size(s),
            "prompt": ["a red cat"] * s.batch,
            "enable_prompt_rewrite": False,
        },
        sizes=SIZES,
        branches=BOTH,
        attributes={"_encode_prompt": encoded(24)},
    ),
    PipelineEntry(
        class_name="BriaFiboPipeline",
        components=parts("BriaFiboTransformer2DModel", text_encoder=TextEncoder),
        call=lambda s: {**image_size(s), "prompt": ["a red cat"] * s.batch},
        sizes=SIZES,
        branches=ONE,
        attributes={"get_prompt_embeds": with_layers},
    ),
    PipelineEntry(
        class_name="BriaFibo2Pipeline",
        components=parts(
            "BriaFibo2Transformer2DModel",
            transformer=lambda: transformer("BriaFibo2Transformer2DModel", axes_lens=[64] * 3),
            vae=lambda: autoencoder_flux2(4),
        ),
        call=fibo2,
        sizes={**SIZES, "text": 7},
        branches=BOTH,
    ),
    PipelineEntry(
        class_name="Kandinsky6TI2VAPipeline",
        components=parts(
            "Kandinsky6Transformer3DModel",
            transformer=lambda: transformer("Kandinsky6Transformer3DModel", visual_cond=False),
            audio_vae=AudioAutoencoder,
            vocoder=AudioAutoencoder,
        ),
        call=lambda s: {**video_size(s), **states(s, 20), **pooled(s, names=POOLED)},
        sizes=VIDEO,
        branches=BOTH,
    ),
    PipelineEntry(
        class_name="ChronoEditPipeline",
        components=parts(
            "ChronoEditTransformer3DModel",
            transformer=lambda: transformer("ChronoEditTransformer3DModel", in_channels=12),
            vae=lambda: autoencoder_wan(4),
            scheduler=unipc,
        ),
        call=lambda s: {
            **video_size(s),
            **states(s, 20, length=512),
            "image": picture(s),
        },
        sizes={key: VIDEO[key] for key in VIDEO if key != "text"},
        branches=BOTH,
        attributes={"encode_image": seen},
    ),
    PipelineEntry(
        class_name="LongCatAudioDiTPipeline",
        components=parts("LongCatAudioDiTTransformer", vae=AudioAutoencoder),
        call=lambda s: {"prompt": ["a red cat"] * s.batch, "audio_duration_s": s.seconds},
        sizes={"batch": 1, "seconds": 2},
        branches=BOTH,
        attributes={"encode_prompt": with_lengths},
    ),
    PipelineEntry(
        class_name="StableAudio3Pipeline",
        components=parts(
            "StableAudio3DiTModel",
            transformer=lambda: transformer("StableAudio3DiTModel", global_cond_dim=20),
            vae=AudioAutoencoder,
            duration_embedder=duration_embedder,
        ),
        call=lambda s: {
            **states(s, 20),
            "encoder_attention_mask": torch.ones(s.batch, s.text),
            "negative_encoder_attention_mask": torch.ones(s.batch, s.text),
            "duration": float(s.seconds),
            "silence_padding_duration": 0.0,
            "guidance_scale": 3.0,
        },
        sizes={"batch": 1, "text": 5, "seconds": 2},
        branches=ONE,
    ),
    PipelineEntry(
        class_name="JoyImageEditPipeline",
        components=parts("JoyImageEditTransformer3DModel", vae=lambda: autoencoder_wan(4)),
        call=lambda s: {**image_size(s), **states(s, 20), **masks(s, MASKS)},
        sizes={**SIZES, "text": 7},
        branches=BOTH,
        attributes={"vae_image_processor": AnySize()},
    ),
    PipelineEntry(
        class_name="JoyImageEditPlusPipeline",
        components=parts("JoyImageEditPlusTransformer3DModel", vae=lambda: autoencoder_wan(4)),
        call=lambda s: {
            **image_size(s),
            "prompt": ["a red cat"] * s.batch,
            "images": [pictures(2, 32, 48)] * s.batch,
        },
        sizes=SIZES,
        branches=ONE,
        attributes={"image_processor": AnySize(), "encode_prompt_multiple_images": with_mask},
        note="the patches of reference pictures follow those that are denoised",
    ),
    PipelineEntry(
        class_name="Ideogram4Pipeline",
        components=parts(
            "Ideogram4Transformer2DModel",
            unconditional_transformer=lambda: transformer("Ideogram4Transformer2DModel"),
        ),
        call=lambda s: {
            **image_size(s),
            "prompt": ["a red cat"] * s.batch,
            "max_sequence_length": IDEOGRAM_TEXT,
            "guidance_scale": 4.0,
            "guidance_schedule": None,
        },
        sizes=SIZES,
        branches=ONE,
        attributes={"encode_prompt": packed},
    ),
)
