"""``canvas-sync-monitor runs``: runs of the syncs, newest first."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final, TextIO

import msgspec

from canvas_sync_core.logs import escape_controls, escape_json_controls
from canvas_sync_core.names import RunStatus
from canvas_sync_core.store.run_filter import RunFilter
from canvas_sync_core.store.run_search import newest_runs
from canvas_sync_core.store.runs import RunRow
from canvas_sync_exporter.formatting import format_number, format_seconds
from canvas_sync_exporter.settings import configuration

from .databases import reading_database
from .options import TIMES, add_command, add_limit, add_period, add_time_zone, user_id
from .output import Painter, note, stop_if_output_closes
from .terminal import (
    FAINT,
    STATUS_COLOURS,
    YELLOW,
    Cell,
    Column,
    LocalTimes,
    print_lines,
    table_lines,
    terminal_width,
)

__all__ = ["add_parser", "run"]

_COLUMNS: Final = (
    Column("started"),
    Column("type", rank=2),
    Column("status"),
    Column("duration", is_number=True, rank=3),
    Column("user", is_number=True, rank=5),
    Column("course", is_number=True, rank=7),
    Column("items", is_number=True, rank=4),
    Column("calls", is_number=True, rank=6),
    Column("host", rank=8),
    Column("task id", rank=1),
)
_INDENT: Final = 4
_UNKNOWN: Final = "-"


def add_parser(subparsers: Any) -> None:
    """Add the command to a command line."""
    parser = add_command(
        subparsers,
        "runs",
        run,
        more="A run must match all filters.",
        epilog=TIMES,
    )
    _add_filters(parser)
    add_limit(parser, "runs", default=20, most=100_000)
    add_time_zone(parser)
    parser.add_argument("--json", action="store_true", help="whole runs, one JSON object per line")


def _add_filters(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--status",
        action="append",
        choices=[each.value for each in RunStatus],
        help="with this status; may be repeated",
    )
    add(
        "--type",
        type=_name,
        action="append",
        metavar="TYPE",
        help="of this sync type; may be repeated",
    )
    add("--user", type=user_id, metavar="ID", help="of this user")
    add("--course", type=user_id, metavar="ID", help="of this course")
    add("--host", type=_name, help="on this machine")
    add("--suspect", action="store_true", help="only runs that differ widely from earlier ones")
    add_period(parser, since="started then or later", until="started before then")


def run(arguments: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        The exit code.

    Raises:
        CanvasSyncMonitorError: A setting is wrong, or the database cannot be read.
    """
    config = configuration(os.environ)
    with reading_database(config) as engine:
        runs, is_cut = newest_runs(engine, _wanted(arguments), arguments.limit)
    with stop_if_output_closes():
        if arguments.json:
            sys.stdout.writelines(map(_json_line, runs))
        else:
            zone = arguments.tz or config.app.timezone
            print_lines(_lines(runs, zone, sys.stdout))
    if is_cut:
        note(f"stopped at --limit {arguments.limit}; there are more")
    return 0


def _wanted(arguments: argparse.Namespace) -> RunFilter:
    return RunFilter(
        statuses=tuple(dict.fromkeys(arguments.status or ())),
        sync_types=tuple(dict.fromkeys(arguments.type or ())),
        user_id=arguments.user,
        course_id=arguments.course,
        host=arguments.host,
        is_suspect=arguments.suspect,
        since=arguments.since,
        until=arguments.until,
    )


def _json_line(each: RunRow) -> str:
    return f"{escape_json_controls(msgspec.json.encode(each).decode())}\n"


def _lines(runs: Sequence[RunRow], zone: dt.tzinfo, out: TextIO) -> Iterator[str]:
    if not runs:
        yield "No run matches all filters."
        return
    painter, width = Painter(out), terminal_width(out)
    times = LocalTimes(zone, [each.sync_start_time for each in runs])
    heading, *lines = _table(runs, times, width, painter)
    yield heading
    for each, line in zip(runs, lines, strict=True):
        yield line
        remark = _remark(each)
        if remark:
            room = width - _INDENT
            cut = remark if len(remark) <= room else f"{remark[: room - 1]}…"
            yield f"{' ' * _INDENT}{painter.paint(cut, FAINT)}"
    yield ""
    yield painter.paint(f"Times are in {times.name}.", FAINT)


def _table(
    runs: Sequence[RunRow], times: LocalTimes, width: int, painter: Painter
) -> Iterator[str]:
    """Return the lines of the table, without empty columns."""
    rows = [_cells(each, times) for each in runs]
    indices = [
        place for place in range(len(_COLUMNS)) if any(row[place].text != _UNKNOWN for row in rows)
    ]
    columns = [_COLUMNS[place] for place in indices]
    return table_lines(columns, [[row[place] for place in indices] for row in rows], width, painter)


def _cells(each: RunRow, times: LocalTimes) -> list[Cell]:
    items = sum(counts.processed for counts in each.items.values())
    status = f"{each.sync_status} ?" if each.suspect else each.sync_status
    return [
        Cell(times.format(each.sync_start_time)),
        Cell(each.sync_type),
        Cell(status, YELLOW if each.suspect else STATUS_COLOURS.get(each.sync_status)),
        Cell(_duration(each)),
        Cell(_UNKNOWN if each.user_id is None else str(each.user_id)),
        Cell(_UNKNOWN if each.course_id is None else str(each.course_id)),
        Cell(format_number(items)),
        Cell(format_number(each.api_calls)),
        Cell(each.host),
        Cell(each.sync_task_id),
    ]


def _duration(each: RunRow) -> str:
    if each.sync_status == RunStatus.RUNNING:
        return f"{each.progress:.0f} %"
    return format_seconds(each.duration)


def _remark(each: RunRow) -> str:
    """Return what went wrong with a run, on one line."""
    error = ": ".join(filter(None, (each.error_type, each.error_message)))
    return escape_controls("; ".join(filter(None, (error, each.suspect_reason))))


def _name(raw: str) -> str:
    if not raw.isprintable():  # no row has such a name either
        raise argparse.ArgumentTypeError("use printable characters")
    return raw
