"""LTX: the video attends to itself and to the whole text; in LTX-2 with sound beside it."""

from __future__ import annotations

from typing import ClassVar

from ...context_plan import Plan, attention, blocks, gather, split
from .cp_plan_registers import ContextParallelismPlanner, ContextParallelismPlannerRegister

VIDEO, SOUND = "hidden_states", "audio_hidden_states"


@ContextParallelismPlannerRegister.register("LTXVideoTransformer")
class LTXContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = blocks("transformer_blocks", "attn1", temb=1, image_rotary_emb=-2)


@ContextParallelismPlannerRegister.register("LTX2VideoTransformer")
class LTX2ContextParallelismPlanner(ContextParallelismPlanner):
    """Attention to oneself is left out in perturbed calls."""

    plan: ClassVar[Plan] = {
        "transformer_blocks.0": {VIDEO: split(1), SOUND: split(1)},
        "transformer_blocks.*": {
            "temb": split(1, of=VIDEO),
            "temb_audio": split(1, of=SOUND),
            "temb_ca_scale_shift": split(1, of=VIDEO),
            "temb_ca_audio_scale_shift": split(1, of=SOUND),
            "temb_ca_gate": split(1, of=VIDEO),
            "temb_ca_audio_gate": split(1, of=SOUND),
            "video_rotary_emb": split(-2, of=VIDEO),
            "audio_rotary_emb": split(-2, of=SOUND),
            "ca_video_rotary_emb": split(-2, of=VIDEO),
            "ca_audio_rotary_emb": split(-2, of=SOUND),
        },
        "transformer_blocks.*.attn1": attention(VIDEO, optional=True),
        "transformer_blocks.*.audio_attn1": attention(SOUND, optional=True),
        "transformer_blocks.*.audio_to_video_attn": attention(VIDEO, keys=SOUND),
        "transformer_blocks.*.video_to_audio_attn": attention(SOUND, keys=VIDEO),
        "transformer_blocks.-1": [gather(1), gather(1, SOUND)],
    }


@ContextParallelismPlannerRegister.register("SanaWMLTX2Refiner")
class SanaWMLTX2RefinerContextParallelismPlanner(ContextParallelismPlanner):
    """Keys of earlier chunks stay on the rank that made them; their positions are split alike."""

    plan: ClassVar[Plan] = {
        "transformer_blocks.0": {VIDEO: split(1)},
        "transformer_blocks.*": {
            "temb": split(1, of=VIDEO),
            "video_rotary_emb": split(-2, of=VIDEO),
            "sink_rotary_emb": split(-2, name="sink"),
        },
        "transformer_blocks.*.attn1": attention(VIDEO, cached="kv_cache"),
        "transformer_blocks.-1": gather(1),
    }
