"""Notices the first run that arrives in the table, and says what it recorded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import func, select

from canvas_sync_core.names import DISTRIBUTION
from canvas_sync_core.store.database import check_schema, connect_to_read, open_engine
from canvas_sync_core.store.model import metrics_table
from canvas_sync_core.store.runs import RunRow, to_run
from canvas_sync_exporter.formatting import format_number, format_seconds
from canvas_sync_exporter.settings import Configuration

__all__ = ["RunWatch", "describe_run"]


class RunWatch:
    """Looks for a run that was not in the table before.

    Before the first sync, there may be no embedded database; it is not created.

    Args:
        config: Says which database.
    """

    def __init__(self, config: Configuration) -> None:
        self._engine = open_engine(config.app.resolved_database_url)
        self._file = Path(self._engine.url.database or "") if config.embedded_database else None
        self._last = 0

    @property
    def database(self) -> str:
        """Where it looks, without a password."""
        return self._engine.url.render_as_string(hide_password=True)

    def start(self) -> None:
        """Ignore the runs that are in the table now.

        Raises:
            SQLAlchemyError: The database is unreachable.
            StorageError: It has no table of this version.
        """
        if self._is_missing():
            return
        check_schema(self._engine)
        with connect_to_read(self._engine) as connection:
            self._last = connection.scalar(select(func.max(metrics_table.c.id))) or 0

    def arrived(self) -> RunRow | None:
        """Return the first run since then; None if there is none yet.

        Raises:
            SQLAlchemyError: The database is unreachable, or has no table yet.
        """
        if self._is_missing():
            return None
        id_ = metrics_table.c.id
        statement = select(metrics_table).where(id_ > self._last).order_by(id_).limit(1)
        with connect_to_read(self._engine) as connection:
            row = connection.execute(statement).first()
        return None if row is None else to_run(row)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def _is_missing(self) -> bool:
        return self._file is not None and not self._file.exists()


def describe_run(run: RunRow) -> Iterator[str]:
    """Yield sentences about an ended run: what it recorded, and why that may be too little."""
    calls = _counted(run.api_calls, "API call")
    operations = _counted(run.db_operations, "database operation")
    time = format_seconds(run.duration)
    yield f"{run.sync_task_id} ended after {time}: {run.sync_status}, {calls}, {operations}."
    if run.error_message:
        yield f"{run.error_type}: {run.error_message}"
    is_wrapped = "command" in run.sync_metadata
    if is_wrapped and not run.api_calls:
        yield (
            f"`{DISTRIBUTION} run` counts neither: it does not see into its command. Track the run "
            "in the code instead, and switch on the hooks there."
        )
        return
    if not run.api_calls:
        yield (
            "No API calls: the hook of the client was not on in this process, they were made in "
            "threads without the run, or CANVAS_SYNC_CANVAS_HOSTS names another host."
        )
    if not run.db_operations:
        yield (
            "No database operations: the engine that the sync writes with was not instrumented, or "
            "there was nothing to write."
        )


def _counted(count: int, noun: str) -> str:
    return f"{format_number(count)} {noun}{'' if count == 1 else 's'}"
