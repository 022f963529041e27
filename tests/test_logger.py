"""One handler, one level from the environment, and nothing done to the application's logging."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterator

import pytest

from cache_dit import logger as logger_module
from cache_dit.logger import info_once, init_logger, warn_once

Import = Callable[[str], None]


@pytest.fixture
def import_with_level(monkeypatch: pytest.MonkeyPatch) -> Iterator[Import]:
    """Import the module as a new process with this level would, outside pytest's own logging."""

    def import_again(level: str) -> None:
        monkeypatch.setattr(logging.getLogger(), "handlers", [])
        monkeypatch.setenv("CACHE_DIT_LOG_LEVEL", level)
        importlib.reload(logger_module)

    yield import_again
    monkeypatch.undo()
    importlib.reload(logger_module)


@pytest.mark.parametrize(
    ("level", "heard"),
    [("", "IWE"), ("debug", "DIWE"), ("WARNING", "WE"), ("40", "E"), ("nonsense", "WIWE")],
)
def test_the_level_comes_from_the_environment(
    import_with_level: Import, capsys: pytest.CaptureFixture[str], level: str, heard: str
) -> None:
    import_with_level(level)
    logger = init_logger("cache_dit.part")
    for method in (logger.debug, logger.info, logger.warning, logger.error):
        method("hello")
    assert "".join(line[0] for line in capsys.readouterr().err.splitlines()) == heard


def test_an_unknown_level_is_reported_with_its_value(
    import_with_level: Import, capsys: pytest.CaptureFixture[str]
) -> None:
    import_with_level("nonsense")
    message = "CACHE_DIT_LOG_LEVEL='nonsense' is not a log level; INFO is used"
    assert message in capsys.readouterr().err


def test_an_application_that_logs_itself_gets_each_record_once(
    import_with_level: Import, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    import_with_level("")
    logging.getLogger().addHandler(caplog.handler)
    init_logger("cache_dit.part").warning("hello")
    assert caplog.messages == ["hello"]
    assert capsys.readouterr().err == ""


def test_the_root_logger_is_left_alone(import_with_level: Import) -> None:
    level = logging.getLogger().level
    import_with_level("debug")
    init_logger("cache_dit.part").warning("hello")
    assert (logging.getLogger().handlers, logging.getLogger().level) == ([], level)


def test_importing_again_adds_no_second_handler(import_with_level: Import) -> None:
    import_with_level("")
    import_with_level("")
    assert len(logging.getLogger("cache_dit").handlers) == 1


def test_loggers_outside_the_package_share_its_handler() -> None:
    assert init_logger("cache_dit.api").name == "cache_dit.api"
    assert init_logger("my_adapter").name == "cache_dit.my_adapter"
    assert init_logger("cache_dit").name == "cache_dit"


def test_once_means_once_for_a_logger_level_and_text(caplog: pytest.LogCaptureFixture) -> None:
    first, second = init_logger("test.first"), init_logger("test.second")
    for _ in range(2):
        warn_once(first, "limit %d", 1)
        warn_once(first, "limit %d", 2)
        info_once(first, "limit %d", 1)
        warn_once(second, "limit %d", 1)
    assert [(r.name, r.levelname, r.getMessage()) for r in caplog.records] == [
        ("cache_dit.test.first", "WARNING", "limit 1"),
        ("cache_dit.test.first", "WARNING", "limit 2"),
        ("cache_dit.test.first", "INFO", "limit 1"),
        ("cache_dit.test.second", "WARNING", "limit 1"),
    ]
    assert {record.filename for record in caplog.records} == {"test_logger.py"}


def test_a_message_below_the_level_is_not_used_up(caplog: pytest.LogCaptureFixture) -> None:
    logger = init_logger("test.quiet")
    logger.setLevel(logging.ERROR)
    warn_once(logger, "heard later")
    logger.setLevel(logging.NOTSET)
    warn_once(logger, "heard later")
    assert caplog.messages == ["heard later"]


def test_the_rank_is_named_only_when_there_are_ranks(
    import_with_level: Import,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import_with_level("")
    logger = init_logger("test.rank")
    logger.warning("alone")
    monkeypatch.setattr(logger_module.dist, "is_initialized", lambda: True)
    monkeypatch.setattr(logger_module.dist, "get_rank", lambda: 3)
    logger.warning("together")
    alone, together = capsys.readouterr().err.splitlines()
    assert alone.startswith("WARNING ")
    assert together.startswith("[rank 3] WARNING ")
