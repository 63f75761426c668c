"""The sums over the lines of an archive."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs import reader
from canvas_sync_exporter.logs.lines import LineReader, Moment
from canvas_sync_exporter.logs.reader import line_blocks
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
    for block in line_blocks(io.BytesIO(data), len(data)):
        summary.add(block.data)
    return summary


class Plain(msgspec.Struct):
    """What a plain reading of a line finds."""

    timestamp: Moment
    level: str | None = None
    task_id: str | None = None
    trace_id: str | None = None


TIMES = st.datetimes(dt.datetime(2025, 12, 22, 11, 58), dt.datetime(2025, 12, 22, 12, 1)).map(
    lambda time: time.isoformat(timespec="microseconds") + "Z"
)
ODD_TIMES = (
    "2025-12-22T14:00:00+02:00",
    "2025-12-22T12:00:00.5Z",
    "2025-02-31T12:00:00.000000Z",
    "2025-12-22T12:61:00.000000Z",
    "2025-12-22T12:00:00",
    "0001-01-01T00:30:00+02:00",
    "",
)
IDS = st.none() | st.sampled_from(("nightly-1", "NIGHTLY-1", 'a"b\\c', "Grüße", "{", "\u2028"))
RECORDS = st.builds(
    lambda time, level, task_id, trace_id: {
        "timestamp": time,
        **({} if level is None else {"level": level}),
        "message": '"task_id":"in a message" {"timestamp":"',
        "task_id": task_id,
        "more": {"task_id": "inside"},
        "trace_id": trace_id,
    },
    TIMES | st.sampled_from(ODD_TIMES),
    st.sampled_from(("INFO", "INFO", "WARNING", "Note", None)),
    IDS,
    st.none() | st.sampled_from(("4b" * 16, "4B" * 16)),
)
JSON_LINES = st.builds(
    lambda record, is_ascii, separators: json.dumps(
        record, ensure_ascii=is_ascii, separators=separators
    ).encode(),
    RECORDS,
    st.booleans(),
    st.sampled_from([(",", ":"), (", ", ": ")]),
)
OTHER_LINES = st.sampled_from(
    (
        b"",
        b"{}",
        b"[1]",
        b"\xff\xfe",
        b"[2025-12-22 11:59:00] Sync Task: nightly-9, 42, started, running",
        b'{"timestamp":"2025-12-22T12:00:00.000000Z","task\\u005fid":"spelled"}',
        b'{"timestamp":"2025-12-22T12:00:00.000000Z","task_id":"\xff"}',
        b'{"timestamp":"2025-12-22T12:00:00.000000Z","task_id":"1","task_id":"2"}',
    )
)
TORN_LINES = st.builds(
    lambda torn, at, whole: torn[: at % (len(torn) + 1)] + whole,
    JSON_LINES,
    st.integers(0, 400),
    JSON_LINES | st.just(b""),
)


@given(st.lists(JSON_LINES | JSON_LINES | OTHER_LINES | TORN_LINES, max_size=12))
def test_a_sum_is_that_of_a_plain_reading(lines: list[bytes]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "LINE_LIMIT", 1000)  # so a few lines are several blocks
        summary = _summary(lines)
    plain_reader = LineReader(Log.OPERATIONS, Plain)
    records = [record for line in lines if (record := plain_reader.read_line(line)[0])]
    expected: dict[str, Counter[int]] = {}
    for record in records:
        minute = int(record.timestamp.timestamp() // 60)
        expected.setdefault(record.level or "", Counter())[minute] += 1
    assert {level: dict(found) for level, found in summary.minutes.by_level().items()} == expected
    piece = summary.finish_piece()
    times = [record.timestamp for record in records]
    assert (piece.oldest, piece.newest) == (min(times, default=None), max(times, default=None))
    ids = {each for record in records for each in (record.task_id, record.trace_id)} - {None}
    assert piece.ids is not None
    assert all(piece.ids.may_contain(each) for each in ids if each is not None)


def test_times_levels_and_ids_of_json_lines_are_summed_up() -> None:
    summary = _summary(LINES)
    assert summary.minutes.by_level() == {
        "": [(MINUTE + 1, 1)],
        "ERROR": [(MINUTE, 1)],
        "INFO": [(MINUTE, 1), (MINUTE + 1, 1)],
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
    minutes = summary.minutes.by_level()
    assert sum(lines for found in minutes.values() for _, lines in found) == 6
    assert minutes["INFO"] == [(MINUTE - 1, 1), (MINUTE, 2), (MINUTE + 1, 1)]
    assert summary.finish_piece().oldest == NOON - dt.timedelta(minutes=1)


def test_too_many_ids_are_not_kept_as_a_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("canvas_sync_exporter.logs.sidecars.summary._MOST_IDS", 2)
    line = b'{"timestamp":"2025-12-22T02:00:00.000000Z","level":"INFO","task_id":"%d"}'
    assert _summary([line % 0]).finish_piece().ids == BloomFilter.of({"0"})
    assert _summary([line % number for number in range(3)]).finish_piece().ids is None
