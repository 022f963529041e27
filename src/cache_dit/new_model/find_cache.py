"""The cache's adapter of a model: which lists, which patterns, and how they follow each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cache_dit.new_model.facts import Facts


@dataclass(frozen=True)
class Adapter:
    """The fields of a `BlockAdapter`, as they are written down."""

    fields: dict[str, Any]


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
    elif facts.interleaved:
        fields["interleaved"] = True
    else:
        fields["chained"] = True
    fields["has_separate_cfg"] = True  # in case: calls that are one batch are not harmed by it
    return Adapter(fields)


def _unusual(parameters: dict[str, str]) -> dict[str, str]:
    return {stream: name for stream, name in parameters.items() if stream != name}
