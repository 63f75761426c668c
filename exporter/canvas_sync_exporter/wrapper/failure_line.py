"""The line on standard error by which cron's mail says what failed."""

from __future__ import annotations

from pathlib import Path

from canvas_sync_core.names import DISTRIBUTION
from canvas_sync_exporter.formatting import format_seconds

__all__ = ["command_for_details", "failure_line"]


def failure_line(
    name: str, failure: str, seconds: float, advice: str, *, is_cancelled: bool
) -> str:
    """Return what failed, why, after how long, and where to look.

    Args:
        name: The script or program.
        failure: Why, such as ``exit code 3``.
        seconds: How long it ran.
        advice: What :func:`command_for_details` returned.
        is_cancelled: Whether someone stopped it.
    """
    verb = "was cancelled" if is_cancelled else "failed"
    return f"{name} {verb}: {failure}, after {format_seconds(seconds)}. Details: {advice}"


def command_for_details(task_id: str | None, log_dir: Path | None) -> str:
    """Return a command line that shows more about a failure.

    Args:
        task_id: Its run; None if it is not recorded.
        log_dir: Folder of the logs; None if the settings cannot be read.
    """
    if task_id is None or log_dir is None:
        return f"{DISTRIBUTION} doctor, which shows why nothing was recorded"
    from shlex import join  # noqa: PLC0415 - most jobs succeed

    words = ["search", "--task", task_id, "--log-dir", str(log_dir.absolute())]
    return join([DISTRIBUTION, *words])
