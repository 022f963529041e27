"""Pipelines with an IP-Adapter, as users load it, on one process and on ranks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from diffusers.models.attention_processor import SD3IPAdapterJointAttnProcessor2_0
from diffusers.models.embeddings import IPAdapterTimeImageProjection
from torch import nn

import cache_dit
from cache_dit import ParallelismConfig
from cache_dit.verify import pipelines
from cache_dit.verify.outputs import difference
from cache_dit.verify.traces import differences, traces
from tests.pipelines.adapter_jobs import CACHE, STEPS

FLUX, SD3 = "FluxPipeline/prompt", "StableDiffusion3Pipeline"
SEEN = 10
"""Width of what is seen of a picture."""

Draw = Callable[..., torch.Tensor]


def build(name: str) -> Any:
    """The pipeline, in double precision."""
    return pipelines.get(name).build().to(torch.float64)


def run(name: str, pipe: Any, **more: Any) -> list[torch.Tensor]:
    """What comes out of one call of the pipeline, in double precision."""
    entry = pipelines.get(name)
    given = entry.arguments(STEPS).items()
    double = {key: value.double() for key, value in given if isinstance(value, torch.Tensor)}
    return entry.run(pipe, STEPS, **double, **more)


def load(name: str, pipe: Any) -> dict[str, Any]:
    """Load a random IP-Adapter; gives the arguments of a call that go with it."""
    source = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return 0.3 * torch.randn(*shape, generator=source, dtype=torch.float64)

    make, where = {
        FLUX: (_of_flux, {"image_encoder_pretrained_model_name_or_path": None}),
        SD3: (_of_sd3, {"image_encoder_folder": None}),
    }[name]
    projection, layers, call = make(pipe.transformer, draw)
    pipe.load_ip_adapter({"image_proj": projection, "ip_adapter": layers}, weight_name="", **where)
    return call


def _of_flux(model: Any, draw: Draw) -> tuple[Any, Any, dict[str, Any]]:
    text, width = model.config.joint_attention_dim, model.inner_dim
    projection = {
        "proj.weight": draw(4 * text, SEEN),  # four tokens for a picture
        "proj.bias": draw(4 * text),
        "norm.weight": draw(text),
        "norm.bias": draw(text),
    }
    layers = {
        f"{place}.{name}.{kind}": draw(width, text) if kind == "weight" else draw(width)
        for place in range(len(model.transformer_blocks))
        for name in ("to_k_ip", "to_v_ip")
        for kind in ("weight", "bias")
    }
    embeds = [draw(1, 1, SEEN)]
    return (
        projection,
        layers,
        {
            "ip_adapter_image_embeds": embeds,
            "negative_ip_adapter_image_embeds": embeds,
        },
    )


def _of_sd3(model: Any, draw: Draw) -> tuple[Any, Any, dict[str, Any]]:
    width, inner = model.inner_dim, 64
    projection = IPAdapterTimeImageProjection(
        SEEN, width, inner, heads=1, num_queries=5, timestep_in_dim=8
    )
    layer = SD3IPAdapterJointAttnProcessor2_0(
        width, width, model.config.attention_head_dim, timesteps_emb_dim=inner
    )
    layers = {
        f"{place}.{name}": value
        for place in range(len(model.attn_processors))
        for name, value in _drawn(layer, draw).items()
    }
    embeds = draw(2, 3, SEEN)  # without and with guidance
    return _drawn(projection, draw), layers, {"ip_adapter_image_embeds": embeds}


def _drawn(module: nn.Module, draw: Draw) -> dict[str, torch.Tensor]:
    return {name: draw(*value.shape) for name, value in module.state_dict().items()}


def over_ranks(name: str, config: dict[str, Any], loaded_first: bool) -> tuple[float, float]:
    """(error against one process with the same cache, effect of the IP-Adapter)."""
    pipe = build(name)
    cache_dit.enable_cache(pipe, CACHE)
    plain = run(name, pipe)
    call = load(name, pipe)
    alone = run(name, pipe, **call)
    cache_dit.disable_cache(pipe)
    if not loaded_first:
        pipe.unload_ip_adapter()
    cache_dit.enable_cache(pipe, CACHE, parallelism_config=ParallelismConfig(**config))
    if not loaded_first:
        load(name, pipe)
    error = difference(run(name, pipe, **call), alone)
    cache_dit.disable_cache(pipe)
    return error, difference(plain, alone)


def over_width(name: str) -> tuple[str, bool]:
    """(what is said about an IP-Adapter over the width, whether the model is untouched)."""
    pipe = build(name)
    load(name, pipe)
    before = traces(pipe.transformer)
    try:
        cache_dit.enable_cache(pipe, parallelism_config=ParallelismConfig(tp_size=2))
    except ValueError as error:
        return str(error), not differences(before, traces(pipe.transformer))
    return "", False
