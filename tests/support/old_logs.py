"""The five logs as the system before this one wrote them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from canvas_sync_core.names import Log

__all__ = ["OLD_LINES", "write_old_logs"]

OLD_LINES: Final[dict[Log, tuple[str, ...]]] = {
    Log.OPERATIONS: (
        "[2025-12-22 10:15:30] Sync Task: 7f3a-nightly, 42, started, running",
        "[2025-12-22 10:15:35] Courses: 5, 2, 3",
        "[2025-12-22 10:16:45] Assignments: 340, 340",
        "[2025-12-22 10:18:30] Completion: 180.0s, 5 courses, 340 assignments",
    ),
    Log.API_CALLS: (
        "[2025-12-22 10:15:32] GET /api/v1/courses - Status: 200 - 145.2ms",
        "[2025-12-22 10:15:33] GET /api/v1/courses/123/assignments - Status: 200",
    ),
    Log.DATABASE: (
        "[2025-12-22 10:15:35] CREATE Course - Count: 2 - Duration: 15.3ms",
        "[2025-12-22 10:15:36] UPDATE Assignment - Count: 340 - Batch: true",
    ),
    Log.ERRORS: (
        "[2025-12-22 10:20:15] ERROR: Connection timeout - user_id: 42 - course_id: 123",
        "[2025-12-22 10:21:00] ERROR: Rate limit exceeded - operation: fetch_courses",
    ),
    Log.PROGRESS: (
        "[2025-12-22 10:15:30] PROGRESS: Task: 7f3a-nightly - 10% - Processing courses",
        "[2025-12-22 10:15:45] PROGRESS: Task: 7f3a-nightly - 25% - Processing assignments",
    ),
}


def write_old_logs(folder: Path) -> None:
    """Write the lines into a folder, each log into its file."""
    folder.mkdir(parents=True, exist_ok=True)
    for log, lines in OLD_LINES.items():
        (folder / f"{log.value}.log").write_text("".join(f"{line}\n" for line in lines))
