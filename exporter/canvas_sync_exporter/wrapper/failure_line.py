"""The line on standard error by which cron's mail says what failed."""

from __future__ import annotations

import shlex
from pathlib import Path

from canvas_sync_core.canvas.redaction import redact
from canvas_sync_core.names import DISTRIBUTION
from canvas_sync_exporter.formatting import format_seconds

__all__ = ["failure_line"]


def failure_line(
    name: str,
    failure: str,
    seconds: float,
    *,
    is_cancelled: bool,
    task_id: str | None,
    log_dir: Path | None,
) -> str:
    """Return what failed, why, after how long, and where to look.

    Args:
        name: The script or program.
        failure: Why, such as ``exit code 3``.
        seconds: How long it ran.
        is_cancelled: Whether someone stopped it.
        task_id: Its run; None if it is not recorded.
        log_dir: Folder of the logs; None if the settings cannot be read.
    """
    verb = "was cancelled" if is_cancelled else "failed"
    said = f"{DISTRIBUTION}: {redact(name)} {verb}: {failure}, after {format_seconds(seconds)}."
    if task_id is None or log_dir is None:
        return f"{said} Nothing was recorded; check the set-up with: {DISTRIBUTION} doctor"
    folder = shlex.quote(str(log_dir.absolute()))
    return f"{said} Details: {DISTRIBUTION} search --task {task_id} --log-dir {folder}"
