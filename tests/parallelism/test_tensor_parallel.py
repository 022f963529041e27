"""A module whose width is shared out gives what the whole one gives."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import cache_dit.demo
from cache_dit.verify import zoo
from cache_dit.verify.axes import verify_model
from cache_dit.verify.ranks import ranks
from tests.installed import verified
from tests.parallelism import jobs, tensor_jobs
from tests.parallelism.tensor_toys import TOYS

EXCHANGES = {
    "colwise_gather_output, rowwise_split_input": 2,
    "rms norm": 2,
    "layer norm": 2,
}
"""Where it is not one."""


@pytest.mark.parametrize("name", TOYS)
def test_every_style_gives_what_one_process_gives_and_can_be_undone(name: str) -> None:
    for error, calls, shapes in ranks(2).run(tensor_jobs.toy, name):
        assert error < 1e-12
        assert calls == EXCHANGES.get(name, 1)
        assert shapes


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["packed", "rms norm", "grouped heads", "lora"])
def test_every_style_over_four_ranks(name: str) -> None:
    for error, _, _ in ranks(4).run(tensor_jobs.toy, name, 4):
        assert error < 1e-12


def test_a_layer_that_is_a_sum_is_exchanged_once_for_each_block() -> None:
    """Two for attention and feed-forward of each stream, one where both are side by side."""
    report = verify_model("FluxTransformer2DModel", "tp")
    assert report.ok, str(report)


@pytest.mark.slow
def test_spread_models_compile_into_one_graph() -> None:
    for error, calls in ranks(2).run(tensor_jobs.compiled, "FluxTransformer2DModel"):
        assert error < 1e-4
        assert calls == 4


def test_every_rank_reads_its_part_only() -> None:
    folder = str(Path(cache_dit.demo.__file__).parent / "weights" / "transformer")
    for difference, share, same in ranks(2).run(tensor_jobs.loaded_in_parts, folder, 2):
        assert difference < 1e-5
        assert share < 0.7
        assert same


@pytest.mark.parametrize("dtype", [None, torch.bfloat16], ids=str)
@pytest.mark.parametrize(
    "name",
    ["SD3Transformer2DModel", "WanTransformer3DModel"],  # a stored buffer; parts kept in float32
)
def test_buffers_and_types_are_those_of_from_pretrained(
    tmp_path: Path, name: str, dtype: torch.dtype | None
) -> None:
    model = zoo.get(name).build()
    for _, buffer in model.named_buffers():
        buffer += 1  # as training may have left it
    model.save_pretrained(tmp_path)
    for different in ranks(2).run(tensor_jobs.loaded_as_by_diffusers, str(tmp_path), name, dtype):
        assert different == []


def test_weights_of_another_size_are_refused(tmp_path: Path) -> None:
    zoo.get("FluxTransformer2DModel").build().save_pretrained(tmp_path)
    config = tmp_path / "config.json"
    changed = {**json.loads(config.read_text()), "joint_attention_dim": 40}
    config.write_text(json.dumps(changed))
    for said in ranks(2).run(tensor_jobs.refused_to_load, str(tmp_path)):
        assert "context_embedder.weight of shape" in said
        assert "Check that weights and config belong together." in said


@pytest.mark.parametrize("name", ["FluxTransformer2DModel", "WanTransformer3DModel"])
def test_the_cache_decides_as_one_process_does(name: str) -> None:
    outcomes = ranks(2).run(jobs.cache_with_parallelism, name, {"tp_size": 2}, "together")
    assert outcomes[0] == outcomes[1]
    for own, alone, error in outcomes:
        assert own == alone
        assert error < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in zoo.names() if "/" not in name])
def test_every_model_over_two_ranks(name: str) -> None:
    report = verified(name, "tp")
    assert report.ok, str(report)


@pytest.mark.nightly
@pytest.mark.parametrize("name", zoo.names())
def test_every_model_over_two_and_four_ranks(name: str) -> None:
    report = verified(name, "tp", every_setting=True)
    assert report.ok, str(report)
    assert [each.setting for each in report.findings] == ["tp 2", "tp 4"], report.details


@pytest.mark.nightly
@pytest.mark.parametrize("name", zoo.names())
def test_every_model_with_its_sequence_split_as_well(name: str) -> None:
    report = verified(name, "tp+cp")
    assert report.ok, str(report)


@pytest.mark.nightly
@pytest.mark.parametrize(
    "name", ["FluxTransformer2DModel", "QwenImageTransformer2DModel", "WanTransformer3DModel"]
)
def test_models_over_eight_ranks(name: str) -> None:
    report = verified(name, "tp+cp", every_setting=True)
    assert report.ok, str(report)
