"""One entry of the zoo: a tiny configuration of a diffusers class and its forward's arguments."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from cache_dit.verify.named import Named
from cache_dit.verify.zoo.spec import Draw, materialise
from cache_dit.verify.zoo.weights import cast, randomise

Arguments = dict[str, Any]
Call = Callable[[SimpleNamespace], Arguments]
Make = Callable[[Arguments], Arguments]
Prefill = Callable[[Any, Make, SimpleNamespace], Arguments]


@dataclass(frozen=True, kw_only=True)
class Entry(Named):
    """A model to verify: how it is built, and what one denoising call passes to it.

    config: keyword arguments of the class. sizes: what may be changed in the inputs, in tokens
    (``height``, ``width`` and ``frames`` after patching), text states (``text``), samples
    (``batch``). call: the arguments of one denoising call for given sizes, as specs. blocks: the
    lists of repeated blocks, in the order in which a step begins them. idle: single blocks that
    the forward leaves out with these arguments ("transformer_blocks.2"). tags: what the arguments
    exercise, such as "controlnet", "kv_cache", "mask", "reference", "lists". prefill: runs the
    model as its pipeline does before the denoising calls, to fill a key-value cache, and gives the
    arguments that hand the cache over. float32: submodules that cannot be converted to another
    dtype. casts: submodules whose inputs have to be converted with them.
    """

    class_name: str
    config: Mapping[str, Any]
    sizes: Mapping[str, int]
    call: Call
    blocks: tuple[str, ...]
    variant: str = ""
    idle: tuple[str, ...] = ()
    tags: Set[str] = frozenset()
    note: str = ""
    prefill: Prefill | None = None
    float32: tuple[str, ...] = ()
    casts: tuple[str, ...] = ()

    @property
    def available(self) -> bool:
        """Whether the installed diffusers has this class, and this configuration of it."""
        cls = getattr(importlib.import_module("diffusers"), self.class_name, None)
        return cls is not None and set(self.config) <= set(inspect.signature(cls).parameters)

    @property
    def model_class(self) -> type[nn.Module]:
        """The diffusers class. Raises ImportError where the installed version lacks it."""
        diffusers = importlib.import_module("diffusers")
        if not self.available:
            raise ImportError(
                f"zoo: {self.class_name} is not in diffusers {diffusers.__version__}. It was added "
                "later. Upgrade diffusers, or leave this entry out (see Entry.available)."
            )
        return getattr(diffusers, self.class_name)

    def build(self, dtype: torch.dtype = torch.float32, seed: int = 0) -> nn.Module:
        """The model in eval mode, without gradients; its weights are equal in every dtype."""
        model = self.model_class(**self.config)
        randomise(model, seed)
        if dtype is not torch.float32:
            cast(model, dtype, keep=self.float32, inputs=self.casts)
        return model.eval().requires_grad_(False)

    def inputs(self, dtype: torch.dtype = torch.float32, seed: int = 0, **sizes: int) -> Arguments:
        """Keyword arguments of the first denoising call, with some ``sizes`` changed.

        They are made anew for every call, because some models write to them. Raises ValueError
        for a size that the entry does not have.
        """
        return self.step_inputs(0, dtype, seed, **sizes)

    def step_inputs(
        self, step: float, dtype: torch.dtype = torch.float32, seed: int = 0, **sizes: int
    ) -> Arguments:
        """Arguments at a denoising step: equal conditions, a sample that drifts, a later time.

        Fractions of a step are steps of a slower sampler.
        """
        return materialise(self.call(self._sizes(sizes)), Draw(dtype, seed, step, "call"))

    def prepare(
        self, model: nn.Module, dtype: torch.dtype = torch.float32, seed: int = 0, **sizes: int
    ) -> Arguments:
        """Run what fills the caches before denoising; gives what has to be added to ``inputs``.

        Empty, and nothing is run, for all entries but those tagged "kv_cache".
        """
        if self.prefill is None:
            return {}
        draw = Draw(dtype, seed, 0, "prefill")
        return self.prefill(model, lambda specs: materialise(specs, draw), self._sizes(sizes))

    def block_lists(self, model: nn.Module) -> Iterator[tuple[str, nn.ModuleList]]:
        """Name and module list of every one of ``blocks``."""
        for name in self.blocks:
            blocks = model.get_submodule(name)
            assert isinstance(blocks, nn.ModuleList)
            yield name, blocks

    def with_variant(self, variant: str, **changes: Any) -> Entry:
        """This entry with other fields; ``config`` is merged, and ``call`` adds arguments."""
        changes["config"] = {**self.config, **changes.get("config", {})}
        if added := changes.pop("call", None):
            changes["call"] = lambda sizes: {**self.call(sizes), **added(sizes)}
        return replace(self, variant=variant, **changes)

    def _sizes(self, changes: Mapping[str, int]) -> SimpleNamespace:
        if unknown := sorted(set(changes) - set(self.sizes)):
            raise ValueError(
                f"zoo: {self.name} has no size {unknown[0]!r}. Its inputs are described by other "
                f"sizes. Use {', '.join(self.sizes)}."
            )
        return SimpleNamespace(**{**self.sizes, **changes})
