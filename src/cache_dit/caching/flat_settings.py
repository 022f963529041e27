"""Settings as flat keywords, TaylorSeer's among the cache's: in YAML files and in old calls."""

from __future__ import annotations

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


def from_keywords(
    keywords: dict[str, Any], where: str
) -> tuple[DBCacheConfig | None, TaylorSeerCalibratorConfig | None]:
    """Cache and calibrator settings from flat keywords; None for what they do not speak about.

    Args:
        keywords: fields of `DBCacheConfig` or `DBPruneConfig`, those of TaylorSeer, and
            ``cache_type``; without that, a field of `DBPruneConfig` alone makes it that.
        where: what messages begin with.

    Raises:
        ValueError: an unknown keyword, naming the nearest known one.
    """
    pruned = set(DBPruneConfig.names()) - set(DBCacheConfig.names())
    kind = keywords.get("cache_type")
    prunes = bool(pruned & set(keywords)) if kind is None else cache_type(kind) is CacheType.DBPrune
    cache_class = DBPruneConfig if prunes else DBCacheConfig
    for name in keywords:
        check_key(name, [*cache_class.names(), *OTHER_KEYWORDS], where)
    taylor = {TAYLOR_KEYWORDS[k]: v for k, v in keywords.items() if k in TAYLOR_KEYWORDS}
    cache = {k: v for k, v in keywords.items() if k not in OTHER_KEYWORDS}
    calibrator = None
    if taylor.get("enable_calibrator") or taylor.get("enable_encoder_calibrator"):
        off = {"enable_calibrator": False, "enable_encoder_calibrator": False}
        calibrator = TaylorSeerCalibratorConfig(**off | taylor)
    return cache_class(**cache) if cache or kind is not None else None, calibrator
