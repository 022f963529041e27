"""Qwen-Image: text and image are split, and attend together."""

from __future__ import annotations

from ...context_plan import attention, gather, split
from .cp_plan_registers import ContextParallelismPlanner, ContextParallelismPlannerRegister

TEXT, IMAGE = "encoder_hidden_states", "hidden_states"


@ContextParallelismPlannerRegister.register("QwenImageTransformer2DModel")
class QwenImageContextParallelismPlanner(ContextParallelismPlanner):
    plan = {
        "transformer_blocks.0": {IMAGE: split(1), TEXT: split(1)},
        "transformer_blocks.*": {
            "image_rotary_emb": [split(0, of=IMAGE), split(0, of=TEXT)],
            "modulate_index": split(1, of=IMAGE),
        },
        "transformer_blocks.*.attn": attention(TEXT, IMAGE),
        "": {"controlnet_block_samples": split(1)},
        "proj_out": gather(1),
    }
