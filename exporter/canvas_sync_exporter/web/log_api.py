"""The endpoints that show lines of the logs."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any, Final

from flask import Response

from canvas_sync_core.names import LINE_LEVELS, Log
from canvas_sync_exporter.logs.search import (
    PATTERN_LIMIT,
    BadCursorError,
    LineFilter,
    LogSearch,
    compile_pattern,
)
from canvas_sync_exporter.logs.tail import LogTail
from canvas_sync_exporter.logs.time_parsing import check_period, parse_moment

from .context import WebContext
from .endpoint import Endpoint
from .log_stream import CLIENT_LIMIT, LogStreams
from .parameters import Parameter, text, whole_number
from .problems import FieldError, ProblemError
from .search_results import FoundPage, found_record

__all__ = ["LogApi"]

_SECONDS: Final = 5.0
_PAGE_BYTES: Final = 4 * 1024 * 1024
_BIGGEST: Final = 2**63 - 1
_NO_FOLDER: Final = "The log folder or a file in it cannot be read."


def _parse_logs(raw: str) -> tuple[Log, ...]:
    names = dict.fromkeys(raw.split(","))
    if not names.keys() <= set(Log):
        raise ValueError(f"use one or more of {', '.join(Log)}, between commas")
    return tuple(Log(name) for name in names)


def _parse_level(raw: str) -> str:
    level = raw.upper()
    if level not in LINE_LEVELS:
        raise ValueError(f"use one of {', '.join(LINE_LEVELS)}")
    return level


def _number(name: str, description: str) -> Parameter:
    return replace(whole_number(name, description, 0, _BIGGEST), in_path=False)


def _parse_moment(raw: str) -> dt.datetime:
    try:
        return parse_moment(raw)
    except ValueError as error:
        if " " not in raw:
            raise
        raise ValueError(f"{error}; in a URL the + of a zone is written %2B") from None


def _parse_trace_id(raw: str) -> str:
    if not re.fullmatch("[0-9a-f]{32}", raw):
        raise ValueError("say 32 hexadecimal digits in lower case")
    return raw


def _moment(name: str, description: str) -> Parameter:
    hint = f"{description} A date or time by RFC 3339, or an age such as `24h`."
    return Parameter(name, False, hint, _parse_moment, {"type": "string"})


_LOGS_PATTERN: Final = "^({names})(,({names}))*$".format(names="|".join(Log))
_LOG: Final = Parameter(
    "log",
    in_path=False,
    description="In these logs, between commas; all when not given.",
    parse=_parse_logs,
    schema={"type": "string", "pattern": _LOGS_PATTERN},
    default=tuple(Log),
)
_FILTERS: Final = (
    text("text", "Text that is in the line as it stands in the file.", 1000),
    Parameter(
        "regex",
        in_path=False,
        description="Regular expression in RE2's syntax that matches in the line.",
        parse=compile_pattern,
        schema={"type": "string", "maxLength": PATTERN_LIMIT},
    ),
    _LOG,
    Parameter(
        "level",
        in_path=False,
        description="Of this level.",
        parse=_parse_level,
        schema={"type": "string", "enum": list(LINE_LEVELS)},
    ),
    _number("user_id", "Of this user."),
    _number("course_id", "Of this course."),
    text("task_id", "Of the run with this task id.", 1000),
    Parameter(
        "trace_id",
        in_path=False,
        description="Of this trace.",
        parse=_parse_trace_id,
        schema={"type": "string", "pattern": "^[0-9a-f]{32}$"},
    ),
    text(
        "status",
        "HTTP status, class of a failed request, status of a run or outcome of an operation.",
        100,
    ),
    text("route", "Canvas route template, such as `/api/v1/courses/:id`.", 500),
    _moment("since", "Written then or later."),
    _moment("until", "Written before then."),
)
_LIMIT: Final = whole_number("limit", "How many lines to give at most.", 1, 500, default=50)
_CURSOR: Final = text("cursor", "`next` of the part before, with the same filters.", 4000)
_LINES: Final = whole_number(
    "lines", "How many of the newest lines to begin with.", 0, 500, default=10
)


@contextmanager
def _blaming(name: str, kind: type[ValueError] = ValueError) -> Iterator[None]:
    """Answer 422 to a parameter that turns out to be wrong only once all are known."""
    try:
        yield
    except kind as error:
        wrong = FieldError(name, str(error))
        raise ProblemError(422, f"The parameter is wrong: {name}.", errors=[wrong]) from error


class LogApi:
    """Answers from the log folder and the archives.

    Args:
        context: Where they are.
    """

    def __init__(self, context: WebContext) -> None:
        config = context.configuration
        self._folders = config.app.log_dir, config.archive_folder
        self._zone = config.app.timezone
        self._streams = LogStreams(context.stopping)

    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints, in the order in which the documentation shows them."""
        return (
            Endpoint(
                "GET",
                "logs/search",
                self.search_logs,
                "Lines of the logs, their backups and archives, newest first",
                FoundPage,
                tag="logs",
                parameters=(*_FILTERS, _LIMIT, _CURSOR),
                problems={503: _NO_FOLDER},
            ),
            Endpoint(
                "GET",
                "logs/tail",
                self.tail_logs,
                "The newest lines of the logs and those that follow, as server-sent events",
                str,
                tag="logs",
                parameters=(_LINES, _LOG),
                problems={503: f"{_NO_FOLDER} Or {CLIENT_LIMIT} clients are already listening."},
                content_type="text/event-stream",
            ),
        )

    def search_logs(
        self, *, text: str | None, regex: Any, log: tuple[Log, ...], limit: int, **rest: Any
    ) -> FoundPage:
        """Search the logs."""
        cursor: str | None = rest.pop("cursor")
        with _blaming("until"):
            check_period(rest["since"], rest["until"])
        wanted = LineFilter(text=text, pattern=regex, logs=log, **rest)
        with _blaming("cursor", BadCursorError):
            search = LogSearch(
                *self._folders,
                wanted,
                limit=limit,
                cursor=cursor,
                seconds=_SECONDS,
                zone=self._zone,
            )
        with closing(search):
            items, size, notes = [], 0, search.notes
            for line in search:
                items.append(found_record(line))
                size += line.end - line.start
                if size >= _PAGE_BYTES:
                    break
            return FoundPage(items, search.cursor, notes.unreadable_lines, notes.problems)

    def tail_logs(self, lines: int, log: tuple[Log, ...]) -> Response:
        """Stream the logs."""
        return self._streams.respond(
            lambda: LogTail(*self._folders, logs=log, lines=lines, zone=self._zone)
        )
