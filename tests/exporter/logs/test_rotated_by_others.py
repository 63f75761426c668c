"""Files that logrotate and the like made of our logs, and links: all that look at them agree."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from canvas_sync_core.names import Log
from canvas_sync_core.schema.metrics import MetricName
from canvas_sync_exporter.collectors.archives import ArchivesCollector
from canvas_sync_exporter.collectors.log_files import LogFilesCollector
from canvas_sync_exporter.logs import get_cleanup_status
from canvas_sync_exporter.logs.analysis.analyze import analyze
from canvas_sync_exporter.logs.analysis.records import Selection
from canvas_sync_exporter.logs.archive import Member
from canvas_sync_exporter.logs.archive_writing import write_archive
from canvas_sync_exporter.logs.cleanup import cleanup_canvas_sync_logs
from canvas_sync_exporter.logs.irregular_files import irregular_files
from canvas_sync_exporter.logs.retention_settings import RetentionSettings
from canvas_sync_exporter.logs.search import LineFilter, LogSearch
from canvas_sync_exporter.logs.status import LogStatus
from support.log_folders import EPOCH, json_line, record
from support.metric_processes import samples

LINES = 5  # in each file
COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
NAMES = (
    "errors.log-20251218.xz",
    "errors.log-20251219.bz2",
    "errors-20251219.log.gz",
    "errors-20251220T020000Z.tar.gz",
    "errors.log-20251221",
    "errors.log.3.gz",
    "errors.log.2",
    "errors.log.1",
    "errors.log",
)
"""Oldest first."""


@pytest.fixture
def settings(tmp_path: Path) -> RetentionSettings:
    logs = tmp_path / "logs"
    (logs / "archive").mkdir(parents=True)
    return RetentionSettings(logs, logs / "archive", logs / "control", archive_days=36500)


def lines_of(file: int) -> bytes:
    numbers = range(file * LINES, (file + 1) * LINES)
    return b"".join(json_line(record(Log.ERRORS, n, task_id=f"task-{n}")) for n in numbers)


def lay_out(settings: RetentionSettings, names: tuple[str, ...] = NAMES) -> None:
    for number, name in enumerate(names):
        content, path = lines_of(number), settings.log_dir / name
        if name.endswith(".tar.gz"):
            inside = settings.log_dir.parent / "errors.log.1"
            inside.write_bytes(content)
            path = settings.archive_dir / name
            member = Member(inside, inside.name, len(content))
            write_archive(settings.archive_dir, name.removesuffix(".tar.gz"), [member])
        else:
            path.write_bytes(COMPRESS.get(path.suffix, bytes)(content))
        # The archive's time is in its name; these lie around it.
        day = 1_766_000_000 + number * 86_400 if number < 3 else 1_766_199_600 + number
        os.utime(path, (day, day))


def searched(settings: RetentionSettings, **how: object) -> list[str]:
    found = LogSearch(
        settings.log_dir, settings.archive_dir, LineFilter(logs=(Log.ERRORS,)), limit=1000
    )
    with closing(found):
        tasks = [str(line.fields["task_id"]) for line in found]
    assert not found.notes.problems
    return tasks


def status(settings: RetentionSettings) -> LogStatus:
    return next(log for log in get_cleanup_status(settings).logs if log.log == "errors")


def test_each_line_of_each_file_is_analyzed_and_found_once_in_order(
    settings: RetentionSettings,
) -> None:
    lay_out(settings)
    analysis = analyze(settings.log_dir, settings.archive_dir, Selection())
    assert analysis.problems == []
    assert [file.name.partition("/")[0] for file in analysis.files] == list(NAMES)
    assert {file.lines for file in analysis.files} == {LINES}
    newest_first = [f"task-{number}" for number in reversed(range(len(NAMES) * LINES))]
    assert searched(settings) == newest_first
    again = analyze(settings.log_dir, settings.archive_dir, Selection())
    assert again.files == analysis.files, "from the cache"


def test_a_search_goes_on_where_it_was_when_logrotate_renames_and_compresses_meanwhile(
    settings: RetentionSettings,
) -> None:
    names = ("errors.log.3.gz", "errors.log.2.gz", "errors.log.1", "errors.log")
    lay_out(settings, names)
    wanted = LineFilter(logs=(Log.ERRORS,))
    tasks: list[str] = []
    cursor: str | None = None
    is_over = False
    while not is_over:
        with closing(
            LogSearch(settings.log_dir, settings.archive_dir, wanted, limit=3, cursor=cursor)
        ) as search:
            tasks += [str(line.fields["task_id"]) for line in search]
            assert not search.notes.problems
            cursor = search.cursor
            is_over = cursor is None
        if len(tasks) in (6, 12):
            logrotate(settings.log_dir)
    assert tasks == [f"task-{number}" for number in reversed(range(len(names) * LINES))]


def logrotate(folder: Path) -> None:
    """Rotate as logrotate does with `compress` and `delaycompress`."""
    for number in range(9, 1, -1):
        file = folder / f"errors.log.{number}.gz"
        if file.exists():
            file.rename(folder / f"errors.log.{number + 1}.gz")
    newest = folder / "errors.log.1"
    packed = folder / "errors.log.2.gz"
    packed.write_bytes(gzip.compress(newest.read_bytes()))
    shutil.copystat(newest, packed)
    newest.unlink()
    (folder / "errors.log").rename(newest)
    (folder / "errors.log").touch()


def test_status_and_metrics_count_the_same_files(settings: RetentionSettings) -> None:
    lay_out(settings)
    for name in ("errors-backup.tar.gz", "errors-old.tar.gz"):
        (settings.archive_dir / name).write_bytes(bytes(1000))
    elsewhere = settings.log_dir.parent / "elsewhere"
    (settings.log_dir / "errors.log").rename(elsewhere)
    (settings.log_dir / "errors.log").symlink_to(elsewhere)
    (settings.log_dir / "errors.log.7").symlink_to("errors.log.1")  # the same file once more
    of = status(settings)
    size = sum(path.stat().st_size for path in settings.log_dir.glob("errors*log*"))
    assert of.bytes == size - (settings.log_dir / "errors.log.1").stat().st_size
    assert of.backups == len(NAMES) - 2
    assert of.archives == 1
    assert of.lines == 4 * LINES, "those of compressed files are not counted"
    values = samples(LogFilesCollector(settings.log_dir))
    assert values[f'{MetricName.LOG_BYTES}{{log="errors"}}'] == of.bytes
    values = samples(ArchivesCollector(settings.archive_dir))
    assert values[f'{MetricName.ARCHIVES}{{log="errors"}}'] == of.archives
    assert values[f'{MetricName.ARCHIVE_BYTES}{{log="errors"}}'] == of.archive_bytes


def test_the_cleanup_leaves_them_alone(settings: RetentionSettings) -> None:
    lay_out(settings)
    before = searched(settings)
    cleanup_canvas_sync_logs(settings, now=EPOCH)
    left = {path.name for path in settings.log_dir.glob("errors*")}
    assert left == {name for name in NAMES if not name.endswith((".1", ".2", ".tar.gz"))}
    assert searched(settings) == before


@pytest.mark.parametrize("is_relative", [False, True])
def test_a_log_that_is_a_link_is_rotated_and_archived(
    settings: RetentionSettings, is_relative: bool
) -> None:
    elsewhere = settings.log_dir.parent / "elsewhere"
    elsewhere.write_bytes(lines_of(0))
    target = Path("..") / "elsewhere" if is_relative else elsewhere
    (settings.log_dir / "errors.log.1").symlink_to(target)
    (settings.log_dir / "errors.log").write_bytes(lines_of(1))
    before = searched(settings)
    report = cleanup_canvas_sync_logs(settings, now=EPOCH)
    assert not report.errors
    assert searched(settings) == before
    assert status(settings).archives == 1
    assert status(settings).backups == 0


def test_a_damaged_one_is_reported_and_the_others_are_read(settings: RetentionSettings) -> None:
    lay_out(settings)
    damaged = settings.log_dir / "errors.log.3.gz"
    damaged.write_bytes(damaged.read_bytes()[:-12])
    (settings.log_dir / "errors.log-20251218.xz").write_bytes(b"no such thing")
    analysis = analyze(settings.log_dir, settings.archive_dir, Selection())
    assert len(analysis.problems) == 2
    assert all("is damaged" in problem for problem in analysis.problems)
    assert sum(file.lines for file in analysis.files) >= (len(NAMES) - 2) * LINES


def test_a_file_with_an_unreadable_compression_is_reported(
    settings: RetentionSettings,
) -> None:
    (settings.log_dir / "errors.log").write_bytes(lines_of(0))
    (settings.log_dir / "errors.log.1.zst").write_bytes(io.BytesIO(b"zstd").getvalue())
    assert irregular_files(settings.log_dir, settings.archive_dir) == [
        "errors.log.1.zst is skipped: .zst cannot be read"
    ]
    found = LogSearch(settings.log_dir, settings.archive_dir, LineFilter(), limit=10)
    with closing(found):
        assert len(list(found)) == LINES
    assert found.notes.problems == ["errors.log.1.zst is skipped: .zst cannot be read"]
