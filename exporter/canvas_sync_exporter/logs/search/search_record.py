"""The fields of a line that filters compare."""

from __future__ import annotations

import msgspec

from canvas_sync_core.names import GRAPHQL_ERROR
from canvas_sync_exporter.logs.lines import Moment

__all__ = ["SearchRecord"]


class SearchRecord(msgspec.Struct, gc=False):
    """The fields to filter by."""

    timestamp: Moment
    level: str | None = None
    task_id: str | None = None
    user_id: int | None = None
    course_id: int | None = None
    trace_id: str | None = None
    route: str | None = None
    status: str | None = None
    status_code: int | None = None
    error_class: str | None = None
    outcome: str | None = None
    graphql_errors: int = 0

    @property
    def statuses(self) -> tuple[str | None, ...]:
        """What counts as its status: that of a response, a run or a database operation."""
        code = None if self.status_code is None else str(self.status_code)
        graphql = GRAPHQL_ERROR if self.graphql_errors else None
        return (code, self.error_class, self.status, self.outcome, graphql)
