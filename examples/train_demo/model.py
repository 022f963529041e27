"""The model that is trained: the transformer and its caption table, and their loss."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import FlowMatchEulerDiscreteScheduler, FluxTransformer2DModel
from torch import nn

from cache_dit.demo import CaptionEncoder, EmojiPipeline
from cache_dit.demo.pipeline import patch_positions, to_tokens, with_positions

SHIFT = 3.0  # more of the noisy levels, in training and in sampling alike
TRANSFORMER = {
    "patch_size": 1,
    "in_channels": 64,
    "out_channels": 48,
    "num_layers": 4,
    "num_single_layers": 8,
    "attention_head_dim": 32,
    "num_attention_heads": 4,
    "joint_attention_dim": 64,
    "pooled_projection_dim": 64,
    "guidance_embeds": False,
    "axes_dims_rope": (8, 12, 12),
}


class Model(nn.Module):
    """Transformer and caption table, trained together."""

    def __init__(self, transformer: FluxTransformer2DModel, text_encoder: CaptionEncoder) -> None:
        super().__init__()
        self.transformer, self.text_encoder = transformer, text_encoder

    def loss(self, pictures: torch.Tensor, captions: list[str]) -> torch.Tensor:
        """Mean squared error of the velocity, at one random level of noise per picture.

        Args:
            pictures: [B, 3, 32, 32] in -1..1.
            captions: B of them.
        """
        level = torch.randn(len(pictures)).sigmoid()
        level = SHIFT * level / (1 + (SHIFT - 1) * level)  # sigma, [B]
        noise, share = torch.randn_like(pictures), level.view(-1, 1, 1, 1)
        mixture = (1 - share) * pictures + share * noise
        words, pooled = self.text_encoder(self.text_encoder.tokenize(captions))
        predicted = self.transformer(
            hidden_states=with_positions(to_tokens(mixture)),
            encoder_hidden_states=words,
            pooled_projections=pooled,
            timestep=level,
            img_ids=patch_positions(),
            txt_ids=torch.zeros(words.shape[1], 3),
            return_dict=False,
        )[0]
        return (predicted - to_tokens(noise - pictures)).pow(2).mean()

    def pipeline(self) -> EmojiPipeline:
        """The same modules as a pipeline, with the scheduler that fits the training."""
        scheduler = FlowMatchEulerDiscreteScheduler(shift=SHIFT)
        return EmojiPipeline(self.transformer, scheduler, self.text_encoder)


def build_model(vocabulary: list[str], init_from: Path | None) -> Model:
    """A fresh model; with `init_from`, all weights and words that this earlier pipeline has too."""
    transformer = FluxTransformer2DModel(**TRANSFORMER)
    text_encoder = CaptionEncoder(vocabulary=vocabulary)
    if init_from is None:
        for name, parameter in transformer.named_parameters():
            if name.startswith("proj_out") or (".norm" in name and ".linear" in name):
                nn.init.zeros_(parameter)  # each block begins as the identity
        return Model(transformer, text_encoder)
    earlier = EmojiPipeline.from_pretrained(init_from)
    transformer.load_state_dict(earlier.transformer.state_dict())
    known = earlier.text_encoder.index
    shared = [word for word in vocabulary if word in known]
    new, old = [vocabulary.index(word) for word in shared], [known[word] for word in shared]
    for table in ("words", "pooled"):
        source = getattr(earlier.text_encoder, table).weight.data
        getattr(text_encoder, table).weight.data[new] = source[old]
    return Model(transformer, text_encoder)
