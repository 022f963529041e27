"""Spreading a model over devices."""

from .autoencoders.data_parallelism import (
    AutoEncoderDataParallelismPlanner,
    AutoEncoderDataParallelismPlannerRegister,
    AutoEncoderDateParallelismPlanner,
    AutoEncoderDateParallelismPlannerRegister,
)
from .config import ParallelismBackend, ParallelismConfig
from .context_plan import (
    attention,
    blocks,
    count,
    gather,
    heads,
    measure,
    neighbours,
    on_heads,
    own_heads,
    split,
    sums,
    to_heads,
    to_tokens,
    whole,
)
from .controlnets.context_parallelism import (
    ControlNetContextParallelismPlanner,
    ControlNetContextParallelismPlannerRegister,
)
from .dispatch import config_of, extra_modules, parallelism_of, parallelize, restore, sync_of
from .failure import RankFailed
from .tensor_loading import load_sharded
from .tensor_plan import kv_colwise, kv_heads, packed_colwise, packed_rowwise
from .text_encoders.tensor_parallelism import (
    TextEncoderTensorParallelismPlanner,
    TextEncoderTensorParallelismPlannerRegister,
)
from .tile_plan import TilePlan
from .transformers.context_parallelism import (
    ContextParallelismPlanner,
    ContextParallelismPlannerRegister,
)
from .transformers.tensor_parallelism import (
    TensorParallelismPlanner,
    TensorParallelismPlannerRegister,
)

__all__ = [
    "AutoEncoderDataParallelismPlanner",
    "AutoEncoderDataParallelismPlannerRegister",
    "AutoEncoderDateParallelismPlanner",
    "AutoEncoderDateParallelismPlannerRegister",
    "ContextParallelismPlanner",
    "ContextParallelismPlannerRegister",
    "ControlNetContextParallelismPlanner",
    "ControlNetContextParallelismPlannerRegister",
    "ParallelismBackend",
    "ParallelismConfig",
    "RankFailed",
    "TensorParallelismPlanner",
    "TensorParallelismPlannerRegister",
    "TextEncoderTensorParallelismPlanner",
    "TextEncoderTensorParallelismPlannerRegister",
    "TilePlan",
    "attention",
    "blocks",
    "config_of",
    "count",
    "extra_modules",
    "gather",
    "heads",
    "kv_colwise",
    "kv_heads",
    "load_sharded",
    "measure",
    "neighbours",
    "on_heads",
    "own_heads",
    "packed_colwise",
    "packed_rowwise",
    "parallelism_of",
    "parallelize",
    "restore",
    "split",
    "sums",
    "sync_of",
    "to_heads",
    "to_tokens",
    "whole",
]
