"""The dry run: it changes nothing and tells what the cleanup then does."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from canvas_sync_core.logs.control import ControlPage
from canvas_sync_core.names import Log
from canvas_sync_exporter import logs
from canvas_sync_exporter.logs.cleanup_plan import PlannedFile, plan_cleanup
from canvas_sync_exporter.logs.sources import LogFolderError
from canvas_sync_exporter.logs.staging import stage_log

NOW = dt.datetime(2025, 12, 22, 2, 0, 0, tzinfo=dt.UTC)
FILES = st.dictionaries(
    st.tuples(st.sampled_from(list(Log)), st.sampled_from(["", ".1", ".2", ".10"])),
    st.integers(0, 30),
)


def settings_for(folder: Path) -> logs.RetentionSettings:
    return logs.RetentionSettings(
        log_dir=folder,
        archive_dir=folder / "archive",
        control_dir=folder / "control",
        keep_lines=5,
        max_live_bytes=100,
    )


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@settings(max_examples=40, deadline=None)
@given(files=FILES, ages=st.sets(st.integers(1, 60), max_size=4))
def test_the_cleanup_does_what_the_dry_run_announced(
    files: dict[tuple[Log, str], int], ages: set[int]
) -> None:
    with TemporaryDirectory() as name:
        retention = settings_for(Path(name))
        for (log, number), lines in files.items():
            (retention.log_dir / f"{log.value}.log{number}").write_bytes(b"0123456789\n" * lines)
        retention.archive_dir.mkdir()
        for age in ages:
            moment = (NOW - dt.timedelta(days=age)).strftime("%Y%m%dT%H%M%SZ")
            (retention.archive_dir / f"errors-{moment}.tar.gz").write_bytes(b"old")
        before = snapshot(retention.log_dir)
        plan = plan_cleanup(retention, now=NOW)
        assert snapshot(retention.log_dir) == before
        report = logs.cleanup_canvas_sync_logs(retention, now=NOW)
        assert report.errors == []
        for done in report.logs:
            planned = plan.files[done.log]
            assert (len(planned), sum(file.bytes for file in planned)) == (done.files, done.bytes)
        assert [archive.name for archive in plan.archives] == report.archives_deleted


def test_what_waits_for_its_archive_is_reported_too(tmp_path: Path) -> None:
    retention = settings_for(tmp_path)
    live = tmp_path / "errors.log"
    live.write_bytes(b"now\n")
    (tmp_path / "errors.log.1").write_bytes(b"before\n")
    page = ControlPage(retention.control_dir / "errors.log.control")
    page.refresh()
    stage_log(live, "errors-20251221T020000Z", page, keep_lines=5, max_live_bytes=100)
    (tmp_path / "errors.log.1").write_bytes(b"since then\n")
    assert plan_cleanup(retention, now=NOW).files["errors"] == [
        PlannedFile("errors.log.1", 7),
        PlannedFile("errors.log.1", 11),
    ]


def test_a_backup_that_may_not_be_read_is_reported_and_nothing_is_promised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if by another user: the tests may run as root, who may read everything."""
    retention = settings_for(tmp_path)
    for name in ("errors.log.2", "errors.log.1", "progress.log.1"):
        (tmp_path / name).write_bytes(b"before\n")
    open_it = Path.open

    def guarded(path: Path, *args: Any, **options: Any) -> Any:
        if path.name == "errors.log.1":
            raise PermissionError(13, "Permission denied", str(path))
        return open_it(path, *args, **options)

    monkeypatch.setattr(Path, "open", guarded)
    plan = plan_cleanup(retention, now=NOW)
    assert (plan.files["errors"], plan.files["progress"]) == (
        [],
        [PlannedFile("progress.log.1", 7)],
    )
    assert plan.problems == [
        "errors.log.1: Permission denied; of errors nothing new can be archived"
    ]
    report = logs.cleanup_canvas_sync_logs(retention, now=NOW)
    assert [log.log for log in report.logs if log.error] == ["errors"]
    assert [log.files for log in report.logs] == [0, 0, 0, 0, 1]


@pytest.mark.parametrize("name", ["missing", "a file"])
def test_a_path_that_is_not_a_folder_is_reported(tmp_path: Path, name: str) -> None:
    (tmp_path / "a file").write_text("no folder")
    with pytest.raises(LogFolderError, match=f"{name}: N.* CANVAS_SYNC_LOG_DIR"):
        plan_cleanup(settings_for(tmp_path / name), now=NOW)
    assert not (tmp_path / "missing").exists()


def test_the_functions_take_their_settings_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a user's own script calls them, without an argument."""
    monkeypatch.setenv("CANVAS_SYNC_LOG_DIR", str(tmp_path))
    monkeypatch.setenv("CANVAS_SYNC_ARCHIVE_DAYS", "7")
    monkeypatch.setenv("CANVAS_SYNC_MAX_LIVE_BYTES", "11")
    monkeypatch.setenv("CANVAS_SYNC_KEEP_LINES", "1")
    (tmp_path / "errors.log").write_bytes(b"now\n")
    (tmp_path / "progress.log").write_bytes(b"earlier\nnow\n")
    (tmp_path / "database.log").write_bytes(b"before\nnow\n")
    (tmp_path / "errors.log.1").write_bytes(b"before\n")
    planned = logs.plan_cleanup().files
    assert planned["errors"] == [PlannedFile("errors.log.1", 7)]
    assert planned["progress"] == [PlannedFile("progress.log", 8)]
    assert planned["database"] == []
    report = logs.cleanup_canvas_sync_logs()
    assert logs.get_cleanup_status().last == report
    week_ago = (report.time - dt.timedelta(days=7, seconds=1)).strftime("%Y%m%dT%H%M%SZ")
    old = tmp_path / "archive" / f"errors-{week_ago}.tar.gz"
    old.write_bytes(b"old")
    deleted, errors = logs.delete_old_archives()
    assert ([archive.path for archive in deleted], errors) == ([old], [])
