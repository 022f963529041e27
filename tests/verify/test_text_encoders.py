"""The zoo of text encoders builds, runs, and has every class that a pipeline uses."""

from __future__ import annotations

import inspect
import re
from typing import Any

import diffusers
import pytest
import torch

from cache_dit.verify.text_encoders import ENTRIES
from cache_dit.verify.text_encoders.entry import Side
from tests.installed import installed

ARGUMENTS = ("text_encoder", "prompt_enhancer", "pe", "vision_language_encoder")
"""How pipelines call what reads the prompt; more of the first kind have numbers."""

BASES = {"PreTrainedModel", "Gemma2PreTrainedModel", "GemmaPreTrainedModel"}
"""What some pipelines say instead of a class."""

NOT_NAMED = {
    "Gemma2Model",
    "Gemma2ForCausalLM",
    "GemmaModel",
    "PhiForCausalLM",  # of none
    "Qwen3Model",
    "Qwen3VLTextModel",
    "Qwen3_5ForConditionalGeneration",
}
"""What they use where they say that, or where they are modular."""


def named_by_pipelines() -> set[str]:
    """Classes of text encoders in the signatures of all pipelines with a transformer."""
    found: set[str] = set()
    for name in dir(diffusers):
        if not name.endswith("Pipeline"):
            continue
        parameters = inspect.signature(getattr(diffusers, name).__init__).parameters
        if not any(each.startswith("transformer") for each in parameters):
            continue
        for each in parameters.values():
            if each.name.rstrip("_234") in ARGUMENTS:
                note: Any = each.annotation
                text = note.__name__ if inspect.isclass(note) else str(note)
                found |= set(re.findall(r"\w+", text.replace("NoneType", "")))
    return {name for name in found if name[0].isupper() and not name.startswith(("None", "Union"))}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of what is imported
def test_every_class_that_a_pipeline_names_has_an_entry() -> None:
    known = {entry.class_name for entry in ENTRIES.values()}
    named = named_by_pipelines()
    assert named - known - BASES - {"Optional"} == set()
    assert known - named <= NOT_NAMED


@pytest.mark.parametrize("name", ENTRIES)
def test_it_encodes_prompts_padded_on_either_side(name: str) -> None:
    model = ENTRIES[installed(name, "te")].build()
    for side in ("right", "left"):
        states = encoded(name, model, side)
        assert len(states) >= 5  # of every layer
        assert all(bool(each.isfinite().all()) for each in states)


def encoded(name: str, model: Any, side: Side) -> list[torch.Tensor]:
    return ENTRIES[name].encode(model, side)


def test_padding_is_not_read() -> None:
    entry = ENTRIES["T5EncoderModel"]
    model = entry.build()
    inputs = entry.inputs("left")
    expected = model(**inputs).last_hidden_state
    other = inputs["input_ids"].clone()
    other[inputs["attention_mask"] == 0] = 7
    output = model(**{**inputs, "input_ids": other}).last_hidden_state
    kept = inputs["attention_mask"].bool()
    assert torch.allclose(output[kept], expected[kept], atol=1e-6)
    assert not torch.allclose(output[~kept], expected[~kept])
