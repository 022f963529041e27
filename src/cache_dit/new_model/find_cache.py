"""The cache's adapter of a model: which lists, which patterns, and how they follow each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cache_dit.caching.block_adapters.turns import round_of
from cache_dit.caching.denoiser import TIMESTEP_ENDINGS, TIMESTEP_NAMES
from cache_dit.intercept import parameter_names
from cache_dit.new_model.facts import Facts

ONCE_OR_TWICE = (
    "has_separate_cfg=True is for a pipeline that calls the model twice a step, with and without "
    "the prompt. Whether yours calls it once or twice cannot be seen in the model: if once, take "
    "the line out."
)


@dataclass(frozen=True)
class Adapter:
    """A `BlockAdapter`.

    Attributes:
        fields: as they are written down.
        notes: doubts, for the reader.
    """

    fields: dict[str, Any]
    notes: list[str]


def find_adapter(facts: Facts) -> Adapter:
    """What the adapter of this model says."""
    lists = facts.lists
    fields: dict[str, Any] = {
        "blocks_name": [each.name for each in lists],
        "forward_pattern": [each.pattern for each in lists],
    }
    parameters = [_unusual(dict(each.parameters or {})) for each in lists]
    if any(parameters):
        fields["stream_parameters"] = [each or None for each in parameters]
    if len(lists) == 1:
        fields = {name: value[0] for name, value in fields.items()}
    elif interleaved := round_of(facts.running):
        fields["interleaved"] = interleaved
    else:
        fields["chained"] = True
    if _told_apart(facts):  # in case: calls that are one batch are not harmed by it
        fields["has_separate_cfg"] = True
        return Adapter(fields, [ONCE_OR_TWICE])
    return Adapter(fields, [])


def _told_apart(facts: Facts) -> bool:
    """Whether two calls can be known to be of one step: the time is the same in both."""
    names = parameter_names(facts.model)
    named = any(name in TIMESTEP_NAMES or name.endswith(TIMESTEP_ENDINGS) for name in names)
    return named or hasattr(facts.model, "cache_context")


def _unusual(parameters: dict[str, str]) -> dict[str, str]:
    return {stream: name for stream, name in parameters.items() if stream != name}
