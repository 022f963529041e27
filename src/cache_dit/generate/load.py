"""Loading a pipeline by its folder or hub id."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import DiffusionPipeline

from cache_dit.demo import WEIGHTS, EmojiPipeline

DTYPES = {
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "float32": torch.float32,
}


def load_pipeline(model: str, dtype: str | None, device: torch.device) -> Any:
    """The pipeline in a folder, of a hub id, or the package's own (``"demo"``), in memory.

    Args:
        model: where it is.
        dtype: a key of `DTYPES`; None is bfloat16 on a GPU, float32 elsewhere.
        device: where it will run.

    Raises:
        ValueError: an unknown dtype; no pipeline of that name, here or at the hub; one that the
            installed diffusers cannot load.
    """
    name = dtype or ("bfloat16" if device.type == "cuda" else "float32")
    if name not in DTYPES:
        raise ValueError(f"--dtype {name}: unknown. Use one of {', '.join(DTYPES)}.")
    where, loader = str(WEIGHTS) if model == "demo" else model, DiffusionPipeline
    if _is_folder(where):
        where = str(Path(where).expanduser())
        loader = _class_in(Path(where))
    with warnings.catch_warnings():  # the newest diffusers calls it dtype, which older ones lack
        warnings.filterwarnings("ignore", "`torch_dtype` is deprecated", FutureWarning)
        try:
            return loader.from_pretrained(where, torch_dtype=DTYPES[name])
        except (OSError, ValueError, AttributeError, ImportError) as error:
            raise ValueError(_explained(model, error)) from error


def _is_folder(model: str) -> bool:
    """Whether a name is a path: of what is there, or written as no id of the hub can be."""
    return Path(model).expanduser().exists() or model.startswith(("/", ".", "~"))


def _class_in(folder: Path) -> Any:
    """Class of the pipeline in a folder; diffusers finds all but that of the demo by itself.

    Raises:
        ValueError: there is no pipeline, or of a class that the installed diffusers lacks.
    """
    index = folder / "model_index.json"
    if not index.is_file():
        missing = "has no model_index.json" if folder.is_dir() else "there is no such folder"
        raise ValueError(
            f"--model {folder}: {missing}. Give the folder of a whole pipeline, as its "
            "save_pretrained writes it, or an id of the hub, such as black-forest-labs/FLUX.1-dev."
        )
    try:
        name = json.loads(index.read_text(encoding="utf-8"))["_class_name"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"--model {folder}: model_index.json cannot be read ({type(error).__name__}: {error}). "
            "Save the pipeline again."
        ) from error
    if name == EmojiPipeline.__name__:
        return EmojiPipeline
    if isinstance(name, str) and not hasattr(diffusers, name):
        raise ValueError(
            f"--model {folder}: is a {name}, which diffusers {diffusers.__version__} does not "
            "have. Install a diffusers that has it."
        )
    return DiffusionPipeline


def _explained(model: str, error: Exception) -> str:
    """What a failure to load means, with its innermost cause in the words of who met it."""
    cause: BaseException = error
    while (inner := cause.__cause__ or cause.__context__) is not None:
        cause = inner
    first = next(iter(str(cause).splitlines()), "")
    if _is_folder(model) or model == "demo":
        return f"--model {model}: cannot be loaded ({type(cause).__name__}: {first})."
    return (
        f"--model {model}: could not be had from the hub, and is neither in its cache nor a folder "
        f"here ({type(cause).__name__}: {first}). Check the id (OWNER/NAME) and the connection; "
        "for a model whose licence has to be accepted, do so on its page and run `hf auth login`."
    )
