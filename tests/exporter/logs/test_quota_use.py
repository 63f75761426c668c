"""Who used the quota, from logs that cannot be read to their end in time."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from canvas_sync_exporter.logs.quota_use import quota_use
from canvas_sync_exporter.logs.search import LogSearch

_SINCE = dt.datetime(2026, 3, 2, 3, tzinfo=dt.UTC)
_UNTIL = _SINCE + dt.timedelta(minutes=20)
_MINUTE = dt.timedelta(minutes=1)


@pytest.mark.parametrize(
    ("searched_to", "expected"),
    [
        (_SINCE + _MINUTE, _SINCE + _MINUTE),
        (_SINCE - _MINUTE, None),  # what is left is older than the range
        (None, _UNTIL),  # nothing was read
    ],
)
def test_calls_are_missing_only_if_a_part_of_the_range_was_not_read(
    searched_to: dt.datetime | None,
    expected: dt.datetime | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(LogSearch, "cursor", property(lambda _: "more"))
    monkeypatch.setattr(LogSearch, "searched_to", property(lambda _: searched_to))
    found = quota_use(tmp_path, tmp_path / "archives", _SINCE, _UNTIL, seconds=1, zone=dt.UTC)
    assert found.searched_to == expected
