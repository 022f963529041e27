"""A pipeline that cannot be loaded is explained: what was named, what is wrong, what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import DiffusionPipeline

from cache_dit.generate.load import load_pipeline


def message_for(model: Any) -> str:
    with pytest.raises(ValueError, match="--model") as caught:
        load_pipeline(str(model), None, torch.device("cpu"))
    return str(caught.value)


def saved(folder: Path, index: str) -> Path:
    (folder / "model_index.json").write_text(index)
    return folder


def test_no_such_folder_and_a_folder_without_a_pipeline(tmp_path: Path) -> None:
    assert "there is no such folder. Give the folder of a whole pipeline" in message_for("./no")
    assert f"--model {tmp_path}: has no model_index.json." in message_for(tmp_path)


@pytest.mark.parametrize("index", ["{", "[]", "{}"])
def test_an_index_that_cannot_be_read(tmp_path: Path, index: str) -> None:
    assert "model_index.json cannot be read" in message_for(saved(tmp_path, index))


def test_a_class_that_diffusers_does_not_have(tmp_path: Path) -> None:
    message = message_for(saved(tmp_path, json.dumps({"_class_name": "NewPipeline"})))
    assert "is a NewPipeline, which diffusers" in message and "Install" in message


def test_a_pipeline_whose_parts_are_missing(tmp_path: Path) -> None:
    index = {"_class_name": "DiTPipeline", "vae": ["diffusers", "AutoencoderKL"]}
    assert "cannot be loaded (" in message_for(saved(tmp_path, json.dumps(index)))


def test_what_the_hub_does_not_give_names_the_first_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any, **options: Any) -> None:
        try:
            raise ConnectionError("401 Client Error.\nmany more lines")
        except ConnectionError as error:
            raise OSError("Please check out the root cause in the stacktrace above") from error

    monkeypatch.setattr(DiffusionPipeline, "from_pretrained", refuse)
    message = message_for("owner/name")
    assert "--model owner/name: could not be had from the hub" in message
    assert "(ConnectionError: 401 Client Error.)" in message and "hf auth login" in message
