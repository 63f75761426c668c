"""Options that choose lines of the logs, shared by ``search`` and ``tail``."""

from __future__ import annotations

import argparse
from typing import Any, Final

from canvas_sync_core.names import LINE_LEVELS, Log
from canvas_sync_exporter.logs.search import Exclusions, LineFilter, compile_pattern

from .options import user_id

__all__ = ["add_filters", "line_filter"]

_LEVEL: Final[dict[str, Any]] = {"type": str.upper, "choices": LINE_LEVELS}


def _pattern(raw: str) -> Any:
    try:
        return compile_pattern(raw)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


_EXCLUSIONS: Final[dict[str, dict[str, Any]]] = {
    "text": {"metavar": "TEXT"},
    "regex": {"type": _pattern, "metavar": "PATTERN"},
    "level": _LEVEL,
    "user": {"type": user_id, "metavar": "ID"},
    "course": {"type": user_id, "metavar": "ID"},
    "task": {"metavar": "ID"},
    "trace": {"metavar": "ID"},
    "status": {"metavar": "STATUS"},
    "route": {"metavar": "ROUTE"},
}


def add_filters(parser: argparse.ArgumentParser) -> None:
    """Add the filters of lines, except for times, to a command."""
    add = parser.add_argument
    add("text", nargs="?", metavar="TEXT", help="text that the line contains")
    add("--regex", type=_pattern, metavar="PATTERN", help="regular expression in the line")
    add(
        "--log",
        action="append",
        choices=[each.value for each in Log],
        help="in this log; may be repeated",
    )
    add("--level", action="append", **_LEVEL, help="of this level; may be repeated")
    add("--user", type=user_id, metavar="ID", help="of this user")
    add("--course", type=user_id, metavar="ID", help="of this course")
    add("--task", metavar="ID", help="of the run with this task id")
    add("--trace", metavar="ID", help="of this trace")
    add(
        "--status",
        help="HTTP status, class of a failed request (timeout), status of a run (failed), or "
        "outcome of a database operation",
    )
    add("--route", help="Canvas route template, such as /api/v1/courses/:course_id")
    _add_exclusions(parser)


def _add_exclusions(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "exclusions", "Lines that match one of these are left out. Each may be repeated."
    )
    for name, options in _EXCLUSIONS.items():
        group.add_argument(f"--not-{name}", action="append", default=[], **options)


def line_filter(arguments: argparse.Namespace) -> LineFilter:
    """Return the filter that the arguments of a command make."""
    return LineFilter(
        text=arguments.text,
        pattern=arguments.regex,
        logs=tuple(Log(log) for log in dict.fromkeys(arguments.log or Log)),
        levels=tuple(arguments.level or ()),
        user_id=arguments.user,
        course_id=arguments.course,
        task_id=arguments.task,
        trace_id=arguments.trace,
        status=arguments.status,
        route=arguments.route,
        since=arguments.since,
        until=arguments.until,
        exclusions=Exclusions(
            texts=tuple(arguments.not_text),
            patterns=tuple(arguments.not_regex),
            levels=tuple(arguments.not_level),
            user_ids=tuple(arguments.not_user),
            course_ids=tuple(arguments.not_course),
            task_ids=tuple(arguments.not_task),
            trace_ids=tuple(arguments.not_trace),
            statuses=tuple(arguments.not_status),
            routes=tuple(arguments.not_route),
        ),
    )
