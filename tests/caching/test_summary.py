"""The record of a run: complete, true, and there whenever it is asked for."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from cache_dit import (
    BlockAdapter,
    CacheStats,
    CalibratorConfig,
    DBCacheConfig,
    ForwardPattern,
    ParamsModifier,
    disable_cache,
    enable_cache,
    refresh_context,
    strify,
    summary,
)
from cache_dit.caching.policy import Reason
from tests.caching.toys import GainTransformer, ThreeLists

CONFIG = DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=2)
DOCUMENTED = """
    cache_options cached_steps residual_diffs cfg_cached_steps cfg_residual_diffs
    accumulated_cached_steps cfg_accumulated_cached_steps accumulated_executed_steps
    accumulated_transformer_executed_steps pruned_steps pruned_blocks actual_blocks pruned_ratio
    cfg_pruned_steps cfg_pruned_blocks cfg_actual_blocks cfg_pruned_ratio parallelism_config
    quantize_config
"""


def only(target: Any) -> CacheStats:
    (stats,) = summary(target, logging=False)
    return stats


def test_all_documented_fields_are_there_before_the_first_run() -> None:
    model = GainTransformer()
    enable_cache(model.adapter(), CONFIG)
    stats = only(model)
    for name in DOCUMENTED.split():
        assert hasattr(stats, name)
    assert (stats.cached_steps, stats.residual_diffs, stats.held_bytes) == ([], {}, 0)
    assert stats.cache_options == {"tag": "DBCache_F1B0_W2I1M0MC0_R0.08_NONE"} | CONFIG.as_dict()


def test_every_step_has_its_reason() -> None:
    model = GainTransformer()
    enable_cache(model.adapter(), CONFIG)
    for level in (1.0, 1.0, 1.0, 1.5, 1.5):
        model.at(level)
    stats = only(model)
    assert [(d.step, d.reused, d.reason) for d in stats.decisions[""]] == [
        (0, False, Reason.WARMUP),
        (1, False, Reason.WARMUP),
        (2, True, Reason.BELOW),
        (3, False, Reason.ABOVE),
        (4, True, Reason.BELOW),
    ]
    assert [d.change for d in stats.decisions[""]] == [None, None, 0.0, 0.5, 0.0]
    assert [d.threshold for d in stats.decisions[""]] == [None, None, 0.08, 0.08, 0.08]
    assert stats.cached_steps == [2, 4]
    assert stats.residual_diffs == {2: 0.0, 3: 0.5, 4: 0.0}


def test_counts_run_on_over_requests_and_refreshes_but_not_over_disabling() -> None:
    model = GainTransformer()
    adapter = model.adapter(has_separate_cfg=True)
    config = DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=2, num_inference_steps=4)
    enable_cache(adapter, config)
    for request in range(1, 4):
        for _ in range(4):
            model.at(1.0)
            model.at(2.0)
        stats = only(model)
        assert stats.accumulated_cached_steps == 2 * request
        assert stats.cfg_accumulated_cached_steps == 2 * request
        assert stats.accumulated_executed_steps == 4 * request
        assert stats.accumulated_transformer_executed_steps == 8 * request
        if request == 1:
            refresh_context(model, num_inference_steps=4)
            assert only(model).accumulated_cached_steps == 2
    disable_cache(model)
    enable_cache(adapter, config)
    assert only(model).accumulated_executed_steps == 0


def test_what_a_transformer_is_asked_about_is_its_own() -> None:
    class TwoModels(nn.Module):
        """A pipeline that is a module itself."""

        def __init__(self) -> None:
            super().__init__()
            self.transformer, self.other = ThreeLists(), ThreeLists()

    pipe = TwoModels()
    enable_cache(
        BlockAdapter(
            pipe=pipe,
            transformer=[pipe.transformer, pipe.other],
            blocks=[[pipe.transformer.a, pipe.transformer.b], pipe.other.a],
            forward_pattern=ForwardPattern.Pattern_3,
        ),
        CONFIG,
    )
    targets = (pipe, pipe.transformer, pipe.other)
    names = [[each.name for each in summary(target, logging=False)] for target in targets]
    assert names == [["a", "b", "a"], ["a", "b"], ["a"]]


def test_it_prints_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    model = GainTransformer()
    assert summary(model) == []
    assert "nothing is cached here" in capsys.readouterr().out
    enable_cache(model.adapter(), DBCacheConfig(Fn_compute_blocks=1, num_inference_steps=6))
    summary(model)
    assert "blocks" in capsys.readouterr().out
    for _ in range(6):
        model.at(1.0)
    summary(model)
    brief = capsys.readouterr().out
    assert "4 of 6 (67%)" in brief
    assert "Default max_warmup_steps lowered" in " ".join(brief.split())
    assert "warm-up" not in brief.replace("max_warmup", "")
    summary(model, details=True)
    assert str(Reason.BELOW) in " ".join(capsys.readouterr().out.split())
    summary(model, logging=False)
    assert capsys.readouterr().out == ""


def test_it_works_on_a_compiled_model() -> None:
    model = GainTransformer()
    compiled = torch.compile(model, backend="eager")
    enable_cache(compiled.adapter(), CONFIG)
    with torch.no_grad():
        for _ in range(3):
            compiled(torch.ones(1, 3, 4, dtype=torch.float64))
    assert only(compiled).cached_steps == only(model).cached_steps == [2]
    disable_cache(compiled)
    assert summary(model, logging=False) == []


def test_tags_come_from_whatever_says_them() -> None:
    model = GainTransformer()
    assert strify(model) == "NONE"
    enable_cache(model.adapter(), CONFIG)
    tag = "DBCache_F1B0_W2I1M0MC0_R0.08_NONE"
    for target in (model, summary(model, logging=False), only(model)):
        assert strify(target) == tag
    assert strify(CONFIG) == "DBCache_F1B0_W2I1M0MC0_R0.08"
    assert strify(CalibratorConfig()) == "NONE"


def test_lists_that_agree_share_a_tag_and_others_are_joined() -> None:
    model = ThreeLists()
    adapter = BlockAdapter(
        transformer=model, blocks_name=["a", "b"], forward_pattern=ForwardPattern.Pattern_3
    )
    enable_cache(adapter, CONFIG)
    assert strify(model) == "DBCache_F1B0_W2I1M0MC0_R0.08_NONE"
    own = ParamsModifier(cache_config=DBCacheConfig().reset(residual_diff_threshold=0.2))
    enable_cache(adapter, CONFIG, params_modifiers=[None, own])
    assert strify(model) == ("DBCache_F1B0_W2I1M0MC0_R0.08_NONE_DBCache_F1B0_W2I1M0MC0_R0.2_NONE")
