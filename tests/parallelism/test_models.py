"""Models of the zoo over two ranks are what they are on one."""

from __future__ import annotations

import pytest

from cache_dit.verify import zoo
from cache_dit.verify.axes import verify_model
from cache_dit.verify.ranks import ranks
from tests.parallelism import jobs

TELLING = [  # one of each way to be split
    "BriaTransformer2DModel/controlnet",  # some tokens are shared out on their own
    "ChromaTransformer2DModel",  # a mask over text and image
    "Cosmos3OmniTransformer",  # causal, grouped queries, two attentions in one module
    "ErnieImageTransformer2DModel",  # the sequence comes first
    "Flux2Transformer2DModel/kv_cache",  # keys of an earlier call
    "FluxTransformer2DModel/controlnet",  # the model's own plan, and residuals
    "HeliosTransformer3DModel",  # split and gathered within every block
    "HiDreamImageTransformer2DModel",  # text of its own for every block
    "HunyuanVideo15Transformer3DModel",  # a mask made from parts
    "HunyuanVideoTransformer3DModel/token_replace",  # a number of tokens
    "LTX2VideoTransformer3DModel",  # two streams that attend to each other
    "LatteTransformer3DModel",  # frames instead of tokens
    "MochiTransformer3DModel",  # lengths that depend on the prompt
    "NucleusMoEImageTransformer2DModel",  # experts that choose among all tokens
    "QwenImageTransformer2DModel/edit",  # a mask over the keys on this rank
    "QwenImage21Transformer2DModel",  # heads for tokens: it walks over the whole sequence
    "RFD4ProteinaTransformer",  # pairs by rows and by channels
    "SD3Transformer2DModel",
    "SanaTransformer2DModel",  # rows of the picture, with their neighbours
    "SanaWMTransformer3DModel",  # a state that goes from frame to frame
    "StableAudio3DiTModel/inpaint",  # entries for the last tokens only
    "WanTransformer3DModel/time_per_token",
    "WanVACETransformer3DModel",
]


@pytest.mark.slow
@pytest.mark.parametrize("name", TELLING)
def test_two_ranks_give_what_one_process_gives(name: str) -> None:
    report = verify_model(name, "cp")
    assert report.ok, str(report)


@pytest.mark.nightly
@pytest.mark.parametrize("name", zoo.names())
def test_every_model_over_two_three_and_four_ranks(name: str) -> None:
    report = verify_model(name, "cp", every_setting=True)
    assert report.ok, str(report)


@pytest.mark.parametrize("name", ["FluxTransformer2DModel", "WanTransformer3DModel"])
def test_a_model_in_8_bits_and_overlapped(name: str) -> None:
    for error, same_bits in ranks(2).run(jobs.options_of_ulysses, name):
        assert 1e-6 < error < 0.02
        assert same_bits
