"""Settings from YAML: the keyword arguments of `enable_cache`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from os import PathLike, fspath
from typing import IO, Any

import yaml

from .caching.config import CacheType, DBPruneConfig, Default
from .caching.flat_settings import OTHER_KEYWORDS, caches_nothing, check_key, from_keywords
from .parallelism.config import ParallelismConfig

for _dumper in (yaml.SafeDumper, yaml.Dumper):  # so that what `as_dict` gives can be written
    _dumper.add_representer(Default, yaml.SafeDumper.represent_int)

Source = str | PathLike[str] | Mapping[str, Any]


class _Loader(yaml.SafeLoader):
    """Takes 1e-3 for a number, as YAML 1.2 does; YAML 1.1 wants 1.0e-3."""


_EXPONENT = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$")
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("-+0123456789"))


def parse_yaml(text: str | IO[str]) -> Any:
    """The value that a text or file holds."""
    return yaml.load(text, _Loader)


def load_configs(source: Source) -> dict[str, Any]:
    """The settings in a YAML file (or in a dictionary of that form), as keyword arguments.

    ``pipe = enable_cache(pipe, **load_configs("settings.yaml"))``. A file without sections is read
    as the fields of ``cache_config``.

    Raises:
        ValueError: an unknown key, naming the key, the file and the nearest known key; a value out
            of its range; a file that is no mapping.
        FileNotFoundError: no such file.
    """
    content, where = _read(source)
    if not any(name in _SECTIONS for name in content):
        for name in content:
            check_key(name, [*_SECTIONS, *DBPruneConfig.names(), *OTHER_KEYWORDS], where)
        content = {"cache_config": content}
    loaded: dict[str, Any] = {}
    for name, value in content.items():
        check_key(name, list(_SECTIONS), where)
        if value is not None:
            loaded |= _SECTIONS[name](value, f"{where}: {name}")
    return loaded


load_options = load_configs


def load_cache_config(source: Source) -> tuple[Any, Any]:
    """``(cache_config, calibrator_config)`` of a YAML file."""
    loaded = load_configs(source)
    return loaded.get("cache_config"), loaded.get("calibrator_config")


def load_parallelism_config(source: Source) -> Any:
    """The `ParallelismConfig` of a YAML file, or None."""
    return _section("parallelism_config", source)


def load_quantize_config(source: Source) -> Any:
    """The quantization settings of a YAML file, or None."""
    return _section("quantize_config", source)


def load_attn_backend_config(source: Source) -> Any:
    """The name of the attention backend in a YAML file, or None."""
    return _section("attention_backend", source)


def _section(name: str, source: Source) -> Any:
    content, where = _read(source)
    if name not in content:
        return None
    return _SECTIONS[name](content[name], f"{where}: {name}").get(name)


def _read(source: Source) -> tuple[dict[str, Any], str]:
    if isinstance(source, Mapping):
        return dict(source), "configuration"
    path = fspath(source)
    with open(path, encoding="utf-8") as file:
        content = parse_yaml(file)
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a mapping of settings, got {content!r}.")
    return content, path


def _mapping(fields: Any, where: str) -> dict[str, Any]:
    if not isinstance(fields, Mapping):
        raise ValueError(f"{where}: expected a mapping of settings, got {fields!r}.")
    return dict(fields)


def _cache(fields: Any, where: str) -> dict[str, Any]:
    fields = _mapping(fields, where)
    if caches_nothing(fields):
        return {"cache_type": CacheType.NONE}
    cache, calibrator = from_keywords(fields, where)
    loaded = {"cache_config": cache, "calibrator_config": calibrator}
    return {name: value for name, value in loaded.items() if value is not None}


def _parallelism(fields: Any, where: str) -> dict[str, Any]:
    fields = _mapping(fields, where)
    for name in fields:
        check_key(name, ParallelismConfig.names(), where)
    return {"parallelism_config": ParallelismConfig(**fields)}


def _as_given(name: str) -> Callable[[Any, str], dict[str, Any]]:
    return lambda value, where: {name: value}


_SECTIONS: dict[str, Callable[[Any, str], dict[str, Any]]] = {
    "cache_config": _cache,
    "parallelism_config": _parallelism,
    "quantize_config": _as_given("quantize_config"),
    "attention_backend": _as_given("attention_backend"),
}
