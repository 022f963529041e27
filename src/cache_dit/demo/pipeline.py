"""A complete text-to-image diffusion pipeline, small enough to travel with the package."""

# Annotations must not be strings here: diffusers 0.36 reads the components' classes from them.

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
import torch
from diffusers import DiffusionPipeline, FlowMatchEulerDiscreteScheduler, FluxTransformer2DModel
from diffusers.image_processor import VaeImageProcessor
from diffusers.utils import BaseOutput
from diffusers.utils.torch_utils import randn_tensor
from PIL import Image

from cache_dit.demo.caption_encoder import CaptionEncoder

PIXELS = 32  # side of a picture
PATCH = 4  # side of the square of pixels that is one token
GRID = PIXELS // PATCH

Encoded: TypeAlias = tuple[torch.Tensor, torch.Tensor]  # words [B, T, C], pooled [B, C]


@dataclass
class EmojiPipelineOutput(BaseOutput):
    """Pictures: PIL images, an array [B, 32, 32, 3] or a tensor [B, 3, 32, 32], both in 0..1."""

    images: list[Image.Image] | np.ndarray | torch.Tensor


class EmojiPipeline(DiffusionPipeline):
    """Draws emoji of 32x32 pixels from captions such as "3d red apple on sky".

    A FLUX-architecture transformer (flow matching, in pixel space: there is no VAE) is guided by
    classifier-free guidance in two separate transformer calls, "cond" and "uncond".
    """

    model_cpu_offload_seq = "text_encoder->transformer"
    _callback_tensor_inputs: ClassVar = ["latents"]

    def __init__(
        self,
        transformer: FluxTransformer2DModel,
        scheduler: FlowMatchEulerDiscreteScheduler,
        text_encoder: CaptionEncoder,
    ) -> None:
        super().__init__()
        self.register_modules(
            transformer=transformer, scheduler=scheduler, text_encoder=text_encoder
        )
        self.image_processor = VaeImageProcessor(vae_scale_factor=1)
        self._interrupt = False

    @property
    def interrupt(self) -> bool:
        """Set `pipe._interrupt = True` (from a callback, say) to leave out the remaining steps."""
        return self._interrupt

    @torch.no_grad()
    def __call__(
        self,
        prompt: str | list[str],
        negative_prompt: str | list[str] | None = None,
        num_inference_steps: int = 28,
        guidance_scale: float = 3.0,
        generator: torch.Generator | list[torch.Generator] | None = None,
        latents: torch.Tensor | None = None,
        output_type: str = "pil",
        return_dict: bool = True,
        callback_on_step_end: Callable[..., dict[str, Any]] | None = None,
    ) -> EmojiPipelineOutput | tuple[Any]:
        """Draws one picture per caption.

        Args:
            prompt: One caption or several; "3d" or "flat", up to four words, "on" and a background.
            negative_prompt: What guidance leads away from, one for all or one each; None stands for
                anything.
            num_inference_steps: Denoising steps.
            guidance_scale: 1 or less turns guidance off, and with it the "uncond" calls.
            generator: Source of the noise; a list has one per picture.
            latents: The noise itself, [B, 3, 32, 32].
            output_type: "pil", "np", "pt" (both 0..1), or "latent" (-1..1, not clipped).
            return_dict: False returns a plain tuple.
            callback_on_step_end: Called as (pipeline, step, timestep, {"latents": ...}) after each
                step; may return {"latents": ...} to replace them.

        Raises:
            ValueError: A word is not in the model's vocabulary, or `latents` has another shape.
        """
        self._interrupt = False
        prompts = [prompt] if isinstance(prompt, str) else list(prompt)
        cond = self.encode_prompt(prompts)
        uncond = None
        if guidance_scale > 1:
            uncond = self.encode_prompt(_one_per_picture(negative_prompt or "", len(prompts)))
        latents = self.prepare_latents(len(prompts), generator, latents)
        sigmas = np.linspace(1.0, 1.0 / num_inference_steps, num_inference_steps)
        self.scheduler.set_timesteps(sigmas=sigmas, device=self._execution_device)

        with self.progress_bar(total=num_inference_steps) as progress_bar:
            for step, t in enumerate(self.scheduler.timesteps):
                if self.interrupt:
                    continue
                velocity = self.guide(latents, t, cond, uncond, guidance_scale)
                latents = self.scheduler.step(velocity, t, latents, return_dict=False)[0]
                if callback_on_step_end is not None:
                    changed = callback_on_step_end(self, step, t, {"latents": latents}) or {}
                    latents = changed.get("latents", latents)
                progress_bar.update()

        images = self.image_processor.postprocess(latents, output_type=output_type)
        self.maybe_free_model_hooks()
        return EmojiPipelineOutput(images=images) if return_dict else (images,)

    def encode_prompt(self, prompts: list[str]) -> Encoded:
        """Caption words [B, T, C] and their pooled vector [B, C]."""
        ids = self.text_encoder.tokenize(prompts)
        return self.text_encoder(ids.to(self._execution_device))

    def prepare_latents(
        self,
        batch: int,
        generator: torch.Generator | list[torch.Generator] | None,
        latents: torch.Tensor | None,
    ) -> torch.Tensor:
        """The noise to begin with, [B, 3, 32, 32]."""
        shape = (batch, 3, PIXELS, PIXELS)
        if latents is None:
            return randn_tensor(
                shape, generator, device=self._execution_device, dtype=self.transformer.dtype
            )
        if latents.shape != shape:
            raise ValueError(
                f"EmojiPipeline: latents has shape {tuple(latents.shape)}. "
                f"{batch} captions need {shape}. Pass noise of that shape, or none."
            )
        return latents.to(self._execution_device, self.transformer.dtype)

    def guide(
        self,
        latents: torch.Tensor,
        t: torch.Tensor,
        cond: Encoded,
        uncond: Encoded | None,
        guidance_scale: float,
    ) -> torch.Tensor:
        """The guided velocity, [B, 3, 32, 32]: one transformer call, or two with guidance."""
        with self.transformer.cache_context("cond"):
            velocity = self.predict(latents, t, *cond)
        if uncond is None:
            return velocity
        with self.transformer.cache_context("uncond"):
            unguided = self.predict(latents, t, *uncond)
        return unguided + guidance_scale * (velocity - unguided)

    def predict(
        self, latents: torch.Tensor, t: torch.Tensor, words: torch.Tensor, pooled: torch.Tensor
    ) -> torch.Tensor:
        """The velocity (noise - picture) at timestep t, [B, 3, 32, 32]."""
        tokens = self.transformer(
            hidden_states=with_positions(to_tokens(latents)),
            encoder_hidden_states=words,
            pooled_projections=pooled,
            timestep=t.expand(len(latents)).to(latents) / self.scheduler.config.num_train_timesteps,
            img_ids=patch_positions().to(latents),
            txt_ids=torch.zeros(words.shape[1], 3).to(latents),
            return_dict=False,
        )[0]
        return to_pixels(tokens)


def _one_per_picture(prompt: str | list[str], count: int) -> list[str]:
    prompts = [prompt] * count if isinstance(prompt, str) else list(prompt)
    if len(prompts) != count:
        raise ValueError(
            f"EmojiPipeline: {len(prompts)} negative prompts do not fit {count} prompts. "
            "Give one for all, or one each."
        )
    return prompts


def to_tokens(pixels: torch.Tensor) -> torch.Tensor:
    """Cuts pictures [B, 3, 32, 32] into patches [B, 64, 48]."""
    patches = pixels.unflatten(3, (GRID, PATCH)).unflatten(2, (GRID, PATCH))  # [B, 3, r, p, c, q]
    return patches.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


def to_pixels(tokens: torch.Tensor) -> torch.Tensor:
    """Puts patches [B, 64, 48] together again."""
    patches = tokens.unflatten(2, (3, PATCH, PATCH)).unflatten(1, (GRID, GRID))
    return patches.permute(0, 3, 1, 4, 2, 5).flatten(4).flatten(2, 3)


def patch_positions() -> torch.Tensor:
    """Where each patch lies, for the rotary embedding: [64, 3] of (0, row, column)."""
    rows, columns = torch.meshgrid(torch.arange(GRID), torch.arange(GRID), indexing="ij")
    return torch.stack([torch.zeros_like(rows), rows, columns], dim=-1).flatten(0, 1).float()


def with_positions(tokens: torch.Tensor) -> torch.Tensor:
    """Appends 16 fixed channels that tell a patch's place: [B, 64, 48] -> [B, 64, 64]."""
    place = (torch.arange(GRID).to(tokens) + 0.5) / GRID
    angles = math.pi * place[:, None] * torch.tensor([0.5, 1.0, 2.0, 4.0]).to(tokens)
    waves = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)  # [8, 8]
    rows = waves[:, None].expand(GRID, GRID, -1)
    columns = waves[None].expand(GRID, GRID, -1)
    channels = torch.cat([rows, columns], dim=-1).flatten(0, 1)  # [64, 16]
    return torch.cat([tokens, channels.expand(len(tokens), -1, -1)], dim=-1)
