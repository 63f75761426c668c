"""The cleanup of the logs as a job: once a night, recorded in log and metrics."""

from __future__ import annotations

import dataclasses
import datetime as dt
from contextlib import closing
from zoneinfo import ZoneInfo

import pytest

from canvas_sync_core.logs.control import ControlPage
from canvas_sync_exporter.jobs.log_cleanup import clean_logs, clean_logs_when_due, next_cleanup
from canvas_sync_exporter.logs.search import LineFilter, LogSearch
from canvas_sync_exporter.settings import Configuration, configuration
from support.recurring_jobs import metric_value, miss_a_night, operations


def test_a_cleanup_leaves_a_line_in_the_log(config: Configuration) -> None:
    config.app.log_dir.mkdir(exist_ok=True)
    (config.app.log_dir / "errors.log.1").write_text("before\n" * 1000)
    report = clean_logs(config)
    (record,) = operations(config)
    assert (record["event"], record["status"], record["files"]) == ("logs_cleaned", "success", 1)
    assert record["reclaimed_bytes"] == report.reclaimed_bytes > 0


def test_a_cleanup_that_could_not_archive_is_counted_as_failed(config: Configuration) -> None:
    config.app.log_dir.mkdir(exist_ok=True)
    (config.app.log_dir / "errors.log").write_text("now\n")
    (config.app.log_dir / "errors.log.1").write_text("before\n")
    config.archive_folder.write_text("in the way")
    report = clean_logs(config)
    assert report.errors
    (record,) = operations(config)
    assert (record["status"], record["error_type"]) == ("failed", "CleanupFailed")
    assert record["error"].startswith("errors: ")
    assert metric_value(config, "canvas_sync_cleanup_runs_total", status="failed") == 1
    assert metric_value(config, "canvas_sync_cleanup_last_success_timestamp_seconds") is None


def test_the_cleanup_runs_at_its_time_in_its_zone() -> None:
    config = configuration(
        {"CANVAS_SYNC_CLEANUP_TIME": "03:30", "CANVAS_SYNC_TIMEZONE": "America/New_York"}
    )
    when = next_cleanup(config)
    assert when.utcoffset() == dt.timedelta(0)
    local = when.astimezone(ZoneInfo("America/New_York"))
    assert (local.hour, local.minute, local.second) == (3, 30, 0)
    assert dt.timedelta(0) < when - dt.datetime.now(dt.UTC) <= dt.timedelta(hours=25)


def test_a_check_while_another_process_cleans_up_changes_nothing(config: Configuration) -> None:
    miss_a_night(config)
    with ControlPage(config.app.control_folder / "cleanup.lock").locked(1) as held:
        assert held
        assert clean_logs_when_due(config) is None
    assert (config.app.log_dir / "errors.log.1").exists()
    assert clean_logs_when_due(config) is not None


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_the_line_of_a_cleanup_is_found_in_either_format(
    config: Configuration, log_format: str
) -> None:
    chosen = dataclasses.replace(config, app=dataclasses.replace(config.app, log_format=log_format))
    miss_a_night(chosen)
    report = clean_logs_when_due(chosen)
    assert report is not None
    folders = chosen.app.log_dir, chosen.archive_folder
    with closing(LogSearch(*folders, LineFilter(text="Log Cleanup"), limit=9)) as search:
        (line,) = search
    assert (line.fields["event"], line.fields["status"]) == ("logs_cleaned", "success")
    assert (line.fields["files"], line.fields["reclaimed_bytes"]) == (1, report.reclaimed_bytes)
