"""Ranks that work on one sample do the same: all are spread or none, and all decide alike."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from cache_dit.comm import Channel
from cache_dit.verify.ranks import Ranks, ranks
from tests.parallelism import agreement_jobs

MIDWAY = {
    "a parameter": ({"tp_size": 2}, "cache_dit.parallelism.tensor_shards.fill", 5),
    "the first parameter": ({"tp_size": 2}, "cache_dit.parallelism.tensor_shards.fill", 1),
    "a hook": ({"tp_size": 2}, "cache_dit.parallelism.tensor_hooks.hooks_of", 4),
    "a boundary": ({"ulysses_size": 2}, "cache_dit.parallelism.context_parallel.Boundary", 3),
    "a class": ({"ulysses_size": 2}, "cache_dit.intercept._subclass", 3),
}
"""What fails -> (config, function, in which call)."""


@pytest.mark.parametrize("what", MIDWAY)
def test_where_one_rank_cannot_be_spread_no_rank_is(what: str) -> None:
    outcomes = ranks(2).run(agreement_jobs.failing_midway, *MIDWAY[what])
    said = [each for each, _, _ in outcomes]
    assert said[1] == "MemoryError: no room"
    assert said[0].startswith("RankFailed: FluxTransformer2DModel: rank 1 could not be spread")
    assert said[0].endswith("MemoryError: no room")
    for _, left, error in outcomes:
        assert left == []
        assert error < 1e-12


@pytest.mark.nightly
def test_a_failure_while_the_sequence_is_split_as_well_undoes_the_width_on_all_ranks() -> None:
    config = {"tp_size": 2, "ulysses_size": 2}
    what, at = MIDWAY["a boundary"][1:]
    for _, left, error in ranks(4).run(agreement_jobs.failing_midway, config, what, at, 3):
        assert left == []
        assert error < 1e-12


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("config", [{"tp_size": 2}, {"ulysses_size": 2}], ids=["tp", "ulysses"])
def test_ranks_that_measure_slightly_different_changes_decide_alike(
    config: dict[str, int], seed: int
) -> None:
    first, second = ranks(2).run(agreement_jobs.a_little_apart, config, seed)
    assert first[0] != second[0], "alone they would not disagree, so that this shows nothing"
    assert first[1] == second[1]


def test_a_new_world_works_and_the_old_one_is_forgotten(tmp_path: Path) -> None:
    pair = Ranks(2)
    try:
        for errors, forgotten in pair.run(agreement_jobs.in_a_new_world, str(tmp_path / "store")):
            assert max(errors) < 1e-12
            assert forgotten
    finally:
        pair.stop()


def test_what_is_on_the_cpu_goes_where_the_group_can_send_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:

    channel, value = Channel(None, (0, 1), 0), torch.ones(2)
    monkeypatch.setattr(dist, "get_backend_config", lambda group: "meta:nccl")
    assert channel.within_reach(value).device.type == "meta"
    monkeypatch.setattr(dist, "get_backend_config", lambda group: "cpu:gloo,meta:nccl")
    assert channel.within_reach(value) is value
