"""Log lines of the package: one handler, its own level, no change to the root logger.

The level comes from the environment variable `CACHE_DIT_LOG_LEVEL` (a name such as `debug`, or a
number), read once at import. Where the application has configured logging itself, records go to
its handlers alone, so that nothing is printed twice.
"""

from __future__ import annotations

import logging
import os
import sys

import torch.distributed as dist

_PACKAGE = "cache_dit"
_LEVEL_VARIABLE = "CACHE_DIT_LOG_LEVEL"
_DEFAULT_LEVEL = logging.INFO

_seen: set[tuple[str, int, str]] = set()


def init_logger(name: str) -> logging.Logger:
    """The logger of one module: `logger = init_logger(__name__)`.

    A name outside the package (a plug-in's, a script's) becomes a child of the package's logger,
    so that level and handler are the same everywhere.
    """
    if name != _PACKAGE and not name.startswith(f"{_PACKAGE}."):
        name = f"{_PACKAGE}.{name}"
    return logging.getLogger(name)


def info_once(logger: logging.Logger, message: str, *args: object) -> None:
    """Log at INFO, unless this logger has said the same text before."""
    _log_once(logger, logging.INFO, message, args)


def warn_once(logger: logging.Logger, message: str, *args: object) -> None:
    """Log at WARNING, unless this logger has said the same text before."""
    _log_once(logger, logging.WARNING, message, args)


def _log_once(logger: logging.Logger, level: int, message: str, args: tuple[object, ...]) -> None:
    if not logger.isEnabledFor(level):
        return
    key = (logger.name, level, message % args if args else message)
    if key not in _seen:
        _seen.add(key)
        logger.log(level, message, *args, stacklevel=3)


class _RankFormatter(logging.Formatter):
    """Names the rank, once there is more than one process to tell apart."""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        if dist.is_available() and dist.is_initialized():
            return f"[rank {dist.get_rank()}] {line}"
        return line


class _FallbackHandler(logging.StreamHandler):
    """Writes to stderr only while the application has no handler of its own."""

    def emit(self, record: logging.LogRecord) -> None:
        if not logging.getLogger().handlers:
            self.stream = sys.stderr  # looked up late: tests and notebooks replace it
            super().emit(record)


def _level_from_environment() -> tuple[int, str | None]:
    """The level, and what was wrong with the variable if it could not be read."""
    text = os.environ.get(_LEVEL_VARIABLE, "").strip()
    if not text:
        return _DEFAULT_LEVEL, None
    if text.isdecimal():
        return int(text), None
    level = logging.getLevelName(text.upper())
    if isinstance(level, int):
        return level, None
    return _DEFAULT_LEVEL, (
        f"{_LEVEL_VARIABLE}={text!r} is not a log level; INFO is used. "
        "Set it to debug, info, warning, error, critical or a number."
    )


def _configure() -> None:
    package = logging.getLogger(_PACKAGE)
    if all(handler.name != _PACKAGE for handler in package.handlers):
        handler = _FallbackHandler()
        handler.name = _PACKAGE  # known again when this module is imported anew
        handler.setFormatter(
            _RankFormatter("%(levelname)s %(asctime)s [%(name)s] %(message)s", "%H:%M:%S")
        )
        package.addHandler(handler)
    level, problem = _level_from_environment()
    package.setLevel(level)
    if problem:
        package.warning(problem)


_configure()
