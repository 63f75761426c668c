"""How the runs of the last 24 hours ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from canvas_sync_core.store.database import open_engine
from canvas_sync_exporter.settings import full_configuration
from canvas_sync_exporter.ui.last_day import LastDay, read_last_day
from canvas_sync_exporter.web.access import Access
from canvas_sync_exporter.web.context import WebContext
from support.runs import failed, running, snapshot, write
from support.tables import create_tables

_NOW = datetime(2026, 3, 2, 12, 7, tzinfo=UTC)


def test_only_runs_that_ended_without_success_and_since_then_are_named(tmp_path: Path) -> None:
    config = full_configuration({"CANVAS_SYNC_LOG_DIR": str(tmp_path / "logs")})
    engine = open_engine(config.app.resolved_database_url)
    create_tables(engine)
    times = {
        hours: (_NOW - timedelta(hours=hours)).timestamp() for hours in (1, 23, 25)
    }  # 25 h ago was the day before
    write(
        engine,
        snapshot("good", start_time=times[1]),
        failed("bad", start_time=times[23]),
        failed("long-ago", start_time=times[25]),
        running("now", start_time=times[1]),
    )
    found = read_last_day(WebContext(config, engine, Access(None)), _NOW)
    since = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)  # a whole quarter of an hour
    assert found == LastDay(since, ended=2, unsuccessful={"failed": 1})
    engine.dispose()
