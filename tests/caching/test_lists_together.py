"""Several block lists of one model: chained, taking turns on one stream, or on streams apart."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import nn

import cache_dit
from cache_dit import (
    BlockAdapter,
    CacheStats,
    DBCacheConfig,
    DBPruneConfig,
    ForwardPattern,
    ParamsModifier,
    TaylorSeerCalibratorConfig,
)
from cache_dit.caching.block_streams import BlockStreams
from cache_dit.caching.layout import Layout, Slot

WIDTH, DEPTH = 4, 4


class Change(nn.Module):
    """Changes ``values``, having read ``pairs``."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(WIDTH, WIDTH, dtype=torch.float64)

    def forward(self, values: torch.Tensor, pairs: torch.Tensor | None = None) -> torch.Tensor:
        beside = 0 if pairs is None else pairs.mean()
        return values + torch.tanh(self.linear(values) + beside)


class ChangePairs(Change):
    """Changes ``pairs``, having read ``values``."""

    def forward(self, values: torch.Tensor, pairs: torch.Tensor | None = None) -> torch.Tensor:
        assert pairs is not None
        return super().forward(pairs, values)


class SpaceTime(nn.Module):
    """Spatial and temporal blocks take turns on one stream, which is turned around between them."""

    def __init__(self) -> None:
        super().__init__()
        self.spatial = nn.ModuleList(Change() for _ in range(DEPTH))
        self.temporal = nn.ModuleList(Change() for _ in range(DEPTH))

    def forward(self, states: torch.Tensor) -> tuple[torch.Tensor, ...]:  # [frames, tokens, width]
        for spatial, temporal in zip(self.spatial, self.temporal, strict=True):
            states = temporal(spatial(states).transpose(0, 1)).transpose(0, 1)
        return (states,)

    def adapter(self) -> BlockAdapter:
        return BlockAdapter(
            transformer=self,
            blocks_name=["spatial", "temporal"],
            forward_pattern=ForwardPattern.Pattern_3,
            interleaved=True,
        )


class Residues(nn.Module):
    """Blocks change values, others behind some of them change pairs; all of it is run twice."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Change() for _ in range(DEPTH))
        self.updates = nn.ModuleDict({str(index): ChangePairs() for index in (0, 2)})

    def forward(self, values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        pairs = values[:, None] - values[:, :, None]
        for _ in range(2):
            for index, layer in enumerate(self.layers):
                values = layer(values, pairs)
                if str(index) in self.updates:
                    pairs = self.updates[str(index)](values, pairs)
        return values, pairs

    def adapter(self) -> BlockAdapter:
        return BlockAdapter(
            transformer=self,
            blocks_name=["layers", "updates"],
            forward_pattern=ForwardPattern.Pattern_3,
            stream_parameters=[{"hidden_states": "values"}, {"hidden_states": "pairs"}],
            interleaved=True,
            own_streams=True,
        )


class ThreeLists(nn.Module):
    """Blocks for the text, for the image, and for both behind each other."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.image, self.joint = (
            nn.ModuleList(Change() for _ in range(DEPTH)) for _ in range(3)
        )

    def forward(self, states: torch.Tensor) -> tuple[torch.Tensor, ...]:
        text = torch.ones(2, 1, WIDTH, dtype=states.dtype)
        for block in self.text:
            text = block(text)
        for block in self.image:
            states = block(states)
        states = torch.cat([text, states], dim=1)
        for block in self.joint:
            states = block(states)
        return (states,)

    def adapter(self, modifiers: list[ParamsModifier | None] | None = None) -> BlockAdapter:
        return BlockAdapter(
            transformer=self,
            blocks_name=["text", "image", "joint"],
            forward_pattern=ForwardPattern.Pattern_3,
            params_modifiers=modifiers,
            chained=("image", "joint"),
        )


def fronts_and_backs(size: int) -> Iterator[tuple[int, int]]:
    return ((front, back) for front in range(1, size + 1) for back in range(size - front + 1))


def runs(adapter: BlockAdapter, config: DBCacheConfig, steps: int = 5) -> list[CacheStats]:
    """Run the same input again and again: every output must be that of the plain model."""
    model = adapter.transformer
    states = torch.randn(2, 3, WIDTH, dtype=torch.float64)
    with torch.no_grad():
        plain = model(states)
        cache_dit.enable_cache(adapter, config, TaylorSeerCalibratorConfig(taylorseer_order=2))
        for _ in range(steps):
            for ours, right in zip(model(states), plain, strict=True):
                torch.testing.assert_close(ours, right, rtol=1e-12, atol=1e-12)
    stats = cache_dit.summary(adapter, logging=False)
    cache_dit.disable_cache(adapter)
    return stats


@pytest.mark.parametrize("model", [SpaceTime, Residues])
def test_lists_that_take_turns_reproduce_the_output_at_any_front_and_back(
    model: type[SpaceTime | Residues],
) -> None:
    adapter = model().adapter()
    size = sum(len(each.blocks) for each in adapter.transformers()[0].lists)
    for front, back in fronts_and_backs(size):
        config = DBCacheConfig(Fn_compute_blocks=front, Bn_compute_blocks=back, max_warmup_steps=3)
        (stats,) = runs(adapter, config)
        assert stats.cached_steps == ([] if front + back == size else [3, 4])


@pytest.mark.parametrize("model", [SpaceTime, Residues])
def test_lists_that_take_turns_can_be_pruned(model: type[SpaceTime | Residues]) -> None:
    config = DBPruneConfig(Fn_compute_blocks=1, Bn_compute_blocks=1, max_warmup_steps=3)
    (stats,) = runs(model().adapter(), config)
    assert stats.pruned_steps == [3, 4]


def test_a_reused_step_runs_the_head_and_the_tail_of_the_running_order() -> None:
    model, ran = Residues(), []
    for name, block in (*model.layers.named_children(), *model.updates.named_children()):
        kind = "P" if isinstance(block, ChangePairs) else "V"
        block.register_forward_hook(lambda *_, name=kind + name: ran.append(name))
    states = torch.randn(2, 3, WIDTH, dtype=torch.float64)
    cache_dit.enable_cache(
        model.adapter(),
        DBCacheConfig(Fn_compute_blocks=2, Bn_compute_blocks=1, max_warmup_steps=1),
    )
    model(states)
    assert ran == ["V0", "P0", "V1", "V2", "P2", "V3"] * 2
    ran.clear()
    model(states)
    assert ran == ["V0", "P0", "V3"] * 2


def test_lists_that_take_turns_cannot_have_settings_of_their_own() -> None:
    own = ParamsModifier(DBCacheConfig().reset(residual_diff_threshold=0.5))
    with pytest.raises(ValueError, match="take turns"):
        cache_dit.enable_cache(SpaceTime().adapter(), params_modifiers=[None, own])


def test_a_module_dictionary_needs_numbers_as_keys() -> None:
    model = Residues()
    model.updates = nn.ModuleDict({"first": ChangePairs()})
    with pytest.raises(ValueError, match=r"Residues\.updates: .* keys are numbers"):
        cache_dit.enable_cache(model.adapter())


def test_only_the_lists_that_are_named_are_chained() -> None:
    config = DBCacheConfig(Fn_compute_blocks=2, max_warmup_steps=3)
    stats = runs(ThreeLists().adapter(), config)
    assert [each.name for each in stats] == ["text", "image+joint"]
    assert [each.cached_steps for each in stats] == [[3, 4]] * 2


def test_chained_lists_with_settings_of_their_own_decide_apart() -> None:
    never = ParamsModifier(DBCacheConfig().reset(residual_diff_threshold=0.0))
    config = DBCacheConfig(Fn_compute_blocks=2, max_warmup_steps=3)
    stats = runs(ThreeLists().adapter([None, None, never]), config)
    assert {each.name: each.cached_steps for each in stats} == {
        "text": [3, 4],
        "image": [3, 4],
        "joint": [],
    }


@pytest.mark.parametrize(
    ("segments", "own_streams", "first", "regions"),
    [
        ("AAAABB", False, 1, [[1, 2, 3], [4, 5]]),
        ("ABABAB", False, 1, [[1, 2, 3, 4, 5]]),
        ("ABABAB", False, 2, [[2, 3, 4], [5]]),
        ("ABABAB", True, 2, [[2, 4], [3, 5]]),
        ("ABAABA", True, 1, [[1, 4], [2, 3, 5]]),
        ("AAAAAA", False, 6, []),
    ],
)
def test_a_region_ends_in_the_form_in_which_it_began(
    segments: str, own_streams: bool, first: int, regions: list[list[int]]
) -> None:
    io = BlockStreams(Change(), ForwardPattern.Pattern_3)
    slots = [Slot(io, "AB".index(letter)) for letter in segments]
    layout = Layout(slots, first, len(slots) - 1, start=0, own_streams=own_streams)
    assert [region.indices for region in layout.regions()] == regions
