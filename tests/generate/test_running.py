"""What the options of `cache-dit generate` come to."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from cache_dit import DBCacheConfig, ParallelismConfig
from cache_dit.demo import load_demo_pipeline
from cache_dit.generate.running import compile_transformers, place, settings_of, without_cache

NONE = {"ulysses": None, "ring": None, "tp": None}


def pipeline(**components: Any) -> Any:
    return SimpleNamespace(components=components, **components)


def test_no_option_is_no_setting() -> None:
    assert settings_of(pipeline(), {}, False, NONE, False, False) == {}
    made = settings_of(pipeline(), {}, True, NONE, False, False)
    assert made == {"cache_config": DBCacheConfig()}
    assert without_cache(made) == {}


def test_options_go_over_the_file_and_name_what_the_pipeline_has() -> None:
    pipe = pipeline(
        text_encoder=nn.Linear(1, 1), text_encoder_2=nn.Linear(1, 1), vae=nn.Linear(1, 1)
    )
    file = {"parallelism_config": ParallelismConfig(ulysses_size=2, ring_size=2)}
    made = settings_of(pipe, file, False, {**NONE, "ulysses": 4}, True, True)
    spread = made["parallelism_config"]
    assert (spread.ulysses_size, spread.ring_size, spread.tp_size) == (4, 2, None)
    assert spread.extra_parallel_modules == ["text_encoder", "text_encoder_2", "vae"]
    assert without_cache(made) == made


def test_offloading_is_given_to_the_pipeline() -> None:
    calls = []
    pipe = SimpleNamespace(
        enable_model_cpu_offload=lambda **options: calls.append(options),
        enable_group_offload=lambda **options: calls.append(options),
    )
    device = torch.device("cuda", 1)
    place(pipe, device, "model")
    place(pipe, device, "group")
    assert calls == [{"device": device}, {"onload_device": device}]


def test_the_blocks_of_every_transformer_are_compiled() -> None:
    pipe = load_demo_pipeline()
    compile_transformers(pipe)
    blocks = [*pipe.transformer.transformer_blocks, *pipe.transformer.single_transformer_blocks]
    assert all(block._compiled_call_impl is not None for block in blocks)
