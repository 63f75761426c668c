"""What the app's own logging raises is kept from the sync, unless it belongs to the sync."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from canvas_sync_core.app_log import app_logger

NAME = "canvas_sync_core.test"


class _FailingHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise OSError(record.getMessage())


def _fail(record: logging.LogRecord) -> bool:
    raise TypeError(record.getMessage())


@pytest.fixture(name="logger")
def _logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger(NAME)
    yield logger
    logger.handlers.clear()
    logger.filters.clear()


def test_a_handler_or_filter_that_fails_stops_nothing(logger: logging.Logger) -> None:
    logger.addHandler(_FailingHandler())
    app_logger(NAME).warning("Lost %s", "1 row")
    logger.addFilter(_fail)
    app_logger(NAME).error("Lost %s", "1 row")


def test_a_record_factory_that_fails_stops_nothing() -> None:
    factory = logging.getLogRecordFactory()
    logging.setLogRecordFactory(lambda *_, **__: 1 / 0)  # type: ignore[arg-type]
    try:
        app_logger(NAME).warning("Lost")
    finally:
        logging.setLogRecordFactory(factory)


def test_an_exception_that_stops_the_program_is_passed_on(logger: logging.Logger) -> None:
    class Stopping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise KeyboardInterrupt

    logger.addHandler(Stopping())
    with pytest.raises(KeyboardInterrupt):
        app_logger(NAME).warning("Lost")


def test_a_record_names_the_place_that_logs(caplog: pytest.LogCaptureFixture) -> None:
    app_logger(NAME).warning("Lost %d", 1)
    (record,) = caplog.records
    assert (record.name, record.funcName, record.getMessage()) == (
        NAME,
        "test_a_record_names_the_place_that_logs",
        "Lost 1",
    )


@pytest.mark.parametrize("package", ["core", "instrumentation"])
def test_no_module_logs_past_it(package: str) -> None:
    sources = Path(__file__).parents[2] / package
    past = [
        path.name
        for path in sources.rglob("*.py")
        if re.search(r"^_?\w+(?:: Final)? = logging\.getLogger", path.read_text(), re.MULTILINE)
    ]
    assert not past
