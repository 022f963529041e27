"""Models of sound and music."""

from __future__ import annotations

from typing import ClassVar

from ...context_plan import Plan, attention, count, gather, split, whole
from .cp_plan_registers import ContextParallelismPlanner, ContextParallelismPlannerRegister


@ContextParallelismPlannerRegister.register("AceStep")
class AceStepContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "layers.0": {"hidden_states": split(1)},
        "layers.*": {
            "position_embeddings": split(0, of="hidden_states"),
        },
        "layers.*.self_attn": attention("hidden_states"),
        "layers.-1": gather(1),
    }


@ContextParallelismPlannerRegister.register("StableAudioDiT")
class StableAudioContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "transformer_blocks.0": {"hidden_states": split(1)},
        "transformer_blocks.*": {
            "rotary_embedding": split(0, of="hidden_states"),
        },
        "transformer_blocks.*.attn1": attention("hidden_states"),
        "transformer_blocks.-1": gather(1),
    }


@ContextParallelismPlannerRegister.register("StableAudio3")
class StableAudio3ContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "transformer_blocks.0": {"hidden_states": split(1)},
        "transformer_blocks.*": {
            "rope": split(0, of="hidden_states"),
            "num_memory_tokens": count("hidden_states"),
            "local_seq": split(1, of="hidden_states", tail=True),  # all but the memory tokens
        },
        "transformer_blocks.*.self_attn": attention("hidden_states"),
        "transformer_blocks.-1": gather(1),
    }


@ContextParallelismPlannerRegister.register("LongCatAudio")
class LongCatAudioContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "blocks.0": {"hidden_states": split(1)},
        "blocks.*": {
            "rope": split(0, of="hidden_states"),
            "mask": split(1, of="hidden_states"),
        },
        "blocks.*.self_attn": attention("hidden_states"),
        "blocks.-1": gather(1),
    }


@ContextParallelismPlannerRegister.register("MiniMaxMusic3Transformer")
class MiniMaxMusic3ContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "transformer_blocks.0": {"hidden_states": split(1)},
        "transformer_blocks.*": {
            "rotary_emb": split(0, of="hidden_states"),
        },
        "transformer_blocks.*.attn": attention("hidden_states"),
        "transformer_blocks.-1": gather(1),
    }


@ContextParallelismPlannerRegister.register("T5FilmDecoder")
class T5FilmContextParallelismPlanner(ContextParallelismPlanner):
    """Its attention is written as matrix products, and so it sees the whole sequence."""

    plan: ClassVar[Plan] = {
        "decoders.0": {"hidden_states": split(1)},
        "decoders.*": {"encoder_attention_mask": split(-2, of="hidden_states")},
        "decoders.*.layer.0.attention": whole("hidden_states", hidden_states=1),
        "decoders.-1": [gather(1)],
    }
