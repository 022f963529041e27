"""The demo's text encoder: a table with one learned row per word."""

from __future__ import annotations

import re

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn

from cache_dit.closest import closest

FILLER = {"a", "an", "the", "of", "with", "background", "style"}


class CaptionEncoder(ModelMixin, ConfigMixin):
    """Looks captions up, word by word; the order of the words does not matter.

    Args:
        vocabulary: All known words. The first one is the padding; "on-sky" is the background "sky".
        width: Channels of a word's row.
        max_words: Words in the longest caption.
    """

    @register_to_config
    def __init__(self, vocabulary: list[str], width: int = 64, max_words: int = 6) -> None:
        super().__init__()
        self.words = nn.Embedding(len(vocabulary), width)
        self.pooled = nn.Embedding(len(vocabulary), width)
        self.index = {word: number for number, word in enumerate(vocabulary) if number > 0}

    def forward(self, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Encodes word numbers [B, max_words] as (words [B, max_words, width], pooled [B, width]).

        The pooled vector is the sum over a caption's words, scaled to stay of one size: Σ / √count.
        """
        present = (ids != 0).unsqueeze(-1)  # [B, T, 1]
        count = present.sum(dim=1).clamp(min=1)
        pooled = (self.pooled(ids) * present).sum(dim=1) / count.sqrt()
        return self.words(ids), pooled

    def tokenize(self, captions: list[str]) -> torch.Tensor:
        """The word numbers [B, max_words] of captions such as "3d red apple on sky".

        An empty caption stands for "anything": it is what guidance contrasts with.

        Raises:
            ValueError: A word is unknown, or a caption has more than `max_words` words.
        """
        return torch.tensor([self._numbers(caption) for caption in captions])

    def _numbers(self, caption: str) -> list[int]:
        words = _split(caption)
        unknown = [word for word in words if word not in self.index]
        if unknown:
            raise ValueError(self._explain_unknown(caption, unknown))
        length = self.config.max_words
        if len(words) > length:
            raise ValueError(
                f"CaptionEncoder: {caption!r} has {len(words)} words ({', '.join(words)}). "
                f"The model was trained on captions of up to {length}. Leave some out."
            )
        return [self.index[word] for word in words] + [0] * (length - len(words))

    def _explain_unknown(self, caption: str, unknown: list[str]) -> str:
        hints = []
        for word in unknown:
            near = closest(word, self.index)
            hints.append(f"{word!r}" + (f" (nearest: {', '.join(near)})" if near else ""))
        return (
            f"CaptionEncoder: {caption!r} has unknown words: {'; '.join(hints)}. "
            f"Its text encoder is a table of {len(self.index)} words. "
            "Use only those: text_encoder.config.vocabulary, or `cache-dit demo --words`."
        )


def _split(caption: str) -> list[str]:
    """The words of a caption; "on a sky background" becomes the one word "on-sky"."""
    words = [w for w in re.findall(r"[\w-]+", caption.lower()) if w not in FILLER]
    joined: list[str] = []
    for word in words:
        if joined and joined[-1] == "on":
            joined[-1] = f"on-{word}"
        else:
            joined.append(word)
    return joined
