"""A wrong plan is told with the place where ranks begin to differ, and what differs there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from cache_dit.parallelism import attention, gather, split
from cache_dit.verify import zoo
from cache_dit.verify.axes import verify_model
from cache_dit.verify.context_check import TOLERANCE, Spread, call_model, check_spreads, locate
from cache_dit.verify.first_difference import Seen, first_difference, watched
from cache_dit.verify.ranks import ranks
from cache_dit.verify.traces import differences, traces

MODEL = str(Path(__file__).with_name("mixing_dit.py"))

RIGHT: dict[str, Any] = {
    "blocks.0": {"image": split(1)},
    "blocks.*": {"text": split(1), 1: gather(1, "text")},
    "blocks.*.attn": attention("image", "text"),
    "blocks.-1": {0: gather(1, "image")},
}
MIXED = {
    **RIGHT,
    "blocks.0": {"image": split(1), "text": split(1)},
    "blocks.*": {},
}
UNATTENDED = {
    **RIGHT,
    "blocks.*.attn": {},
    "blocks.-1.attn": attention("image", "text"),
}

INPUTS_RIGHT = "whose inputs are right: what the plan says about"


def _config(plan: dict[str, Any]) -> dict[str, Any]:
    return {"ulysses_size": 2, "cp_plan": plan}


@pytest.mark.parametrize(
    ("plan", "place"),
    [
        (MIXED, "The first difference: kick, whose input differs already: look at what the loop"),
        (UNATTENDED, f"The first difference: blocks.0.attn.out in blocks.0.attn, {INPUTS_RIGHT}"),
    ],
)
def test_a_split_that_is_wrong_is_placed(plan: dict[str, Any], place: str) -> None:
    (finding,) = check_spreads(MODEL, [Spread("ulysses 2", 2, _config(plan))])
    assert finding.problem.startswith("The output is off by ")
    assert place in finding.problem


def test_a_width_that_is_shared_out_wrongly_is_placed() -> None:
    place = f"The first difference: blocks.0.ff.down in blocks.0.ff, {INPUTS_RIGHT} blocks.0.ff"
    assert place in verify_model(MODEL, "tp").reason


def test_a_right_plan_differs_nowhere_though_its_joint_sequence_is_in_another_order() -> None:
    assert ranks(2).run(locate, MODEL, _config(RIGHT)) == ["", ""]


def test_a_watched_model_is_left_as_it_was() -> None:
    entry = zoo.get(MODEL)
    model = entry.build(torch.float64)
    before = traces(model)
    with torch.no_grad(), watched(model) as calls:
        call_model(entry, model, {})
    assert not differences(before, traces(model))
    assert calls["blocks.0.ff", 2].around == ("blocks.0", 1)
    assert next(iter(calls)) == ("blocks.0.attn.into", 1)
    assert next(reversed(calls)) == ("", 1)


TOKENS = torch.arange(8.0).reshape(1, 4, 2)


def _called(*outputs: torch.Tensor, taken: torch.Tensor = TOKENS) -> dict[Any, Any]:
    return {("layer", 1): Seen(None, [taken], list(outputs))}


def _told(*by_rank: dict[Any, Any]) -> str:
    return first_difference(_called(TOKENS), by_rank, TOLERANCE)


def test_a_module_with_right_inputs_is_wrong_itself() -> None:
    assert _told(_called(TOKENS), _called(2 * TOKENS)).startswith(
        f"The first difference: layer, {INPUTS_RIGHT} it"
    )


def test_parts_are_joined_along_whatever_they_are_split() -> None:
    for dim, sizes in ((1, (3, 1)), (2, (1, 1))):
        one, other = TOKENS.split(sizes, dim)
        assert not _told(_called(one), _called(other))
        assert "layer" in _told(_called(one), _called(other + 1))
        assert not _told(_called(other), _called(one)), "a joint sequence is in another order"


def test_a_sum_that_is_taken_later_is_no_difference() -> None:
    assert not _told(_called(TOKENS / 4), _called(TOKENS * 3 / 4))
    assert "layer" in _told(_called(TOKENS / 4), _called(TOKENS))


def test_what_only_the_plan_can_join_is_not_judged() -> None:
    assert not _told(_called(TOKENS[:, :3]), _called(TOKENS[:, :3]))
