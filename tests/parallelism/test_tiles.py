"""How tiles are found, shared out and put together, and what is said when that cannot be."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cache_dit import ParallelismConfig
from cache_dit.comm import Channel
from cache_dit.parallelism import parallelize, restore
from cache_dit.parallelism.tile_exchange import Work, exchanged
from cache_dit.parallelism.tile_parallel import Share, TileParallel
from cache_dit.parallelism.tile_plan import TilePlan
from cache_dit.parallelism.tile_record import Pending, Recording, Replay
from cache_dit.verify import autoencoders
from cache_dit.verify.ranks import ranks
from tests.parallelism import tile_jobs


@given(st.lists(st.integers(1, 100), max_size=30), st.integers(1, 8))
def test_every_tile_has_one_owner_and_no_rank_more_than_a_tile_too_much(
    costs: list[int], size: int
) -> None:
    share = Share.of(costs, size)
    loads = [0] * size
    for owner, cost in zip(share.owners, costs, strict=True):
        loads[owner] += cost
    assert tuple(loads) == share.loads
    assert max(loads) - min(loads) <= max(costs, default=0)


def test_the_longest_come_first() -> None:
    assert Share.of([1, 1, 2], 2).loads == (2, 2)
    assert Share.of([4], 3).imbalance == 3.0


def test_what_is_made_of_a_pending_tile_is_pending() -> None:
    tile = Pending.like(torch.zeros(2, 3, 4))
    whole = torch.zeros(5, 3, 4)
    whole[:2] = tile
    tile[:, 1] = whole[0, 0] * 2 + tile[0]
    mean, spread = torch.chunk(tile, 2, dim=1)
    made = [torch.cat([tile, tile]), tile.clamp(0, 1), tile[:, :, 1:], mean + spread, 1 - tile]
    assert all(isinstance(each, Pending) for each in made)
    assert whole.abs().max() == 0
    assert (tile.shape, tile.dim(), tile.size(1)) == ((1, 1, 1), 3, 1)


class Strips(nn.Module):
    """Computes strips of three numbers; if it peeks, a strip after a shorter one is shorter."""

    def __init__(self, peeks: bool = False) -> None:
        super().__init__()
        self.decoder = nn.Identity()
        self.peeks = peeks

    def tiled_decode(self, x: torch.Tensor) -> torch.Tensor:
        done: list[torch.Tensor] = []
        for at in range(0, len(x), 3):
            width = 3 if not self.peeks or not done or done[-1].shape[0] == 3 else 1
            done.append(self.decoder(x[at : at + width]))
        return torch.cat(done)


def test_a_plan_without_a_method_of_the_autoencoder_is_refused() -> None:
    plan = TilePlan(methods=("tiles",))
    with pytest.raises(ValueError, match=r"Strips: .* names no method .* none of tiles"):
        TileParallel(Strips(), plan, ParallelismConfig())


def test_tiles_that_depend_on_others_are_noticed() -> None:
    vae, plan, x = Strips(peeks=True), TilePlan(), torch.arange(9.0)
    recording = Recording(plan)

    def run(phase: Recording | Replay) -> Any:
        twin = Strips(peeks=True)
        twin.decoder = Through(phase)
        return twin.tiled_decode(x)

    run(recording)
    finished = [output for tile in recording.tiles for output in tile.compute()]
    with pytest.raises(RuntimeError, match="depends on what others contain"):
        run(Replay(type(vae).__name__, recording, finished))


class Through(nn.Module):
    """Calls a phase in place of a worker."""

    def __init__(self, phase: Recording | Replay) -> None:
        super().__init__()
        self.phase = phase

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.phase.compute(lambda x: x, args, kwargs)


def test_one_rank_needs_no_torch_distributed() -> None:
    entry = autoencoders.TILED["AutoencoderKL"]
    vae, alone = entry.build(), entry.build()
    alone.enable_tiling()
    parallelize([], ParallelismConfig(ulysses_size=1), [vae])
    latent = entry.input("decode")
    assert torch.equal(vae.decode(latent).sample, alone.decode(latent).sample)
    restore(vae)
    assert vae.use_tiling is False


def test_a_decoder_that_draws_noise_is_refused() -> None:
    entry = autoencoders.TILED["AutoencoderKLLTXVideo"]
    vae = entry.build()
    vae.register_to_config(decoder_inject_noise=(True, False, False))
    with pytest.raises(ValueError, match="draws noise for every tile"):
        parallelize([], ParallelismConfig(ulysses_size=1), [vae])
    assert vae.use_tiling is False


def test_a_rank_that_fails_is_named_by_the_others_and_the_next_call_works() -> None:
    (first, off), (other, other_off) = ranks(2).run(tile_jobs.said_when_a_tile_fails, 1)
    assert other == "ArithmeticError: no memory left for this tile"
    assert first.startswith("RuntimeError: AutoencoderKL: rank 1 failed")
    assert first.endswith("ArithmeticError: no memory left for this tile")
    assert off == other_off == 0.0


def test_ranks_with_different_inputs_are_told() -> None:
    for said in ranks(2).run(tile_jobs.said_of_other_shapes):
        assert "rank 1 has other tiles than rank 0" in said


@pytest.mark.parametrize("name", ["AutoencoderKL", "AutoencoderKLMagvit", "AutoencoderKLCogVideoX"])
def test_tiling_is_off_again_afterwards(name: str) -> None:
    assert ranks(2).run(tile_jobs.traces_left, name) == [set(), set()]


def test_each_tile_is_sent_once_to_every_other_rank_and_all_of_a_rank_in_one_message() -> None:
    for traffic in ranks(2).run(tile_jobs.traffic):
        assert traffic.sent == traffic.made
        assert traffic.computed in (4, 5)
        assert traffic.messages == 2
        assert traffic.same


def test_in_a_message_outputs_keep_layout_and_type_and_begin_where_new_ones_would() -> None:
    made = [
        torch.rand(1, 3, 5, 7).to(memory_format=torch.channels_last),
        torch.rand(3, dtype=torch.float64),
        torch.rand(2, 2, dtype=torch.bfloat16),
        torch.empty(0, 4),
    ]
    work = Work({2: [each.clone() for each in made[:2]], 0: [each.clone() for each in made[2:]]})
    finished = exchanged(Channel(), work, [work.told([])], None)
    assert work.outputs == {}
    for one, other in zip(made, [*finished[2], *finished[0]], strict=True):
        assert torch.equal(one, other)
        assert (one.stride(), one.dtype) == (other.stride(), other.dtype)
        assert other.data_ptr() % 64 == 0


@pytest.mark.nightly
def test_replicas_share_the_tiles_of_their_own_sample() -> None:
    assert ranks(4).run(tile_jobs.replicas) == [(0.0, 9), (0.0, 9), (0.0, 6), (0.0, 6)]
