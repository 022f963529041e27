"""Scripts in the style of those who call this package: servers, node editors, documentation.

Each is written the way such a caller writes it, with a small model in the place of a large one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import cache_dit
from cache_dit import (
    BlockAdapter,
    BlockAdapterRegister,
    DBCacheConfig,
    ForwardPattern,
    ParamsModifier,
    TaylorSeerCalibratorConfig,
)
from cache_dit.caching.block_adapters import FakeDiffusionPipeline
from cache_dit.verify import zoo
from tests.caching.toys import GainTransformer

FLUX = zoo.get("FluxTransformer2DModel")
WAN = zoo.get("WanTransformer3DModel")


class FluxPipeline:
    """Called as diffusers' own, with a tiny transformer; runs no text encoder and no VAE."""

    def __init__(self) -> None:
        self.transformer = FLUX.build()

    def __call__(self, prompt: str, num_inference_steps: int = 28) -> torch.Tensor:
        self._num_timesteps = num_inference_steps
        for step in range(num_inference_steps):
            sample = self.transformer(**FLUX.step_inputs(28 * step / num_inference_steps)).sample
        return sample


class WanPipeline:
    """Two transformers, for high and low noise, each called with and without the condition."""

    def __init__(self) -> None:
        self.transformer, self.transformer_2 = WAN.build(), WAN.build(seed=1)

    def __call__(self, num_inference_steps: int = 20, boundary: float = 0.5) -> None:
        self._num_timesteps = num_inference_steps
        for step in range(num_inference_steps):
            low = step >= boundary * num_inference_steps
            model = self.transformer_2 if low else self.transformer
            inputs = WAN.step_inputs(28 * step / num_inference_steps)
            for name in ("cond", "uncond"):
                with model.cache_context(name):
                    model(**inputs)


def test_documentation_one_line_and_a_summary() -> None:
    pipe = FluxPipeline()
    cache_dit.enable_cache(pipe)
    pipe("A cat holding a sign that says hello world", num_inference_steps=28)
    (stats,) = cache_dit.summary(pipe, details=True)
    assert stats.accumulated_executed_steps == 28
    assert isinstance(stats.cached_steps, list)
    cache_dit.disable_cache(pipe)
    assert cache_dit.strify(pipe) == "NONE"


def test_documentation_configs_and_the_file_name_of_a_picture(tmp_path: Path) -> None:
    pipe = FluxPipeline()
    cache_dit.enable_cache(
        pipe,
        cache_config=DBCacheConfig(
            max_warmup_steps=8,
            max_cached_steps=-1,
            max_continuous_cached_steps=-1,
            Fn_compute_blocks=1,
            Bn_compute_blocks=1,
            residual_diff_threshold=0.12,
        ),
        calibrator_config=TaylorSeerCalibratorConfig(taylorseer_order=1),
    )
    stats = cache_dit.summary(pipe, logging=False)
    path = tmp_path / f"flux.{cache_dit.strify(stats)}.png"
    path.touch()
    assert path.name == "flux.DBCache_F1B1_W8I1M0MC0_R0.12_TaylorSeer_O1.png"


def test_documentation_a_custom_model_with_a_fake_pipeline() -> None:
    transformer = FLUX.build()
    assert not BlockAdapterRegister.is_supported(GainTransformer())
    cache_dit.enable_cache(
        BlockAdapter(
            pipe=FakeDiffusionPipeline(transformer),
            transformer=transformer,
            blocks=[transformer.transformer_blocks, transformer.single_transformer_blocks],
            forward_pattern=[ForwardPattern.Pattern_1, ForwardPattern.Pattern_1],
            check_forward_pattern=True,
            check_num_outputs=False,
        ),
        cache_config=DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=2),
    )
    for _ in range(4):
        transformer(**FLUX.inputs())
    assert [s.cached_steps for s in cache_dit.summary(transformer, logging=False)] == [[2, 3]] * 2


def test_documentation_automatic_adapter() -> None:
    model = GainTransformer()
    cache_dit.enable_cache(
        BlockAdapter(pipe=FakeDiffusionPipeline(model), auto=True),
        cache_config=DBCacheConfig(Fn_compute_blocks=1, max_warmup_steps=1),
    )
    assert [model.at(1.0)[1] for _ in range(2)] == [[0, 1, 2, 3], [0]]


def test_server_refreshes_the_transformer_for_every_request() -> None:
    """SGLang, vLLM-Omni, TensorRT-LLM: no pipeline, the length of every request is announced."""
    transformer = FLUX.build()
    config = DBCacheConfig(
        Fn_compute_blocks=1,
        Bn_compute_blocks=0,
        max_warmup_steps=4,
        residual_diff_threshold=0.24,
        max_continuous_cached_steps=3,
        num_inference_steps=None,
    )
    cache_dit.enable_cache(transformer, cache_config=config, calibrator_config=None)
    for steps in (8, 2, 28, 8):
        if steps < 8:
            cache_dit.refresh_context(transformer, num_inference_steps=steps, verbose=True)
        else:
            cache_dit.refresh_context(
                transformer,
                cache_config=DBCacheConfig().reset(
                    num_inference_steps=steps,
                    steps_computation_mask=cache_dit.steps_mask(
                        mask_policy="medium", total_steps=steps
                    ),
                    steps_computation_policy="static",
                ),
                verbose=True,
            )
        for _ in range(steps):
            transformer(**FLUX.inputs())
        (stats,) = cache_dit.summary(transformer, logging=False)
        mask = cache_dit.steps_mask(mask_policy="medium", total_steps=steps)
        expected = [i for i, one in enumerate(mask) if not one and i >= 4 and steps >= 8]
        assert stats.cached_steps == expected
        assert stats.cache_options["num_inference_steps"] == steps


@pytest.mark.parametrize("pipe", [None, FakeDiffusionPipeline()])
def test_server_with_an_adapter_of_its_own(pipe: Any) -> None:
    transformer = FLUX.build()
    adapter = BlockAdapter(
        pipe=pipe,
        transformer=transformer,
        blocks=[transformer.transformer_blocks, transformer.single_transformer_blocks],
        forward_pattern=[ForwardPattern.Pattern_1, ForwardPattern.Pattern_1],
        has_separate_cfg=False,
        check_forward_pattern=False,
        params_modifiers=[
            ParamsModifier(),
            ParamsModifier(cache_config=DBCacheConfig().reset(residual_diff_threshold=0.1)),
        ],
    )
    cache_dit.enable_cache(
        adapter, cache_config=DBCacheConfig(Fn_compute_blocks=1, num_inference_steps=8)
    )
    cache_dit.refresh_context(transformer, num_inference_steps=8, verbose=False)
    for _ in range(8):
        transformer(**FLUX.inputs())
    stats = cache_dit.summary(transformer, details=False, logging=False)
    assert [each.cached_steps for each in stats] == [[2, 3, 4, 5, 6, 7]] * 2
    assert [each.cache_options["residual_diff_threshold"] for each in stats] == [0.08, 0.1]
    cache_dit.disable_cache(transformer)
    assert type(transformer) is FLUX.model_class


def test_server_two_transformers_with_settings_of_their_own() -> None:
    """Wan 2.2: each transformer has its own warm-up, and its share of the steps."""
    pipe = WanPipeline()
    adapter = BlockAdapter(
        transformer=[pipe.transformer, pipe.transformer_2],
        blocks=[pipe.transformer.blocks, pipe.transformer_2.blocks],
        forward_pattern=[ForwardPattern.Pattern_2, ForwardPattern.Pattern_2],
        params_modifiers=[
            ParamsModifier(
                cache_config=DBCacheConfig().reset(max_warmup_steps=4, max_cached_steps=8)
            ),
            ParamsModifier(
                cache_config=DBCacheConfig().reset(max_warmup_steps=2, max_cached_steps=20)
            ),
        ],
        has_separate_cfg=True,
    )
    cache_dit.enable_cache(
        adapter, cache_config=DBCacheConfig(Fn_compute_blocks=1, residual_diff_threshold=1.0)
    )
    for steps in (20, 12):
        cache_dit.refresh_context(pipe.transformer, num_inference_steps=steps // 2)
        cache_dit.refresh_context(pipe.transformer_2, num_inference_steps=steps - steps // 2)
        pipe(steps)
        high, low = cache_dit.summary(adapter, logging=False)
        assert high.cached_steps == high.cfg_cached_steps == list(range(4, steps // 2))
        assert low.cached_steps == low.cfg_cached_steps == list(range(2, steps // 2))


def test_server_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "cache.yaml"
    file.write_text(
        "cache_config:\n  max_warmup_steps: 4\n  Fn_compute_blocks: 1\n"
        "  residual_diff_threshold: 0.12\n  enable_taylorseer: true\n  taylorseer_order: 1\n"
    )
    pipe = FluxPipeline()
    pipe = cache_dit.enable_cache(pipe, **cache_dit.load_configs(str(file)))
    assert cache_dit.strify(pipe) == "DBCache_F1B0_W4I1M0MC0_R0.12_TaylorSeer_O1"
    flat = {"max_warmup_steps": 4, "Fn_compute_blocks": 1}
    cache_dit.enable_cache(pipe, **cache_dit.load_options(flat))
    assert cache_dit.strify(pipe) == "DBCache_F1B0_W4I1M0MC0_R0.08_NONE"


def test_web_ui_with_options_as_flat_keywords() -> None:
    """SD.Next and old documentation: a dictionary of options, spread over the call."""
    cache_options = {
        "cache_type": cache_dit.DBCache,
        "warmup_interval": 1,
        "max_warmup_steps": 2,
        "max_cached_steps": -1,
        "Fn_compute_blocks": 1,
        "Bn_compute_blocks": 0,
        "residual_diff_threshold": 0.12,
        "enable_taylorseer": True,
        "enable_encoder_taylorseer": True,
        "taylorseer_cache_type": "residual",
        "taylorseer_order": 2,
    }
    pipe = FluxPipeline()
    assert cache_dit.BlockAdapterRegister.is_supported(pipe)
    with pytest.warns(DeprecationWarning):
        cache_dit.enable_cache(pipe, **cache_options)
    pipe("A cat", num_inference_steps=6)
    assert cache_dit.strify(pipe) == "DBCache_F1B0_W2I1M0MC0_R0.12_TaylorSeer_O2"
    cache_dit.disable_cache(pipe)


def test_web_ui_asks_first_and_lets_unknown_models_be() -> None:
    class Unsupported(nn.Module):
        pass

    pipe = type("OddPipeline", (), {"transformer": Unsupported()})()
    assert not BlockAdapterRegister.is_supported(pipe)
    assert not BlockAdapterRegister.has_separate_cfg(pipe)
    count, names = cache_dit.supported_pipelines()
    assert count == len(names)


def test_node_editor_wraps_a_model_and_toggles_per_prompt() -> None:
    """ComfyUI nodes: a bare diffusion model, enabled and disabled again for every prompt."""
    model = FLUX.build()
    inputs = FLUX.inputs()
    expected = model(**inputs).sample
    for steps, mask in ((8, "fast"), (20, "ultra"), (4, "medium")):
        cache_dit.enable_cache(
            BlockAdapter(
                pipe=None,
                transformer=model,
                blocks=[model.transformer_blocks, model.single_transformer_blocks],
                blocks_name=["transformer_blocks", "single_transformer_blocks"],
                forward_pattern=[ForwardPattern.Pattern_1, ForwardPattern.Pattern_1],
            ),
            cache_config=DBCacheConfig(
                Fn_compute_blocks=1,
                max_warmup_steps=0,
                num_inference_steps=steps,
                steps_computation_mask=cache_dit.steps_mask(total_steps=steps, mask_policy=mask),
                steps_computation_policy="static",
            ),
        )
        for _ in range(steps):
            assert torch.allclose(model(**inputs).sample, expected, atol=1e-5)
        for stats in cache_dit.summary(model, logging=False):
            assert len(stats.cached_steps) == steps - sum(
                stats.cache_options["steps_computation_mask"]
            )
        cache_dit.disable_cache(model)
        assert torch.equal(model(**inputs).sample, expected)
