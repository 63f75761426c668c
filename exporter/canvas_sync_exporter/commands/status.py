"""``canvas-sync-monitor status``: open incidents and the state of each sync type."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import sys
import textwrap
from collections.abc import Iterator
from typing import Any, Final, NoReturn, TextIO

import msgspec

from canvas_sync_core.errors import CanvasSyncMonitorError
from canvas_sync_core.incident import IncidentState
from canvas_sync_core.logs import escape_controls, escape_json_controls
from canvas_sync_core.names import DISTRIBUTION, Severity
from canvas_sync_exporter.formatting import format_code, format_number, format_seconds
from canvas_sync_exporter.judge.expectation import Pause
from canvas_sync_exporter.judge.incident_view import IncidentView
from canvas_sync_exporter.judge.pauses import active_pauses
from canvas_sync_exporter.judge.status import Level, Status, SyncStatus, read_status
from canvas_sync_exporter.reasons import reason
from canvas_sync_exporter.settings import Configuration, full_configuration

from .databases import reading_database
from .options import add_command, add_time_zone
from .output import Painter, note, stop_if_output_closes
from .terminal import (
    CYAN,
    FAINT,
    GREEN,
    RED,
    STATUS_COLOURS,
    YELLOW,
    Cell,
    Column,
    LocalTimes,
    print_lines,
    table_lines,
    terminal_width,
)

__all__ = ["STATUS_EXIT_CODES", "add_parser", "run"]

_CODES: Final = {Level.WELL: 0, Level.WARNING: 1, Level.CRITICAL: 2, Level.UNKNOWN: 3}
STATUS_EXIT_CODES: Final = (
    "Exit codes: 0 well, 1 warning, 2 critical, 3 unknown: no exporter judges the"
    " syncs, or none has judged everything yet; the database is unreachable; the usage or the"
    " settings are wrong"
)
_COLOURS: Final = {
    Level.WELL: GREEN,
    Level.WARNING: YELLOW,
    Level.CRITICAL: RED,
    Level.UNKNOWN: CYAN,
}
_SEVERITY_COLOURS: Final = {Severity.CRITICAL: RED, Severity.WARNING: YELLOW}
_COLUMNS: Final = (
    Column("sync type"),
    Column("state"),
    Column("last run"),
    Column("started", rank=1),
    Column("took", is_number=True, rank=2),
    Column("next due", shortest=29),
)
_INDENT: Final = "  "
_WIDEST_TEXT: Final = 100
"""Longer lines of prose are hard to read, however wide the terminal is."""


def add_parser(subparsers: Any) -> None:
    """Add the command to a command line."""
    parser = add_command(
        subparsers,
        "status",
        run,
        more="It reads the database itself, so no exporter has to answer.",
        exit_codes=STATUS_EXIT_CODES,
    )
    add_time_zone(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(refuse=_refuse_usage)
    parser.error = _refuse_usage  # type: ignore[method-assign] # 2 would mean critical


def run(arguments: argparse.Namespace) -> int:
    """Run the command.

    Returns:
        The exit code.
    """
    try:
        config = full_configuration(os.environ)
        status, now = _read(config)
    except (CanvasSyncMonitorError, OSError) as error:
        message = str(error) if isinstance(error, CanvasSyncMonitorError) else reason(error)
        return _cannot_tell(message, as_json=arguments.json)
    with stop_if_output_closes():
        if arguments.json:
            sys.stdout.write(_json(status))
        else:
            zone = arguments.tz or config.app.timezone
            print_lines(_lines(status, now, zone, sys.stdout))
    return _CODES[status.status]


def _read(config: Configuration) -> tuple[Status, dt.datetime]:
    now = dt.datetime.now(dt.UTC)
    with reading_database(config) as engine:
        pauses: list[Pause] = [*config.file.pauses, *active_pauses(engine, now)]
        return read_status(engine, pauses, now), now


def _cannot_tell(message: str, *, as_json: bool) -> int:
    if as_json:
        unknown = Status(
            status=Level.UNKNOWN,
            problem=message,
            judged_at=None,
            judge=None,
            incidents=(),
            syncs=(),
        )
        sys.stdout.write(_json(unknown))
    else:
        note(message)
    return _CODES[Level.UNKNOWN]


def _refuse_usage(message: str) -> NoReturn:
    print(f"{DISTRIBUTION} status: {message}", file=sys.stderr)
    sys.exit(_CODES[Level.UNKNOWN])


def _json(status: Status) -> str:
    document = msgspec.json.format(msgspec.json.encode(status), indent=2).decode()
    return "\n".join(map(escape_json_controls, document.splitlines())) + "\n"


def _lines(status: Status, now: dt.datetime, zone: dt.tzinfo, out: TextIO) -> Iterator[str]:
    painter, width = Painter(out), terminal_width(out)
    times = LocalTimes(zone, _times(status), has_seconds=False)
    yield from _heading(status, painter, width)
    for incident in status.incidents:
        yield ""
        yield from _incident_lines(incident, now, times, painter, width)
    if status.syncs:
        yield ""
        rows = [_row(each, now, times) for each in status.syncs]
        yield from table_lines(_COLUMNS, rows, width, painter)
    yield ""
    for line in _wrapped(_footer(status, now, times), width):
        yield painter.paint(line, FAINT)


def _heading(status: Status, painter: Painter, width: int) -> Iterator[str]:
    known = sum(each.state is IncidentState.ACKNOWLEDGED for each in status.incidents)
    count = len(status.incidents) - known
    needs = "1 incident needs" if count == 1 else f"{count} incidents need"
    nothing = "No open incident" if status.problem else "Nothing needs attention"
    text = f"{needs} attention" if count else nothing
    if known:
        text += f", {known} acknowledged"
    yield f"{painter.paint(status.status.upper(), _COLOURS[status.status])}  {painter.bold(text)}"
    for line in _wrapped(status.problem, width) if status.problem else ():
        yield painter.paint(line, _COLOURS[Level.UNKNOWN])


def _incident_lines(
    incident: IncidentView, now: dt.datetime, times: LocalTimes, painter: Painter, width: int
) -> Iterator[str]:
    is_known = incident.state is IncidentState.ACKNOWLEDGED
    colour = FAINT if is_known else _SEVERITY_COLOURS[incident.severity]
    words = (incident.severity.value, format_code(incident.kind), escape_controls(incident.subject))
    since = f"since {times.format(incident.since)}, {_ago(now - incident.since)}"
    yield f"{painter.paint(words[0], colour)}  {painter.bold('  '.join(words[1:]))}"
    yield f"{_INDENT}{painter.paint(f'{since} (incident {incident.id})', FAINT)}"
    texts = [f"{incident.summary} {incident.cause}".strip(), _evidence(incident)]
    known = incident.acknowledgement
    if is_known and known is not None:
        texts.append(f"Acknowledged by {known.author}: {known.reason}")
    for text in filter(None, texts):
        for line in _wrapped(escape_controls(text), width - len(_INDENT)):
            yield f"{_INDENT}{line}"


def _evidence(incident: IncidentView) -> str:
    parts = [f"{name}: {format_number(count)}" for name, count in incident.counts.items()]
    if incident.user_count:
        users = "user" if incident.user_count == 1 else "users"
        parts.append(f"{format_number(incident.user_count)} {users}")
    if incident.runs:
        parts.append(f"newest run {incident.runs[0]}")
    return ", ".join(parts)


def _row(sync: SyncStatus, now: dt.datetime, times: LocalTimes) -> list[Cell]:
    last = sync.last_run
    colour = CYAN if sync.state == "running" else _COLOURS[sync.level]
    return [
        Cell(sync.sync_type),
        Cell(format_code(sync.state), FAINT if sync.state == "paused" else colour),
        Cell("never", FAINT) if last is None else Cell(last.status, STATUS_COLOURS[last.status]),
        Cell("" if last is None else _ago(now - last.start)),
        Cell("" if last is None or last.duration is None else format_seconds(last.duration)),
        _due_cell(sync, now, times),
    ]


def _due_cell(sync: SyncStatus, now: dt.datetime, times: LocalTimes) -> Cell:
    if sync.paused_until is not None:
        return Cell(f"paused until {times.format(sync.paused_until)}", FAINT)
    if sync.next_due is None:
        return Cell("not expected", FAINT)
    is_past = sync.next_due < now
    distance = _ago(now - sync.next_due) if is_past else f"in {_short(sync.next_due - now)}"
    return Cell(f"{times.format(sync.next_due)}, {distance}")


def _footer(status: Status, now: dt.datetime, times: LocalTimes) -> str:
    zone = f"Times are in {times.name}."
    if status.judged_at is None:
        return zone
    return f"Judged {_ago(now - status.judged_at)} by {status.judge}. {zone}"


def _times(status: Status) -> Iterator[dt.datetime]:
    for incident in status.incidents:
        yield incident.since
    for sync in status.syncs:
        for time in (sync.next_due, sync.paused_until):
            if time is not None:
                yield time


def _ago(age: dt.timedelta) -> str:
    return f"{_short(max(age, dt.timedelta()))} ago"


def _short(length: dt.timedelta) -> str:
    """Write a length of time in its largest unit, such as ``34 min``."""
    seconds = int(length.total_seconds())
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size or (unit == "min" and seconds >= size):
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _wrapped(text: str, width: int) -> list[str]:
    room = max(min(width, _WIDEST_TEXT), 20)
    return textwrap.wrap(text, room, break_on_hyphens=False)
