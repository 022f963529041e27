"""What the command line names: a class of one's own, or a model of the zoo."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from cache_dit.intercept import original_class
from cache_dit.new_model.what_to_write import what_to_write
from cache_dit.verify import zoo
from cache_dit.verify.zoo.module_files import load_module
from cache_dit.verify.zoo.own import NEEDED, is_own, own_model


@dataclass(frozen=True)
class Target:
    """A model to support, small, with a call of it.

    Attributes:
        name: of its class.
        entry: by which `zoo.get` finds it.
        model: in float64, with weights that make every part of it matter.
        arguments: of one call.
        later: of a call at another step.
        imports: source lines that define ``make_model`` and ``make_inputs``.
        folder: where files about it belong.
    """

    name: str
    entry: str
    model: nn.Module
    arguments: dict[str, Any]
    later: dict[str, Any]
    imports: str
    folder: Path


def find_target(where: str) -> Target:
    """The model that ``where`` names.

    Args:
        where: ``"file.py:Class"``, ``"package.module:Class"``, or a model of the zoo. The file or
            module has ``make_model()`` and ``make_inputs(step, seed)`` as well.

    Raises:
        ValueError: something of this is missing; the message shows what to write.
    """
    path, _, name = where.partition(":")
    if path in zoo.names():
        return _from_zoo(path)
    if not (is_own(path) or name):
        zoo.get(path)  # an error that names the closest
    module = load_module(path)
    cls = getattr(module, name, None) if name else None
    if name and not (isinstance(cls, type) and issubclass(cls, nn.Module)):
        raise ValueError(
            f"{where}: {path} has no class {name} that is a torch.nn.Module. Name the class of the "
            "model."
        )
    missing = [each for each in NEEDED if not hasattr(module, each)]
    if missing:
        raise ValueError(what_to_write(path, cls, missing, getattr(module, "make_model", None)))
    made = own_model(path)
    made.require_call()
    model = made.build(torch.float64)
    own = path.endswith(".py")
    return Target(
        name=original_class(model).__name__,
        entry=path,
        model=model,
        arguments=made.step_inputs(0, torch.float64),
        later=made.step_inputs(1, torch.float64),
        imports=f"from {Path(path).stem if own else path} import make_inputs, make_model\n",
        folder=Path(path).parent if own else Path(),
    )


def _from_zoo(name: str) -> Target:
    entry = zoo.get(name)
    model = entry.build(torch.float64)
    now, later = (
        {**entry.step_inputs(step, torch.float64), **entry.prepare(model, torch.float64)}
        for step in (0, 1)
    )
    imports = (
        "from cache_dit.verify import zoo\n\n"
        f'ENTRY = zoo.get("{name}")\n'
        "make_model = ENTRY.build\n\n\n"
        "def make_inputs(step: int, seed: int) -> dict[str, Any]:\n"
        "    return ENTRY.step_inputs(step, seed=seed)\n"
    )
    return Target(entry.class_name, name, model, now, later, imports, Path())
