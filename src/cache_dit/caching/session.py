"""All that is cached of one pipeline: install, begin a run, change settings, uninstall."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from torch import nn

from ..comm import ALONE, SyncGroup
from ..intercept import Interception, intercept, original_class, uncompiled
from .block_adapters.block_adapter import BlockAdapter
from .block_adapters.block_lists import BlockList, TransformerBlocks, by_transformer, spread
from .calibrator_config import CalibratorConfig, ParamsModifier
from .config import DBCacheConfig
from .denoiser import Denoiser
from .grouping import ListSettings, Unit, make_units
from .offload import refuse_prefetching
from .patch_functor import Undo

CALL_LEVEL = 100  # further out than what splits the inputs of a transformer between ranks


@dataclass
class CachedTransformer:
    """One transformer of a session: what is known of it, what decides, what is installed."""

    module: weakref.ref[nn.Module]
    lists: list[BlockList]
    modifiers: list[ParamsModifier | None]
    denoiser: Denoiser
    units: list[Unit] = field(default_factory=list)
    block_layers: list[Interception] = field(default_factory=list)
    call_layers: list[Interception] = field(default_factory=list)
    undo: Undo | None = None


class CacheSession:
    """What `enable_cache` puts on the transformers of one adapter, and takes off again.

    Making one checks that everything fits and touches nothing; `install` does the rest. The session
    keeps none of the modules alive.

    Args:
        adapter: which blocks of which transformers.
        cache_config: settings shared by all block lists.
        calibrator_config: likewise, for what stands in for skipped blocks.
        params_modifiers: settings of single block lists; they go over the adapter's own.
        sync: the ranks that must decide alike.

    Raises:
        ValueError: an adapter, settings or model that do not fit together.
    """

    def __init__(
        self,
        adapter: BlockAdapter,
        cache_config: DBCacheConfig | None = None,
        calibrator_config: CalibratorConfig | None = None,
        params_modifiers: Any = None,
        sync: SyncGroup = ALONE,
    ) -> None:
        self.adapter = replace(  # the facts, without what would keep a model alive
            adapter, pipe=None, transformer=None, blocks=None, params_modifiers=None
        )
        self.cache_config = cache_config or DBCacheConfig()
        self.calibrator_config = calibrator_config or CalibratorConfig()
        pipe = adapter.pipe
        self._pipe = weakref.ref(pipe) if callable(pipe) else None
        self._pipe_layers: list[Interception] = []
        found = adapter.transformers()
        given = by_transformer(
            "params_modifiers", params_modifiers, len(found), several=len(found) > 1
        )
        self.transformers = [
            self._prepare(blocks, modifiers, sync)
            for blocks, modifiers in zip(found, given, strict=True)
        ]

    def install(self, adapter: BlockAdapter) -> None:
        """Put everything on the transformers, and on the pipeline, of the session's adapter."""
        try:
            for blocks, cached in zip(adapter.transformers(), self.transformers, strict=True):
                self._install(blocks.transformer, cached, adapter)
            if callable(adapter.pipe):
                run = uncompiled(self._around_pipeline)
                self._pipe_layers = [intercept(adapter.pipe, level=CALL_LEVEL, __call__=run)]
        except BaseException:
            self.uninstall()
            raise

    def uninstall(self) -> None:
        """Take everything off again and drop all stored tensors."""
        for cached in self.transformers:
            cached.denoiser.release_tensors()
            for layer in (*cached.call_layers, *cached.block_layers):
                layer.release()
            cached.call_layers, cached.block_layers = [], []
            if cached.undo is not None:
                cached.undo()
                cached.undo = None
        for layer in self._pipe_layers:
            layer.release()

    def refresh(
        self,
        transformer: nn.Module | None,
        cache_config: DBCacheConfig | None,
        calibrator_config: CalibratorConfig | None,
    ) -> None:
        """Begin a new run with new settings, for one transformer or for all (None).

        Fields that the new settings leave unset keep their value, fields that they set to None are
        cleared. On an error the old settings stay.
        """
        old = self.cache_config, self.calibrator_config
        chosen = [c for c in self.transformers if transformer is None or c.module() is transformer]
        if cache_config is not None:
            self.cache_config = self.cache_config.merged(cache_config, clear=True)
        if calibrator_config is not None:
            partial = calibrator_config._explicit is not None
            base = self.calibrator_config if partial else calibrator_config
            self.calibrator_config = base.merged(calibrator_config, clear=True)
        try:
            fresh = [self._units(cached) for cached in chosen]
        except ValueError:
            self.cache_config, self.calibrator_config = old
            raise
        for cached, units in zip(chosen, fresh, strict=True):
            for layer in cached.block_layers:
                layer.release()
            cached.units = units
            cached.denoiser.groups = [group for unit in units for group in unit.groups]
            self._configure(cached.denoiser)
            cached.denoiser.begin_run()
            cached.block_layers = [layer for unit in units for layer in unit.install()]

    def _prepare(
        self, blocks: TransformerBlocks, modifiers: Any, sync: SyncGroup
    ) -> CachedTransformer:
        module = getattr(blocks.transformer, "_orig_mod", blocks.transformer)
        refuse_prefetching(module)
        adapter = self.adapter
        denoiser = Denoiser(
            module, branch_on=adapter.branch_on, compute_when=adapter.compute_when, sync=sync
        )
        own = [each.modifier for each in blocks.lists]
        count = len(blocks.lists)
        given = spread(f"{type(module).__name__}: params_modifiers", modifiers, count)
        both = [new or old for new, old in zip(given, own, strict=True)]
        cached = CachedTransformer(weakref.ref(module), blocks.lists, both, denoiser)
        self._configure(denoiser)
        cached.units = self._units(cached)
        denoiser.groups = [group for unit in cached.units for group in unit.groups]
        return cached

    def _configure(self, denoiser: Denoiser) -> None:
        config = self.cache_config
        separate = config.enable_separate_cfg
        denoiser.separate_cfg = self.adapter.has_separate_cfg if separate is None else separate
        denoiser.unconditional_first = bool(config.cfg_compute_first)
        denoiser.num_inference_steps = config.num_inference_steps

    def _units(self, cached: CachedTransformer) -> list[Unit]:
        settings = [self._settings(modifier) for modifier in cached.modifiers]
        for each in settings:
            preset = isinstance(each.cache.steps_computation_mask, str)
            if preset and each.cache.num_inference_steps is None and self._pipe is None:
                raise ValueError(
                    f"DBCacheConfig: steps_computation_mask={each.cache.steps_computation_mask!r} "
                    "needs the length of the run, which no pipeline tells here. Set "
                    "num_inference_steps, or give the mask as a list."
                )
        return make_units(cached.denoiser, self.adapter, cached.lists, settings)

    def _settings(self, modifier: ParamsModifier | None) -> ListSettings:
        cache = self.cache_config.merged(modifier.cache_config if modifier else None)
        calibrator = self.calibrator_config
        if modifier and (own := modifier.calibrator_config) is not None:
            partial = own._explicit is not None
            calibrator = (calibrator if partial else own).merged(own)
        return ListSettings(cache, calibrator)

    def _install(
        self, transformer: nn.Module, cached: CachedTransformer, adapter: BlockAdapter
    ) -> None:
        module = cached.module()
        assert module is not None
        if adapter.patch_functor is not None:
            cached.undo = adapter.patch_functor.apply_undoably(module)
        taps = cached.denoiser.taps()
        wrappers = [module] if transformer is module else [module, transformer]
        for each in wrappers:
            has = {name: tap for name, tap in taps.items() if hasattr(original_class(each), name)}
            cached.call_layers.append(intercept(each, level=CALL_LEVEL, **has))
        for unit in cached.units:
            cached.block_layers += unit.install()

    def _around_pipeline(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        pipe = self._pipe() if self._pipe else None
        requested = _requested_steps(pipe, args, kwargs)

        def steps() -> int | None:
            return getattr(pipe, "_num_timesteps", None) or requested

        denoisers = [cached.denoiser for cached in self.transformers]
        for denoiser in denoisers:
            denoiser.begin_run()
            denoiser.pipeline_steps = steps
            denoiser.scheduler = getattr(pipe, "scheduler", None)
        try:
            return call(*args, **kwargs)
        finally:
            for denoiser in denoisers:
                denoiser.pipeline_steps = denoiser.scheduler = None
                denoiser.release_tensors()


def _requested_steps(pipe: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int | None:
    try:
        bound = inspect.signature(original_class(pipe).__call__).bind(pipe, *args, **kwargs)
    except TypeError:  # the call itself will say what is wrong with its arguments
        return None
    bound.apply_defaults()
    steps = bound.arguments.get("num_inference_steps")
    return steps if isinstance(steps, int) else None
