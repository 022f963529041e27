"""What is found in models by looking at one call of them."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from torch import nn

from cache_dit import ForwardPattern
from cache_dit.new_model.facts import Facts
from cache_dit.new_model.find_cache import find_adapter
from cache_dit.new_model.find_context import find_context_plans
from cache_dit.new_model.find_tensor import find_tensor_plans
from cache_dit.new_model.source import plan_source, source
from cache_dit.new_model.write import snake_case
from cache_dit.parallelism import attention, gather, packed_colwise, packed_rowwise, split
from cache_dit.verify import zoo
from tests.new_model import brook_dit, lake_dit, river_dit
from tests.new_model.peculiar_dit import PeculiarDiT, make_inputs

TEXT, IMAGE = "encoder_hidden_states", "hidden_states"

LOOP_MIXES = {
    "reaches.0": {"pic": split(1)},
    "reaches.*": {"cap": split(1), "angles": split(0, of=("pic", "cap")), 1: gather(1, "cap")},
    "reaches.*.attn": attention("pic", "cap"),
    "reaches.-1": {0: gather(1, "pic")},
}


@cache
def facts(name: str) -> Facts:
    entry = zoo.get(name)
    return Facts.of(entry.build(), entry.step_inputs(0), entry.step_inputs(1))


def test_streams_are_told_apart_by_their_lengths_and_ordered_by_trying() -> None:
    plan = find_context_plans(facts("FluxTransformer2DModel"))[0].plan
    assert plan["transformer_blocks.0"] == {IMAGE: split(1), TEXT: split(1)}
    assert plan["transformer_blocks.*"] == {"image_rotary_emb": split(0, of=(TEXT, IMAGE))}
    assert plan["transformer_blocks.*.attn"] == attention(TEXT, IMAGE)
    assert plan["single_transformer_blocks.-1"] == [gather(1, TEXT), gather(1)]


def test_a_text_that_every_rank_has_is_not_split() -> None:
    plan = find_context_plans(facts("WanTransformer3DModel"))[0].plan
    assert plan == {
        "blocks.0": {IMAGE: split(1)},
        "blocks.*": {"rotary_emb": split(1, of=IMAGE)},
        "blocks.*.attn1": attention(IMAGE),
        "blocks.-1": gather(1),
    }


def test_streams_in_one_row_are_put_together_behind_the_projection() -> None:
    plan = find_context_plans(facts("ChromaTransformer2DModel"))[0].plan
    assert plan["proj_out"] == gather(1)
    assert "single_transformer_blocks.-1" not in plan


def test_the_second_likeliest_place_to_split_is_the_entrance() -> None:
    plans = [each.plan for each in find_context_plans(facts("FluxTransformer2DModel"))]
    entrances = [plan[""] for plan in plans if "" in plan]
    assert entrances[0][IMAGE] == split(1)
    assert entrances[0]["img_ids"] == split(0, of=IMAGE)


def test_layers_have_roles_by_where_they_stand_and_how_wide_they_are() -> None:
    found = find_tensor_plans(facts("FluxTransformer2DModel"))[0]
    single = {name: style for name, style in found.plan.items() if name.startswith("single")}
    assert single == {
        "single_transformer_blocks.*.attn.{to_q,to_k,to_v}": "colwise",
        "single_transformer_blocks.*.proj_mlp": "colwise",
        "single_transformer_blocks.*.proj_out": packed_rowwise(1, 4),
    }
    assert "transformer_blocks.*.attn.heads" in found.divide


def test_norms_over_all_heads_are_seen_and_those_of_one_head_are_not() -> None:
    over_all = find_tensor_plans(facts("WanTransformer3DModel"))[0].plan
    assert over_all["blocks.*.attn1.{norm_q,norm_k}"] == "norm"
    of_one = find_tensor_plans(facts("FluxTransformer2DModel"))[0].plan
    assert "norm" not in of_one.values()


def test_names_that_nobody_else_has_are_no_hindrance() -> None:
    torch.manual_seed(0)
    model = PeculiarDiT().eval()
    seen = Facts.of(model, make_inputs(0, 0), make_inputs(1, 0))
    fields = find_adapter(seen).fields
    assert fields["forward_pattern"] == [ForwardPattern.Pattern_1, ForwardPattern.Pattern_3]
    assert fields["stream_parameters"][0] == {IMAGE: "pixels", TEXT: "words"}
    assert fields["chained"] and fields["has_separate_cfg"]
    context = find_context_plans(seen)[0].plan
    assert context["joint_layers.*.mix"] == attention("words", "pixels")
    assert context["unembed"] == gather(1, "pixels")
    tensor = find_tensor_plans(seen)[0]
    assert tensor.plan["joint_layers.*.mix.qkv"] == packed_colwise(1, 1, 1)
    assert tensor.plan["joint_layers.*.mix.{q_norm,k_norm}"] == "norm"
    assert tensor.plan["joint_layers.*.widen.up"] == "packed_colwise"
    assert tensor.divide == ("joint_layers.*.mix.n_heads", "single_layers.*.mix.n_heads")


def test_a_loop_that_cannot_be_read_is_seen_at_work() -> None:
    torch.manual_seed(0)
    entry = zoo.get(river_dit.__file__)  # with weights that open its gates
    seen = Facts.of(entry.build(), entry.step_inputs(0), entry.step_inputs(1))
    fields = find_adapter(seen).fields
    assert fields["blocks_name"] == "stages" and fields["stream_parameters"] == {IMAGE: "x"}
    context = find_context_plans(seen)[0].plan
    assert context["stages.*"] == {"context": split(1)}  # a mask over everything stays whole
    assert context["stages.*.look"] == attention("x", keys=("x", "context"))
    tensor = find_tensor_plans(seen)[0]
    assert tensor.plan["stages.*.look.kv"] == packed_colwise(1, 1)
    assert tensor.divide == ("stages.*.look.{num_heads,num_kv_heads}",)


def test_lists_that_take_turns_and_numbers_whose_names_say_nothing() -> None:
    torch.manual_seed(0)
    entry = zoo.get(lake_dit.__file__)
    seen = Facts.of(
        entry.build(torch.float64), *(entry.step_inputs(n, torch.float64) for n in (0, 1))
    )
    fields = find_adapter(seen).fields
    assert fields["blocks_name"] == ["layers.pair", "layers.row"]
    assert fields["forward_pattern"] == [ForwardPattern.Pattern_0, ForwardPattern.Pattern_3]
    assert fields["interleaved"] == ("layers.pair", "layers.pair", "layers.row")
    joint = ({"rope": split(0, of=("txt", "img"))}, attention("txt", "img"))
    assert find_context_plans(seen)[0].plan == {
        "layers.pair.0": {"img": split(1), "txt": split(1)},
        "layers.pair.*": joint,
        "layers.row.*": joint,
        "head": gather(1, "img"),
    }
    plans = find_tensor_plans(seen)
    assert plans[0].plan["layers.row.*.fused.qkv"] == packed_colwise(4, 1, 1, 12)
    assert plans[0].plan["layers.row.*.out"] == packed_rowwise(1, 3)
    assert "layers.row.*.gate" not in plans[0].plan  # as wide, but it takes something else
    assert any("layers.row.*.fused.{n_q,n_kv,wide}" in each.divide for each in plans)


def own_facts(file: str | None) -> Facts:
    entry = zoo.get(str(file))
    inputs = (entry.step_inputs(step, torch.float64) for step in (0, 1))
    return Facts.of(entry.build(torch.float64), *inputs)


def test_where_the_loop_changes_a_stream_the_other_may_be_whole_between_blocks() -> None:
    first, *_, last = find_context_plans(own_facts(brook_dit.__file__))
    assert first.plan["reaches.0"] == {"pic": split(1), "cap": split(1)}
    assert last.plan == LOOP_MIXES


@pytest.mark.parametrize("name", ["FluxTransformer2DModel", "QwenImageTransformer2DModel"])
def test_a_loop_that_only_hands_on_leaves_no_doubt_of_that(name: str) -> None:
    plans = [each.plan for each in find_context_plans(facts(name))]
    assert not [plan for plan in plans if 1 in plan.get("transformer_blocks.*", {})]


class Sums(nn.Module):
    """Attention of another kind."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Linear(8, 8)

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        return hidden_states + self.mix(hidden_states).cumsum(1)


class WithoutAttention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Sums() for _ in range(4))

    def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            hidden_states = block(hidden_states)
        return hidden_states


def test_where_nothing_attends_there_is_no_plan_but_a_reason() -> None:
    seen = Facts.of(
        WithoutAttention(),
        {"hidden_states": torch.randn(1, 15, 8)},
        {"hidden_states": torch.randn(1, 15, 8)},
    )
    (plan,) = find_context_plans(seen)
    assert plan.plan == {} and "attention is of another kind" in plan.notes[0]
    assert find_adapter(seen).fields.get("has_separate_cfg") is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (split(1), "split(1)"),
        (split(0, of=(TEXT, IMAGE)), f'split(0, of=("{TEXT}", "{IMAGE}"))'),
        (gather(1), "gather(1)"),
        ([gather(0, "x"), None], '[gather(0, "x"), None]'),
        (attention("x", keys=("y", "x")), 'attention("x", keys=("y", "x"))'),
        (attention(), "attention()"),
        (packed_rowwise(1, 4), "packed_rowwise(1, 4)"),
        (ForwardPattern.Pattern_1, "ForwardPattern.Pattern_1"),
    ],
)
def test_source_says_what_the_value_is(value: Any, text: str) -> None:
    assert source(value) == text
    names = {"split": split, "gather": gather, "attention": attention}
    names |= {"packed_rowwise": packed_rowwise, "ForwardPattern": ForwardPattern}
    assert eval(text, names) == value


def test_lines_are_not_longer_than_the_style_allows() -> None:
    plan = find_context_plans(facts("FluxTransformer2DModel"))[0].plan
    assert max(map(len, plan_source(plan).splitlines())) <= 100


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("FluxTransformer2DModel", "flux_transformer_2d_model"),
        ("SmallDiT", "small_dit"),
        ("MyDiTModel", "my_dit_model"),
    ],
)
def test_files_are_named_after_the_class(name: str, file: str) -> None:
    assert snake_case(name) == file
