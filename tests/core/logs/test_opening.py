"""A log whose last line was cut short."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from canvas_sync_core.logs.writer import LogFileWriter
from support.log_processes import line_of
from support.log_writers import file_size_limit


def test_a_line_that_was_cut_short_is_written_whole_on_a_line_of_its_own(
    tmp_path: Path, writer: LogFileWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit on the size of a file cuts a real write short."""
    line = line_of("a", 0)
    writer.append(line)
    with file_size_limit(len(line) + 20):
        writer.append(line_of("a", 1))
        assert writer.pending == 1
    assert writer.flush(0)
    content = (tmp_path / "x.log").read_bytes()
    assert content == line + line_of("a", 1)[:20] + b"\n" + line_of("a", 1)


def test_a_line_that_lacks_its_newline_alone_is_not_written_twice(
    tmp_path: Path, writer: LogFileWriter
) -> None:
    line = line_of("a", 0)
    with file_size_limit(len(line) - 1):
        writer.append(line)
        assert not writer.flush(0)
    writer.append(line_of("a", 1))
    assert (tmp_path / "x.log").read_bytes() == line + line_of("a", 1)


def test_an_owed_newline_is_written_by_flush(tmp_path: Path, writer: LogFileWriter) -> None:
    line = line_of("a", 0)
    with file_size_limit(len(line) - 1):
        writer.append(line)
    assert writer.flush(0)
    assert (tmp_path / "x.log").read_bytes() == line


def test_a_torn_end_of_the_file_does_not_spoil_the_next_line(
    tmp_path: Path, writer: LogFileWriter
) -> None:
    (tmp_path / "x.log").write_bytes(b"torn by a process that was ki")
    writer.append(line_of("a", 0))
    assert (tmp_path / "x.log").read_bytes() == b"torn by a process that was ki\n" + line_of("a", 0)


def test_a_line_that_another_process_is_still_writing_is_not_mistaken_for_a_torn_one(
    tmp_path: Path, writer: LogFileWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "x.log"
    first, rest = line_of("other", 0)[:7], line_of("other", 0)[7:]
    log.write_bytes(first)

    def meanwhile(_seconds: float) -> None:
        with log.open("ab") as other:
            other.write(rest)

    monkeypatch.setattr(time, "sleep", meanwhile)
    writer.append(line_of("a", 0))
    assert log.read_bytes() == line_of("other", 0) + line_of("a", 0)
