"""What stands for what is cached, when pipelines share parts and settings are given anew."""

from __future__ import annotations

from typing import Any

import pytest
from torch import nn

from cache_dit import BlockAdapter, DBCacheConfig, disable_cache, enable_cache, strify, summary
from tests.caching.toys import GainTransformer

MASKED = DBCacheConfig(
    Fn_compute_blocks=1, steps_computation_mask="fast", steps_computation_policy="static"
)


class Pipeline:
    """A denoising loop, with parts that several pipelines may share."""

    def __init__(self, transformer: nn.Module | None = None, **parts: nn.Module) -> None:
        self.transformer = transformer or GainTransformer()
        vars(self).update(parts)

    def __call__(self, num_inference_steps: int = 8, callback: Any = None) -> list[int]:
        """How many blocks ran at each step."""
        ran = []
        for step in range(num_inference_steps):
            ran.append(len(self.transformer.at(1.0, 1000 - 100 * step)[1]))
            if callback is not None:
                callback(step)
        return ran


def adapter(pipe: Pipeline) -> BlockAdapter:
    return pipe.transformer.adapter(pipe=pipe)


def cached(target: Any) -> int:
    return len(summary(target, logging=False))


@pytest.mark.parametrize("part", ["vae", "text_encoder"])
def test_pipelines_that_share_another_part_are_independent(part: str) -> None:
    shared = nn.Linear(2, 2)
    one, other = Pipeline(**{part: shared}), Pipeline(**{part: shared})
    enable_cache(one, MASKED)
    enable_cache(other, DBCacheConfig(Fn_compute_blocks=1))
    assert one() == [4, 4, 1, 4, 1, 1, 1, 4]
    disable_cache(shared)
    disable_cache(other)
    assert (cached(one), cached(other), cached(shared)) == (1, 0, 0)
    assert one() == [4, 4, 1, 4, 1, 1, 1, 4]
    disable_cache(one)
    assert type(one.transformer) is GainTransformer


def test_every_pipeline_of_a_shared_transformer_tells_its_runs() -> None:
    model = GainTransformer()
    one, other = Pipeline(model), Pipeline(model)
    enable_cache(adapter(one), DBCacheConfig(Fn_compute_blocks=1))
    enable_cache(adapter(other), MASKED)
    for pipe in (one, other, one):
        assert pipe(8) == [4, 4, 1, 4, 1, 1, 1, 4]
        assert pipe(1) == [4]
        assert summary(pipe, logging=False)[0].held_bytes == 0
    disable_cache(one)
    assert (type(one), type(other), type(model)) == (Pipeline, Pipeline, GainTransformer)


def test_a_call_inside_a_call_leaves_the_outer_one_its_length() -> None:
    model = GainTransformer()
    one, other = Pipeline(model), Pipeline(model)
    for pipe in (one, other):
        enable_cache(adapter(pipe), MASKED)
    inner: list[list[int]] = []
    outer = one(8, callback=lambda step: inner.append(other(8)) if step == 3 else None)
    assert inner == [[4, 4, 1, 4, 1, 1, 1, 4]]
    assert outer == [4, 4, 1, 4, *[4, 4, 1, 4]]  # a run of its own, with the same mask
    assert one(8) == inner[0]


class Pair(Pipeline):
    """A pipeline with two transformers."""

    def __init__(self) -> None:
        super().__init__(transformer_2=GainTransformer())


def both(pipe: Any) -> BlockAdapter:
    models = [pipe.transformer, pipe.transformer_2]
    patterns = [adapter(pipe).forward_pattern] * 2
    return BlockAdapter(
        pipe=pipe, transformer=models, blocks=[m.blocks for m in models], forward_pattern=patterns
    )


def test_new_settings_for_one_of_two_transformers_leave_the_other_as_it_was() -> None:
    pipe: Any = Pair()
    enable_cache(both(pipe), MASKED)
    enable_cache(pipe.transformer.adapter(), DBCacheConfig(Fn_compute_blocks=2))
    assert strify(pipe.transformer).startswith("DBCache_F2")
    assert strify(pipe.transformer_2).startswith("DBCache_F1")
    assert cached(pipe) == 2
    with pytest.raises(ValueError, match="Fn_compute_blocks=9"):
        enable_cache(pipe.transformer_2.adapter(), DBCacheConfig(Fn_compute_blocks=9))
    assert cached(pipe) == 2
    enable_cache(both(pipe), MASKED)
    assert strify(pipe).startswith("DBCache_F1")
    disable_cache(pipe)
    assert [type(each) for each in (pipe, pipe.transformer, pipe.transformer_2)] == [
        Pair,
        GainTransformer,
        GainTransformer,
    ]


def test_a_transformer_that_was_replaced_is_let_go() -> None:
    pipe = Pipeline()
    enable_cache(pipe, MASKED)
    former, pipe.transformer = pipe.transformer, GainTransformer()
    enable_cache(pipe, MASKED)
    assert type(former) is GainTransformer
    assert pipe(8) == [4, 4, 1, 4, 1, 1, 1, 4]
