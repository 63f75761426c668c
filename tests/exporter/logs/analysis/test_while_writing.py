"""The analysis while others write and rotate: every line once, none left out."""

from __future__ import annotations

import threading
from pathlib import Path

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.analysis.analyze import analyze
from canvas_sync_exporter.logs.analysis.records import Selection
from canvas_sync_exporter.logs.archive import archives
from canvas_sync_exporter.logs.cleanup import RetentionSettings, cleanup_canvas_sync_logs
from support.log_processes import make_writer
from support.sync_logs import generate, line_of_record

LINE = line_of_record(generate(1)[Log.ERRORS][0])


def errors_in(folder: Path) -> int:
    analysis = analyze(folder, folder / "archive", Selection())
    assert analysis.problems == []
    assert all(file.unreadable == 0 for file in analysis.files)
    return sum(analysis.summaries[Log.ERRORS].section.types.values())


def test_a_log_that_is_rotated_meanwhile_is_counted_exactly(tmp_path: Path) -> None:
    writer = make_writer(tmp_path, name="errors.log", max_bytes=300 * len(LINE), backups=1000)
    written = 0
    stop = threading.Event()

    def write() -> None:
        nonlocal written
        while not stop.is_set() and written < 20_000:
            writer.append(LINE)
            written += 1

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(5):
            before = written
            found = errors_in(tmp_path)
            assert before <= found <= written + 1  # the newest may not be counted as written yet
    finally:
        stop.set()
        thread.join()
    assert errors_in(tmp_path) == written


def test_a_cleanup_between_two_analyses_changes_no_figure(tmp_path: Path) -> None:
    writer = make_writer(tmp_path, name="errors.log", max_bytes=100 * len(LINE))
    for _ in range(450):
        writer.append(LINE)
    assert errors_in(tmp_path) == 450
    settings = RetentionSettings(
        tmp_path, tmp_path / "archive", tmp_path / "control", keep_lines=10, max_live_bytes=1
    )
    cleanup_canvas_sync_logs(settings)
    assert len(archives(settings.archive_dir)) == 1
    assert errors_in(tmp_path) == 450
