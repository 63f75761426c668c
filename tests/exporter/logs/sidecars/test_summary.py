"""What is summed up without parsing is what parsing would find."""

from __future__ import annotations

import datetime as dt
import io
from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from canvas_sync_core.names import LINE_LEVELS, Log
from canvas_sync_exporter.logs.reader import blocks
from canvas_sync_exporter.logs.sidecars.summary import LinesSummary
from support.log_folders import EPOCH

IDS = st.sampled_from(["nightly-1", 'quo"ted', "back\\slash", "Grüße", "x" * 300, ""])
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "level": st.sampled_from(LINE_LEVELS),
        "message": st.sampled_from(['"task_id":"fake"', '{"timestamp":"2020', "\x1b", "plain"]),
        "task_id": IDS | st.none(),
        "trace_id": st.sampled_from(["4b" * 16, "5c" * 16]),
    },
)


@st.composite
def _lines(draw: st.DrawFn) -> bytes:
    moment = EPOCH + dt.timedelta(seconds=draw(st.integers(-200, 200)))
    stamp = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
    fields: dict[str, Any] = {"timestamp": stamp, **draw(FIELDS)}
    own = msgspec.json.encode(fields)
    other = msgspec.json.format(own, indent=0).replace(b'":"', b'": "')
    text = f"[{moment:%Y-%m-%d %H:%M:%S}] Sync Task: nightly-9, 42, started, running".encode()
    kinds = [own, own, own, own, other, text, own[:40] + own, own[:-3], b"\xff", b"", b"{}"]
    return draw(st.sampled_from(kinds))


def _summary(data: bytes) -> LinesSummary:
    summary = LinesSummary(Log.OPERATIONS, dt.UTC)
    for block in blocks(io.BytesIO(data), len(data)):
        summary.add(block)
    return summary


def _parsed(data: bytes) -> LinesSummary:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LinesSummary, "_add_own", lambda _self, _data: False)
        return _summary(data)


@settings(max_examples=500, deadline=None)
@given(lines=st.lists(_lines(), max_size=5))
@example(lines=[b'{"timestamp":"2025-12-22T02:00:00.000000Z","level":"INFO","task_id":"a\\"b"}'])
def test_nothing_is_missed(lines: list[bytes]) -> None:
    """A torn line may add ids and widen the range of times; it never narrows them."""
    data = b"".join(line + b"\n" for line in lines)
    quick, parsed = _summary(data), _parsed(data)
    assert quick.ids is not None
    assert parsed.ids is not None
    assert quick.ids - {""} >= parsed.ids - {""}
    assert Counter(quick.minutes) >= Counter(parsed.minutes)
    if parsed.oldest is not None and parsed.newest is not None:
        assert quick.oldest is not None
        assert quick.newest is not None
        assert quick.oldest <= parsed.oldest
        assert quick.newest >= parsed.newest


@settings(max_examples=200, deadline=None)
@given(seconds=st.lists(st.integers(-200, 200), min_size=1, max_size=5), fields=st.lists(FIELDS))
def test_of_whole_lines_the_sums_are_exact(
    seconds: list[int], fields: list[dict[str, Any]]
) -> None:
    data = b"".join(
        msgspec.json.encode(
            {
                "timestamp": (EPOCH + dt.timedelta(seconds=second)).strftime(
                    "%Y-%m-%dT%H:%M:%S.000000Z"
                ),
                "level": "INFO",
                **each,
            }
        )
        + b"\n"
        for second, each in zip(seconds, [*fields, *[{}] * 5], strict=False)
    )
    quick, parsed = _summary(data), _parsed(data)
    assert (quick.minutes, quick.oldest, quick.newest) == (
        parsed.minutes,
        parsed.oldest,
        parsed.newest,
    )


def test_too_many_ids_are_no_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("canvas_sync_exporter.logs.sidecars.summary._MOST_IDS", 2)
    line = b'{"timestamp":"2025-12-22T02:00:00.000000Z","level":"INFO","task_id":"%d"}\n'
    assert _summary(b"".join(line % number for number in range(2))).ids == {"0", "1"}
    assert _summary(b"".join(line % number for number in range(3))).ids is None
