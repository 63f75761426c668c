"""The reader: every line once, in both formats, and garbage counted."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_exporter.logs.reader import LINE_LIMIT, blocks, skip
from support.read_lines import json_line, read


class _Dribble(io.RawIOBase):
    """A stream that gives as many bytes at a time as it is told to."""

    def __init__(self, content: bytes, sizes: Iterator[int]) -> None:
        self._content = io.BytesIO(content)
        self._sizes = sizes

    def readinto(self, buffer: Any, /) -> int:
        return self._content.readinto(memoryview(buffer)[: next(self._sizes)])


@given(
    lines=st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"")), max_size=30),
    sizes=st.lists(st.integers(1, 7), min_size=1),
    is_whole=st.booleans(),
)
def test_blocks_give_each_byte_once_with_its_line_number(
    lines: list[bytes], sizes: list[int], is_whole: bool
) -> None:
    content = b"\n".join(lines) + (b"\n" if is_whole else b"")
    forever = (size for _ in iter(int, 1) for size in sizes)
    line, end, joined = 1, 0, b""
    for block in blocks(_Dribble(content, forever), len(content)):
        data = bytes(block.data)
        assert block.first_line == line
        assert block.lines == len(data.split(b"\n")) - block.is_whole
        assert block.is_whole == data.endswith(b"\n")
        joined += data
        line, end = line + block.lines, block.end
        assert end == len(joined)
    assert joined == content


def test_reading_ends_at_the_given_size_though_the_file_goes_on() -> None:
    content = json_line(1) + json_line(2)
    (block,) = blocks(io.BytesIO(content), len(json_line(1)))
    assert bytes(block.data) == json_line(1)


def test_a_line_over_the_limit_is_reported_once_and_its_neighbours_are_read() -> None:
    longest = b"x" * (LINE_LIMIT - 1) + b"\n"
    for too_long in (b"x" * LINE_LIMIT + b"\n", b"x" * 3_000_000 + b"\n"):
        content = json_line(1) + too_long + json_line(2)
        records, unreadable = read(content)
        assert [record.status_code for record in records] == [1, 2]
        assert unreadable == [2]
        found = [block.first_line for block in blocks(io.BytesIO(content), 9_999_999)]
        assert found == sorted(found)
    assert [block.is_too_long for block in blocks(io.BytesIO(longest), 9_999_999)] == [False]


def test_a_hundred_megabytes_without_a_newline_take_bounded_memory() -> None:
    class Endless(io.RawIOBase):
        left = 100 * 1024 * 1024

        def readinto(self, buffer: Any, /) -> int:
            length = min(len(buffer), self.left)
            buffer[:length] = b"\0" * length
            self.left -= length
            return length

    tracemalloc.start()
    (block,) = blocks(Endless(), 10**9)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (block.is_too_long, block.is_whole) == (True, False)
    assert peak < 4 * LINE_LIMIT


def test_skip_reads_over_the_start_and_keeps_the_end_of_it() -> None:
    stream = io.BytesIO(b"a" * 1_500_000 + b"rest")
    assert skip(stream, 1_500_000)[-3:] == b"aaa"
    assert stream.read() == b"rest"
