"""Reusing block outputs from step to step."""

from .block_adapters import BlockAdapter, BlockAdapterRegister, FakeDiffusionPipeline
from .calibrator_config import (
    CalibratorConfig,
    DMDCalibratorConfig,
    FoCaCalibratorConfig,
    ParamsModifier,
    TaylorSeerCalibratorConfig,
)
from .config import (
    NONE,
    BasicCacheConfig,
    CacheType,
    DBCache,
    DBCacheConfig,
    DBPrune,
    DBPruneConfig,
    block_range,
    cache_type,
)
from .forward_pattern import (
    ForwardPattern,
    Pattern_0,
    Pattern_1,
    Pattern_2,
    Pattern_3,
    Pattern_4,
    Pattern_5,
)
from .patch_functor import PatchFunctor
from .stats import CacheStats
from .steps_mask import steps_mask

__all__ = [
    "NONE",
    "BasicCacheConfig",
    "BlockAdapter",
    "BlockAdapterRegister",
    "CacheStats",
    "CacheType",
    "CalibratorConfig",
    "DBCache",
    "DBCacheConfig",
    "DBPrune",
    "DBPruneConfig",
    "DMDCalibratorConfig",
    "FakeDiffusionPipeline",
    "FoCaCalibratorConfig",
    "ForwardPattern",
    "ParamsModifier",
    "PatchFunctor",
    "Pattern_0",
    "Pattern_1",
    "Pattern_2",
    "Pattern_3",
    "Pattern_4",
    "Pattern_5",
    "TaylorSeerCalibratorConfig",
    "block_range",
    "cache_type",
    "steps_mask",
]
