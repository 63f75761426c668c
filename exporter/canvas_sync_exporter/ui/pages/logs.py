"""Lines of all five logs: search, volume over time, facets, the lines around one, a live tail."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

from flask import Response, request
from markupsafe import Markup

from canvas_sync_exporter.logs.search import (
    BadCursorError,
    FacetCounter,
    LineFilter,
    LineGoneError,
    LineNotFoundError,
    LogSearch,
    Order,
    encode_cursor,
    line_context,
    locate,
)
from canvas_sync_exporter.logs.tail import LogTail
from canvas_sync_exporter.logs.volume import Volume, log_volume
from canvas_sync_exporter.ui.log_filters import (
    LINE_FILTERS,
    NAMES,
    ActiveFilter,
    Facet,
    active_filters,
    facets,
    line_filter,
)
from canvas_sync_exporter.ui.log_lines import ShownLine, shown_line
from canvas_sync_exporter.ui.log_volume import draw_volume, most_bars
from canvas_sync_exporter.ui.page import Feed, Page
from canvas_sync_exporter.ui.view import View
from canvas_sync_exporter.web.context import WebContext
from canvas_sync_exporter.web.endpoint import json_response
from canvas_sync_exporter.web.formats import Format, encode_list, list_response
from canvas_sync_exporter.web.log_parameters import AFTER, BEFORE, CURSOR, ORDER, POSITION
from canvas_sync_exporter.web.parameters import flag, whole_number
from canvas_sync_exporter.web.problems import FieldError, ProblemError
from canvas_sync_exporter.web.search_results import FoundPage, found_record

__all__ = ["PAGE", "Logs"]

_MOST_LINES: Final = 500
_LINES_BYTES: Final = 30_000
"""What lines take of the 60 kB of a page, without the links around them."""
_LEAST_BYTES: Final = 5000
_LINKS: Final = 25
"""Number of links with all filters that the page has beside those of lines and bars."""

_FIRST_SECONDS: Final = 0.3
_FURTHER_SECONDS: Final = 2.0
_LOCATE_SECONDS: Final = 5.0
_EXPORT_SECONDS: Final = 30.0
_FACET_LINES: Final = 2000
_FACET_VALUES: Final = 5
_TAIL_LINES: Final = 1000
_STREAM_SECONDS: Final = 60.0
"""After so long at most, those who are not allowed any more get no further lines."""

_MICROSECOND: Final = dt.timedelta(microseconds=1)
_AROUND: Final = 15
_POSITION: Final = replace(POSITION, is_required=False)
_LIMIT: Final = whole_number("limit", "Maximum number of lines.", 1, 2000, default=_MOST_LINES)
_MATCHING: Final = flag("matching", "Around a line, only lines that match the filters.")
_PARAMETERS: Final = (
    *LINE_FILTERS,
    CURSOR,
    ORDER,
    _POSITION,
    replace(BEFORE, default=_AROUND),
    replace(AFTER, default=_AROUND),
    _MATCHING,
)
_SEARCH_PARAMETERS: Final = (*LINE_FILTERS, CURSOR, ORDER)


@dataclass(frozen=True, slots=True)
class Found:
    """A page of what a search finds.

    Attributes:
        lines: The lines, in the order that was asked for.
        next: Where to continue; None if everything has been searched.
        is_full: Whether the search stopped because the page is full, not because it took long.
        searched_to: The time up to which all logs have been searched; None when all are.
        bytes_left: Number of bytes not searched yet; an estimate for archives.
        unreadable_lines: Number of lines that might match but are unreadable.
        problems: Files that cannot be read.
        tail: Where lines that are written from now on will be.
    """

    lines: list[ShownLine]
    next: str | None
    is_full: bool
    searched_to: dt.datetime | None
    bytes_left: int
    unreadable_lines: int
    problems: list[str]
    tail: str


@dataclass(frozen=True, slots=True)
class Facets:
    """Values of the newest lines that match.

    Attributes:
        lines: Number of lines that were counted.
        is_complete: Whether these are all that match.
        fields: The values, by field.
    """

    lines: int
    is_complete: bool
    fields: list[Facet]


@dataclass(frozen=True, slots=True)
class Around:
    """A line and those around it in all logs.

    Attributes:
        after: Lines after it, newest first.
        before: Lines before it, newest first.
        is_complete: Whether the time limit allowed to search for all of them.
        problems: Files that cannot be read.
    """

    after: list[ShownLine]
    line: ShownLine
    before: list[ShownLine]
    is_complete: bool
    problems: list[str]


@dataclass(frozen=True, slots=True)
class Logs:
    """Everything on the page: a search, or a line and those around it.

    Attributes:
        filters: The filters in use.
    """

    filters: list[ActiveFilter]
    found: Found | None = None
    facets: Facets | None = None
    volume: Volume | None = None
    around: Around | None = None

    names = NAMES

    def has_more_filters(self, view: View) -> bool:
        """Return whether the search is filtered by a field of the closed part of the form."""
        simple = {"text", "log", "level", "not_level"}
        return any(each.name in view.query for each in LINE_FILTERS if each.name not in simple)

    def chart(self, view: View) -> Markup:
        """Draw the volume over time."""
        assert self.found is not None and self.volume is not None  # noqa: S101, PT018 - only then
        return draw_volume(view, self.volume, self.found.searched_to)

    def can_follow(self, view: View) -> bool:
        """Return whether new lines belong on top of the list."""
        is_first = view.values["cursor"] is None and view.values["order"] is Order.NEWEST
        return is_first and view.period.is_open

    def tail_url(self, view: View) -> str:
        """Return the URL of the stream of the lines after those that were searched."""
        assert self.found is not None  # noqa: S101 - the template asks for it only then
        url = view.here_at("logs/tail")
        return f"{url}{'&' if '?' in url else '?'}cursor={self.found.tail}"

    def export_url(self, view: View, suffix: str) -> str:
        """Return the URL of exactly the lines that are shown, in a format."""
        assert self.found is not None  # noqa: S101 - the template asks for it only then
        times = [line.time for line in self.found.lines]
        url = view.here_at(f"logs/export.{suffix}")
        limits = f"limit={len(times)}"
        if not view.query.get("to"):
            limits += f"&to={max(times) + _MICROSECOND:%Y-%m-%dT%H:%M:%S.%fZ}"
        return f"{url}{'&' if '?' in url else '?'}{limits}"


def logs(context: WebContext, view: View) -> Logs:
    """Read everything on the page."""
    filters = active_filters(view)
    if view.values["position"] is not None:
        return Logs(filters, around=_around(context, view))
    since, until = _period(view)
    wanted = line_filter(view, since, until)
    found, counted = _find(context, view, wanted)
    volume = log_volume(
        *_folders(context),
        logs=wanted.logs,
        since=view.period.since,
        until=view.period.until,
        at_most=most_bars(view),
        zone=_zone(context),
    )
    return Logs(filters, found, counted, volume)


def _find(context: WebContext, view: View, wanted: LineFilter) -> tuple[Found, Facets]:
    """Search for the lines of the page, and count the values of these and more lines."""
    seconds = _FURTHER_SECONDS if view.values["cursor"] else _FIRST_SECONDS
    counter = FacetCounter()
    lines: list[ShownLine] = []
    found: Found | None = None
    left = max(_LEAST_BYTES, _LINES_BYTES - _LINKS * len(view.here()))
    with closing(_search(context, view, wanted, _FACET_LINES, seconds)) as search:
        for line in search:
            counter.add(line)
            if found is not None:
                continue
            lines.append(shown_line(view, line))
            left -= lines[-1].size
            if left <= 0 or len(lines) == _MOST_LINES:
                found = _found(search, lines, is_full=True)
        is_complete = search.cursor is None and view.values["cursor"] is None
        counted = Facets(counter.lines, is_complete, facets(view, counter.values(_FACET_VALUES)))
        return found or _found(search, lines, is_full=False), counted


def _found(search: LogSearch, lines: list[ShownLine], *, is_full: bool) -> Found:
    return Found(
        lines=lines,
        next=search.cursor,
        is_full=is_full,
        searched_to=search.searched_to,
        bytes_left=search.bytes_left,
        unreadable_lines=search.notes.unreadable_lines,
        problems=search.notes.problems,
        tail=encode_cursor(Order.OLDEST, search.end_positions),
    )


def _search(
    context: WebContext, view: View, wanted: LineFilter, limit: int, seconds: float
) -> LogSearch:
    with _problem_of_cursor():
        return LogSearch(
            *_folders(context),
            wanted,
            limit=limit,
            order=view.values["order"],
            cursor=view.values["cursor"],
            seconds=seconds,
            zone=_zone(context),
        )


def _around(context: WebContext, view: View) -> Around:
    folders, zone = _folders(context), _zone(context)
    try:
        line = locate(*folders, view.values["position"], seconds=_LOCATE_SECONDS, zone=zone)
    except LineGoneError as error:
        raise ProblemError(410, f"This line has been deleted. {error}") from error
    except LineNotFoundError as error:
        raise ProblemError(404, f"This line cannot be found. {error}") from error
    found = line_context(
        *folders,
        line,
        line_filter(view) if view.values["matching"] else LineFilter(),
        before=view.values["before"],
        after=view.values["after"],
        seconds=_FURTHER_SECONDS,
        zone=zone,
    )
    return Around(
        after=[shown_line(view, each) for each in reversed(found.after)],
        line=shown_line(view, line),
        before=[shown_line(view, each) for each in reversed(found.before)],
        is_complete=found.is_complete,
        problems=found.problems,
    )


def export_csv(context: WebContext, view: View) -> Response:
    """Answer with the lines of the page as CSV."""
    return list_response(encode_list(_export(context, view), Format.CSV), "logs")


def export_ndjson(context: WebContext, view: View) -> Response:
    """Answer with the lines of the page as one line of JSON each."""
    return list_response(encode_list(_export(context, view), Format.NDJSON), "logs")


def _export(context: WebContext, view: View) -> FoundPage:
    wanted = line_filter(view, *_period(view))
    with closing(_search(context, view, wanted, view.values["limit"], _EXPORT_SECONDS)) as search:
        return FoundPage(
            items=[found_record(line) for line in search],
            next=search.cursor,
            searched_to=search.searched_to,
            bytes_left=search.bytes_left,
            unreadable_lines=search.notes.unreadable_lines,
            problems=search.notes.problems,
        )


def whole_line(context: WebContext, view: View) -> Response:
    """Answer with everything that a line says, as JSON."""
    try:
        line = locate(
            *_folders(context),
            view.values["position"],
            seconds=_LOCATE_SECONDS,
            zone=_zone(context),
        )
    except LineNotFoundError as error:
        raise ProblemError(404, f"This line cannot be found. {error}") from error
    return json_response(found_record(line))


def tail(context: WebContext, view: View) -> Response:
    """Stream the lines that are written from now on, or after a cursor, as server-sent events."""
    on_page = replace(view, root="./", path=PAGE.path)  # where the lines will be shown
    on_page.query = {name: value for name, value in view.query.items() if name != "cursor"}
    wanted = line_filter(view)
    last = request.headers.get("Last-Event-ID")
    with _problem_of_cursor():
        return context.log_streams.respond(
            lambda: LogTail(
                *_folders(context),
                wanted,
                lines=0,
                after=last or view.values["cursor"],
                most=_TAIL_LINES,
                zone=_zone(context),
            ),
            lambda line: shown_line(on_page, line),
            _STREAM_SECONDS,
        )


@contextmanager
def _problem_of_cursor() -> Iterator[None]:
    try:
        yield
    except BadCursorError as error:
        wrong = FieldError("cursor", str(error))
        raise ProblemError(422, "The parameter is wrong: cursor.", errors=[wrong]) from error


def _folders(context: WebContext) -> tuple[Any, Any]:
    config = context.configuration
    return config.app.log_dir, config.archive_folder


def _zone(context: WebContext) -> dt.tzinfo:
    return context.configuration.app.timezone


def _period(view: View) -> tuple[dt.datetime, dt.datetime | None]:
    return view.period.since, None if view.period.is_open else view.period.until


PAGE: Final = Page(
    "logs",
    "logs",
    "Logs",
    "ui/logs.html",
    logs,
    parameters=_PARAMETERS,
    period="24h",
    is_live=False,
    is_of_one_host=True,
    shows_logs=True,
    feeds=(
        Feed("logs_csv", "logs/export.csv", export_csv, (*_SEARCH_PARAMETERS, _LIMIT)),
        Feed("logs_ndjson", "logs/export.ndjson", export_ndjson, (*_SEARCH_PARAMETERS, _LIMIT)),
        Feed("logs_tail", "logs/tail", tail, _SEARCH_PARAMETERS),
        Feed("logs_line", "logs/line", whole_line, (POSITION,)),
    ),
)
