"""One pipeline to verify: its tiny components, and the arguments of a call as users make it."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from cache_dit.verify import zoo
from cache_dit.verify.named import Named
from cache_dit.verify.pipelines.components import Components
from cache_dit.verify.zoo.entry import Arguments, Call
from cache_dit.verify.zoo.spec import Draw, materialise


@dataclass(frozen=True, kw_only=True)
class PipelineEntry(Named):
    """A diffusers pipeline with tiny components of the real classes and random weights.

    components: what the pipeline is made of; whatever else its class asks for is None (a text
    encoder, where the call brings the text's states along). call: the arguments for given sizes,
    as specs. sizes: what may be changed in a call, in pixels (``height``, ``width``), frames, text
    states and samples (``batch``). branches: names of the transformer calls of one step, in their
    order. module: where the class is. sections: how many denoising loops one call has. between:
    how often the transformer is called between two of them, to compute. output: the
    ``output_type``; latents, unless the pipeline always decodes. denoiser: the component with the
    blocks. attributes: what is set on the pipeline when it is built. making: what has to be in
    force while it is built.
    """

    class_name: str
    components: Components
    call: Call
    sizes: Mapping[str, int]
    branches: tuple[str, ...]
    variant: str = ""
    module: str = "diffusers"
    sections: int = 1
    between: int = 0
    output: str = "latent"
    denoiser: str = "transformer"
    attributes: Mapping[str, Any] = field(default_factory=dict)
    making: Callable[[], AbstractContextManager[None]] = nullcontext
    note: str = ""

    @property
    def pipeline_class(self) -> Any:
        """The diffusers class."""
        return getattr(importlib.import_module(self.module), self.class_name)

    def build(self, **components: Any) -> Any:
        """The pipeline, the same every time, with some ``components`` changed."""
        wanted = inspect.signature(self.pipeline_class).parameters.values()
        missing = {each.name: None for each in wanted if each.default is each.empty}
        with self.making():
            pipe = self.pipeline_class(**{**missing, **self.components(), **components})
        for name, value in self.attributes.items():
            setattr(pipe, name, value)
        pipe.set_progress_bar_config(disable=True)
        return pipe

    def arguments(self, steps: int, seed: int = 0, **sizes: int) -> Arguments:
        """Keyword arguments of a call with some ``sizes`` changed; made anew for every call.

        Raises ValueError for a size that the entry does not have.
        """
        if unknown := sorted(set(sizes) - set(self.sizes)):
            raise ValueError(
                f"pipelines: {self.name} has no size {unknown[0]!r}. Its calls are described by "
                f"other sizes. Use {', '.join(self.sizes)}."
            )
        specs = self.call(SimpleNamespace(**{**self.sizes, **sizes}))
        return {
            "num_inference_steps": steps,
            "generator": torch.Generator().manual_seed(seed),
            "output_type": self.output,
            **materialise(specs, Draw(torch.float32, seed, place="call")),
        }

    def run(
        self,
        pipe: Any,
        steps: int,
        seed: int = 0,
        sizes: Mapping[str, int] | None = None,
        **more: Any,
    ) -> list[torch.Tensor]:
        """Call the pipeline, with ``more`` arguments; gives the tensors that come out.

        Pipelines that draw without their generator are seeded as well.
        """
        arguments = {**self.arguments(steps, seed, **(sizes or {})), **more}
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return _tensors(pipe(**arguments))

    def blocks(self, pipe: Any, transformer: str = "") -> dict[str, nn.ModuleList]:
        """Name and module list of every list of repeated blocks of one transformer."""
        model = getattr(pipe, transformer or self.denoiser)
        return dict(zoo.get(type(model).__name__).block_lists(model))

    def with_variant(self, variant: str, **changes: Any) -> PipelineEntry:
        """This entry with other fields; ``sizes`` merge, ``call`` adds arguments."""
        changes["sizes"] = {**self.sizes, **changes.get("sizes", {})}
        if added := changes.pop("call", None):
            changes["call"] = lambda sizes: {**self.call(sizes), **added(sizes)}
        return replace(self, variant=variant, **changes)


def _tensors(result: Mapping[str, Any]) -> list[torch.Tensor]:
    values = [result[key] for key in result]
    return zoo.tensors(
        [torch.from_numpy(v) if hasattr(v, "__array_interface__") else v for v in values]
    )
