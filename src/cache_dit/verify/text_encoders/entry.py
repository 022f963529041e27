"""One text encoder to verify: how it is built, and the prompts that it is given."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import nn

from cache_dit.verify import zoo
from cache_dit.verify.named import Named
from cache_dit.verify.zoo.spec import Draw, generator, kept, materialise
from cache_dit.verify.zoo.weights import cast, randomise

Side = Literal["left", "right"]
Arguments = dict[str, Any]

WORDS = 50
"""Prompts consist of the numbers from 3 on below this; those above it mean something else."""
PAD = 0
BATCH, LENGTH = 2, 9


@dataclass(frozen=True, kw_only=True)
class TextEncoderEntry(Named):
    """A class of text encoders, tiny.

    config: keyword arguments of the class's configuration. module: where the class is, if it is no
    public name of transformers. part_of: the name of the part of the configuration that the class
    is made from, where it is a part of a larger model. call: arguments beside the prompt.
    image_token: stands in the prompt for what the image is encoded to. tokens: how many of them.
    """

    class_name: str
    config: dict[str, Any]
    module: str = "transformers"
    part_of: str = ""
    variant: str = ""
    call: Callable[[], Mapping[str, Any]] = dict
    image_token: int = 0
    tokens: int = 0
    note: str = ""

    def build(self, dtype: torch.dtype = torch.float32, seed: int = 0) -> nn.Module:
        """The model in eval mode, without gradients."""
        cls = getattr(importlib.import_module(self.module), self.class_name)
        config = cls.config_class(**deepcopy(self.config))  # which it changes
        model = cls(getattr(config, self.part_of) if self.part_of else config)
        randomise(model, seed)
        if dtype is not torch.float32:
            cast(model, dtype)
        return model.eval().requires_grad_(False)

    def inputs(
        self, side: Side = "right", dtype: torch.dtype = torch.float32, seed: int = 0
    ) -> Arguments:
        """Two prompts and what belongs to them; the second is shorter, and padded on a side."""
        source = generator(seed, f"prompt/{side}")
        ids = torch.randint(3, WORDS, (BATCH, LENGTH + self.tokens), generator=source)
        mask = kept(BATCH, LENGTH + self.tokens, padding=3)
        if side == "left":
            mask = mask.flip(1)
        ids[~mask] = PAD
        if self.image_token:
            middle = slice(4, 4 + self.tokens)  # no padding on either side
            ids[:, middle] = self.image_token
        arguments = {"input_ids": ids, "attention_mask": mask.long(), "output_hidden_states": True}
        return {**arguments, **materialise(dict(self.call()), Draw(dtype, seed, place="call"))}

    def encode(
        self, model: nn.Module, side: Side = "right", dtype: torch.dtype = torch.float32
    ) -> list[torch.Tensor]:
        """All that the model makes of the prompts: hidden states of every layer, and the rest."""
        with torch.no_grad():
            return zoo.tensors(model(**self.inputs(side, dtype)))

    def with_variant(self, variant: str, **changes: Any) -> TextEncoderEntry:
        """This entry with other fields; ``config`` is merged."""
        changes["config"] = {**self.config, **changes.get("config", {})}
        return replace(self, variant=variant, **changes)
