"""Background jobs of Canvas, reported by Progress objects.

Source: https://canvas.instructure.com/doc/api/progress.html: ``workflow_state`` is queued, running,
completed or failed, ``completion`` a percentage.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Jobs"]

_STAGES = (("queued", 0), ("running", 50), ("completed", 100))


class Jobs:
    """The jobs of one server; each query of a job advances it by one stage."""

    def __init__(self) -> None:
        self._jobs: dict[int, tuple[str, int]] = {}

    def start(self, tag: str) -> int:
        """Queue a job and return its id."""
        job_id = 30001 + len(self._jobs)
        self._jobs[job_id] = (tag, -1)
        return job_id

    def look(self, job_id: int) -> dict[str, Any] | None:
        """Return the Progress object of a job; None if there is no such job."""
        if job_id not in self._jobs:
            return None
        tag, stage = self._jobs[job_id]
        stage = min(stage + 1, len(_STAGES) - 1)
        self._jobs[job_id] = (tag, stage)
        state, completion = _STAGES[stage]
        return {"id": job_id, "tag": tag, "workflow_state": state, "completion": completion}
