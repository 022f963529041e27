"""What goes into and comes out of a module whose sequence is split keeps its form."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
import torch
from diffusers.models.modeling_outputs import Transformer2DModelOutput
from torch import nn

from cache_dit.parallelism.containers import contents, with_contents
from cache_dit.verify.ranks import ranks
from tests.parallelism import boundary_jobs


class Pair(NamedTuple):
    image: Any
    text: Any


class Own(dict[str, Any]):
    """A dict of a class of its own."""


@pytest.mark.parametrize(
    "value", [(1, 2), [1, 2], Pair(1, 2), {"a": 1, "b": 2}, Own(a=1, b=2), torch.Size((1, 2))]
)
def test_a_container_keeps_its_class_and_names(value: Any) -> None:
    changed = with_contents(value, [3, 4])
    assert type(changed) is type(value)
    assert contents(changed) == [3, 4]
    assert contents(value) == [1, 2]


def test_an_output_of_a_model_keeps_its_attributes() -> None:
    output = Transformer2DModelOutput(sample=torch.zeros(1))
    changed = with_contents(output, [torch.ones(1)])
    assert isinstance(changed, Transformer2DModelOutput)
    assert changed.sample is changed["sample"] is changed[0]
    assert changed.sample == 1
    assert output.sample == 0


def test_what_is_no_container_has_no_contents() -> None:
    assert contents(torch.zeros(2)) is None
    assert contents("ab") is None
    assert contents(nn.ModuleList()) is None


@pytest.mark.parametrize("form", ["tuple", "named", "output"])
def test_every_argument_arrives_and_the_output_keeps_its_form(form: str) -> None:
    for error, kind, expected_kind in ranks(2).run(boundary_jobs.many_arguments, form):
        assert error == 0
        assert kind == expected_kind
