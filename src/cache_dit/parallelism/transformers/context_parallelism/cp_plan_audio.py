"""Models of sound and music."""

from __future__ import annotations

from typing import ClassVar

from ...context_plan import Plan, blocks, count, gather, split, whole
from .cp_plan_registers import ContextParallelismPlanner, ContextParallelismPlannerRegister


@ContextParallelismPlannerRegister.register("AceStep")
class AceStepContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = blocks("layers", "self_attn", position_embeddings=0)


@ContextParallelismPlannerRegister.register("StableAudioDiT")
class StableAudioContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = blocks("transformer_blocks", "attn1", rotary_embedding=0)


@ContextParallelismPlannerRegister.register("StableAudio3")
class StableAudio3ContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = blocks(
        "transformer_blocks",
        "self_attn",
        rope=0,
        num_memory_tokens=count("hidden_states"),
        local_seq=split(1, of="hidden_states", tail=True),  # all but the memory tokens
    )


@ContextParallelismPlannerRegister.register("LongCatAudio")
class LongCatAudioContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = blocks("blocks", "self_attn", rope=0, mask=1)


@ContextParallelismPlannerRegister.register("MiniMaxMusic3Transformer")
class MiniMaxMusic3ContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = blocks("transformer_blocks", "attn", rotary_emb=0)


@ContextParallelismPlannerRegister.register("T5FilmDecoder")
class T5FilmContextParallelismPlanner(ContextParallelismPlanner):
    """Its attention is written as matrix products, and so it sees the whole sequence."""

    plan: ClassVar[Plan] = {
        "decoders.0": {"hidden_states": split(1)},
        "decoders.*": {"encoder_attention_mask": split(-2, of="hidden_states")},
        "decoders.*.layer.0.attention": whole("hidden_states", hidden_states=1),
        "decoders.-1": [gather(1)],
    }
