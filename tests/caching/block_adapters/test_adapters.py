"""Every denoiser of diffusers, and every pipeline with one, finds the adapter that is for it."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import cache_dit
from cache_dit import BlockAdapter, BlockAdapterRegister, DBCacheConfig, TaylorSeerCalibratorConfig
from cache_dit.caching.policy import Reason
from cache_dit.verify import zoo
from tests.installed import installed

DENOISERS = sorted({zoo.get(name).class_name for name in zoo.names()})
INSTALLED = [name for name in DENOISERS if zoo.get(name).available]
KEY_VALUE_CACHES = [name for name in zoo.names() if zoo.get(name).prefill is not None]
FACTS = ("blocks_name", "forward_pattern", "chained", "interleaved", "own_streams", "branch_on")


def model_called(name: str) -> nn.Module:
    """A model without anything in it, of a class with this name."""
    return type(name, (nn.Module,), {})()


def pipeline_called(name: str, **components: Any) -> Any:
    pipe = type(name, (), {"__call__": lambda self: None})()
    vars(pipe).update(components)
    return pipe


def modules(adapter: BlockAdapter) -> list[nn.Module]:
    found = adapter.transformer if adapter.transformer is not None else adapter.pipe.transformer
    return found if isinstance(found, list) else [found]


@cache
def pipelines() -> dict[str, dict[str, str]]:
    """Pipeline -> component -> denoiser class, as the source of the installed diffusers says."""
    spec = importlib.util.find_spec("diffusers")
    assert spec is not None and spec.submodule_search_locations is not None
    found: dict[str, dict[str, str]] = {}
    for file in sorted(Path(spec.submodule_search_locations[0], "pipelines").rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        if not any(name in text for name in DENOISERS):
            continue
        for node in ast.walk(ast.parse(text)):
            components = dict(denoisers_of(node)) if isinstance(node, ast.ClassDef) else {}
            if components:
                assert isinstance(node, ast.ClassDef)
                found[node.name] = components
    return found


def denoisers_of(pipeline: ast.ClassDef) -> list[tuple[str, str]]:
    """Arguments of ``__init__`` whose annotation names a denoiser."""
    functions = (node for node in pipeline.body if isinstance(node, ast.FunctionDef))
    arguments = [
        argument
        for function in functions
        if function.name == "__init__"
        for argument in (*function.args.args, *function.args.kwonlyargs)
        if argument.annotation is not None
    ]
    return [
        (argument.arg, name.id)
        for argument in arguments
        for name in ast.walk(argument.annotation)  # type: ignore[arg-type]
        if isinstance(name, ast.Name) and name.id in DENOISERS
    ]


def stand_in(name: str, classes: dict[str, str]) -> Any:
    """A pipeline with these components; a combined one has the pipeline of its prior as well."""
    components: dict[str, Any] = {key: model_called(value) for key, value in classes.items()}
    if "prior_prior" in components:
        prior = components["prior_prior"]
        components["prior_pipe"] = pipeline_called("KandinskyPriorPipeline", prior=prior)
    return pipeline_called(name, **components)


def test_every_pipeline_of_diffusers_resolves_as_its_transformer_does() -> None:
    wrong = []
    for name, classes in pipelines().items():
        pipe = stand_in(name, classes)
        adapter = BlockAdapterRegister.get_adapter(pipe)
        for key, cls in classes.items():
            alone = BlockAdapterRegister.get_adapter(model_called(cls))
            same = all(getattr(adapter, fact) == getattr(alone, fact) for fact in FACTS)
            if not (same and getattr(pipe, key) in modules(adapter)):
                wrong.append(f"{name}.{key}: {cls}")
    assert wrong == []
    assert {"FluxPipeline", "WanPipeline", "KandinskyPriorPipeline"} <= set(pipelines())


@pytest.mark.parametrize("name", DENOISERS)
def test_every_denoiser_resolves_and_its_unknown_successor_does_not(name: str) -> None:
    model = model_called(name)
    assert modules(BlockAdapterRegister.get_adapter(model)) == [model]
    derived = type("Mine", (type(model),), {})()
    assert modules(BlockAdapterRegister.get_adapter(derived)) == [derived]
    with pytest.raises(ValueError, match=f"{name}Next"):
        BlockAdapterRegister.get_adapter(model_called(f"{name}Next"))


@pytest.mark.parametrize("name", INSTALLED)
def test_an_adapter_names_the_block_lists_of_the_real_model(name: str) -> None:
    entry = zoo.get(name)
    model = entry.model_class(**entry.config)
    (found,) = BlockAdapterRegister.get_adapter(model).transformers()
    names = [each.name for each in found.lists]
    assert [each for each in names if each in entry.blocks] == list(entry.blocks)
    for each in found.lists:
        parts = model.get_submodule(each.name)
        assert len(each.blocks) == len(parts)  # type: ignore[arg-type]


def test_nothing_of_diffusers_is_imported() -> None:
    code = (
        "import sys; from cache_dit import supported_pipelines; "
        "assert supported_pipelines()[0] > 70; sys.exit('diffusers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_pipeline_without_a_transformer_is_refused() -> None:
    for name in ("FluxPriorReduxPipeline", "KandinskyPipeline", "LTXLatentUpsamplePipeline"):
        with pytest.raises(
            ValueError, match=r"no attribute 'transformer'|not one of PriorTransformer"
        ):
            BlockAdapterRegister.get_adapter(pipeline_called(name))


def test_both_transformers_of_a_pipeline_are_cached() -> None:
    high, low = (model_called("WanTransformer3DModel") for _ in range(2))
    both = pipeline_called("WanPipeline", transformer=high, transformer_2=low)
    assert modules(BlockAdapterRegister.get_adapter(both)) == [high, low]
    one = pipeline_called("WanPipeline", transformer=None, transformer_2=low)
    assert modules(BlockAdapterRegister.get_adapter(one)) == [low]
    other = model_called("CosmosTransformer3DModel")
    with pytest.raises(ValueError, match="CosmosTransformer3DModel"):
        mixed = pipeline_called("WanPipeline", transformer=high, transformer_2=other)
        BlockAdapterRegister.get_adapter(mixed)


def test_true_cfg_of_a_distilled_model_is_up_to_its_pipeline() -> None:
    model = model_called("FluxTransformer2DModel")
    assert not BlockAdapterRegister.has_separate_cfg(model)
    assert BlockAdapterRegister.has_separate_cfg(pipeline_called("FluxPipeline", transformer=model))


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("name", KEY_VALUE_CACHES)
def test_calls_that_fill_a_key_value_cache_compute_and_are_no_step(name: str) -> None:
    entry = zoo.get(installed(name))
    model = entry.build()
    with torch.no_grad():
        prepared = entry.prepare(model)
        plain = zoo.first_tensor(model(**{**entry.inputs(), **prepared}))
        config = DBCacheConfig(
            Fn_compute_blocks=1,
            max_warmup_steps=1,
            steps_computation_mask=[1, 0, 0],
            steps_computation_policy="static",
            enable_separate_cfg=False,
        )
        cache_dit.enable_cache(model, config, TaylorSeerCalibratorConfig())
        for _ in range(2):  # the second time, everything there is would be ready for reuse
            prepared = entry.prepare(model)
            (stats,) = cache_dit.summary(model, logging=False)
            assert {each.reason for each in stats.decisions["cache_write"]} == {Reason.CACHE_WRITE}
            cache_dit.refresh_context(model)
            cached = [zoo.first_tensor(model(**{**entry.inputs(), **prepared})) for _ in range(3)]
            for each in cached:
                torch.testing.assert_close(each, plain, rtol=1e-5, atol=1e-5)
            (stats,) = cache_dit.summary(model, logging=False)
            assert stats.cached_steps + stats.cfg_cached_steps == [1, 2]
