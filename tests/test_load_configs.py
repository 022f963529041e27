"""Settings from YAML: every section, and what is said about mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import cache_dit
from cache_dit import (
    DBCacheConfig,
    DBPruneConfig,
    ParallelismConfig,
    TaylorSeerCalibratorConfig,
    load_attn_backend_config,
    load_cache_config,
    load_configs,
    load_options,
    load_parallelism_config,
    load_quantize_config,
)

WHOLE = """
cache_config:
  Fn_compute_blocks: 2
  residual_diff_threshold: 0.12
  enable_taylorseer: true
  enable_encoder_taylorseer: true
  taylorseer_order: 2
  taylorseer_cache_type: hidden_states
  num_inference_steps: 28
  steps_computation_mask: fast
parallelism_config:
  ulysses_size: auto
  extra_parallel_modules: ["text_encoder", "vae"]
quantize_config: {quant_type: float8_per_row, exclude_layers: [embedder]}
attention_backend: native
"""


@pytest.fixture
def written(tmp_path: Path) -> Any:
    def write(text: str) -> Path:
        file = tmp_path / "settings.yaml"
        file.write_text(text)
        return file

    return write


def test_every_section_becomes_an_argument_of_enable_cache(written: Any) -> None:
    loaded = load_configs(written(WHOLE))
    assert loaded["cache_config"] == DBCacheConfig(
        Fn_compute_blocks=2,
        residual_diff_threshold=0.12,
        num_inference_steps=28,
        steps_computation_mask="fast",
    )
    assert loaded["calibrator_config"] == TaylorSeerCalibratorConfig(
        taylorseer_order=2, calibrator_cache_type="hidden_states"
    )
    assert loaded["parallelism_config"] == ParallelismConfig(
        ulysses_size="auto", extra_parallel_modules=["text_encoder", "vae"]
    )
    assert loaded["quantize_config"] == {
        "quant_type": "float8_per_row",
        "exclude_layers": ["embedder"],
    }
    assert loaded["attention_backend"] == "native"
    assert len(loaded) == 5


def test_a_path_may_be_a_string_and_a_dictionary_needs_no_file(written: Any) -> None:
    file = written(WHOLE)
    import yaml

    assert load_configs(str(file)) == load_configs(file) == load_configs(yaml.safe_load(WHOLE))


def test_the_dictionary_is_not_changed() -> None:
    source = {"cache_config": {"cache_type": "DBPrune", "enable_taylorseer": True}}
    load_configs(source)
    assert source == {"cache_config": {"cache_type": "DBPrune", "enable_taylorseer": True}}


def test_fields_without_a_section_are_those_of_the_cache() -> None:
    loaded = load_configs({"max_warmup_steps": 3, "steps_computation_mask": [1, 0]})
    assert loaded == {
        "cache_config": DBCacheConfig(max_warmup_steps=3, steps_computation_mask=[1, 0])
    }


def test_each_part_can_be_loaded_alone(written: Any) -> None:
    file = written(WHOLE)
    whole = load_configs(file)
    assert load_cache_config(file) == (whole["cache_config"], whole["calibrator_config"])
    assert load_parallelism_config(file) == whole["parallelism_config"]
    assert load_quantize_config(file) == whole["quantize_config"]
    assert load_attn_backend_config(file) == "native"
    only_cache = {"cache_config": {"max_warmup_steps": 3}}
    assert load_cache_config(only_cache) == (DBCacheConfig(max_warmup_steps=3), None)
    assert load_parallelism_config(only_cache) is None
    assert load_quantize_config(only_cache) is None
    assert load_attn_backend_config(only_cache) is None


def test_the_old_name_is_the_same_function() -> None:
    assert load_options is load_configs
    assert cache_dit.load_options is cache_dit.load_configs


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ({}, {}),
        (None, {}),
        ({"cache_type": "DBCache"}, {"cache_config": DBCacheConfig()}),
        ({"cache_type": "DBPrune"}, {"cache_config": DBPruneConfig()}),
        (
            {"non_prune_block_ids": [1, 2]},
            {"cache_config": DBPruneConfig(non_prune_block_ids=[1, 2])},
        ),
        (
            {"enable_taylorseer": True},
            {"calibrator_config": TaylorSeerCalibratorConfig(enable_encoder_calibrator=False)},
        ),
        ({"enable_taylorseer": False, "taylorseer_order": 2}, {}),
    ],
)
def test_only_what_is_spoken_about_is_returned(section: Any, expected: dict[str, Any]) -> None:
    assert load_configs({"cache_config": section}) == expected


NEAREST = "Nearest known key: "
KNOWN = "Known keys: "  # all of them, where none is like it


@pytest.mark.parametrize(
    ("text", "key", "known"),
    [
        ("cache_config: {max_warmup_step: 3}", "max_warmup_step", NEAREST + "'max_warmup_steps'"),
        ("cache_config: {taylor_order: 3}", "taylor_order", NEAREST + "'taylorseer_order'"),
        ("max_warmup_step: 3", "max_warmup_step", NEAREST + "'max_warmup_steps'"),
        ("cache_confg: {max_warmup_steps: 3}", "cache_confg", NEAREST + "'cache_config'"),
        (
            "cache_config: {}\nparalelism_config: {}",
            "paralelism_config",
            NEAREST + "'parallelism_config'",
        ),
        ("parallelism_config: {ulyses_size: 2}", "ulyses_size", NEAREST + "'ulysses_size'"),
        (
            "cache_config: {cache_type: DBCache, non_prune_block_ids: []}",
            "non_prune_block_ids",
            NEAREST,
        ),
        ("cache_config: {1: 2}", 1, KNOWN),
        ("1: 2", 1, KNOWN),
    ],
)
def test_an_unknown_key_is_an_error_naming_key_file_and_nearest_key(
    written: Any, text: str, key: Any, known: str
) -> None:
    file = written(text)
    with pytest.raises(ValueError) as caught:
        load_configs(file)
    message = str(caught.value)
    assert str(file) in message
    assert f"unknown key {key!r}" in message
    assert known in message


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "expected a mapping of settings, got None"),
        ("- 1", r"expected a mapping of settings, got \[1\]"),
        ("cache_config: 5", "cache_config: expected a mapping of settings, got 5"),
        ("parallelism_config: [2]", r"parallelism_config: expected a mapping .* got \[2\]"),
        ("cache_config: {cache_type: DBCash}", "Unknown cache type 'DBCash'"),
    ],
)
def test_a_file_of_the_wrong_form_is_an_error(written: Any, text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        load_configs(written(text))


def test_a_value_out_of_range_is_an_error_naming_the_field(written: Any) -> None:
    with pytest.raises(ValueError, match="DBCacheConfig: max_warmup_steps=-1"):
        load_configs(written("cache_config: {max_warmup_steps: -1}"))
    with pytest.raises(ValueError, match="ParallelismConfig: ulysses_size=0"):
        load_configs(written("parallelism_config: {ulysses_size: 0}"))


@pytest.mark.parametrize(
    ("text", "value"), [("1e-1", 0.1), ("2.5E-3", 0.0025), ("-1e+0", -1.0), ("1.0e-1", 0.1)]
)
def test_a_number_may_be_written_with_an_exponent(written: Any, text: str, value: float) -> None:
    config, _ = load_cache_config(written(f"residual_diff_threshold: {text}"))
    assert config.residual_diff_threshold == value


@pytest.mark.parametrize("config", [DBCacheConfig(), DBPruneConfig(non_prune_block_ids=[1])])
def test_a_config_can_be_written_to_a_file_and_read_back(
    tmp_path: Path, config: DBCacheConfig
) -> None:
    file = tmp_path / "written.yaml"
    file.write_text(yaml.safe_dump({"cache_config": config.as_dict()}))
    assert load_configs(file) == {"cache_config": config}


@pytest.mark.parametrize("source", [None, 3, ["cache.yaml"]])
def test_what_is_no_path_is_an_error(source: Any) -> None:
    with pytest.raises(TypeError, match=r"expected str, bytes or os\.PathLike"):
        load_configs(source)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nowhere\.yaml"):
        load_configs(tmp_path / "nowhere.yaml")
