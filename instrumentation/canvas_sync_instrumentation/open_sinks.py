"""Opens the sinks that the settings require; if one cannot be opened, an error is logged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import msgspec

from canvas_sync_core.app_log import app_logger
from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_core.identifiers import host_name
from canvas_sync_core.logs.sink import LogSink
from canvas_sync_core.metrics.sink import MetricsSink
from canvas_sync_core.settings import Settings
from canvas_sync_core.sinks import DropCounter, Sink
from canvas_sync_core.store.row_database import row_database_opener
from canvas_sync_instrumentation.outputs.rows import RowSink
from canvas_sync_instrumentation.outputs.spans import SpanSink, open_pipeline

__all__ = ["Sinks", "open_sinks"]

_logger = app_logger("canvas_sync_instrumentation")

_CLOSING_LATE: Final = {"log": 1, "metrics": 2}

S = TypeVar("S", bound=Sink)


class Sinks(msgspec.Struct, frozen=True):
    """The sinks of a monitor.

    Attributes:
        spans: Creates spans; it is one of the sinks.
        by_name: All sinks, in the order in which they get events.
        metrics: Counts what the others lose; None if nothing is recorded.
        store: The sink that a fork has to wait for; None if it could not be opened.
    """

    spans: SpanSink
    by_name: Mapping[str, Sink] = msgspec.field(default_factory=dict)
    metrics: MetricsSink | None = None
    store: RowSink | None = None

    def count_drop(self, sink: str, reason: str, count: int = 1) -> None:
        """Count telemetry that was lost."""
        if self.metrics is not None:
            self.metrics.count_dropped(sink, reason, count)

    def closing_order(self) -> list[tuple[str, Sink]]:
        """Return the sinks in the order in which they close.

        The log closes late: waiting does not help against a full disk, and would use up the time of
        the others. The metrics close last, because they count what the others lose.
        """
        return sorted(self.by_name.items(), key=lambda entry: _CLOSING_LATE.get(entry[0], 0))

    def flushed_by_heartbeat(self) -> list[tuple[str, Sink]]:
        """Return the sinks that may buffer data until another event or a flush."""
        return [entry for entry in self.by_name.items() if entry[0] in {"log", "metrics", "spans"}]


def open_sinks(settings: Settings, environ: Mapping[str, str]) -> Sinks:
    """Open every sink.

    Args:
        settings: What to open and where.
        environ: For the ``OTEL_*`` variables.
    """
    if not settings.enabled:
        return Sinks(SpanSink())
    # The app may serve its own folder through prometheus-client, which does not know folded values.
    is_own_folder = settings.multiproc_dir is None
    metrics = MetricsSink(settings.metrics_folder, folds_dead=is_own_folder)
    on_drop = metrics.count_dropped
    spans = SpanSink(open_pipeline(environ, on_drop))
    store = _open("The table is", lambda: _open_store(settings, on_drop))
    sinks: dict[str, Sink | None] = {
        "log": _open(
            "The log files are",
            lambda: LogSink(
                settings.log_dir,
                settings.log_format,
                levels=settings.log_levels,
                zone=settings.timezone,
                control_dir=settings.control_folder,
                host=host_name(),
                on_drop=on_drop,
                on_record=metrics.count_record,
            ),
        ),
        "metrics": metrics,
        "spans": spans,
        "store": store,
    }
    opened = {name: sink for name, sink in sinks.items() if sink is not None}
    return Sinks(spans, opened, metrics, store)


def _open_store(settings: Settings, on_drop: DropCounter) -> RowSink:
    url = settings.resolved_database_url
    return RowSink(
        row_database_opener(url, auto_upgrade=settings.database_url is None),
        settings.spool_folder,
        on_drop=on_drop,
    )


def _open(what: str, make: Callable[[], S]) -> S | None:
    try:
        return make()
    except OSError as error:
        raise_if_asynchronous(error)
        _logger.error("%s off: %s. Make the folder writable and restart.", what, error)
        return None
