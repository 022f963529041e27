"""Enabling shows nowhere, disabling leaves nothing, and nobody is kept alive."""

from __future__ import annotations

import copy
import gc
import io
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import nn

from cache_dit import (
    BlockAdapter,
    DBCacheConfig,
    DBPruneConfig,
    ForwardPattern,
    PatchFunctor,
    TaylorSeerCalibratorConfig,
    disable_cache,
    enable_cache,
    refresh_context,
    summary,
)
from cache_dit import intercept as interception
from cache_dit.caching import known_sessions
from tests.caching.toys import Gain, GainTransformer

CONFIG = DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=1)


class Pipeline:
    """What matters of a pipeline: it holds a transformer and is called."""

    def __init__(self) -> None:
        self.transformer = GainTransformer()

    def __call__(self, num_inference_steps: int = 4) -> list[list[int]]:
        return [self.transformer.at(1.0)[1] for _ in range(num_inference_steps)]

    def adapter(self, **options: Any) -> BlockAdapter:
        return self.transformer.adapter(pipe=self, **options)


def state_of(model: nn.Module) -> list[tuple[type, dict[str, Any]]]:
    """Class, attributes, and what is in those that are dictionaries, of every module."""
    return [
        (
            type(module),
            {k: dict(v) if isinstance(v, dict) else v for k, v in vars(module).items()},
        )
        for module in model.modules()
    ]


def gone(*references: weakref.ref[Any]) -> bool:
    if any(reference() is not None for reference in references):
        gc.collect()
    return all(reference() is None for reference in references)


@pytest.mark.parametrize("config", [CONFIG, DBPruneConfig(Fn_compute_blocks=1)])
def test_only_classes_change_while_it_is_on_and_nothing_afterwards(config: DBCacheConfig) -> None:
    pipe = Pipeline()
    model = pipe.transformer
    before, attributes = state_of(model), dict(vars(pipe))
    keys = list(model.state_dict())
    enable_cache(pipe.adapter(), config, TaylorSeerCalibratorConfig())
    pipe()
    during = state_of(model)
    assert [values for _, values in during] == [values for _, values in before]
    assert list(model.state_dict()) == keys
    assert vars(pipe) == attributes
    assert isinstance(model, GainTransformer)
    assert isinstance(pipe, Pipeline)
    disable_cache(pipe)
    assert state_of(model) == before
    assert (type(pipe), vars(pipe)) == (Pipeline, attributes)
    assert summary(pipe, logging=False) == []


@pytest.mark.parametrize("disabled", [False, True])
def test_a_model_is_not_kept_alive(disabled: bool) -> None:
    model = GainTransformer()
    enable_cache(model.adapter(), CONFIG, TaylorSeerCalibratorConfig())
    for _ in range(4):
        model.at(1.0)
    (session,) = known_sessions.sessions_of(model)
    references = [weakref.ref(each) for each in (model, model.blocks[0], model.blocks[2], session)]
    if disabled:
        disable_cache(model)
    del model, session
    assert gone(*references)


@pytest.mark.parametrize("disabled", [False, True])
@pytest.mark.parametrize("aborted", [False, True])
def test_a_pipeline_is_not_kept_alive(disabled: bool, aborted: bool) -> None:
    pipe = Pipeline()
    adapter = enable_cache(pipe.adapter(), CONFIG)
    pipe()
    if aborted:
        with pytest.raises(TypeError):
            pipe("four")  # type: ignore[arg-type]
    references = [weakref.ref(pipe), weakref.ref(pipe.transformer)]
    if disabled:
        disable_cache(pipe)
    del pipe, adapter
    assert gone(*references)


def test_the_bookkeeping_forgets_what_is_gone() -> None:
    def entries() -> int:
        runners = sum(len(each) for each in interception._runners.values())
        return len(interception._layers) + runners + len(known_sessions._sessions)

    gc.collect()
    before = entries()
    for _ in range(3):
        pipe = Pipeline()
        enable_cache(pipe.adapter(), CONFIG)
        pipe()
        del pipe
    gc.collect()
    assert entries() <= before


def test_stored_tensors_go_with_the_end_of_a_pipeline_run_and_with_disabling() -> None:
    pipe = Pipeline()
    enable_cache(pipe.adapter(), CONFIG, TaylorSeerCalibratorConfig())
    pipe()
    (stats,) = summary(pipe, logging=False)
    assert stats.held_bytes == 0
    assert stats.branch_bytes == {"": 2 * (3 * 4 * 8)}, "a snapshot and the reference, until then"
    pipe.transformer.at(1.0)  # outside a run nothing says that it is over
    (session,) = known_sessions.sessions_of(pipe)
    (history, _) = session.transformers[0].units[0].groups[0].states["", 0].histories[0]
    tensors = [weakref.ref(each) for each in history.snapshots]
    assert tensors
    disable_cache(pipe)
    assert gone(*tensors)


def test_a_copy_of_an_enabled_model_is_a_plain_model() -> None:
    model = GainTransformer()
    enable_cache(model.adapter(), CONFIG)
    model.at(1.0)
    made = copy.deepcopy(model)
    assert {type(each) for each in made.modules()} == {type(e) for e in GainTransformer().modules()}
    assert [made.at(1.0)[1], model.at(1.0)[1]] == [[0, 1, 2, 3], [0]]
    assert summary(made, logging=False) == []
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)
    assert type(torch.load(file, weights_only=False)) is GainTransformer


def test_weights_can_be_loaded_while_it_is_on() -> None:
    model, other = GainTransformer(), GainTransformer([0.0] * 4)
    enable_cache(model.adapter(), CONFIG)
    model.load_state_dict(other.state_dict())
    assert model.at(1.0) == (1.0, [0, 1, 2, 3])


def test_enabling_again_replaces_and_disabling_again_does_nothing() -> None:
    pipe = Pipeline()
    for _ in range(3):
        enable_cache(pipe.adapter(), CONFIG)
    enable_cache(pipe.transformer.adapter(), CONFIG)
    assert len(summary(pipe, logging=False)) == 1
    assert pipe()[-1] == [0]
    disable_cache(pipe)
    disable_cache(pipe)
    assert pipe()[-1] == [0, 1, 2, 3]
    assert (type(pipe), type(pipe.transformer)) == (Pipeline, GainTransformer)
    with pytest.raises(ValueError, match=r"not enabled on this Pipeline\. Call enable_cache first"):
        refresh_context(pipe, num_inference_steps=4)


def test_a_foreign_class_on_top_keeps_everything_in_place_until_it_is_off() -> None:
    """As FSDP2 would do to the blocks of a model that is cached already."""
    model = GainTransformer()
    enable_cache(model.adapter(), CONFIG)
    model.at(1.0)
    below = type(model.blocks[2])
    model.blocks[2].__class__ = type("FSDPGain", (below,), {})
    for change in (
        disable_cache,
        lambda model: refresh_context(model, num_inference_steps=9),
        lambda model: enable_cache(model.adapter(), CONFIG),
    ):
        with pytest.raises(RuntimeError, match=r"FSDPGain: its class was replaced"):
            change(model)
        assert model.at(1.0)[1] == [0]
    model.blocks[2].__class__ = below
    disable_cache(model)
    assert model.at(1.0)[1] == [0, 1, 2, 3]
    assert {type(e) for e in model.modules()} == {type(e) for e in GainTransformer().modules()}


class Renovate(PatchFunctor):
    """Replaces, adds and overrides what a model is made of."""

    def apply(self, transformer: nn.Module, **kwargs: Any) -> nn.Module:
        block = transformer.blocks[0]
        block.linear = nn.Linear(4, 4, bias=False, dtype=torch.float64)
        block.linear.weight.data.fill_(0.0)
        old = block.forward
        block.forward = lambda hidden_states: old(hidden_states) * 2
        transformer.register_buffer("extra", torch.ones(1))
        transformer.flag = True
        return transformer


class Fail(PatchFunctor):
    def apply(self, transformer: nn.Module, **kwargs: Any) -> nn.Module:
        transformer.flag = True
        raise KeyError("no such attention")


def test_what_a_patch_functor_did_is_undone() -> None:
    model = GainTransformer()
    before = state_of(model)
    enable_cache(model.adapter(patch_functor=Renovate()), CONFIG)
    assert model.at(1.0)[0] == 2 * 1.25 * 0.875 * 2
    later = model.register_forward_hook(lambda *_: None)  # somebody else's, which stays
    disable_cache(model)
    assert len(model._forward_hooks) == 1
    later.remove()
    assert state_of(model) == before


def test_a_patched_model_is_not_kept_alive() -> None:
    model = GainTransformer()
    enable_cache(model.adapter(patch_functor=Renovate()), CONFIG)
    references = [weakref.ref(model), weakref.ref(model.blocks[1])]
    del model
    assert gone(*references)


def test_enabling_that_fails_half_way_leaves_what_was_there() -> None:
    model = GainTransformer()
    before = state_of(model)
    with pytest.raises(KeyError, match="no such attention"):
        enable_cache(model.adapter(patch_functor=Fail()), CONFIG)
    assert state_of(model) == before
    enable_cache(model.adapter(), CONFIG)
    with pytest.raises(KeyError, match="no such attention"):
        enable_cache(model.adapter(patch_functor=Fail()))
    assert [model.at(1.0)[1] for _ in range(2)] == [[0, 1, 2, 3], [0]]
    disable_cache(model)
    assert state_of(model) == before


def test_a_block_that_was_replaced_is_computed_and_a_refresh_says_so() -> None:
    model = GainTransformer()
    enable_cache(model.adapter(), CONFIG)
    model.blocks[3] = Gain(0.0, 3, model.ran)
    gc.collect()
    assert [model.at(1.0)[1] for _ in range(3)] == [[0, 1, 2, 3]] * 3
    with pytest.raises(ValueError, match="blocks: blocks were replaced after the cache was enab"):
        refresh_context(model, num_inference_steps=4)
    enable_cache(model.adapter(), CONFIG)
    assert [model.at(1.0)[1] for _ in range(2)] == [[0, 1, 2, 3], [0]]


def test_threads_with_a_model_each_do_not_disturb_each_other() -> None:
    def work(level: float) -> None:
        for _ in range(5):
            model = GainTransformer()
            enable_cache(model.adapter(), CONFIG)
            for step in range(20):
                out, ran = model.at(level + step % 2)
                assert out == (level + step % 2) * 1.5 * 1.25 * 0.875 * 2
                assert ran == [0, 1, 2, 3]
            disable_cache(model)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, [1.0, 2.0, 3.0, 4.0]))


def test_one_of_several_transformers_may_go() -> None:
    first, second = GainTransformer(), GainTransformer()
    adapter = BlockAdapter(
        transformer=[first, second],
        blocks=[first.blocks, second.blocks],
        forward_pattern=ForwardPattern.Pattern_3,
    )
    enable_cache(adapter, CONFIG)
    del adapter, first
    gc.collect()
    assert [second.at(1.0)[1] for _ in range(2)] == [[0, 1, 2, 3], [0]]
    disable_cache(second)
    assert type(second) is GainTransformer
