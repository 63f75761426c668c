"""The sums over the lines of an archive."""

from __future__ import annotations

import datetime as dt
import io

import pytest

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.reader import blocks
from canvas_sync_exporter.logs.sidecars import PieceSummary
from canvas_sync_exporter.logs.sidecars.bloom import BloomFilter
from canvas_sync_exporter.logs.sidecars.summary import LinesSummary

NOON = dt.datetime(2025, 12, 22, 12, tzinfo=dt.UTC)
MINUTE = int(NOON.timestamp()) // 60
LINES = [
    b'{"timestamp":"2025-12-22T12:00:59.900000Z","level":"INFO","task_id":"a\\"b","trace_id":"4b"}',
    b'{"timestamp": "2025-12-22T14:00:00+02:00", "level":"ERROR", "task_id": "Gr\\u00fc\xc3\x9fe"}',
    b'{"timestamp":"2025-12-22T12:01:00.000000Z","level":"INFO","message":"\\"task_id\\":\\"fake\\""}',
    b'{"timestamp":"2025-12-22T12:01:30.000000Z","task_id":null}',
]


def _summary(lines: list[bytes]) -> LinesSummary:
    data = b"".join(line + b"\n" for line in lines)
    summary = LinesSummary(Log.OPERATIONS, dt.UTC)
    for block in blocks(io.BytesIO(data), len(data)):
        summary.add(block)
    return summary


def test_times_levels_and_ids_of_json_lines_are_summed_up() -> None:
    summary = _summary(LINES)
    assert summary.minutes == {
        ("INFO", MINUTE): 1,
        ("ERROR", MINUTE): 1,
        ("INFO", MINUTE + 1): 1,
        ("", MINUTE + 1): 1,
    }
    assert not summary.has_text_lines
    piece = summary.finish_piece()
    assert piece.ids is not None
    assert all(map(piece.ids.may_contain, ['a"b', "4b", "Gr\u00fc\u00dfe"]))
    assert not piece.ids.may_contain("fake")
    assert (piece.oldest, piece.newest) == (NOON, NOON + dt.timedelta(seconds=90))
    assert summary.finish_piece() == PieceSummary(None, None, BloomFilter(b""))


def test_lines_of_other_forms_and_torn_ones_count_too() -> None:
    text = b"[2025-12-22 11:59:00] Sync Task: nightly-9, 42, started, running"
    torn = LINES[0][:40] + LINES[0]
    summary = _summary([*LINES, text, torn, LINES[0][:-3], b"\xff", b"", b"{}"])
    assert summary.has_text_lines
    assert summary.minutes.total() == 6
    assert summary.minutes["INFO", MINUTE] == 2
    assert summary.finish_piece().oldest == NOON - dt.timedelta(minutes=1)


def test_too_many_ids_are_no_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("canvas_sync_exporter.logs.sidecars.summary._MOST_IDS", 2)
    line = b'{"timestamp":"2025-12-22T02:00:00.000000Z","level":"INFO","task_id":"%d"}'
    assert _summary([line % 0]).finish_piece().ids == BloomFilter.of({"0"})
    assert _summary([line % number for number in range(3)]).finish_piece().ids is None
