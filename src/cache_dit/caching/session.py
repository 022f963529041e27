"""All that is cached of one pipeline: install, begin a run, change settings, uninstall."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from torch import nn

from ..comm import ALONE, SyncGroup
from ..intercept import Interception, intercept, original_class, unwrapped
from ..undo import Undo
from .block_adapters.block_adapter import BlockAdapter
from .block_adapters.block_lists import BlockList, TransformerBlocks, by_transformer, spread
from .calibrator_config import CalibratorConfig, ParamsModifier
from .config import DBCacheConfig
from .denoiser import Denoiser
from .grouping import ListSettings, Unit, make_units
from .offload import refuse_shared_offloading
from .other_caches import refuse_another_cache
from .pipeline_calls import CALL_LEVEL, follow, reference_to


@dataclass
class CachedTransformer:
    """One transformer of a session: what is known of it, what decides, what is installed."""

    module: weakref.ref[nn.Module]
    given: weakref.ref[nn.Module]  # the same, or what torch.compile made of it
    lists: list[BlockList]
    settings: list[ListSettings]
    denoiser: Denoiser
    units: list[Unit] = field(default_factory=list)
    block_layers: list[Interception] = field(default_factory=list)
    call_layers: list[Interception] = field(default_factory=list)
    undo: Undo | None = None

    @property
    def name(self) -> str:
        """Of the transformer's class."""
        module = self.module()
        return "a model that is gone" if module is None else original_class(module).__name__

    def check(self) -> None:
        """Raise `ValueError` where what else is on the transformer forbids to skip blocks."""
        if (module := self.module()) is not None:
            refuse_another_cache(module)
            refuse_shared_offloading(module, chain.from_iterable(e.surviving for e in self.lists))

    def check_blocks(self, module: nn.Module) -> None:
        """Raise `ValueError` where a patch functor has put other blocks in the place of these."""
        present = set(module.modules())
        for each in self.lists:
            if not present.issuperset(each.blocks):
                raise ValueError(
                    f"{self.name}.{each.name}: the patch_functor put other blocks there. Blocks "
                    "are found before it is applied. Change them in place, or build the new list "
                    "before making the BlockAdapter."
                )

    def check_layers(self) -> None:
        """Raise `RuntimeError` where another library forbids to take the cache off."""
        for layer in (*self.call_layers, *self.block_layers):
            layer.check()
        if self.undo is not None:
            self.undo.check()

    def take_off(self) -> None:
        """Take everything off and drop all stored tensors; nothing happens where it is off."""
        self.check_layers()
        self.denoiser.release_tensors()
        for layer in (*self.call_layers, *self.block_layers):
            layer.release()
        self.call_layers, self.block_layers = [], []
        if self.undo is not None:
            self.undo()
            self.undo = None


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
        base = ListSettings(DBCacheConfig(), CalibratorConfig())
        self.shared = base.merged(cache_config, calibrator_config)
        pipe = reference_to(adapter.pipe)
        self._pipes = [] if pipe is None else [pipe]
        self._pipe_layers: list[Interception] = []
        found = adapter.transformers()
        given = by_transformer(
            "params_modifiers", params_modifiers, len(found), several=len(found) > 1
        )
        self.transformers = [
            self._prepare(blocks, modifiers, sync)
            for blocks, modifiers in zip(found, given, strict=True)
        ]

    def modules(self) -> list[nn.Module]:
        """The transformers that are still there."""
        modules = [cached.module() for cached in self.transformers]
        return [module for module in modules if module is not None]

    def follow_those_of(self, other: CacheSession) -> None:
        """Follow the pipelines of another session too, which call the same transformers."""
        self._pipes += [each for each in other._pipes if each not in self._pipes]

    def install(self) -> None:
        """Put everything on the transformers and on the pipelines; after `uninstall`, once more."""
        self._leave_pipelines()
        try:
            for cached in self.transformers:
                if not cached.call_layers:
                    self._install(cached)
            denoisers = [cached.denoiser for cached in self.transformers]
            pipes = [pipe for each in self._pipes if (pipe := each()) is not None]
            self._pipe_layers = [follow(pipe, denoisers) for pipe in pipes]
        except BaseException:
            self.uninstall()
            raise

    def uninstall(self, only: Sequence[nn.Module] | None = None) -> None:
        """Take everything off again and drop all stored tensors.

        Args:
            only: the transformers that this is about; None for all.

        Raises:
            RuntimeError: another library has replaced a block's class, or what a patch functor
                put there; everything then stays.
        """
        going = [
            cached
            for cached in self.transformers
            if only is None or any(cached.module() is each for each in only)
        ]
        for cached in going:
            cached.check_layers()
        for cached in going:
            cached.take_off()
        if len(going) == len(self.transformers):
            self._leave_pipelines()

    def uninstall_what_can_be(self) -> list[tuple[str, Exception]]:
        """Likewise, but a transformer that forbids it stays cached, and the others do not.

        Returns:
            Names of those, and what stood in the way.
        """
        stuck: list[tuple[str, Exception]] = []
        for cached in self.transformers:
            try:
                cached.take_off()
            except Exception as error:
                stuck.append((cached.name, error))
        if not stuck:
            self._leave_pipelines()
        return stuck

    def drop_uninstalled(self) -> bool:
        """Forget the transformers that nothing is on any more; whether others are left."""
        self.transformers = [cached for cached in self.transformers if cached.call_layers]
        return bool(self.transformers)

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
        chosen = [c for c in self.transformers if transformer is None or c.module() is transformer]
        fresh = []
        for cached in chosen:
            settings = [
                each.merged(cache_config, calibrator_config, clear=True) for each in cached.settings
            ]
            fresh.append((settings, self._units(cached, settings)))
            for layer in cached.block_layers:
                layer.check()
        for cached, (settings, units) in zip(chosen, fresh, strict=True):
            for layer in cached.block_layers:
                layer.release()
            for old, new in zip(cached.units, units, strict=False):
                new.continue_counts(old)
            cached.settings = settings
            self._configure(cached, units)
            cached.denoiser.begin_run()
            cached.block_layers = [layer for unit in units for layer in unit.install()]

    def _prepare(
        self, blocks: TransformerBlocks, modifiers: Any, sync: SyncGroup
    ) -> CachedTransformer:
        module = unwrapped(blocks.transformer)
        adapter = self.adapter
        denoiser = Denoiser(
            module, branch_on=adapter.branch_on, compute_when=adapter.compute_when, sync=sync
        )
        own = [each.modifier for each in blocks.lists]
        count = len(blocks.lists)
        given = spread(f"{type(module).__name__}: params_modifiers", modifiers, count)
        settings = [self._settings(*both) for both in zip(own, given, strict=True)]
        references = weakref.ref(module), weakref.ref(blocks.transformer)
        cached = CachedTransformer(*references, blocks.lists, settings, denoiser)
        self._configure(cached, self._units(cached, settings))
        denoiser.check = cached.check
        denoiser.check()
        return cached

    def _configure(self, cached: CachedTransformer, units: list[Unit]) -> None:
        config = cached.settings[0].cache  # what calls are told apart by is the same for all lists
        separate = config.enable_separate_cfg
        denoiser, cached.units = cached.denoiser, units
        denoiser.separate_cfg = self.adapter.has_separate_cfg if separate is None else separate
        denoiser.unconditional_first = bool(config.cfg_compute_first)
        denoiser.num_inference_steps = config.num_inference_steps
        denoiser.groups = [group for unit in units for group in unit.groups if group.regions]

    def _units(self, cached: CachedTransformer, settings: list[ListSettings]) -> list[Unit]:
        for each in settings:
            preset = isinstance(each.cache.steps_computation_mask, str)
            if preset and each.cache.num_inference_steps is None and not self._pipes:
                raise ValueError(
                    f"{type(each.cache).__name__}: steps_computation_mask="
                    f"{each.cache.steps_computation_mask!r} needs the length of the run, which no "
                    "pipeline tells here. Set num_inference_steps, or give the mask as a list."
                )
        return make_units(cached.denoiser, self.adapter, cached.lists, settings)

    def _settings(self, *modifiers: ParamsModifier | None) -> ListSettings:
        settings = self.shared
        for each in modifiers:
            if isinstance(each, ParamsModifier):
                settings = settings.merged(each.cache_config, each.calibrator_config)
            elif each is not None:
                raise ValueError(f"params_modifiers: expected a ParamsModifier, got {each!r}.")
        return settings

    def _install(self, cached: CachedTransformer) -> None:
        module, given = cached.module(), cached.given()
        if module is None:  # its owner let it go
            return
        if self.adapter.patch_functor is not None:
            cached.undo = self.adapter.patch_functor.apply_undoably(module)
            cached.check_blocks(module)
        taps = cached.denoiser.taps()
        for each in [module] if given is None or given is module else [module, given]:
            has = {name: tap for name, tap in taps.items() if hasattr(original_class(each), name)}
            cached.call_layers.append(intercept(each, level=CALL_LEVEL, **has))
        for unit in cached.units:
            cached.block_layers += unit.install()

    def _leave_pipelines(self) -> None:
        for layer in self._pipe_layers:
            layer.release()
        self._pipe_layers = []
