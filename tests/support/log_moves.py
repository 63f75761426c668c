"""What happens to logs between two looks at them: writing, rotation, cleanup."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

from canvas_sync_core.logs.control import ControlPage
from canvas_sync_core.logs.rotation import control_path, rotate
from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.cleanup import cleanup_canvas_sync_logs
from canvas_sync_exporter.logs.retention_settings import RetentionSettings

from .log_folders import json_line, record

__all__ = ["MOVES", "retention", "rotate_log", "write"]


def retention(folder: Path, keep_lines: int) -> RetentionSettings:
    return RetentionSettings(
        folder, folder / "archive", folder / "control", keep_lines=keep_lines, max_live_bytes=300
    )


def write(folder: Path, log: Log, numbers: range) -> None:
    with (folder / f"{log.value}.log").open("ab") as file:
        for number in numbers:
            file.write(json_line(record(log, number, task_id=f"run {number}")))


def rotate_log(folder: Path, log: Log, backups: int = 5) -> None:
    page = ControlPage(control_path(folder / "control", folder / f"{log.value}.log"))
    page.refresh()
    with page.locked(1):
        rotate(folder / f"{log.value}.log", backups, page)


def _write_later(folder: Path, seconds: Iterator[int]) -> None:
    for second in itertools.islice(seconds, 2):
        write(folder, Log.ERRORS, range(second, second + 1))


def _rotate_later(folder: Path, seconds: Iterator[int]) -> None:
    _write_later(folder, seconds)
    rotate_log(folder, Log.ERRORS, backups=99)


def _keep(lines: int) -> Callable[[Path, Iterator[int]], object]:
    return lambda folder, _: cleanup_canvas_sync_logs(retention(folder, lines))


MOVES: dict[str, Callable[[Path, Iterator[int]], object]] = {
    "rotate": _rotate_later,
    "write": _write_later,
    "archive all": _keep(0),
    "keep 3": _keep(3),
    "keep 17": _keep(17),
    "keep 19": _keep(19),
}
