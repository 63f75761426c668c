"""Archives are known by their names."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.archive import archive_name, archives

MOMENT = dt.datetime(2025, 12, 22, 3, tzinfo=dt.timezone(dt.timedelta(hours=1)))


def test_an_archive_is_named_after_its_log_and_the_time_in_utc() -> None:
    assert archive_name(Log.ERRORS, MOMENT) == "errors-20251222T020000Z"


def test_archives_are_listed_oldest_first_and_other_files_are_not(tmp_path: Path) -> None:
    later = archive_name(Log.API_CALLS, MOMENT + dt.timedelta(days=1))
    for name in (f"{later}.tar.gz", f"{archive_name(Log.ERRORS, MOMENT)}.tar.gz", "backup.tar.gz"):
        (tmp_path / name).write_bytes(b"1234")
    found = [(each.log, each.time, each.size) for each in archives(tmp_path)]
    assert found == [
        (Log.ERRORS, MOMENT, 4),
        (Log.API_CALLS, MOMENT + dt.timedelta(days=1), 4),
    ]
    assert archives(tmp_path / "missing") == []
