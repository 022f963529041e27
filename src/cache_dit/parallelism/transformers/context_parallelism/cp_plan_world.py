"""Cosmos, Allegro and MiniMax-H3: worlds, videos and their sound."""

from __future__ import annotations

from typing import ClassVar

from ...context_plan import Plan, attention, blocks, gather, split
from .cp_plan_registers import ContextParallelismPlanner, ContextParallelismPlannerRegister


@ContextParallelismPlannerRegister.register("CosmosTransformer")
class CosmosContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = blocks(
        "transformer_blocks",
        "attn1",
        image_rotary_emb=0,
        extra_pos_emb=1,
        controlnet_residual=1,
        embedded_timestep=split(1, of="hidden_states", expected_dims=3),
        temb=split(1, of="hidden_states", expected_dims=3),
    )


@ContextParallelismPlannerRegister.register("Cosmos3Omni")
class Cosmos3OmniContextParallelismPlanner(ContextParallelismPlanner):
    """What is read attends to itself; what is made attends to both."""

    plan: ClassVar[Plan] = {
        "layers.0": {"und_seq": split(0), "gen_seq": split(0)},
        "layers.*": {
            "rotary_emb": [
                split(0, of="und_seq"),
                split(0, of="und_seq"),
                split(0, of="gen_seq"),
                split(0, of="gen_seq"),
            ]
        },
        "layers.*.self_attn": (
            attention("und_seq"),
            attention("gen_seq", keys=("und_seq", "gen_seq")),
        ),
        "layers.-1": [gather(0, "und_seq"), gather(0, "gen_seq")],
    }


@ContextParallelismPlannerRegister.register("MiniMaxH3")
class MiniMaxH3ContextParallelismPlanner(ContextParallelismPlanner):
    own = True
    plan: ClassVar[Plan] = {"transformer_blocks.*.attn": attention("hidden_states")}


@ContextParallelismPlannerRegister.register("Allegro")
class AllegroContextParallelismPlanner(ContextParallelismPlanner):
    plan: ClassVar[Plan] = {
        "transformer_blocks.0": {"hidden_states": split(1)},
        "transformer_blocks.*": {"image_rotary_emb": [None, split(1, of="hidden_states")]},
        "transformer_blocks.*.attn1": attention("hidden_states"),
        "transformer_blocks.-1": gather(1),
    }
