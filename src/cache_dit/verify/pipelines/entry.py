"""One pipeline to verify: its tiny components, and the arguments of a call as users make it."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from cache_dit.verify import zoo
from cache_dit.verify.zoo.entry import Arguments, Call
from cache_dit.verify.zoo.spec import Draw, materialise

Components = Callable[[], Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class PipelineEntry:
    """A diffusers pipeline with tiny components of the real classes and random weights.

    components: what the pipeline is made of; whatever else its class asks for is None (a text
    encoder, where the call brings the text's states along). call: the arguments for given sizes,
    as specs. sizes: what may be changed in a call, in pixels (``height``, ``width``), frames, text
    states and samples (``batch``). branches: names of the transformer calls of one step, in their
    order. transformers: names of the components that are cached. latent: the ``output_type`` that
    leaves the decoding out, if there is one. attributes: what is set on the pipeline afterwards.
    sections: how many denoising loops one call has.
    """

    class_name: str
    components: Components
    call: Call
    sizes: Mapping[str, int]
    branches: tuple[str, ...]
    variant: str = ""
    transformers: tuple[str, ...] = ("transformer",)
    latent: str | None = "latent"
    attributes: Mapping[str, Any] = field(default_factory=dict)
    sections: int = 1
    note: str = ""

    @property
    def name(self) -> str:
        return f"{self.class_name}/{self.variant}" if self.variant else self.class_name

    @property
    def available(self) -> bool:
        """Whether the installed diffusers has this class."""
        return hasattr(importlib.import_module("diffusers"), self.class_name)

    @property
    def pipeline_class(self) -> type:
        """The diffusers class."""
        return getattr(importlib.import_module("diffusers"), self.class_name)

    def build(self) -> Any:
        """The pipeline; its weights and settings are the same every time."""
        given = dict(self.components())
        wanted = inspect.signature(self.pipeline_class.__init__).parameters.values()
        missing = {p.name: None for p in wanted if p.default is p.empty and p.name != "self"}
        pipe = self.pipeline_class(**{**missing, **given})
        for name, value in self.attributes.items():
            setattr(pipe, name, value)
        pipe.set_progress_bar_config(disable=True)
        return pipe

    def arguments(self, steps: int, seed: int = 0, **sizes: int) -> Arguments:
        """Keyword arguments of a call; made anew for every call. Raises ValueError for a size
        that the entry does not have."""
        if unknown := sorted(set(sizes) - set(self.sizes)):
            raise ValueError(
                f"pipelines: {self.name} has no size {unknown[0]!r}. Use {', '.join(self.sizes)}."
            )
        namespace = SimpleNamespace(**{**self.sizes, **sizes})
        arguments = materialise(self.call(namespace), Draw(torch.float32, seed, 0, "call"))
        common = {
            "num_inference_steps": steps,
            "generator": torch.Generator().manual_seed(seed),
        }
        if self.latent is not None:
            common["output_type"] = self.latent
        return {**common, **arguments}

    def run(
        self,
        pipe: Any,
        steps: int,
        seed: int = 0,
        sizes: Mapping[str, int] | None = None,
        **more: Any,
    ) -> list[torch.Tensor]:
        """Call the pipeline; gives the tensors that come out."""
        return outputs(pipe(**{**self.arguments(steps, seed, **(sizes or {})), **more}))

    def blocks(self, pipe: Any, transformer: str = "transformer") -> dict[str, nn.ModuleList]:
        """Name and module list of every list of repeated blocks of one transformer."""
        model = getattr(pipe, transformer)
        return dict(zoo.get(type(model).__name__).block_lists(model))

    def with_variant(self, variant: str, **changes: Any) -> PipelineEntry:
        """This entry with other fields; ``sizes`` merge, ``call`` adds arguments."""
        changes["sizes"] = {**self.sizes, **changes.get("sizes", {})}
        if added := changes.pop("call", None):
            changes["call"] = lambda sizes: {**self.call(sizes), **added(sizes)}
        return replace(self, variant=variant, **changes)


def outputs(result: Any) -> list[torch.Tensor]:
    """The tensors and arrays in what a pipeline returns."""
    values = [result[key] for key in result] if isinstance(result, Mapping) else list(result)
    arrays = [torch.from_numpy(v) if hasattr(v, "__array_interface__") else v for v in values]
    return zoo.tensors(arrays)
