"""`check_cache` passes what is right, finds what is wrong, and says what to change."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch

import cache_dit
from cache_dit import BlockAdapter, BlockAdapterRegister, ForwardPattern
from cache_dit.caching.denoiser import Denoiser
from cache_dit.caching.region import Region
from cache_dit.caching.state import History
from cache_dit.verify import Finding, Report, cache_properties, check_cache
from tests.verify.toys import (
    Filling,
    Kept,
    PastTheStreams,
    TakingTurns,
    Transformer,
    adapter,
    built,
    inputs,
)

P = ForwardPattern


def failing(report: Report) -> set[str]:
    """Names of the properties that do not hold, without the settings."""
    names = ("denoised stream", "reuse", "never reuse", "other inputs", "prefill", "disable")
    return {name for name in names for each in report.failures if each.setting.startswith(name)}


def test_a_right_adapter_passes() -> None:
    model = built()
    report = check_cache(adapter(model), inputs)
    assert report.ok is True, report
    assert report.max_rel_error is not None and 0 < report.max_rel_error < 1e-14
    assert len(report.findings) > 12 and report.reason == ""
    assert type(model) is Transformer
    assert report.details["blocks"] == {"layers": "Pattern_1", "single_layers": "Pattern_2"}
    assert re.fullmatch(
        r"Transformer: cache passes \(\d+ checks, worst relative error .*\)", str(report)
    )


def test_every_setting_passes() -> None:
    report = check_cache(adapter(built(joint=2, single=2)), inputs, every_setting=True)
    assert report.ok is True, report
    spans = {re.search(r"F\d+B\d+", each.setting) for each in report.findings}
    assert {span.group() for span in spans if span} == {
        f"F{front}B{behind}" for front in range(1, 5) for behind in range(5 - front)
    } | {"F2B2", "F3B0", "F1B2", "F2B1", "F1B3"}


def test_a_row_has_the_fields_of_all_axes() -> None:
    row = check_cache(adapter(built()), inputs, name="mine").as_row()
    assert row["model"] == "mine" and row["axis"] == "cache" and row["ok"] is True
    assert list(row) == [
        "model",
        "axis",
        "ok",
        "max_rel_error",
        "setting",
        "reason",
        "failures",
        "seconds",
        "details",
    ]


def test_a_row_names_all_that_fails() -> None:
    findings = [Finding("reuse", 0.1, "off."), Finding("disable"), Finding("prefill", None, "no.")]
    row = Report("mine", "cache", findings).as_row()
    assert row["failures"] == ["reuse: off.", "prefill: no."]


def test_an_infinite_error_is_no_number_in_a_row() -> None:
    row = Report("mine", "cache", [Finding("reuse", math.inf, "off.")]).as_row()
    assert row["max_rel_error"] is None and row["reason"] == "reuse: off."


def test_a_transformer_that_nobody_registered_is_checked_as_it_is_found() -> None:
    report = check_cache(built(), inputs)
    assert report.ok is True, report
    assert list(report.details["blocks"]) == ["layers", "single_layers"]


def test_a_new_model_needs_one_adapter_function_and_nothing_else() -> None:
    class Seventy1Transformer(Transformer):
        pass

    @BlockAdapterRegister.register("Seventy1")
    def seventy1_adapter(pipe: Any, **kwargs: Any) -> BlockAdapter:
        """The 71st model."""
        return adapter(pipe.transformer, pipe=pipe, **kwargs)

    try:
        model = built(Seventy1Transformer)
        report = check_cache(model, inputs)
        assert report.ok is True, report
        cache_dit.enable_cache(model, cache_dit.DBCacheConfig(max_warmup_steps=2))
        for _ in range(4):
            model(**inputs(0, 0))
        assert cache_dit.summary(model, logging=False)[0].cached_steps == [2, 3]
        cache_dit.disable_cache(model)
    finally:
        BlockAdapterRegister.unregister("Seventy1")


# Wrong adapters


def test_a_pattern_with_another_number_of_outputs_is_named_with_those_that_fit() -> None:
    wrong = adapter(built(), forward_pattern=[P.Pattern_2, P.Pattern_2])
    report = check_cache(wrong, inputs)
    assert report.ok is False
    assert (
        "Block list 'layers' returns two tensors; Pattern_2 expects one tensor: "
        "use one of Pattern_0, Pattern_1, Pattern_4, Pattern_5." in report.reason
    )
    assert "With Pattern_1 for 'layers' reuse is exact" in report.reason


def test_exchanged_streams_are_noticed_although_reuse_is_exact() -> None:
    report = check_cache(adapter(built(), forward_pattern=[P.Pattern_0, P.Pattern_2]), inputs)
    assert "denoised stream" in failing(report)
    assert "With Pattern_1 for 'layers' reuse is exact" in report.reason


def test_lists_in_a_wrong_order_are_put_right() -> None:
    wrong = adapter(
        built(),
        blocks_name=["single_layers", "layers"],
        forward_pattern=[P.Pattern_2, P.Pattern_1],
    )
    report = check_cache(wrong, inputs)
    assert "reuse" in failing(report)
    assert "in the order in which they run (layers, single_layers)" in report.reason


def test_lists_that_take_turns_are_recognised() -> None:
    model = built(TakingTurns)
    report = check_cache(adapter(model, forward_pattern=P.Pattern_2), inputs)
    assert report.ok is False and "With interleaved=True reuse is exact" in report.reason
    right = adapter(model, forward_pattern=P.Pattern_2, chained=False, interleaved=True)
    assert check_cache(right, inputs).ok is True


def test_what_reaches_the_end_past_the_streams_is_noticed() -> None:
    alone = {"blocks_name": "layers", "forward_pattern": P.Pattern_1}
    report = check_cache(adapter(built(PastTheStreams), **alone), inputs)
    assert failing(report) == {"reuse"}
    assert report.max_rel_error is not None and report.max_rel_error > 1e-3
    assert "No other pattern, order or grouping" in report.reason


def test_a_list_that_is_never_called_is_named() -> None:
    model = built(PastTheStreams)  # which does not call its single layers
    report = check_cache(adapter(model), inputs)
    assert "No block of 'single_layers' is called with these inputs" in report.reason


def test_a_call_that_fills_a_cache_must_compute() -> None:
    model = built(Filling)

    def prefill(seed: int) -> dict[str, Any]:
        kept = Kept()
        model(**inputs(0, seed), kept=kept, fills=True)
        return {"kept": kept}

    alone = {"blocks_name": "layers", "forward_pattern": P.Pattern_1}
    report = check_cache(adapter(model, **alone), inputs, prefill=prefill)
    assert "prefill" in failing(report) and "compute_when" in report.reason
    right = adapter(model, **alone, compute_when=lambda arguments: bool(arguments.get("fills")))
    assert check_cache(right, inputs, prefill=prefill).ok is True


# A wrong engine


PREDICT, BEGIN_RUN = History.predict, Denoiser.begin_run


def a_little_more(history: History, step: int, entering: Any) -> Any:
    return PREDICT(history, step, entering) * (1 + 1e-9)


def begun_once(denoiser: Denoiser) -> None:
    if not hasattr(denoiser, "clock"):
        BEGIN_RUN(denoiser)


@pytest.mark.parametrize(
    ("where", "name", "wrong", "found"),
    [
        (History, "predict", a_little_more, {"reuse"}),
        (Region, "ready", lambda self, streams: False, {"reuse", "other inputs"}),
        (Denoiser, "_place", lambda self, bound: "", {"reuse"}),
        (Denoiser, "begin_run", begun_once, {"other inputs"}),
        (cache_properties, "disable_cache", lambda target: None, {"disable"}),
        (cache_properties, "summary", lambda target, logging: [], {"reuse"}),
    ],
    ids=["prediction", "never reuses", "one branch", "endless run", "left on", "no statistics"],
)
def test_a_mistake_of_the_engine_is_found(
    monkeypatch: pytest.MonkeyPatch, where: Any, name: str, wrong: Any, found: set[str]
) -> None:
    model = built()
    monkeypatch.setattr(where, name, wrong)
    report = check_cache(adapter(model), inputs)
    monkeypatch.undo()
    cache_dit.disable_cache(model)
    assert found <= failing(report)


# What cannot be checked


def test_a_model_that_cannot_show_mistakes_is_refused() -> None:
    model = built()

    def scaled(factor: Callable[[], Any]) -> Any:
        return lambda step, seed: {k: v * factor() for k, v in inputs(step, seed).items()}

    for wrong, message in [
        (lambda step, seed: inputs(0, seed), "the same for another step"),
        (lambda step, seed: inputs(step, 0), "the same for another seed"),
        (scaled(lambda: torch.rand(())), "two calls of the uncached model"),
        (scaled(lambda: torch.nan), "NaN or infinity"),
    ]:
        with pytest.raises(ValueError, match=message):
            check_cache(adapter(model), wrong)


def test_what_rounds_too_much_needs_a_tolerance() -> None:
    def narrow(step: int, seed: int) -> dict[str, torch.Tensor]:
        return {name: value.bfloat16() for name, value in inputs(step, seed).items()}

    model = built().bfloat16()
    with pytest.raises(ValueError, match=r"in torch.bfloat16, in which rounding hides mistakes"):
        check_cache(adapter(model), narrow)
    assert check_cache(adapter(model), narrow, tolerance=0.1).ok is True


def test_a_model_that_is_cached_already_is_refused() -> None:
    model = built()
    cache_dit.enable_cache(adapter(model))
    with pytest.raises(ValueError, match="Call disable_cache first"):
        check_cache(adapter(model), inputs)
    cache_dit.disable_cache(model)


def test_two_transformers_are_refused() -> None:
    both = BlockAdapter(
        transformer=[built(), built()],
        blocks_name=["layers", "layers"],
        forward_pattern=[P.Pattern_1, P.Pattern_1],
    )
    with pytest.raises(ValueError, match=r"has 2 transformers\. Check them one by one"):
        check_cache(both, inputs)
