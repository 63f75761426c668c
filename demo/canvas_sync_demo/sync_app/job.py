"""One sync, as the team's scheduler runs it.

What this project asks of an app stands here, all of it: three lines and one call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from canvas_sync_instrumentation import (
    CanvasSyncMetricsTracker,
    instrument_canvasapi,
    instrument_sqlalchemy,
)

from .canvas import connect
from .courses import copy_courses
from .database import open_database

__all__ = ["SyncJob", "run_sync"]


@dataclass(frozen=True, slots=True)
class SyncJob:
    """What one sync is to do.

    Attributes:
        task_id: The scheduler's own id of the job, never used twice.
        user_id: Canvas id of the user whose courses are copied.
        sync_type: ``full``, or ``incremental`` when the user was synced before.
        canvas_url: Base URL of Canvas.
        token: The user's access token.
        database: File of the app's database.
        timeout: Seconds to wait for an answer of Canvas.
    """

    task_id: str
    user_id: int
    sync_type: str
    canvas_url: str
    token: str = field(repr=False)
    database: Path
    timeout: float = 30.0


def run_sync(job: SyncJob) -> None:
    """Copy a user's courses.

    Raises:
        CanvasException: Canvas refused, or went on failing.
        requests.RequestException: Canvas could not be reached.
    """
    engine = open_database(job.database)
    canvas = connect(job.canvas_url, job.token, job.timeout)
    instrument_canvasapi()  # 1
    instrument_sqlalchemy(engine)  # 2
    with CanvasSyncMetricsTracker(job.task_id, job.user_id, sync_type=job.sync_type) as run:  # 3
        skipped = copy_courses(canvas, engine)
        if skipped:
            courses = "course" if len(skipped) == 1 else "courses"
            run.complete_partial(f"No access to {courses} {', '.join(map(str, skipped))}")
