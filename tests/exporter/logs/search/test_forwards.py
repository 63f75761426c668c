"""Reading lines from an offset on."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_exporter.logs.search import forwards
from canvas_sync_exporter.logs.search.forwards import blocks_forwards

LINES = st.lists(st.binary(max_size=80).map(lambda raw: raw.replace(b"\n", b" ")), max_size=8)


@given(lines=LINES, block=st.integers(1, 50), short=st.integers(0, 50), limit=st.integers(50, 99))
def test_the_blocks_are_the_file_in_whole_lines_without_those_that_are_too_long(
    lines: list[bytes], block: int, short: int, limit: int
) -> None:
    content = b"\n".join(lines)
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(forwards, "_BLOCK", block)
        patch.setattr(forwards, "_SHORT", short)
        patch.setattr(forwards, "LINE_LIMIT", limit)
        path = Path(name) / "log"
        path.write_bytes(content)
        with path.open("rb") as file:
            found = [
                (start, bytes(data))
                for start, data in blocks_forwards(file.fileno(), 0, len(content))
            ]
    at = 0
    for start, data in found:
        passed_over = b"" if data else content[at:start]
        assert content[at : start + len(data)] == passed_over + data
        assert passed_over.count(b"\n") <= 1
        assert not passed_over or len(passed_over) > limit - block
        at = start + len(data)
    assert at == len(content)
