"""What verification over ranks says of a plan that is wrong."""

from __future__ import annotations

from typing import Any

from cache_dit.parallelism import attention, gather, split
from cache_dit.verify.context_check import Spread, check_spreads


def said(name: str, plan: dict[str, Any]) -> str:
    config = {"ulysses_size": 2, "cp_plan": plan}
    (finding,) = check_spreads(name, [Spread("ulysses 2", 2, config)])
    return finding.problem


def test_an_output_that_nobody_gathers() -> None:
    joint = attention("encoder_hidden_states", "hidden_states")
    streams = dict.fromkeys(("hidden_states", "encoder_hidden_states"), split(1))
    plan = {
        "": {**streams, "img_ids": split(0), "txt_ids": split(0)},
        "transformer_blocks.*.attn": joint,
        "single_transformer_blocks.*.attn": joint,
    }
    expected = "The output has the shape (2, 13, 8), not (2, 25, 8)."
    assert said("FluxTransformer2DModel", plan) == expected


def test_an_error_names_rank_module_and_line() -> None:
    plan = {
        "rope": {0: split(1), 1: split(1)},
        "blocks.0": {"hidden_states": split(1), "encoder_hidden_states": split(1)},
        "blocks.*.attn1": attention("encoder_hidden_states"),
        "proj_out": gather(1),
    }
    problem = said("WanTransformer3DModel", plan)
    assert problem.startswith("rank 0 of 2: ValueError: context parallelism: an attention has")
    assert "(raised in WanTransformer3DModel.blocks.0.attn1, line " in problem
    assert problem.endswith("of diffusers.models.transformers.transformer_wan)"), problem
