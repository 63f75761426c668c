"""The cleanup: nothing disappears, nothing is doubled, whoever writes and whatever is killed."""

from __future__ import annotations

import datetime as dt
import shutil
import tarfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.logs import LogFileWriter
from canvas_sync_core.logs.control import ControlPage
from canvas_sync_core.logs.rotation import log_files
from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.archive import archives
from canvas_sync_exporter.logs.cleanup import (
    CleanupRunning,
    RetentionSettings,
    cleanup_canvas_sync_logs,
    delete_old_archives,
    get_cleanup_status,
)
from canvas_sync_exporter.logs.cleanup_report import saved_report
from canvas_sync_exporter.logs.sources import LogFolderError
from canvas_sync_exporter.logs.staging import staging_folders, tail_offset
from support.cleanups import LINE, LOG, NOW, archived, everywhere, settings_for
from support.demo_round import DemoRound
from support.log_processes import kill_at_each_change, line_of, lines_left, make_writer, spawn
from support.small_disk import SmallDisk, small_disk
from support.sync_logs import generate, line_of_record

__all__ = ["small_disk"]


@pytest.fixture
def settings(tmp_path: Path) -> RetentionSettings:
    return settings_for(tmp_path)


def write(folder: Path, numbers: range, *, lines_per_file: int = 10) -> LogFileWriter:
    """Write numbered lines, so many to a file; return the writer, which has the log open."""
    writer = make_writer(folder, name=LOG, max_bytes=lines_per_file * LINE)
    for number in numbers:
        writer.append(line_of("a", number))
    return writer


def test_backups_go_into_an_archive_and_the_live_log_stays(settings: RetentionSettings) -> None:
    write(settings.log_dir, range(10, 37))
    report = cleanup_canvas_sync_logs(settings, now=NOW)
    (archive,) = archives(settings.archive_dir)
    assert archive.path.name == "errors-20251222T020000Z.tar.gz"
    with tarfile.open(archive.path, "r:gz") as tar:
        assert tar.getnames() == ["errors.log.2", "errors.log.1"]
    assert archived(settings) == Counter(line_of("a", number) for number in range(10, 30))
    assert log_files(settings.log_dir / LOG) == [settings.log_dir / LOG]
    (errors,) = (log for log in report.logs if log.log == "errors")
    assert (errors.archives, errors.files, errors.bytes) == ([archive.path.name], 2, 20 * LINE)
    assert report.reclaimed_bytes == 20 * LINE - archive.size
    assert (report.status, report.errors) == ("success", [])
    assert not list((settings.log_dir / "archiving").iterdir())


def test_a_large_live_log_keeps_its_newest_lines_and_goes_on(settings: RetentionSettings) -> None:
    (settings.log_dir / LOG).touch(mode=0o600)
    writer = write(settings.log_dir, range(10, 30), lines_per_file=100)
    cleanup_canvas_sync_logs(settings, now=NOW)
    live = settings.log_dir / LOG
    assert live.read_bytes() == b"".join(line_of("a", number) for number in range(25, 30))
    assert archived(settings) == Counter(line_of("a", number) for number in range(10, 25))
    writer.append(line_of("a", 30))
    assert live.read_bytes().endswith(line_of("a", 29) + line_of("a", 30))
    assert live.stat().st_mode & 0o777 == 0o600


def test_a_small_live_log_stays_as_it_is(settings: RetentionSettings) -> None:
    write(settings.log_dir, range(10, 17))
    cleanup_canvas_sync_logs(settings, now=NOW)
    assert lines_left(settings.log_dir, LOG).total() == 7
    assert archives(settings.archive_dir) == []


def test_a_folder_that_is_not_there_is_reported_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(LogFolderError, match="missing: No such file or directory"):
        cleanup_canvas_sync_logs(settings_for(tmp_path / "missing"), now=NOW)
    assert get_cleanup_status(settings_for(tmp_path / "missing")).free_bytes > 0
    assert not (tmp_path / "missing").exists()


def test_archives_of_the_demos_logs_are_over_80_percent_smaller(
    demo_round: DemoRound, tmp_path: Path
) -> None:
    logs = tmp_path / "logs"
    shutil.copytree(demo_round.logs, logs, ignore=shutil.ignore_patterns("state"))
    assert _saved_by_archiving(logs) > 0.8


def test_archives_of_generated_logs_are_over_80_percent_smaller(tmp_path: Path) -> None:
    for log, records in generate(300).items():
        (tmp_path / f"{log.value}.log").write_bytes(b"".join(map(line_of_record, records)))
    assert _saved_by_archiving(tmp_path) > 0.8


def _saved_by_archiving(logs: Path) -> float:
    """Archive all lines; return which share of their bytes that saves."""
    settings = replace(settings_for(logs), keep_lines=0, max_live_bytes=0)
    of_logs = cleanup_canvas_sync_logs(settings, now=NOW).logs
    return 1 - sum(log.archive_bytes for log in of_logs) / sum(log.bytes for log in of_logs)


def test_two_cleanups_in_one_second_write_two_archives(settings: RetentionSettings) -> None:
    for start in (10, 30):
        write(settings.log_dir, range(start, start + 20))
        cleanup_canvas_sync_logs(settings, now=NOW)
    assert [archive.path.name for archive in archives(settings.archive_dir)] == [
        "errors-20251222T020000Z.tar.gz",
        "errors-20251222T020001Z.tar.gz",
    ]
    assert archived(settings) == Counter(line_of("a", number) for number in range(10, 50))


def test_archives_older_than_the_limit_are_deleted_and_other_files_are_not(
    settings: RetentionSettings,
) -> None:
    settings.archive_dir.mkdir()
    names = {
        "old": "errors-20251122T015959Z.tar.gz",
        "young": "errors-20251122T020000Z.tar.gz",
        "foreign": "backup-20200101T000000Z.tar.gz",
        "no time": "errors-20201399T000000Z.tar.gz",
        "partial": ".errors-20200101T000000Z.partial",
    }
    for name in names.values():
        (settings.archive_dir / name).write_bytes(b"1234")
    deleted, errors = delete_old_archives(settings, now=NOW)
    assert [archive.path.name for archive in deleted] == [names["old"]]
    assert errors == []
    left = {path.name for path in settings.archive_dir.iterdir()}
    assert left == set(names.values()) - {names["old"]}


def test_only_one_cleanup_runs_at_a_time(settings: RetentionSettings) -> None:
    with ControlPage(settings.control_dir / "cleanup.lock").locked(0) as held:
        assert held
        assert get_cleanup_status(settings).running
        with pytest.raises(CleanupRunning, match="is running"):
            cleanup_canvas_sync_logs(settings, now=NOW)
    assert not get_cleanup_status(settings).running


def test_the_status_reports_sizes_and_the_newest_cleanup(settings: RetentionSettings) -> None:
    assert get_cleanup_status(settings).last is None
    write(settings.log_dir, range(10, 37))
    (before,) = (log for log in get_cleanup_status(settings).logs if log.log == "errors")
    assert (before.bytes, before.lines, before.backups, before.archives) == (27 * LINE, 27, 2, 0)
    report = cleanup_canvas_sync_logs(settings, now=NOW)
    status = get_cleanup_status(settings)
    (after,) = (log for log in status.logs if log.log == "errors")
    assert (after.bytes, after.lines, after.backups, after.archives) == (7 * LINE, 7, 0, 1)
    assert after.archive_bytes == archives(settings.archive_dir)[0].size
    assert status.last == report
    assert {log.log for log in status.logs} == {log.value for log in Log}


def test_a_damaged_report_counts_as_missing(settings: RetentionSettings) -> None:
    cleanup_canvas_sync_logs(settings, now=NOW)
    (settings.control_dir / "cleanup.json").write_bytes(b"{")
    assert get_cleanup_status(settings).last is None


def test_on_a_full_disk_nothing_is_removed_and_the_next_run_does_it(
    small_disk: SmallDisk, tmp_path: Path
) -> None:
    """The archives have no room; the logs are on another disk."""
    settings = RetentionSettings(tmp_path, small_disk.path / "archive", tmp_path / "control")
    write(tmp_path, range(10, 37))
    small_disk.path.joinpath("archive").mkdir()
    small_disk.fill()
    report = cleanup_canvas_sync_logs(settings, now=NOW)
    assert report.status == "failed"
    assert ["No space left" in error for error in report.errors] == [True]
    assert list(settings.archive_dir.glob("*.tar.gz")) == []
    (waiting,) = (log for log in get_cleanup_status(settings).logs if log.log == "errors")
    assert (waiting.lines, waiting.backups) == (27, 2)
    write(tmp_path, range(40, 57))
    cleanup_canvas_sync_logs(settings, now=NOW)
    assert len(staging_folders(tmp_path, Log.ERRORS)) == 1, "staging folders do not pile up"
    small_disk.make_room()
    assert cleanup_canvas_sync_logs(settings, now=NOW).status == "success"
    assert everywhere(settings) == Counter(
        line_of("a", number) for number in [*range(10, 37), *range(40, 57)]
    )


def test_on_a_full_log_disk_a_live_log_stays_whole(small_disk: SmallDisk, tmp_path: Path) -> None:
    settings = RetentionSettings(
        small_disk.path, tmp_path / "archive", tmp_path / "control", 30, 2_000, 8 * LINE
    )
    write(small_disk.path, range(1_000, 4_000), lines_per_file=10_000)
    small_disk.fill()
    report = cleanup_canvas_sync_logs(settings, now=NOW)
    assert report.status == "failed"
    expected = Counter(line_of("a", number) for number in range(1_000, 4_000))
    assert lines_left(small_disk.path, LOG) == expected
    small_disk.make_room()
    assert cleanup_canvas_sync_logs(settings, now=NOW).status == "success"
    assert everywhere(settings) == expected
    assert archived(settings).total() == 1_000


def test_a_cleanup_that_is_killed_at_any_line_is_finished_by_the_next() -> None:
    process = spawn.Process(target=_kill_cleanups)
    process.start()
    process.join()
    assert process.exitcode == 0


def _kill_cleanups() -> None:
    """In a process of its own, because it forks; on memory, because it syncs so often."""
    memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
    with TemporaryDirectory(dir=memory) as name:
        folder = Path(name) / "logs"
        writers: list[LogFileWriter] = []

        def prepare(_step: int) -> None:
            shutil.rmtree(folder, ignore_errors=True)
            writers[:] = [write(folder, range(10, 30))]
            for number in range(30, 42):  # a live log that is too large
                with (folder / LOG).open("ab") as file:
                    file.write(line_of("a", number))

        def act(_step: int) -> None:
            cleanup_canvas_sync_logs(settings_for(folder), now=NOW)

        def check(step: int) -> None:
            writers[0].append(line_of("a", 42))
            later = NOW + dt.timedelta(days=1)
            report = cleanup_canvas_sync_logs(settings_for(folder), now=later)
            assert report.errors == [], (step, report)
            found = everywhere(settings_for(folder))
            expected = Counter(line_of("a", number) for number in range(10, 43))
            assert found == expected, (step, found - expected, expected - found)
            assert not list((folder / "archiving").iterdir()), step

        modules = ["cleanup.py", "staging.py", "archive.py", "cleanup_report.py"]
        kill_at_each_change(folder, modules, prepare, act, check)


@given(
    lines=st.lists(st.binary(max_size=200).map(lambda raw: raw.replace(b"\n", b"") + b"\n")),
    torn=st.sampled_from([b"", b"torn"]),
    wanted=st.integers(0, 12),
)
def test_the_tail_begins_at_the_newest_lines(lines: list[bytes], torn: bytes, wanted: int) -> None:
    everything = [*lines, torn] if torn else lines
    content = b"".join(everything)
    with TemporaryDirectory() as name:
        path = Path(name) / "log"
        path.write_bytes(content + b"later\n")
        with path.open("rb") as file:
            offset = tail_offset(file, len(content), wanted)
    newest = everything[-wanted:] if wanted else []
    assert content[offset:] == b"".join(newest)


def test_the_tail_may_span_many_blocks(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"".join(line_of("a", number) for number in range(10_000)))
    with path.open("rb") as file:
        offset = tail_offset(file, path.stat().st_size, 5_000)
        file.seek(offset)
        assert file.readline() == line_of("a", 5_000)


def _killed_before_removal(settings: RetentionSettings) -> Path:
    """A cleanup was killed when its archive had its name and the staging folder was still there."""
    write(settings.log_dir, range(10, 37))
    shutil.copytree(settings.log_dir, settings.log_dir.with_name("copy"))
    cleanup_canvas_sync_logs(settings, now=NOW)
    (archive,) = archives(settings.archive_dir)
    staging = settings.log_dir / "archiving" / archive.path.name.removesuffix(".tar.gz")
    staging.mkdir()
    for number in (1, 2):
        name = f"{LOG}.{number}"
        shutil.copy(settings.log_dir.with_name("copy") / name, staging / f"{name}@{10 * LINE}")
    return archive.path


def test_an_archive_of_a_cleanup_that_was_killed_is_read_back_before_its_staging_folder_goes(
    tmp_path: Path,
) -> None:
    settings = settings_for(tmp_path / "logs")
    archive = _killed_before_removal(settings)
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) // 2])
    report = cleanup_canvas_sync_logs(settings, now=NOW)
    assert "move this archive away" in report.errors[0]
    (waiting,) = (log for log in get_cleanup_status(settings).logs if log.log == "errors")
    assert waiting.lines == 27
    archive.unlink()
    assert cleanup_canvas_sync_logs(settings, now=NOW).errors == []
    assert everywhere(settings) == Counter(line_of("a", number) for number in range(10, 37))


def test_a_staging_folder_that_was_partly_removed_is_removed(tmp_path: Path) -> None:
    settings = settings_for(tmp_path / "logs")
    archive = _killed_before_removal(settings)
    (settings.log_dir / "archiving" / archive.name.removesuffix(".tar.gz")).joinpath(
        f"{LOG}.2@{10 * LINE}"
    ).unlink()
    assert cleanup_canvas_sync_logs(settings, now=NOW).errors == []
    assert everywhere(settings) == Counter(line_of("a", number) for number in range(10, 37))


def test_old_archives_make_room_for_new_ones(small_disk: SmallDisk) -> None:
    """Logs and archives share a disk that is full."""
    settings = settings_for(small_disk.path)
    write(small_disk.path, range(10, 37))
    settings.archive_dir.mkdir()
    settings.control_dir.mkdir(exist_ok=True)
    (settings.archive_dir / "errors-20250101T020000Z.tar.gz").write_bytes(b"\0" * 300_000)
    small_disk.fill()
    report = cleanup_canvas_sync_logs(settings, now=NOW)
    assert report.errors == []
    assert archived(settings).total() == 20


def test_archives_that_cannot_be_listed_are_an_error_of_the_report_and_nothing_is_removed(
    tmp_path: Path,
) -> None:
    """Root may read all folders, so the folder has a name that nobody can look up."""
    settings = replace(settings_for(tmp_path), archive_dir=tmp_path / ("x" * 300))
    write(tmp_path, range(10, 37))
    report = cleanup_canvas_sync_logs(settings, now=NOW, on_progress=lambda done, total: None)
    assert ["name too long" in error for error in report.errors] == [True, True]
    assert report.errors[1].startswith("the archives cannot be listed")
    assert saved_report(settings.control_dir) == report
    assert lines_left(tmp_path, LOG).total() == 27
