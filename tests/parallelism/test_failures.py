"""What does not fit is said, and nothing hangs or stays behind."""

from __future__ import annotations

from dataclasses import replace
from multiprocessing import Pipe
from unittest.mock import MagicMock as Process

import pytest
import torch

import cache_dit
from cache_dit import ParallelismBackend, ParallelismConfig
from cache_dit.parallelism import gather, parallelism_of, split
from cache_dit.verify import zoo
from cache_dit.verify.ranks import Answer, Ranks, ranks
from tests.parallelism import jobs, tensor_jobs


def test_without_torch_distributed_the_error_says_what_to_do() -> None:
    model = zoo.get("WanTransformer3DModel").build()
    with pytest.raises(ValueError, match=r"ulysses_size=2 .* not initialised. Start with torchrun"):
        cache_dit.enable_cache(model, parallelism_config=ParallelismConfig(ulysses_size=2))


def test_one_rank_needs_no_torch_distributed() -> None:
    entry = zoo.get("WanTransformer3DModel")
    model = entry.build()
    expected = model(**entry.inputs()).sample
    cache_dit.enable_cache(model, parallelism_config=ParallelismConfig(ulysses_size=1))
    assert torch.equal(model(**entry.inputs()).sample, expected)
    cache_dit.disable_cache(model)


def test_a_model_without_a_plan_is_refused_with_the_closest_names() -> None:
    config = ParallelismConfig(ulysses_size=1)
    with pytest.raises(ValueError, match=r"No context-parallel planner for Linear"):
        cache_dit.enable_cache(torch.nn.Linear(2, 2), parallelism_config=config)


def test_sizes_that_do_not_fit_the_world_are_named() -> None:
    for said in ranks(2).run(jobs.failing_config, {"ulysses_size": 3}):
        assert "needs 3 ranks" in said
        assert "the world has 2" in said
        assert said.endswith("touched=False")


@pytest.mark.parametrize(
    ("plan", "what"),
    [
        ({"block.0": {"hidden_states": split(1)}}, "'block.0', which matches no module"),
        ({"blocks.0": {"hidden": split(1)}}, "names 'hidden' of blocks.0, which takes hidden_stat"),
        ({"blocks.0": {"hidden_states": 1}}, "has 1 where split"),
    ],
)
def test_a_plan_that_does_not_fit_touches_nothing(plan: dict[str, object], what: str) -> None:
    for said in ranks(2).run(jobs.failing_config, {"ulysses_size": 2, "cp_plan": plan}):
        assert what in said
        assert said.endswith("touched=False")


def test_a_plan_of_the_users_own() -> None:
    plan = {
        "rope": {0: split(1), 1: split(1)},
        "blocks.0": {"hidden_states": split(1)},
        "proj_out": gather(1),
    }
    assert max(ranks(2).run(jobs.own_plan, plan)) < 1e-12


def test_the_second_config_replaces_the_first_and_disabling_restores() -> None:
    for twice, once in ranks(2).run(jobs.enabled_twice):
        assert twice < 1e-12
        assert once == 0.0


@pytest.mark.parametrize("config", [{"ulysses_size": 2}, {"ring_size": 2}], ids=["ulysses", "ring"])
def test_text_shorter_than_the_number_of_ranks(config: dict[str, int]) -> None:
    assert max(ranks(2).run(jobs.short_text, config, 1)) < 1e-12


def test_a_cache_that_cannot_be_installed_leaves_no_parallelism_behind() -> None:
    class Failing(cache_dit.PatchFunctor):
        def apply(self, transformer: torch.nn.Module, **kwargs: object) -> torch.nn.Module:
            raise RuntimeError("cannot patch")

    model = zoo.get("FluxTransformer2DModel").build()
    cls = type(model)
    adapter = cache_dit.get_adapter(model)
    adapter.patch_functor = Failing()
    with pytest.raises(RuntimeError, match="cannot patch"):
        cache_dit.enable_cache(
            adapter, cache_dit.DBCacheConfig(), parallelism_config=ParallelismConfig(ulysses_size=1)
        )
    assert parallelism_of(model) == []
    assert type(model) is cls


def test_a_rank_that_is_gone_while_weights_are_put_together_leaves_the_width_shared_out() -> None:
    for said, error, restored in ranks(2).run(tensor_jobs.rank_gone_while_restoring):
        assert said == "connection closed"
        assert error < 1e-12
        assert restored


def test_no_backend_leaves_the_model_on_one_process() -> None:
    model = zoo.get("WanTransformer3DModel").build()
    config = ParallelismConfig(backend=ParallelismBackend.NONE, ulysses_size=2)
    cache_dit.enable_cache(model, cache_dit.DBCacheConfig(), parallelism_config=config)
    assert parallelism_of(model) == []
    cache_dit.disable_cache(model)


def test_the_summary_has_the_config_that_the_model_is_spread_by() -> None:
    model = zoo.get("WanTransformer3DModel").build()
    config = ParallelismConfig(ulysses_size=1)
    cache_dit.enable_cache(model, cache_dit.DBCacheConfig(), parallelism_config=config)
    assert cache_dit.summary(model, logging=False)[0].parallelism_config is config
    cache_dit.enable_cache(model, parallelism_config=ParallelismConfig(ring_size=1))
    assert cache_dit.summary(model, logging=False)[0].parallelism_config.ring_size == 1
    cache_dit.disable_cache(model)
    cache_dit.enable_cache(model)
    assert cache_dit.summary(model, logging=False)[0].parallelism_config is None
    cache_dit.disable_cache(model)


def test_what_has_no_transformer_cannot_be_spread() -> None:
    with pytest.raises(ValueError, match=r"object has no transformer to spread"):
        cache_dit.enable_cache(object(), parallelism_config=ParallelismConfig(ulysses_size=1))


def test_a_changed_copy_of_a_config_in_the_old_form_is_changed() -> None:
    config = ParallelismConfig(parallel_kwargs={"ulysses_size": 2})
    assert config.ulysses_size == 2
    assert replace(config, ulysses_size=4).ulysses_size == 4


def test_axes_of_the_same_ranks_share_a_group() -> None:
    assert all(ranks(2).run(jobs.shares_groups))


def test_a_rank_whose_process_has_ended_is_a_failure_like_others() -> None:
    pair, (here, there) = Ranks(1), Pipe()
    there.close()
    pair._ends = [here]
    pair._processes = [Process()]
    with pytest.raises(RuntimeError, match="rank 0 of 1: its process has ended"):
        pair.run(abs, -1)
    assert not pair._processes


def test_of_ranks_that_fail_by_themselves_the_first_is_named_whoever_answers_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pair = Ranks(2)
    pair._ends, pair._processes = [Pipe()[0] for _ in range(2)], [Process(), Process()]
    monkeypatch.setattr(pair, "_answers", lambda: {1: Answer("later"), 0: Answer("first")})
    with pytest.raises(RuntimeError, match="rank 0 of 2: first"):
        pair.run(abs, -1)
