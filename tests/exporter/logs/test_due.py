"""When the nightly cleanup is due, and that each night has one."""

from __future__ import annotations

import datetime as dt
import shutil
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.logs.control import ControlPage
from canvas_sync_core.names import LOGS, Log
from canvas_sync_exporter.logs.archive import archives
from canvas_sync_exporter.logs.cleanup import CleanupRunning, cleanup_when_due
from canvas_sync_exporter.logs.due import DueTimeFile, last_due, next_due
from canvas_sync_exporter.logs.retention_settings import RetentionSettings
from support.log_processes import kill_at_each_change, spawn

DAY = dt.timedelta(days=1)
TWO = dt.time(2)
NIGHT = dt.datetime(2025, 12, 22, 2, tzinfo=dt.UTC)
ZONES = st.sampled_from(
    ["UTC", "Europe/Berlin", "America/New_York", "America/Nuuk", "Australia/Lord_Howe"]
)


def settings_for(folder: Path) -> RetentionSettings:
    return RetentionSettings(folder, folder / "archive", folder / "control")


@pytest.fixture
def settings(tmp_path: Path) -> RetentionSettings:
    return settings_for(tmp_path)


def rotate_something(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "errors.log.1").write_bytes(b"before\n")


@pytest.mark.parametrize(
    ("now", "last"),
    [
        ("2025-12-22T02:00:00+00:00", "2025-12-22T02:00:00+00:00"),
        ("2025-12-22T01:59:59+00:00", "2025-12-21T02:00:00+00:00"),
        ("2025-12-22T23:59:59+00:00", "2025-12-22T02:00:00+00:00"),
    ],
)
def test_the_last_due_time_is_the_newest_that_has_passed(now: str, last: str) -> None:
    moment = dt.datetime.fromisoformat(now)
    assert last_due(moment, TWO, dt.UTC) == dt.datetime.fromisoformat(last)
    assert next_due(moment, TWO, dt.UTC) == dt.datetime.fromisoformat(last) + DAY


@pytest.mark.parametrize(
    ("day", "at", "utc"),
    [
        ("2025-03-30", "02:30", "2025-03-30T01:30:00+00:00"),  # left out: 03:30 summer time
        ("2025-10-26", "02:30", "2025-10-26T00:30:00+00:00"),  # comes twice: the first
        ("2025-07-01", "02:30", "2025-07-01T00:30:00+00:00"),
    ],
)
def test_setting_the_clock_neither_skips_nor_repeats_a_night(day: str, at: str, utc: str) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    noon = dt.datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=berlin)
    assert last_due(noon, dt.time.fromisoformat(at), berlin) == dt.datetime.fromisoformat(utc)


def test_a_time_that_the_clock_skips_before_midnight_is_due_after_it() -> None:
    """In Nuuk clocks go from 23:00 to 00:00."""
    nuuk = ZoneInfo("America/Nuuk")
    evening, morning = (
        dt.datetime.fromisoformat(f"2026-03-{moment}").replace(tzinfo=nuuk)
        for moment in ("28T22:30", "29T00:10")
    )
    due = dt.datetime(2026, 3, 29, 1, 30, tzinfo=dt.UTC)
    at = dt.time(23, 30)
    assert next_due(evening, at, nuuk) == next_due(morning, at, nuuk) == due
    assert last_due(due, at, nuuk) == due


@given(
    now=st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2035, 1, 1), timezones=st.just(dt.UTC)),
    at=st.times(),
    zone=ZONES.map(ZoneInfo),
)
def test_two_due_times_are_a_day_apart(now: dt.datetime, at: dt.time, zone: ZoneInfo) -> None:
    last, following = last_due(now, at, zone), next_due(now, at, zone)
    assert last <= now < following
    assert abs(following - last - DAY) <= dt.timedelta(hours=1)
    assert last_due(following, at, zone) == following


def test_at_the_first_start_nothing_was_missed(settings: RetentionSettings) -> None:
    rotate_something(settings.log_dir)
    assert cleanup_when_due(settings, due=NIGHT, now=NIGHT) is None
    assert archives(settings.archive_dir) == []
    report = cleanup_when_due(settings, due=NIGHT + DAY, now=NIGHT + DAY)
    assert report is not None
    assert len(archives(settings.archive_dir)) == 1


def test_each_night_is_handled_once(settings: RetentionSettings) -> None:
    DueTimeFile(settings.control_dir).write(NIGHT - DAY)
    assert cleanup_when_due(settings, due=NIGHT, now=NIGHT) is not None
    assert cleanup_when_due(settings, due=NIGHT, now=NIGHT + DAY / 2) is None
    assert cleanup_when_due(settings, due=NIGHT - DAY, now=NIGHT) is None, "the clock went back"
    assert cleanup_when_due(settings, due=NIGHT + DAY, now=NIGHT + DAY) is not None


def test_a_log_folder_that_no_sync_has_made_yet_has_nothing_to_clean_up(tmp_path: Path) -> None:
    """With the control folder elsewhere; the exporter runs before the first sync."""
    folder = tmp_path / "logs"
    settings = RetentionSettings(folder, folder / "archive", tmp_path / "control")
    DueTimeFile(settings.control_dir).write(NIGHT - DAY)
    report = cleanup_when_due(settings, due=NIGHT, now=NIGHT)
    assert report is not None
    assert report.errors == []
    assert not folder.exists()


def use_backups(folder: Path, log: Log, count: int) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{log.value}.log").touch()
    for number in range(1, count + 1):
        (folder / f"{log.value}.log.{number}").write_bytes(b"before\n")


@pytest.mark.parametrize("log", list(Log))
def test_a_log_that_has_used_up_half_of_its_backups_does_not_wait_for_the_night(
    settings: RetentionSettings, log: Log
) -> None:
    half = LOGS[log][1] // 2
    assert cleanup_when_due(settings, due=NIGHT, now=NIGHT) is None
    use_backups(settings.log_dir, log, half)
    assert cleanup_when_due(settings, due=NIGHT, now=NIGHT + DAY / 4) is None
    use_backups(settings.log_dir, log, half + 1)
    report = cleanup_when_due(settings, due=NIGHT, now=NIGHT + DAY / 2)
    assert report is not None
    assert sum(each.files for each in report.logs) == half + 1
    assert cleanup_when_due(settings, due=NIGHT, now=NIGHT + DAY / 2) is None
    assert cleanup_when_due(settings, due=NIGHT + DAY, now=NIGHT + DAY) is not None


def test_backups_that_are_used_up_at_the_first_start_are_archived(
    settings: RetentionSettings,
) -> None:
    use_backups(settings.log_dir, Log.ERRORS, 10)
    assert cleanup_when_due(settings, due=NIGHT, now=NIGHT) is not None
    assert DueTimeFile(settings.control_dir).covers(NIGHT)


def test_a_cleanup_before_its_time_that_failed_is_tried_again_an_hour_later(
    settings: RetentionSettings,
) -> None:
    settings = replace(settings, archive_dir=settings.log_dir / ("x" * 300))  # a name too long
    use_backups(settings.log_dir, Log.ERRORS, 10)
    minute = dt.timedelta(minutes=1)
    reports = [
        cleanup_when_due(settings, due=NIGHT, now=NIGHT + minutes * minute)
        for minutes in (0, 1, 59, 61)
    ]
    assert [report and report.status for report in reports] == ["failed", None, None, "failed"]


def test_while_another_cleanup_runs_the_night_stays_open(settings: RetentionSettings) -> None:
    record = DueTimeFile(settings.control_dir)
    record.write(NIGHT - DAY)
    with ControlPage(settings.control_dir / "cleanup.lock").locked(0) as held:
        assert held
        with pytest.raises(CleanupRunning):
            cleanup_when_due(settings, due=NIGHT, now=NIGHT)
    assert not record.covers(NIGHT)
    assert cleanup_when_due(settings, due=NIGHT, now=NIGHT) is not None


@pytest.mark.parametrize("content", [b"", b"soon", b"2025-12-22", b"\xff\xfe", b"\x00" * 40])
def test_a_damaged_record_counts_as_missing(settings: RetentionSettings, content: bytes) -> None:
    settings.control_dir.mkdir()
    (settings.control_dir / "cleanup.due").write_bytes(content)
    assert DueTimeFile(settings.control_dir).read() is None
    assert cleanup_when_due(settings, due=NIGHT, now=NIGHT) is None
    assert DueTimeFile(settings.control_dir).read() == NIGHT


def test_a_killed_cleanup_is_made_up_for() -> None:
    process = spawn.Process(target=_kill_nightly_cleanups)
    process.start()
    process.join()
    assert process.exitcode == 0


def _kill_nightly_cleanups() -> None:
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with TemporaryDirectory(dir=memory) as name:
        settings = settings_for(Path(name) / "logs")

        def prepare(_step: int) -> None:
            shutil.rmtree(settings.log_dir, ignore_errors=True)
            rotate_something(settings.log_dir)
            DueTimeFile(settings.control_dir).write(NIGHT - DAY)

        def act(_step: int) -> None:
            cleanup_when_due(settings, due=NIGHT, now=NIGHT)

        def check(step: int) -> None:
            cleanup_when_due(settings, due=NIGHT, now=NIGHT)
            assert DueTimeFile(settings.control_dir).read() == NIGHT, step
            (archive,) = archives(settings.archive_dir)
            assert archive.time == NIGHT
            assert not (settings.log_dir / "errors.log.1").exists()

        modules = ["due.py", "cleanup.py", "cleanup_report.py"]
        kill_at_each_change(settings.log_dir, modules, prepare, act, check)
