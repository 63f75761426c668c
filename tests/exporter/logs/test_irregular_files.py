"""What has the name of a log or an archive but is none: nobody waits for it, and it is told."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs import get_cleanup_status, plan_cleanup
from canvas_sync_exporter.logs.analysis.analyze import analyze
from canvas_sync_exporter.logs.analysis.records import Selection
from canvas_sync_exporter.logs.cleanup import cleanup_canvas_sync_logs
from canvas_sync_exporter.logs.irregular_files import irregular_files
from canvas_sync_exporter.logs.retention_settings import RetentionSettings
from canvas_sync_exporter.logs.search import LineFilter, LogSearch
from canvas_sync_exporter.logs.tail import LogTail
from support.log_folders import json_line, record

ARCHIVE = "errors-20251220T020000Z.tar.gz"


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


KINDS: dict[str, Callable[[Path], object]] = {
    "FIFO": os.mkfifo,
    "folder": Path.mkdir,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "dangling link": lambda path: path.symlink_to("nowhere"),
    "link to itself": lambda path: path.symlink_to(path.name),
    "socket": _socket,
}


@pytest.fixture
def settings(tmp_path: Path) -> RetentionSettings:
    (tmp_path / "archive").mkdir()
    (tmp_path / "archiving" / "errors-20251221T020000Z").mkdir(parents=True)
    (tmp_path / "archiving" / "errors-20251219T020000Z").write_text("no folder")
    (tmp_path / "errors.log").write_bytes(json_line(record(Log.ERRORS, 1)))
    return RetentionSettings(tmp_path, tmp_path / "archive", tmp_path / "control")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_an_irregular_file_holds_up_no_tool_and_is_reported(
    settings: RetentionSettings, make: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = settings.log_dir
    monkeypatch.chdir(folder)  # a socket's path has to be short
    for name in ("progress.log", "errors.log.1", f"archive/{ARCHIVE}"):
        make(Path(name))
    make(Path("archiving/errors-20251221T020000Z/errors.log.1@5"))
    folders = folder, settings.archive_dir
    problems = irregular_files(*folders)
    assert [line.split()[0] for line in problems] == ["errors.log.1", "progress.log", ARCHIVE]
    with closing(LogSearch(*folders, LineFilter(), limit=9)) as search:
        assert len(list(search)) == 1
    assert search.notes.problems == problems
    with closing(LogTail(*folders, LineFilter(), lines=9)) as tail:
        assert (len(tail.newest), tail.poll(), tail.problems) == (1, [], problems)
    analysis = analyze(*folders, Selection())
    assert sum(file.lines for file in analysis.files) == 1
    (errors,) = (log for log in get_cleanup_status(settings).logs if log.log == "errors")
    assert (errors.lines, errors.backups, errors.archives) == (1, 0, 0)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
def test_an_irregular_file_between_two_backups_holds_up_no_tool(
    settings: RetentionSettings, make: Callable[[Path], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(settings.log_dir)
    make(Path("errors.log.1"))
    (settings.log_dir / "errors.log.2").write_bytes(json_line(record(Log.ERRORS, 0)))
    folders = settings.log_dir, settings.archive_dir
    problems = ["errors.log.1 is skipped: it is not a regular file"]
    with closing(LogSearch(*folders, LineFilter(), limit=9)) as search:
        assert len(list(search)) == 2
    with closing(LogTail(*folders, LineFilter(), lines=9)) as tail:
        assert (len(tail.newest), tail.poll(), tail.problems) == (2, [], problems)
    analysis = analyze(*folders, Selection())
    assert (sum(file.lines for file in analysis.files), analysis.problems) == (2, [])


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir])
def test_a_cleanup_reports_it_leaves_it_alone_and_archives_the_rest(
    settings: RetentionSettings, make: Callable[[Path], object]
) -> None:
    stranger = settings.log_dir / "errors.log.1"
    make(stranger)
    (settings.log_dir / "errors.log.2").write_bytes(json_line(record(Log.ERRORS, 0)))
    problems = ["errors.log.1 is skipped: it is not a regular file"]
    plan = plan_cleanup(settings)
    assert ([file.name for file in plan.files["errors"]], plan.problems) == (
        ["errors.log.2"],
        problems,
    )
    report = cleanup_canvas_sync_logs(settings)
    assert (report.errors, sum(log.files for log in report.logs)) == ([], 1)
    assert report.problems == problems
    assert get_cleanup_status(settings).last == report
    assert stranger.exists()


def test_only_names_of_logs_and_archives_are_reported(tmp_path: Path) -> None:
    for name in ("state", "archive", "other.log", "errors.log.old", "errors.log.1"):
        (tmp_path / name).mkdir()
    assert irregular_files(tmp_path, tmp_path) == [
        "errors.log.1 is skipped: it is not a regular file"
    ]
    assert irregular_files(tmp_path, tmp_path / "missing") == irregular_files(tmp_path, tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_link_of_another_user_to_our_file_is_neither_read_nor_archived(
    settings: RetentionSettings,
) -> None:
    secret = settings.log_dir / "secret"
    secret.write_bytes(json_line(record(Log.ERRORS, 0)))
    staged = settings.log_dir / "archiving" / "errors-20251221T020000Z" / "errors.log.3@5"
    for link in (settings.log_dir / "errors.log.1", staged):
        link.symlink_to(secret)
        os.lchown(link, 1001, 1001)
    (settings.log_dir / "errors.log.2").write_bytes(json_line(record(Log.ERRORS, 2)))
    reason = "it is another user's link to a file that does not belong to that user"
    folders = settings.log_dir, settings.archive_dir
    with closing(LogSearch(*folders, LineFilter(), limit=9)) as search:
        assert len(list(search)) == 2
    assert search.notes.problems == [f"errors.log.1 is skipped: {reason}"]
    staged.unlink()
    report = cleanup_canvas_sync_logs(settings)
    assert (sum(log.files for log in report.logs), secret.exists()) == (1, True)
    assert report.problems == search.notes.problems
