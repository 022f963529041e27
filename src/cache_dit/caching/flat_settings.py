"""Settings as flat keywords, TaylorSeer's among the cache's: in YAML files and in old calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..closest import closest
from .calibrator_config import TaylorSeerCalibratorConfig
from .config import CacheType, DBCacheConfig, DBPruneConfig, cache_type

TAYLOR_KEYWORDS = {
    "enable_taylorseer": "enable_calibrator",
    "enable_encoder_taylorseer": "enable_encoder_calibrator",
    "taylorseer_cache_type": "calibrator_cache_type",
    "taylorseer_order": "taylorseer_order",
}
OTHER_KEYWORDS = ("cache_type", *TAYLOR_KEYWORDS)
"""Those that are no fields of a cache config."""


def check_key(name: Any, known: list[str], where: str) -> None:
    """Raise `ValueError` unless ``name`` is known; it names the nearest key, or else all."""
    if name in known:
        return
    near = closest(name, known, count=1)
    use = f"Nearest known key: {near[0]!r}." if near else f"Known keys: {', '.join(known)}."
    raise ValueError(f"{where}: unknown key {name!r}. {use}")


def caches_nothing(keywords: Mapping[str, Any]) -> bool:
    """Whether ``cache_type`` says that nothing is to be cached."""
    return keywords.get("cache_type") in (CacheType.NONE, CacheType.NONE.value)


def from_keywords(
    keywords: dict[str, Any], where: str, *, partial: bool = False
) -> tuple[DBCacheConfig | None, TaylorSeerCalibratorConfig | None]:
    """Cache and calibrator settings from flat keywords; None for what they do not speak about.

    Args:
        keywords: fields of `DBCacheConfig` or `DBPruneConfig`, those of TaylorSeer, and
            ``cache_type``; without that, a field of `DBPruneConfig` alone makes it that.
        where: what messages begin with.
        partial: whether cache settings that the keywords do not speak about stay as they are.

    Raises:
        ValueError: an unknown keyword, naming the nearest known one.
    """
    pruned = set(DBPruneConfig.names()) - set(DBCacheConfig.names())
    kind = keywords.get("cache_type")
    prunes = bool(pruned & set(keywords)) if kind is None else cache_type(kind) is CacheType.DBPrune
    cache_class = DBPruneConfig if prunes else DBCacheConfig
    if caches_nothing(keywords):
        raise ValueError(f"{where}: cache_type NONE: nothing is to be cached. Call disable_cache.")
    for name in keywords:
        check_key(name, [*cache_class.names(), *OTHER_KEYWORDS], where)
    taylor = {TAYLOR_KEYWORDS[k]: v for k, v in keywords.items() if k in TAYLOR_KEYWORDS}
    cache = {k: v for k, v in keywords.items() if k not in OTHER_KEYWORDS}
    calibrator = None
    if taylor.get("enable_calibrator") or taylor.get("enable_encoder_calibrator"):
        off = {"enable_calibrator": False, "enable_encoder_calibrator": False}
        calibrator = TaylorSeerCalibratorConfig(**off | taylor)
    if not cache and kind is None:
        return None, calibrator
    return cache_class().reset(**cache) if partial else cache_class(**cache), calibrator
