"""What users call: switch the cache on and off, begin a run, look at what happened."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from importlib.resources import files
from typing import Any

from torch import nn

from .attention_backend import check_backend, choose_backend, the_one_backend
from .caching.block_adapters import BlockAdapter, BlockAdapterRegister
from .caching.calibrator_config import CalibratorConfig, ParamsModifier
from .caching.config import DBCacheConfig
from .caching.flat_settings import caches_nothing, from_keywords
from .caching.known_sessions import put_in_place, sessions_of
from .caching.report import print_stats
from .caching.session import CacheSession
from .caching.stats import CacheStats, session_stats
from .intercept import unwrapped
from .logger import init_logger
from .parallelism import ParallelismConfig, config_of, parallelize, sync_of
from .taking_off import take_all_off
from .targets import adapter_of, extra_of, to_spread, transformers_of

logger = init_logger(__name__)


def enable_cache(
    pipe_or_adapter: Any,
    cache_config: DBCacheConfig | None = None,
    calibrator_config: CalibratorConfig | None = None,
    params_modifiers: ParamsModifier | Sequence[Any] | None = None,
    parallelism_config: ParallelismConfig | None = None,
    attention_backend: str | None = None,
    quantize_config: Any = None,
    **deprecated: Any,
) -> Any:
    """Make a diffusion transformer faster by reusing what hardly changes from step to step.

    Args:
        pipe_or_adapter: a diffusers pipeline, a `BlockAdapter`, or a bare transformer.
        cache_config: how to decide; `DBCacheConfig()` if nothing at all is given.
        calibrator_config: what stands in for skipped blocks; by default their last residual.
        params_modifiers: settings of single block lists, one for each, in order.
        parallelism_config: spread the model over several devices; alone, nothing is cached.
        attention_backend: name of an attention kernel of diffusers' registry; alone, nothing is
            cached.
        quantize_config: not built yet; anything but None is refused.
        **deprecated: fields of `DBCacheConfig` and Taylor settings as keywords (the old form);
            ``cache_type=NONE`` caches nothing.

    Returns:
        ``pipe_or_adapter``. Calling it again replaces the settings.

    Raises:
        ValueError: an unsupported model, naming what would be needed, or settings that do not fit.
        NotImplementedError: a ``quantize_config``.

    On any error the model is as it was before.
    """
    if quantize_config is not None:
        raise NotImplementedError(
            "enable_cache: quantize_config: quantization is not built yet. "
            "Leave it out (in YAML, the section quantize_config)."
        )
    uncached = caches_nothing(deprecated)
    if deprecated and not uncached:
        cache_config, calibrator_config = _with_keywords(
            "enable_cache", cache_config, calibrator_config, deprecated
        )
    backend = _backend(attention_backend, parallelism_config)
    transformers = transformers_of(pipe_or_adapter)
    if backend is not None:
        check_backend(transformers, backend, "enable_cache")
    settings = cache_config, calibrator_config, params_modifiers
    if not uncached and (any(settings) or not (parallelism_config or backend)):
        _cache(pipe_or_adapter, settings, parallelism_config)
    elif parallelism_config is not None:
        _spread(pipe_or_adapter, parallelism_config)
    if backend is not None:
        for each in transformers:
            choose_backend(each, backend)
    return pipe_or_adapter


def disable_cache(pipe_or_adapter: Any) -> Any:
    """Take cache, parallelism and attention backend off; pipeline, adapter or transformer alike.

    Returns its argument.

    Raises:
        RuntimeError: something could not be taken off, such as below what another library has put
            on top; the message says what, and all else is off.
    """
    take_all_off(pipe_or_adapter)
    return pipe_or_adapter


def refresh_context(
    transformer: Any,
    num_inference_steps: int | None = None,
    enable_separate_cfg: bool | None = None,
    cache_config: DBCacheConfig | None = None,
    calibrator_config: CalibratorConfig | None = None,
    verbose: bool = False,
    **deprecated: Any,
) -> None:
    """Begin a new run, with new settings.

    A config made by ``DBCacheConfig().reset(...)`` changes the fields it sets and keeps the others;
    any other config replaces the settings as a whole. A field that is set to None explicitly is
    cleared.

    Args:
        transformer: what the cache was enabled on, or one transformer of it.
        num_inference_steps: length of the new run.
        enable_separate_cfg: whether conditional and unconditional are separate calls.
        cache_config: new cache settings.
        calibrator_config: new calibrator.
        verbose: log the settings.
        **deprecated: fields of `DBCacheConfig` to change, as keywords (the old form).

    Raises:
        ValueError: the cache is not enabled on this object, or the settings do not fit; the old
            settings then stay.
    """
    sessions = sessions_of(transformer)
    if not sessions:
        raise ValueError(
            f"refresh_context: the cache is not enabled on this {type(transformer).__name__}. "
            "Call enable_cache first."
        )
    if deprecated:
        cache_config, calibrator_config = _with_keywords(
            "refresh_context", cache_config, calibrator_config, deprecated
        )
    own = {
        "num_inference_steps": num_inference_steps,
        "enable_separate_cfg": enable_separate_cfg,
    }
    own = {name: value for name, value in own.items() if value is not None}
    if own:
        base = cache_config if cache_config is not None else DBCacheConfig().reset()
        cache_config = base.overlaid(**own)
    module = _module(transformer)
    for session in sessions:
        session.refresh(module, cache_config, calibrator_config)
        if verbose:
            for stats in session_stats(session, lambda each: module is None or each is module):
                logger.info(f"{stats.name}: {stats.cache_options['tag']}")


def summary(target: Any, details: bool = False, logging: bool = True) -> list[CacheStats]:
    """What happened in the last run: which steps were reused, and why the others were not.

    Args:
        target: pipeline, adapter or transformer.
        details: print every step of every branch with its reason.
        logging: print at all.

    Returns:
        One `CacheStats` for each block list (or chain of lists); empty where nothing is cached.
    """
    module = _module(target)
    stats = [
        each
        for session in sessions_of(target)
        for each in session_stats(
            session, lambda model: module is None or model is module, config_of
        )
    ]
    if logging:
        print_stats(stats, details=details)
    return stats


def strify(target: Any) -> str:
    """A short tag of the settings in force, such as ``DBCache_F8B0_W8I1M0MC0_R0.08_NONE``.

    Takes what `summary` takes, its result, a single `CacheStats`, or a config.
    """
    if isinstance(target, (DBCacheConfig, CalibratorConfig)):
        return target.strify()
    stats = [target] if isinstance(target, CacheStats) else target
    if not isinstance(stats, list):
        stats = summary(target, logging=False)
    return "_".join(dict.fromkeys(each.cache_options["tag"] for each in stats)) or "NONE"


def get_adapter(pipe: Any) -> BlockAdapter:
    """The registered adapter of a pipeline or transformer, filled in; `ValueError` if none."""
    adapter: BlockAdapter = BlockAdapterRegister.get_adapter(pipe)
    return adapter


def supported_pipelines() -> tuple[int, list[str]]:
    """How many pipelines are registered, and their class-name prefixes."""
    return BlockAdapterRegister.supported_pipelines()


def supported_matrix() -> list[dict[str, Any]]:
    """What was verified of which model before this version was released.

    Returns:
        One row for each model (with its variant behind a slash) and axis, as `cache-dit verify`
        writes them: ``model``, ``axis``, ``ok`` (None where the axis does not apply),
        ``max_rel_error``, ``setting`` (the worst one), ``reason``, ``seconds``, ``details``.
    """
    rows = (files(__package__) / "verify" / "matrix.json").read_text(encoding="utf-8")
    return json.loads(rows)


def set_attn_backend(target: Any, attention_backend: str) -> Any:
    """Choose the kernel of a model's attention, until `disable_cache`; returns ``target``.

    Args:
        target: pipeline, adapter or transformer.
        attention_backend: a name in diffusers' registry, such as ``"native"``, ``"flash"`` or
            ``"sage"``.

    Raises:
        ValueError: no such kernel, or it is not installed, naming those that can be used; or the
            model calls torch's attention itself.
    """
    transformers = transformers_of(target)
    check_backend(transformers, attention_backend, "set_attn_backend")
    for each in transformers:
        choose_backend(each, attention_backend)
    return target


def _cache(target: Any, settings: tuple[Any, Any, Any], config: ParallelismConfig | None) -> None:
    """The cache, and parallelism with it if there is a config."""
    adapter, transformers = adapter_of(target), transformers_of(target)
    session = CacheSession(adapter, *settings, sync_of(transformers, config))
    with ExitStack() as undo:
        if config is not None:
            undo.callback(parallelize(transformers, config, *extra_of(target, config)))
        put_in_place(session, target, adapter)
        undo.pop_all()
    for cached in session.transformers:
        for unit in cached.units:
            logger.info(f"cache enabled on {unit.name}: {unit.tag}")


def _backend(given: str | None, config: ParallelismConfig | None) -> str | None:
    if not isinstance(config, ParallelismConfig | None):
        raise ValueError(
            f"enable_cache: parallelism_config={config!r}; expected a ParallelismConfig or None."
        )
    return the_one_backend(given, None if config is None else config.attention_backend)


def _spread(target: Any, config: ParallelismConfig) -> None:
    """Parallelism alone; a cache that is there already stays, and decides over all ranks."""
    transformers = to_spread(target)
    parallelize(transformers, config, *extra_of(target, config))
    for session in sessions_of(target):
        for each in session.transformers:
            each.denoiser.sync = sync_of(transformers)


def _with_keywords(
    caller: str,
    cache_config: DBCacheConfig | None,
    calibrator_config: CalibratorConfig | None,
    keywords: dict[str, Any],
) -> tuple[DBCacheConfig | None, CalibratorConfig | None]:
    warnings.warn(
        f"{caller}: {', '.join(sorted(keywords))}: settings as keywords are deprecated. "
        "Give cache_config=DBCacheConfig(...) and calibrator_config=....",
        DeprecationWarning,
        stacklevel=3,
    )
    cache, calibrator = from_keywords(keywords, caller, partial=caller == "refresh_context")
    if cache_config is not None and cache is not None:
        given = {name: value for name, value in keywords.items() if name in cache.names()}
        cache = cache_config.overlaid(**given)
    return cache or cache_config, calibrator_config or calibrator


def _module(target: Any) -> nn.Module | None:
    """The one transformer that is meant, or None for all of a pipeline or adapter."""
    model = unwrapped(target)
    cached = [each for session in sessions_of(target) for each in session.transformers]
    return model if any(each.module() is model for each in cached) else None
