"""Reading lines from the end of a file."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_exporter.logs.reader import LINE_LIMIT
from canvas_sync_exporter.logs.search import backwards
from canvas_sync_exporter.logs.search.backwards import blocks_backwards, whole_lines_end

CONTENT = st.binary(max_size=200).map(lambda raw: raw.replace(b"\x00", b"\n"))


@given(content=CONTENT, end=st.integers(0, 200), block=st.integers(1, 50), short=st.integers(0, 50))
def test_the_blocks_together_are_the_file_and_each_has_whole_lines(
    content: bytes, end: int, block: int, short: int
) -> None:
    end = min(end, len(content))
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(backwards, "_BLOCK", block)
        patch.setattr(backwards, "_SHORT", short)
        path = Path(name) / "log"
        path.write_bytes(content)
        with path.open("rb") as file:
            found = [(start, bytes(data)) for start, data in blocks_backwards(file.fileno(), end)]
            whole = whole_lines_end(file.fileno(), end)
    expected_end = end
    for start, data in found:
        assert start + len(data) == expected_end
        assert start == 0 or content[start - 1 : start] == b"\n"
        assert data == content[start:expected_end]
        expected_end = start
    assert expected_end == 0
    assert whole == content.rfind(b"\n", 0, end) + 1


def test_a_line_that_is_too_long_is_passed_over_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as file:
        file.write(b"before\n")
        for _ in range(40):
            file.write(b"x" * LINE_LIMIT)
        file.write(b"\nafter\n")
    with path.open("rb") as file:
        found = [
            (start, bytes(data))
            for start, data in blocks_backwards(file.fileno(), path.stat().st_size)
        ]
    assert [data for _, data in found] == [b"after\n", b"", b"before\n"]
    assert [start for start, _ in found] == [40 * LINE_LIMIT + 8, 7, 0]


def test_a_file_that_consists_of_one_line_that_is_too_long_has_no_lines(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * (3 * LINE_LIMIT))
    with path.open("rb") as file:
        found = [(at, bytes(data)) for at, data in blocks_backwards(file.fileno(), 3 * LINE_LIMIT)]
        assert found == [(0, b"")]
        assert whole_lines_end(file.fileno(), 3 * LINE_LIMIT) == 0


def test_a_file_that_is_truncated_meanwhile_ends_the_reading(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"line\n")
    with path.open("rb") as file:
        assert list(blocks_backwards(file.fileno(), 1000)) == []


@pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="this system reads ahead by itself")
def test_the_system_reads_ahead_as_far_as_has_been_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"a line of 16 byt\n" * 1_000_000)
    size = path.stat().st_size
    advised: list[tuple[int, int]] = []
    monkeypatch.setattr(
        os, "posix_fadvise", lambda _fd, at, length, _how: advised.append((at, length))
    )
    with path.open("rb") as file:
        blocks = blocks_backwards(file.fileno(), size)
        next(blocks)
        assert sum(length for _, length in advised) == 2**20
        for start, _ in blocks:
            assert advised[-1][0] == 0 or start - advised[-1][0] > 2**18
    assert [at + length for at, length in advised] == [size, *(at for at, _ in advised[:-1])]
    assert advised[-1][0] == 0
