"""Models with arguments and outputs of unusual forms, for every rank at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from diffusers.models.modeling_outputs import Transformer2DModelOutput
from torch import nn

from cache_dit.parallelism import ParallelismConfig
from cache_dit.parallelism.context_parallel import ContextParallel
from cache_dit.parallelism.context_plan import gather, split
from tests.parallelism.attention_jobs import draw


class Output(NamedTuple):
    """Two streams by name."""

    image: torch.Tensor
    text: torch.Tensor


FORMS: dict[str, Callable[[torch.Tensor, torch.Tensor], Any]] = {
    "tuple": lambda image, text: (image, text),
    "named": Output,
    "output": lambda image, text: Transformer2DModelOutput(sample=image + text.mean()),
}


class ManyArguments(nn.Module):
    """Weighs each token by itself; takes more arguments than it has names for."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form = form

    def forward(self, hidden_states: Any, *weights: Any, scale: float = 1.0, **others: Any) -> Any:
        for weight in weights:
            hidden_states = hidden_states * weight
        return FORMS[self.form](hidden_states * scale, others["text"])


def many_arguments(form: str) -> tuple[float, str, str]:
    """(error against one process, class of the output, class of that of one process)."""
    model, image, text = ManyArguments(form), draw(0, 2, 7, 3), torch.ones(1, dtype=torch.float64)

    def call() -> Any:
        return model(image, 2.0, 3.0, scale=5.0, text=text)

    expected = call()
    plan = {"": {"hidden_states": split(1), 0: gather(1)}}
    parallel = ContextParallel(model, [plan], ParallelismConfig(ulysses_size=2))
    parallel.install()
    output = call()
    parallel.uninstall()
    error = float((output[0] - expected[0]).abs().max())
    return error, type(output).__name__, type(expected).__name__
