"""The old, flat way to give settings: every field as a keyword, Taylor settings among them."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from .calibrator_config import TaylorSeerCalibratorConfig
from .config import DBCacheConfig, DBPruneConfig

TAYLOR_KEYWORDS = {
    "enable_taylorseer": "enable_calibrator",
    "enable_encoder_taylorseer": "enable_encoder_calibrator",
    "taylorseer_cache_type": "calibrator_cache_type",
    "taylorseer_order": "taylorseer_order",
}


def from_keywords(
    keywords: dict[str, Any], where: str, cache_class: type[DBCacheConfig] | None = None
) -> tuple[DBCacheConfig | None, TaylorSeerCalibratorConfig | None]:
    """Cache and calibrator settings from flat keywords; None for what they do not speak about.

    Args:
        keywords: fields of `DBCacheConfig` or `DBPruneConfig`, and the old Taylor keywords.
        where: what messages begin with.
        cache_class: which settings these are; None chooses by the keywords.

    Raises:
        ValueError: an unknown keyword, naming the nearest known one.
    """
    pruned = set(DBPruneConfig.names()) - set(DBCacheConfig.names())
    if cache_class is None:
        cache_class = DBPruneConfig if pruned & set(keywords) else DBCacheConfig
    known = [*cache_class.names(), *TAYLOR_KEYWORDS]
    for name in keywords:
        if name not in known:
            close = get_close_matches(name, known, n=1, cutoff=0.0)
            raise ValueError(f"{where}: unknown key {name!r}. Nearest known key: {close[0]!r}.")
    taylor = {TAYLOR_KEYWORDS[k]: v for k, v in keywords.items() if k in TAYLOR_KEYWORDS}
    cache = {k: v for k, v in keywords.items() if k not in TAYLOR_KEYWORDS}
    calibrator = None
    if taylor.get("enable_calibrator") or taylor.get("enable_encoder_calibrator"):
        off = {"enable_calibrator": False, "enable_encoder_calibrator": False}
        calibrator = TaylorSeerCalibratorConfig(**off | taylor)
    return cache_class(**cache) if cache else None, calibrator
