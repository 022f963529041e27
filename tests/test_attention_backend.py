"""The kernel of a model's attention is that model's own, and leaves no trace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from diffusers.models import attention_dispatch
from torch import nn

import cache_dit
from cache_dit import DBCacheConfig, ParallelismConfig
from cache_dit.verify import zoo
from cache_dit.verify.outputs import difference
from cache_dit.verify.traces import differences, traces

WAN, FLUX, SD3 = "WanTransformer3DModel", "FluxTransformer2DModel", "SD3Transformer2DModel"
Registry: Any = attention_dispatch._AttentionBackendRegistry
MADE_UP = attention_dispatch.AttentionBackendName._NATIVE_MATH


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[torch.Size]:
    """A kernel in place of "_native_math" that notes what it is called with."""
    noted: list[torch.Size] = []

    def kernel(query: Any, key: Any, value: Any, attn_mask: Any = None, scale: Any = None) -> Any:
        noted.append(query.shape)
        return Registry._backends["native"](query, key, value, attn_mask, scale=scale)

    monkeypatch.setitem(Registry._backends, MADE_UP, kernel)
    names = {"query", "key", "value", "attn_mask", "scale"}
    monkeypatch.setitem(Registry._supported_arg_names, MADE_UP, names)
    return noted


def call(model: nn.Module, name: str) -> list[torch.Tensor]:
    with torch.no_grad():
        return zoo.tensors(model(**zoo.get(name).inputs()))


WAYS: dict[str, Callable[[Any], Any]] = {
    "set_attn_backend": lambda model: cache_dit.set_attn_backend(model, "_native_math"),
    "enable_cache": lambda model: cache_dit.enable_cache(model, attention_backend="_native_math"),
    "parallelism_config": lambda model: cache_dit.enable_cache(
        model, parallelism_config=ParallelismConfig(attention_backend="_native_math")
    ),
    "with a cache": lambda model: cache_dit.enable_cache(
        model, DBCacheConfig(Fn_compute_blocks=1), attention_backend="_native_math"
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", [WAN, FLUX])
def test_the_kernel_is_reached_and_given_back(way: str, name: str, calls: list[Any]) -> None:
    model, other = zoo.get(name).build(), zoo.get(name).build()
    expected, before = call(model, name), traces(model)
    active = Registry.get_active_backend()
    assert WAYS[way](model) is model
    assert difference(call(model, name), expected) < 1e-6
    assert calls
    calls.clear()
    call(other, name)
    assert not calls, "another model has its own kernel"
    assert Registry.get_active_backend() == active
    cache_dit.disable_cache(model)
    call(model, name)
    assert not calls
    assert differences(before, traces(model)) == set()
    processors = [vars(each.processor) for each in model.modules() if hasattr(each, "processor")]
    assert processors and not any("_attention_backend" in each for each in processors)


def test_only_a_backend_means_no_cache() -> None:
    model = zoo.get(WAN).build()
    cache_dit.enable_cache(model, attention_backend="native")
    assert cache_dit.summary(model, logging=False) == []


def test_what_the_user_chose_before_comes_back(calls: list[Any]) -> None:
    model = zoo.get(WAN).build()
    processor = model.blocks[0].attn1.processor
    processor._attention_backend = attention_dispatch.AttentionBackendName.FLEX
    cache_dit.set_attn_backend(model, "native")
    cache_dit.set_attn_backend(model, "_native_math")
    call(model, WAN)
    assert calls
    cache_dit.disable_cache(model)
    assert processor._attention_backend == "flex"


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile:UserWarning")
def test_flex_attention_gives_what_torch_gives() -> None:
    model = zoo.get(WAN).build()
    expected = call(model, WAN)
    cache_dit.set_attn_backend(model, "flex")
    assert difference(call(model, WAN), expected) < 1e-5


@pytest.mark.parametrize(
    ("name", "backend", "message"),
    [
        (WAN, "flashy", r"no attention backend 'flashy'\. Closest: flash, .* These .* native"),
        (WAN, "flash", r"'flash' cannot be used here\. .*flash-attn.* These can be: native, flex"),
        (SD3, "flex", r"SD3Transformer2DModel calls torch's attention itself .* Leave it out"),
    ],
)
def test_a_backend_that_cannot_be_used_is_refused(name: str, backend: str, message: str) -> None:
    model = zoo.get(name).build()
    before = traces(model)
    for enable in (cache_dit.set_attn_backend, _enable):
        with pytest.raises(ValueError, match=message):
            enable(model, backend)
    assert differences(before, traces(model)) == set()
    assert cache_dit.summary(model, logging=False) == []


def _enable(model: nn.Module, backend: str) -> None:
    cache_dit.enable_cache(model, DBCacheConfig(Fn_compute_blocks=1), attention_backend=backend)


def test_two_different_backends_are_a_mistake() -> None:
    config = ParallelismConfig(attention_backend="flex")
    with pytest.raises(ValueError, match="'native', but the parallelism_config says 'flex'"):
        cache_dit.enable_cache(
            zoo.get(WAN).build(), parallelism_config=config, attention_backend="native"
        )
