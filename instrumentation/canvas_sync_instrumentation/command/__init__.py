"""``canvas-sync-monitor run``: for cron jobs and other programs that cannot be changed."""

from __future__ import annotations

from .job import CommandResult, Job
from .running import NOT_EXECUTABLE, NOT_FOUND, OVERLAPS, run_command

__all__ = ["NOT_EXECUTABLE", "NOT_FOUND", "OVERLAPS", "CommandResult", "Job", "run_command"]
