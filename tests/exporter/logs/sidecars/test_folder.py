"""Sidecars spare a search the archives, and never change what it finds."""

from __future__ import annotations

import datetime as dt
import errno
import os
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.archive import Member, archive_name
from canvas_sync_exporter.logs.archive_writing import write_archive
from canvas_sync_exporter.logs.cleanup import cleanup_canvas_sync_logs, delete_old_archives
from canvas_sync_exporter.logs.pieces import PackedFile, packed_files
from canvas_sync_exporter.logs.search import FoundLine, LineFilter, LogSearch, Order, archive_scan
from canvas_sync_exporter.logs.sidecars import complete_sidecars, read_sidecar, sidecar_path
from support.log_folders import EPOCH, json_line, lay_out, record, text_line
from support.log_moves import retention

NIGHT = dt.timedelta(days=1)


@pytest.fixture
def archive_dir(tmp_path: Path) -> Path:
    """Archives of errors and progress of five nights, in both formats, with sidecars."""
    file = tmp_path / "file"
    for night in range(5):
        for log, form, level in (
            (Log.ERRORS, json_line, "ERROR"),
            (Log.PROGRESS, text_line, "INFO"),
        ):
            lines = [
                form(record(log, night * 86400 + second, task_id=f"run {night}", level=level))
                for second in range(0, 3000, 300)
            ]
            file.write_bytes(b"".join(lines))
            name = archive_name(log, EPOCH + night * NIGHT + dt.timedelta(hours=20))
            member = Member(file, f"{log.value}.log.1", file.stat().st_size)
            write_archive(tmp_path / "archive", name, [member])
    assert complete_sidecars(tmp_path / "archive", dt.UTC, seconds=60) == []
    return tmp_path / "archive"


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The archives that a search has opened."""
    names: list[str] = []

    def noted(archive: Path) -> list[PackedFile] | None:
        names.append(archive.name)
        return packed_files(archive)

    monkeypatch.setattr(archive_scan, "packed_files", noted)
    return names


def _found(archive_dir: Path, wanted: LineFilter, order: Order = Order.NEWEST) -> list[FoundLine]:
    with closing(
        LogSearch(archive_dir.parent, archive_dir, wanted, limit=1000, order=order)
    ) as search:
        found = list(search)
        assert search.notes.problems == []
        return found


def _archives(archive_dir: Path) -> list[Path]:
    return sorted(archive_dir.glob("*.tar.gz"))


FILTERS = {
    "run": (LineFilter(task_id="run 3"), 2),
    "no such run": (LineFilter(task_id="run 9"), 0),
    "trace": (LineFilter(trace_id="4b" * 16, logs=(Log.ERRORS,)), 5),
    "no such trace": (LineFilter(trace_id="5c" * 16), 0),
    "level": (LineFilter(levels=("WARNING", "ERROR")), 5),
    "since": (LineFilter(since=EPOCH + 3 * NIGHT), 4),
    "until": (LineFilter(until=EPOCH + NIGHT), 2),
    "an hour": (LineFilter(since=EPOCH + NIGHT, until=EPOCH + NIGHT + dt.timedelta(hours=1)), 2),
}


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("name", FILTERS)
def test_only_archives_that_may_match_are_opened(
    archive_dir: Path, opened: list[str], name: str, order: Order
) -> None:
    wanted, expected = FILTERS[name]
    found = _found(archive_dir, wanted, order)
    assert len(opened) == expected
    for path in archive_dir.glob("*.sidecar"):
        path.unlink()
    assert _found(archive_dir, wanted, order) == found
    assert len(opened) > expected or expected == 10


def test_the_lines_of_a_run_are_found_by_the_id_that_the_table_gave_it(
    archive_dir: Path, opened: list[str]
) -> None:
    assert len(_found(archive_dir, LineFilter(task_id="run 3~2"))) == 20
    assert len(opened) == 2


@pytest.mark.parametrize("place", range(0, 400, 13))
def test_a_damaged_sidecar_is_not_used_and_made_again(
    archive_dir: Path, opened: list[str], place: int
) -> None:
    archive = _archives(archive_dir)[0]
    path = sidecar_path(archive)
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[place] ^= 1
    path.write_bytes(damaged)
    assert read_sidecar(archive, dt.UTC) is None
    _found(archive_dir, LineFilter(task_id="run 9"))
    assert opened == [archive.name]
    assert complete_sidecars(archive_dir, dt.UTC, seconds=60) == []
    assert path.read_bytes() == whole


@pytest.mark.parametrize("length", [0, 5, 30, 200])
def test_a_cut_sidecar_is_not_used(archive_dir: Path, length: int) -> None:
    archive = _archives(archive_dir)[0]
    path = sidecar_path(archive)
    path.write_bytes(path.read_bytes()[:length])
    assert read_sidecar(archive, dt.UTC) is None


def test_the_sidecar_of_another_archive_is_not_used(archive_dir: Path) -> None:
    first, second, *_ = _archives(archive_dir)
    shutil.copy(sidecar_path(second), sidecar_path(first))
    assert read_sidecar(first, dt.UTC) is None
    assert len(_found(archive_dir, LineFilter(task_id="run 0"))) == 20


def test_the_times_of_text_lines_hold_for_one_time_zone(archive_dir: Path) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    errors, progress = _archives(archive_dir)[0], _archives(archive_dir)[-1]
    assert read_sidecar(errors, berlin) is not None
    assert read_sidecar(progress, berlin) is None
    assert complete_sidecars(archive_dir, berlin, seconds=60) == []
    sidecar = read_sidecar(progress, berlin)
    assert sidecar is not None
    assert sidecar.oldest == EPOCH + 4 * NIGHT - dt.timedelta(hours=1)


def test_a_cleanup_writes_sidecars_and_deletes_stray_ones(tmp_path: Path) -> None:
    lay_out(tmp_path, Log.ERRORS, [[json_line(record(Log.ERRORS, 1))]] * 3, 1)
    archive_dir = tmp_path / "archive"
    stray = ["errors-20200101T000000Z.sidecar", ".errors-20200101T000000Z.sidecar.partial"]
    for name in (*stray, "notes.sidecar"):
        (archive_dir / name).touch()
    settings = replace(retention(tmp_path, 10), archive_days=36_500)
    assert cleanup_canvas_sync_logs(settings).problems == []
    archives = _archives(archive_dir)
    assert len(archives) == 2
    assert all(read_sidecar(archive, dt.UTC) for archive in archives)
    left = {path.name for path in archive_dir.iterdir()}
    assert left == {"notes.sidecar", *(sidecar_path(each).name for each in archives)} | {
        each.name for each in archives
    }


def test_a_sidecar_is_deleted_with_its_archive(archive_dir: Path) -> None:
    settings = retention(archive_dir.parent, 10)
    deleted, _ = delete_old_archives(settings, now=EPOCH + 1000 * NIGHT)
    assert len(deleted) == 10
    assert list(archive_dir.iterdir()) == []


def test_a_damaged_archive_gets_no_sidecar_and_that_is_reported(archive_dir: Path) -> None:
    archive = _archives(archive_dir)[0]
    archive.write_bytes(archive.read_bytes()[:-20])
    (problem,) = complete_sidecars(archive_dir, dt.UTC, seconds=60)
    assert problem.startswith(f"{sidecar_path(archive).name} was not written: {archive.name}")


def test_a_full_disk_is_reported_once(archive_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path.name for path in archive_dir.iterdir() if path.suffix != ".sidecar"}
    for path in archive_dir.glob("*.sidecar"):
        path.unlink()

    def full(_path: Path, _target: Path) -> Path:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "rename", full)
    (problem,) = complete_sidecars(archive_dir, dt.UTC, seconds=60)
    assert problem.endswith("No space left on device")
    assert {path.name for path in archive_dir.iterdir()} == before


def test_what_does_not_fit_into_the_time_is_written_next_time(archive_dir: Path) -> None:
    for path in archive_dir.glob("*.sidecar"):
        path.unlink()
    assert complete_sidecars(archive_dir, dt.UTC, seconds=0) == []
    assert list(archive_dir.glob("*.sidecar")) == []
    complete_sidecars(archive_dir, dt.UTC, seconds=60)
    assert len(list(archive_dir.glob("*.sidecar"))) == 10
