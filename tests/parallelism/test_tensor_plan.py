"""A plan that does not fit is refused before anything is touched."""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn

from cache_dit.parallelism.tensor_plan import Style, as_style, packed_rowwise
from cache_dit.parallelism.tensor_resolution import Resolution
from cache_dit.parallelism.transformers.tensor_parallelism import TensorParallelismPlannerRegister
from cache_dit.parallelism.transformers.tensor_parallelism.tp_plan_registers import own_plan
from cache_dit.verify import zoo

FLUX = zoo.get("FluxTransformer2DModel")


def resolved(name: str, size: int) -> Resolution:
    model = zoo.get(name).build()
    planner = TensorParallelismPlannerRegister.get_planner(model)()
    return Resolution(model, planner.plans(model), planner.divided(model), size)


def test_heads_that_do_not_divide_are_named_with_the_sizes_that_work() -> None:
    with pytest.raises(ValueError, match=r"heads=4 is not divisible by tp_size=3. Use 2 or 4\.$"):
        resolved("FluxTransformer2DModel", 3)


@pytest.mark.parametrize(
    ("plan", "divide", "what"),
    [
        ({"blocks.*": "colwise"}, (), "names 'blocks.*', which matches no module or parameter"),
        ({"proj_out": "columnwise"}, (), "has 'columnwise', which is no style. Use one of"),
        ({"proj_out": "sequence_parallel"}, (), "which is no style"),
        ({"proj_out": "colwise"}, ("heads",), "divides 'heads', which no module has"),
        ({"pos_embed": "colwise"}, (), "FluxPosEmbed, which has no weight"),
        ({"proj_out": packed_rowwise(1, 4)}, (), "which (1, 4) do not divide"),
        ({"proj_out": packed_rowwise("mlp", 4)}, (), "uses 'mlp', which is no number"),
        ({"proj_out": "colwise", "proj_ou{t,t}": "rowwise"}, (), "two styles for proj_out"),
    ],
)
def test_what_does_not_fit_is_said(plan: Any, divide: Any, what: str) -> None:
    with pytest.raises(ValueError) as caught:
        Resolution(FLUX.build(), plan, divide, 2)
    assert what in str(caught.value)


def test_a_name_with_a_question_mark_may_be_absent() -> None:
    plan = {"{proj_out,proj_in?}": "colwise"}
    assert [each.path for each in Resolution(FLUX.build(), plan, (), 2).shards.parameters] == [
        "proj_out.weight",
        "proj_out.bias",
    ]


def test_quantized_weights_are_refused() -> None:
    layer = nn.Linear(4, 4)
    layer.weight = nn.Parameter(layer.weight.data.char(), requires_grad=False)
    with pytest.raises(ValueError, match=r"of torch.int8, which cannot be cut"):
        Resolution(layer, {"": "colwise"}, (), 2)


@pytest.mark.parametrize("name", ["FluxTransformer2DModel", "QwenImageTransformer2DModel"])
def test_the_plan_that_a_model_brings_along_means_what_ours_means(name: str) -> None:
    model = zoo.get(name).build()
    if not own_plan(model):
        pytest.skip("This version of diffusers has no plan for it.")
    own = Resolution(model, own_plan(model), (), 2).shards.parameters
    ours = resolved(name, 2).shards.parameters
    facts = [sorted((s.path, s.dim, s.blocks) for s in each) for each in (own, ours)]
    assert facts[0] == facts[1]


def test_names_of_transformers_mean_what_they_mean_there() -> None:
    assert as_style("colwise_rep", "") == Style("out", gives="whole")
    assert as_style("rowwise_rep", "") == Style("in", takes="part", gives="sum")
    assert as_style("replicate", "") == Style()
