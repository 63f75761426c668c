"""Errors as one line for people."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from canvas_sync_core.store.database import open_engine
from canvas_sync_exporter.reasons import reason


def test_a_reason_is_one_line_without_the_statement(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/runs.sqlite3")
    with engine.connect() as connection:
        try:
            connection.exec_driver_sql("SELECT no_such_thing\nFROM nowhere")
        except Exception as error:  # noqa: BLE001 - the test is about what the driver raises
            text = reason(error)
    engine.dispose()
    assert text == "OperationalError: no such table: nowhere"
    assert reason(OSError()) == "OSError"
    assert os.linesep not in text


def test_control_characters_are_escaped() -> None:
    text = reason(ValueError("bad answer \x1b[31m\x00"))

    assert text.isprintable()
    assert text.startswith("ValueError: bad answer ")


@pytest.mark.parametrize("name", ["file/logs", b"file/logs", Path("file/logs")])
def test_a_file_that_cannot_be_used_is_named_with_the_cause(name: object) -> None:
    error = NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name)
    assert reason(error) == "file/logs: Not a directory"


def test_a_failure_without_a_file_has_its_class() -> None:
    assert reason(TimeoutError("too late")) == "TimeoutError: too late"
