"""Writers whose lines a tail follows."""

from __future__ import annotations

from pathlib import Path

from canvas_sync_core.logs.control import ControlPage
from canvas_sync_core.logs.rotation import control_path, rotate
from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.cleanup import cleanup_canvas_sync_logs
from canvas_sync_exporter.logs.retention_settings import RetentionSettings
from canvas_sync_exporter.logs.search import LineFilter
from canvas_sync_exporter.logs.tail import LogTail

from .log_folders import json_line, record

__all__ = ["Writing", "numbers"]


class Writing:
    """Lines numbered over all logs, and what else happens to their files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.written = 0

    def lines(self, log: Log, count: int) -> None:
        with self.path(log).open("ab") as file:
            for _ in range(count):
                file.write(self.line(log))

    def line(self, log: Log) -> bytes:
        number, self.written = self.written, self.written + 1
        return json_line(record(log, number / 1000, task_id=str(number)))

    def path(self, log: Log) -> Path:
        return self.folder / f"{log.value}.log"

    def rotate(self, log: Log) -> None:
        page = ControlPage(control_path(self.folder / "control", self.path(log)))
        page.refresh()
        with page.locked(1):
            if self.path(log).exists():
                rotate(self.path(log), 50, page)

    def clean(self, keep_lines: int) -> None:
        report = cleanup_canvas_sync_logs(
            RetentionSettings(
                self.folder,
                self.folder / "archive",
                self.folder / "control",
                keep_lines=keep_lines,
                max_live_bytes=1,
            )
        )
        assert report.errors == []

    def tail(
        self,
        lines: int = 10,
        logs: tuple[Log, ...] = tuple(Log),
        *,
        after: str | None = None,
        most: int | None = None,
        text: str | None = None,
    ) -> LogTail:
        wanted = LineFilter(logs=logs, text=text)
        archive_dir = self.folder / "archive"
        return LogTail(self.folder, archive_dir, wanted, lines=lines, after=after, most=most)


def numbers(tail: LogTail) -> list[int]:
    """Poll until there is nothing more, and return the numbers."""
    found = []
    while lines := tail.poll():
        found += [int(line.fields["task_id"]) for line in lines]
    return found
