"""Settings typed at a command line: ``FIELD=VALUE``, on top of a YAML file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .load_configs import load_configs, parse_yaml


def parsed(assignments: Sequence[str], option: str = "--set") -> dict[str, Any]:
    """Names and values of ``NAME=VALUE``s, read as YAML.

    Raises:
        ValueError: one without "=".
    """
    pairs = [(each, *each.partition("=")) for each in assignments]
    for whole, _, equals, _ in pairs:
        if not equals:
            raise ValueError(
                f"{option} {whole}: there is no '='. Write {option} residual_diff_threshold=0.1."
            )
    return {name.strip(): parse_yaml(value) for _, name, _, value in pairs}


def settings(config: Path | None, assignments: Sequence[str]) -> dict[str, Any]:
    """Keyword arguments of `enable_cache` from a file, and from assignments, which win over it.

    Raises:
        ValueError: an unknown field, a value that does not fit, or no "=".
    """
    options = {} if config is None else load_configs(config)
    chosen = parsed(assignments)
    if chosen:
        added = load_configs({"cache_config": chosen})
        if "cache_config" in options and "cache_config" in added:
            fields = added.pop("cache_config").as_dict()
            options["cache_config"].update(**{n: v for n, v in fields.items() if n in chosen})
        options |= added
    return options
