"""From block lists and settings to groups: who decides together, which blocks may be skipped."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from torch import nn

from ..intercept import Interception, intercept, original_class
from ..logger import init_logger
from .block_adapters.block_adapter import BlockAdapter
from .block_adapters.block_lists import BlockList
from .block_adapters.turns import in_turn
from .block_streams import BlockStreams
from .calibrator_config import CalibratorConfig
from .calibrators import Hold
from .calibrators.predictor import make_predictor
from .config import DBCacheConfig, DBPruneConfig, Default
from .denoiser import Denoiser
from .group import Group
from .layout import Layout, Slot
from .state import History
from .thresholds import DynamicThreshold, Threshold

logger = init_logger(__name__)


@dataclass(frozen=True)
class ListSettings:
    """The settings of one block list after all merging."""

    cache: DBCacheConfig
    calibrator: CalibratorConfig

    def merged(
        self,
        cache: DBCacheConfig | None,
        calibrator: CalibratorConfig | None,
        *,
        clear: bool = False,
    ) -> ListSettings:
        """These settings with what others speak about; see `Settings.merged`.

        Raises:
            ValueError: something that is no settings of its kind.
        """
        for given, kind in ((cache, DBCacheConfig), (calibrator, CalibratorConfig)):
            if not (given is None or isinstance(given, kind)):
                raise ValueError(f"Expected a {kind.__name__} or None, got {given!r}.")
        return ListSettings(
            self.cache.merged(cache, clear=clear), self.calibrator.merged(calibrator, clear=clear)
        )


@dataclass
class Unit:
    """Block lists that share settings, with the groups that decide for them.

    DBCache has one group for all blocks, DBPrune one for each block.
    """

    name: str
    settings: ListSettings
    references: tuple[weakref.ref[nn.Module], ...]
    groups: list[Group] = field(default_factory=list)

    @property
    def tag(self) -> str:
        """A short form of the settings."""
        return f"{self.settings.cache.strify()}_{self.settings.calibrator.strify()}"

    def continue_counts(self, old: Unit) -> None:
        """Count all runs on from where the unit that this one replaces stands."""
        for group, before in zip(self.groups, old.groups, strict=False):
            group.earlier = before.accumulated()

    def install(self) -> list[Interception]:
        """Put the taps of all groups on their blocks."""
        layers = []
        for group in self.groups:
            for index, around in group.taps().items():
                if (block := self.references[index]()) is not None:
                    layers.append(intercept(block, __call__=around))
        return layers


def make_units(
    denoiser: Denoiser,
    adapter: BlockAdapter,
    lists: Sequence[BlockList],
    settings: Sequence[ListSettings],
) -> list[Unit]:
    """Units of one transformer; nothing is installed yet.

    Raises:
        ValueError: settings that do not fit the number of blocks or must not differ, an unknown
            calibrator, or a pattern that does not fit a block's signature.
    """
    return [
        _make_unit(denoiser, adapter, [lists[index] for index in together], settings[together[0]])
        for together in _together(adapter, lists, settings)
    ]


def _together(
    adapter: BlockAdapter, lists: Sequence[BlockList], settings: Sequence[ListSettings]
) -> list[list[int]]:
    """Which lists decide together, by their indices. Chained lists do if their settings agree."""
    named = adapter.chained if isinstance(adapter.chained, tuple) else [e.name for e in lists]
    if not (adapter.chained or adapter.interleaved):
        named = []
    linked = [index for index, each in enumerate(lists) if each.name in named]
    if any(settings[index] != settings[linked[0]] for index in linked):
        if adapter.interleaved:
            raise ValueError(
                f"{', '.join(named)}: these block lists take turns, so they cannot decide apart. "
                "Give the same settings to all of them."
            )
        linked = []
    apart = [[index] for index in range(len(lists)) if index not in linked]
    return sorted([linked, *apart] if linked else apart)


def _make_unit(
    denoiser: Denoiser, adapter: BlockAdapter, chain: list[BlockList], settings: ListSettings
) -> Unit:
    references, slots = _in_order(adapter, chain)
    name = "+".join(each.name for each in chain)
    config = _fitted(settings.cache, name, len(slots))
    unit = Unit(name, replace(settings, cache=config), references)
    if not slots:
        return unit
    make_histories = _histories(config, settings.calibrator)
    if isinstance(config, DBPruneConfig):
        layouts = _single_blocks(slots, config)
        dynamic = config.enable_dynamic_prune_threshold
        threshold = DynamicThreshold(config) if dynamic else Threshold(config)
    else:
        front, behind = config.Fn_compute_blocks, config.Bn_compute_blocks
        if adapter.merges_early and front < behind < len(slots) - front:
            raise ValueError(
                f"{type(config).__name__}: Bn_compute_blocks={behind} is more than "
                f"Fn_compute_blocks={front}, but the loop over {name} merges what its early blocks "
                "return before late ones, and those that are skipped return nothing new. Lower "
                "Bn_compute_blocks or raise Fn_compute_blocks."
            )
        layouts = [Layout.of(slots, front, behind, adapter.long_skip, adapter.own_streams)]
        threshold = Threshold(config)
    unit.groups = [
        Group(name, layout, config, make_histories, threshold, denoiser) for layout in layouts
    ]
    return unit


def _in_order(
    adapter: BlockAdapter, chain: list[BlockList]
) -> tuple[tuple[weakref.ref[nn.Module], ...], list[Slot]]:
    """The blocks of lists that decide together, and their slots, in the order in which they run."""
    lists: dict[str, dict[int, tuple[weakref.ref[nn.Module], Slot]]] = {}
    segment, pattern = 0, None
    for each in chain:
        if each.pattern is not pattern or adapter.interleaved:
            segment, pattern = segment + 1, each.pattern
        of_class: dict[type, BlockStreams] = {}
        for place, reference, block in zip(each.places, each.references, each.blocks, strict=True):
            if (cls := original_class(block)) not in of_class:
                of_class[cls] = BlockStreams(block, each.pattern, each.parameters, each.name)
            slot = Slot(of_class[cls], segment)
            lists.setdefault(each.name, {})[place] = (reference, slot)
    rows = [row for each in lists.values() for row in each.values()]
    if adapter.interleaved:
        rows = in_turn(lists, adapter.interleaved)
    return tuple(reference for reference, _ in rows), [slot for _, slot in rows]


def _single_blocks(slots: Sequence[Slot], config: DBPruneConfig) -> list[Layout]:
    may_skip = range(config.Fn_compute_blocks, len(slots) - config.Bn_compute_blocks)
    kept = set(config.non_prune_block_ids or ())
    return [Layout(slots, i, i, start=None) for i in may_skip if i not in kept]


def _fitted(config: DBCacheConfig, name: str, size: int) -> DBCacheConfig:
    """Settings that fit ``size`` blocks: a default front is lowered, a chosen one must fit."""
    config.validate()
    missing = [
        f
        for f in (
            "Fn_compute_blocks",
            "Bn_compute_blocks",
            "residual_diff_threshold",
            "max_warmup_steps",
            "warmup_interval",
            "max_cached_steps",
            "max_continuous_cached_steps",
        )
        if getattr(config, f) is None
    ]
    if missing:
        raise ValueError(f"{name}: {', '.join(missing)} unset. Give a value, or a shared config.")
    front, behind = config.Fn_compute_blocks, config.Bn_compute_blocks
    if isinstance(front, Default) and size and front > max(1, size // 2):
        lowered = max(1, min(size // 2, size - behind))
        logger.info(f"{name}: Fn_compute_blocks lowered from {front} to {lowered} of {size}.")
        config, front = replace(config, Fn_compute_blocks=lowered), lowered
    if size and front + behind > size:
        raise ValueError(
            f"{type(config).__name__}: Fn_compute_blocks={front} + Bn_compute_blocks={behind} is "
            f"more than the {size} blocks of {name}. Expected a sum from 1 to {size}."
        )
    return config


def _histories(config: DBCacheConfig, calibrator: CalibratorConfig) -> Callable[[], list[History]]:
    absolute = calibrator.calibrator_cache_type == "hidden_states"
    single = isinstance(config, DBPruneConfig) and config.force_reduce_calibrator_vram
    wanted = (calibrator.enable_calibrator, calibrator.enable_encoder_calibrator)
    kind, arguments = calibrator.calibrator_type, calibrator.arguments()
    if any(wanted):
        make_predictor(kind, arguments)  # an unknown calibrator is an error now, not at step one

    def make() -> list[History]:
        return [
            History(make_predictor(kind, arguments) if each and not single else Hold(), absolute)
            for each in wanted
        ]

    return make
