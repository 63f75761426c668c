"""The writer as a standard logging handler."""

from __future__ import annotations

import inspect
import logging
import logging.config
import logging.handlers
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from canvas_sync_core.logs import CanvasSyncRotatingFileHandler
from support.log_processes import spawn
from support.small_disk import SmallDisk, small_disk

__all__ = ["small_disk"]


def configure(folder: Path, **handler: object) -> logging.Logger:
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"plain": {"format": "%(levelname)s %(message)s"}},
            "handlers": {
                "file": {
                    "class": "canvas_sync_core.logs.CanvasSyncRotatingFileHandler",
                    "filename": str(folder / "app.log"),
                    "formatter": "plain",
                    **handler,
                }
            },
            "loggers": {"app": {"level": "INFO", "handlers": ["file"], "propagate": False}},
        }
    )
    return logging.getLogger("app")


@pytest.fixture(autouse=True)
def _close_handlers() -> Iterator[None]:
    yield
    logger = logging.getLogger("app")
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()


def test_dict_config_plugs_it_in_with_the_standard_spelling(tmp_path: Path) -> None:
    logger = configure(tmp_path, maxBytes=1000, backupCount=2, encoding="utf-8")
    for number in range(60):
        logger.info("%s %s", number, "é" * 20)
    names = sorted(file.name for file in tmp_path.glob("app.log*"))
    assert names == ["app.log", "app.log.1", "app.log.2"]
    assert (tmp_path / "app.log").read_text(encoding="utf-8").endswith(f"INFO 59 {'é' * 20}\n")


def test_a_record_is_one_line_whatever_is_in_it(tmp_path: Path) -> None:
    logger = configure(tmp_path)
    logger.info("forged\nERROR \x1b[31m\x85\u2028\u202e \udc80")
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        logger.exception("failed")
    lines = (tmp_path / "app.log").read_text(encoding="utf-8").splitlines()
    assert lines[0] == r"INFO forged\nERROR \x1b[31m\x85\u2028\u202e \udc80"
    assert lines[1].startswith(r"ERROR failed\nTraceback")
    assert len(lines) == 2


@pytest.mark.parametrize("given", [{"maxBytes": 100}, {"backupCount": 3}])
def test_either_limit_at_0_means_never_rotated(tmp_path: Path, given: dict[str, int]) -> None:
    logger = configure(tmp_path, **given)
    for _ in range(100):
        logger.info("x" * 90)
    assert [file.name for file in tmp_path.glob("app.log*")] == ["app.log"]


def test_it_takes_the_arguments_of_the_standard_handler_in_their_order(tmp_path: Path) -> None:
    standard = inspect.signature(logging.handlers.RotatingFileHandler).parameters
    ours = inspect.signature(CanvasSyncRotatingFileHandler).parameters
    assert list(ours)[: len(standard)] == list(standard)
    configure(tmp_path, mode="a", encoding=None, delay=True, errors="replace").info("in")
    assert (tmp_path / "app.log").read_text(encoding="utf-8") == "INFO in\n"


@pytest.mark.parametrize(
    "given", [{"encoding": "latin-1"}, {"mode": "w"}, {"backupCount": -1}, {"maxBytes": -1}]
)
def test_what_cannot_be_done_is_refused(tmp_path: Path, given: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"encoding|mode|backupCount"):
        CanvasSyncRotatingFileHandler(tmp_path / "app.log", **given)  # type: ignore[arg-type]  # what is tested


def test_a_record_that_cannot_be_formatted_goes_the_standard_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(tmp_path).info("%d", "no number")
    assert "Logging error" in capsys.readouterr().err


def test_records_for_which_the_disk_has_no_room_are_counted_when_given_up(
    small_disk: SmallDisk,
) -> None:
    small_disk.fill()
    logger = configure(small_disk.path)
    (handler,) = logger.handlers
    assert isinstance(handler, CanvasSyncRotatingFileHandler)
    logger.info("waits")
    handler.flush()
    handler.close()
    assert handler.dropped == 1


def test_a_forked_child_logs_on_its_own(tmp_path: Path) -> None:
    process = spawn.Process(target=_log_and_fork, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == 0
    lines = (tmp_path / "app.log").read_text(encoding="utf-8").splitlines()
    assert sorted(lines) == ["INFO before", "INFO child", "INFO parent"]


def _log_and_fork(folder: Path) -> None:
    logger = configure(folder)
    logger.info("before")
    pid = os.fork()
    if pid == 0:
        logger.info("child")
        os._exit(0)
    logger.info("parent")
    assert os.waitpid(pid, 0)[1] == 0
