"""The endpoints that show lines of the logs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Any, Final

from flask import Response, request

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.search import (
    BadCursorError,
    LineGoneError,
    LineNotFoundError,
    LinePosition,
    LogSearch,
    Order,
    count_facets,
    line_context,
    locate,
)
from canvas_sync_exporter.logs.sources import shifted
from canvas_sync_exporter.logs.tail import LogTail
from canvas_sync_exporter.logs.time_parsing import check_period
from canvas_sync_exporter.logs.volume import Volume, log_volume

from .context import WebContext
from .endpoint import Endpoint
from .log_parameters import (
    AFTER,
    AFTER_EVENT,
    BEFORE,
    BUCKETS,
    CURSOR,
    FILTERS,
    LIMIT,
    LINES,
    LOG,
    ORDER,
    PERIOD,
    POSITION,
    VALUES,
    make_filter,
)
from .log_stream import CLIENT_LIMIT
from .period import Period, read_period
from .problems import FieldError, ProblemError
from .search_results import ContextPage, FacetPage, FoundPage, facet_page, found_record

__all__ = ["LogApi"]

_SECONDS: Final = 1.0
_LOCATE_SECONDS: Final = 5.0
_NO_LINE: Final = "The line at this position cannot be found."
_LINE_GONE: Final = "The line at this position has been deleted."
_STREAM_LINES: Final = 1000
_FACET_LINES: Final = 10_000
_VOLUME_PERIOD: Final = dt.timedelta(days=1)
_PAGE_BYTES: Final = 4 * 1024 * 1024
_NO_FOLDER: Final = "The log folder or a file in it cannot be read."


@contextmanager
def _problem_of(name: str, kind: type[ValueError] = ValueError) -> Iterator[None]:
    """Answer 422 to a parameter that turns out to be wrong only once all are known."""
    try:
        yield
    except kind as error:
        wrong = FieldError(name, str(error))
        raise ProblemError(422, f"The parameter is wrong: {name}.", errors=[wrong]) from error


def _period(values: Mapping[str, Any]) -> Period:
    return read_period(values["since"], values["until"], values["tz"])


class LogApi:
    """Answers from the log folder and the archives.

    Args:
        context: Where they are.
    """

    def __init__(self, context: WebContext) -> None:
        config = context.configuration
        self._folders = config.app.log_dir, config.archive_folder
        self._zone = config.app.timezone
        self._streams = context.log_streams

    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints, in the order in which the documentation shows them."""
        return (
            Endpoint(
                "GET",
                "logs/search",
                self.search_logs,
                "Lines of the logs, their backups and archives",
                FoundPage,
                tag="logs",
                parameters=(*FILTERS, *PERIOD, ORDER, LIMIT, CURSOR),
                problems={503: _NO_FOLDER},
            ),
            Endpoint(
                "GET",
                "logs/context",
                self.show_line_context,
                "A line and those around it, in all logs by time",
                ContextPage,
                tag="logs",
                parameters=(POSITION, BEFORE, AFTER, *FILTERS),
                problems={404: _NO_LINE, 410: _LINE_GONE, 503: _NO_FOLDER},
            ),
            Endpoint(
                "GET",
                "logs/histogram",
                self.show_log_volume,
                "How many lines the logs have, by time and level",
                Volume,
                tag="logs",
                parameters=(LOG, *PERIOD, BUCKETS),
                problems={503: _NO_FOLDER},
            ),
            Endpoint(
                "GET",
                "logs/facets",
                self.show_log_facets,
                "Which values the newest lines have that match",
                FacetPage,
                tag="logs",
                parameters=(*FILTERS, *PERIOD, VALUES),
                problems={503: _NO_FOLDER},
            ),
            Endpoint(
                "GET",
                "logs/tail",
                self.tail_logs,
                "The newest lines of the logs and those that follow, as server-sent events",
                str,
                tag="logs",
                parameters=(LINES, AFTER_EVENT, *FILTERS),
                problems={503: f"{_NO_FOLDER} Or {CLIENT_LIMIT} clients are already listening."},
                content_type="text/event-stream",
            ),
        )

    def search_logs(
        self, *, order: Order, limit: int, cursor: str | None, **filters: Any
    ) -> FoundPage:
        """Search the logs."""
        period = _period(filters)
        with _problem_of("cursor", BadCursorError):
            search = LogSearch(
                *self._folders,
                make_filter(filters, period.since, period.until),
                limit=limit,
                order=order,
                cursor=cursor,
                seconds=_SECONDS,
                zone=self._zone,
            )
        with closing(search):
            items, size = [], 0
            for line in search:
                items.append(found_record(line))
                size += line.end - line.start
                if size >= _PAGE_BYTES:
                    break
            return FoundPage(
                items=items,
                next=search.cursor,
                searched_to=search.searched_to,
                bytes_left=search.bytes_left,
                unreadable_lines=search.notes.unreadable_lines,
                problems=search.notes.problems,
            )

    def show_line_context(
        self, *, position: LinePosition, before: int, after: int, **filters: Any
    ) -> ContextPage:
        """Find a line again, and those around it."""
        try:
            line = locate(*self._folders, position, seconds=_LOCATE_SECONDS, zone=self._zone)
        except LineGoneError as error:
            raise ProblemError(410, f"{_LINE_GONE} {error}") from error
        except LineNotFoundError as error:
            raise ProblemError(404, f"{_NO_LINE} {error}") from error
        found = line_context(
            *self._folders,
            line,
            make_filter(filters),
            before=before,
            after=after,
            seconds=_SECONDS,
            zone=self._zone,
        )
        return ContextPage(
            before=[found_record(each) for each in found.before],
            line=found_record(line),
            after=[found_record(each) for each in found.after],
            is_complete=found.is_complete,
            problems=found.problems,
        )

    def show_log_volume(self, *, log: tuple[Log, ...], buckets: int, **period: Any) -> Volume:
        """Count or estimate the lines of a period, by default of the last 24 hours."""
        wanted = _period(period)
        end = wanted.until or dt.datetime.now(dt.UTC)
        start = wanted.since or shifted(end, -_VOLUME_PERIOD) or end
        with _problem_of("to"):
            check_period(start, end, name="from")
        return log_volume(
            *self._folders, logs=log, since=start, until=end, at_most=buckets, zone=self._zone
        )

    def show_log_facets(self, *, values: int, **filters: Any) -> FacetPage:
        """Count the values of the newest lines that match."""
        period = _period(filters)
        found = count_facets(
            *self._folders,
            make_filter(filters, period.since, period.until),
            most_lines=_FACET_LINES,
            most_values=values,
            seconds=_SECONDS,
            zone=self._zone,
        )
        return facet_page(found)

    def tail_logs(self, *, lines: int, cursor: str | None, **filters: Any) -> Response:
        """Stream the logs."""
        last = request.headers.get("Last-Event-ID")
        with _problem_of("Last-Event-ID" if last else "cursor", BadCursorError):
            return self._streams.respond(
                lambda: LogTail(
                    *self._folders,
                    make_filter(filters),
                    lines=lines,
                    after=last or cursor,
                    most=_STREAM_LINES,
                    zone=self._zone,
                )
            )
