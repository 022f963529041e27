"""The oracle: with the same inputs at every step, reusing gives what computing gives.

A stream that is lost, doubled, stale or in the wrong place fails, for blocks of every form.
"""

from __future__ import annotations

import gc
import weakref
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import pytest
import torch

from cache_dit import (
    CalibratorConfig,
    DBCacheConfig,
    DBPruneConfig,
    DMDCalibratorConfig,
    FoCaCalibratorConfig,
    ForwardPattern,
    TaylorSeerCalibratorConfig,
    disable_cache,
    enable_cache,
    refresh_context,
    summary,
)
from cache_dit.caching.known_sessions import sessions_of
from tests.caching.toys import WIDTH, StreamTransformer

PATTERNS = list(ForwardPattern)
CALIBRATORS: dict[str, CalibratorConfig | None] = {
    "hold": None,
    "taylor": TaylorSeerCalibratorConfig(taylorseer_order=2),
    "foca": FoCaCalibratorConfig(),
    "dmd": DMDCalibratorConfig(),
    "output": TaylorSeerCalibratorConfig(calibrator_cache_type="hidden_states"),
}
FORMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "keywords": {"by_keyword": True},
    "in_place": {"in_place": True},
    "wrapped": {"wrapped": True},
    "twice": {"rounds": 2},
    "no_text_at_the_end": {"drops_last_text": True},
    "all_at_once": {"by_keyword": True, "in_place": True, "wrapped": True, "rounds": 2},
}
WARMUP, STEPS = 4, 8


def check_oracle(
    model: StreamTransformer,
    config: DBCacheConfig,
    calibrator: CalibratorConfig | None = None,
    *,
    hinted: bool = False,
    tolerance: float = 1e-10,
    computed: int = WARMUP,
    context: Callable[[], Any] = torch.no_grad,
) -> None:
    """Run the same inputs through the model before and after enabling; count the block calls."""
    dtype = next(model.parameters()).dtype
    inputs = model.inputs(dtype, hinted)
    with context():
        expected = model(**inputs)
        enable_cache(model.adapter(), config, calibrator)
        for block in model.blocks:
            block.calls = 0
        for step in range(STEPS):
            found = model(**inputs)
            error = (found - expected).abs().max() / expected.abs().max()
            assert error <= (0 if step < computed else tolerance), step
    size, front = len(model.blocks), config.Fn_compute_blocks
    for i, block in enumerate(model.blocks):
        skipped = front <= i < size - config.Bn_compute_blocks
        assert block.calls == model.rounds * (computed if skipped else STEPS)
    disable_cache(model)
    assert torch.equal(model(**inputs), expected)


def settings(front: int, behind: int, **more: Any) -> DBCacheConfig:
    return DBCacheConfig(
        Fn_compute_blocks=front, Bn_compute_blocks=behind, max_warmup_steps=WARMUP, **more
    )


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda p: p.name)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("calibrator", CALIBRATORS)
def test_every_form_of_block_with_every_predictor(
    pattern: ForwardPattern, form: str, calibrator: str
) -> None:
    model = StreamTransformer(pattern, **FORMS[form]).double()
    check_oracle(model, settings(1, 1), CALIBRATORS[calibrator])


One = namedtuple("One", ["first"])
Two = namedtuple("Two", ["first", "second"])


def of_kind(pattern: ForwardPattern, kind: type) -> StreamTransformer:
    return StreamTransformer(pattern, wrapped=True, kind=kind).double()


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda p: p.name)
def test_a_reused_step_hands_out_the_kind_that_blocks_return(pattern: ForwardPattern) -> None:
    """Which the loop of the model asserts."""
    for kind in [list, One] if pattern.Return_H_Only else [list, Two]:
        check_oracle(of_kind(pattern, kind), settings(1, 1), hinted=True)


def test_blocks_of_a_class_may_return_another_kind_in_the_next_run() -> None:
    model = of_kind(ForwardPattern.Pattern_3, tuple)
    enable_cache(model.adapter(), settings(1, 1))
    inputs = model.inputs()
    for kind, wrapped in [(tuple, True), (One, True), (tuple, True), (list, False)]:
        for block in model.blocks:
            block.kind, block.wrapped = kind, wrapped
        refresh_context(model)
        for _ in range(STEPS):
            model(**inputs)
        assert summary(model, logging=False)[0].cached_steps == [4, 5, 6, 7]


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda p: p.name)
@pytest.mark.parametrize(
    ("front", "behind"), [(front, behind) for front in range(1, 5) for behind in range(5 - front)]
)
def test_every_front_and_tail(pattern: ForwardPattern, front: int, behind: int) -> None:
    for form in ("plain", "all_at_once"):
        model = StreamTransformer(pattern, 4, **FORMS[form]).double()
        check_oracle(model, settings(front, behind))


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda p: p.name)
@pytest.mark.parametrize("form", ["plain", "in_place", "wrapped"])
@pytest.mark.parametrize("calibrator", ["hold", "taylor", "output"])
def test_what_the_loop_adds_between_blocks_is_neither_lost_nor_doubled(
    pattern: ForwardPattern, form: str, calibrator: str
) -> None:
    model = StreamTransformer(pattern, **FORMS[form]).double()
    check_oracle(model, settings(2, 1), CALIBRATORS[calibrator], hinted=True)


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda p: p.name)
@pytest.mark.parametrize("form", FORMS)
def test_blocks_that_are_pruned_one_by_one(pattern: ForwardPattern, form: str) -> None:
    model = StreamTransformer(pattern, **FORMS[form]).double()
    config = DBPruneConfig(Fn_compute_blocks=1, Bn_compute_blocks=1, max_warmup_steps=WARMUP)
    check_oracle(model, config, hinted=form == "plain")


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda p: p.name)
@pytest.mark.parametrize("form", ["plain", "in_place"])
def test_half_precision(pattern: ForwardPattern, form: str) -> None:
    model = StreamTransformer(pattern, **FORMS[form]).bfloat16()
    check_oracle(model, settings(1, 1), CALIBRATORS["taylor"], tolerance=0.03)


@pytest.mark.parametrize(
    "context", [torch.no_grad, torch.inference_mode, torch.enable_grad], ids=lambda c: c.__name__
)
@pytest.mark.parametrize("form", ["plain", "in_place"])
@pytest.mark.parametrize("pattern", [ForwardPattern.Pattern_1, ForwardPattern.Pattern_3])
def test_whatever_is_done_about_gradients(
    pattern: ForwardPattern, form: str, context: Callable[[], Any]
) -> None:
    model = StreamTransformer(pattern, **FORMS[form]).double()
    check_oracle(model, settings(1, 1), context=context)


def test_blocks_that_write_in_place_are_noticed_within_the_warm_up() -> None:
    """Without that, the change is measured against what has been overwritten, and is 0/0."""
    model = StreamTransformer(ForwardPattern.Pattern_3, in_place=True).double()
    enable_cache(model.adapter(), settings(1, 0))
    inputs = model.inputs()
    with torch.no_grad():
        for _ in range(STEPS):
            model(**inputs)
    (stats,) = summary(model, logging=False)
    assert stats.cached_steps == [4, 5, 6, 7]
    assert set(stats.residual_diffs.values()) == {0.0}


def test_a_loop_may_write_into_what_a_block_has_read() -> None:
    """The block itself does not, so that this shows only when its input is compared again."""

    class Recycling(StreamTransformer):
        def _call(self, block: Any, hidden: torch.Tensor, text: Any) -> Any:
            out = super()._call(block, hidden, text)
            hidden.zero_()
            return out

    model = Recycling(ForwardPattern.Pattern_3).double()
    inputs = model.inputs()
    with torch.no_grad():
        expected = model(**inputs)
        enable_cache(model.adapter(), DBPruneConfig(Fn_compute_blocks=1, max_warmup_steps=2))
        for _ in range(6):
            assert torch.allclose(model(**inputs), expected, rtol=1e-10)
    (stats,) = summary(model, logging=False)
    assert stats.pruned_blocks == [0, 0, 0, 5, 5, 5]  # noticed at the first comparison
    assert set(stats.residual_diffs.values()) == {0.0}


def test_no_graph_is_kept_from_step_to_step() -> None:
    for config in (settings(1, 0), DBPruneConfig(Fn_compute_blocks=1, max_warmup_steps=WARMUP)):
        model = StreamTransformer(ForwardPattern.Pattern_1).double()
        enable_cache(model.adapter(), config, CALIBRATORS["taylor"])
        inputs = model.inputs()
        first = inputs["hidden_states"].clone().requires_grad_()
        model(**inputs | {"hidden_states": first})
        gone = weakref.ref(first)
        del first
        gc.collect()
        assert gone() is None
        for _ in range(STEPS):
            model(**inputs)
        (session,) = sessions_of(model)
        for group in session.transformers[0].denoiser.groups:
            state = group.states["", 0]
            kept = [s for histories in state.histories for h in histories for s in h.snapshots]
            assert state.reference is not None
            assert not any(t.requires_grad for t in (*kept, state.reference.held.tensor))
        disable_cache(model)


def test_gradients_flow_through_a_reused_step() -> None:
    model = StreamTransformer(ForwardPattern.Pattern_1).double()
    enable_cache(model.adapter(), settings(1, 1))
    inputs = model.inputs()
    for _ in range(STEPS):
        states = inputs["hidden_states"].clone().requires_grad_()
        model(**inputs | {"hidden_states": states}).sum().backward()
        assert states.grad is not None
        assert states.grad.abs().sum() > 0
    assert summary(model, logging=False)[0].cached_steps == [4, 5, 6, 7]


def test_each_round_over_the_same_blocks_has_a_memory_of_its_own() -> None:
    model = StreamTransformer(ForwardPattern.Pattern_3, rounds=2).double()
    enable_cache(model.adapter(), settings(1, 0))
    inputs = model.inputs()
    with torch.no_grad():
        for _ in range(6):
            model(**inputs)
    (stats,) = summary(model, logging=False)
    assert [d.step for d in stats.decisions[""]] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert stats.cached_steps == [4, 5]
    assert stats.held_bytes == 2 * 2 * (2 * 5 * WIDTH * 8)
