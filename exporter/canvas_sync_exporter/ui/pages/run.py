"""One run: why it failed, how it compares, where its time went, and what it logged."""

from __future__ import annotations

import datetime as dt
import heapq
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from markupsafe import Markup

from canvas_sync_core.names import RunStatus
from canvas_sync_core.store.run_history import RunHistory, run_history
from canvas_sync_core.store.runs import RunRow
from canvas_sync_core.wording import counted
from canvas_sync_exporter.charts.time_bar import TimePart, time_bar
from canvas_sync_exporter.formatting import format_code, format_number, format_seconds, format_size
from canvas_sync_exporter.logs.run_calls import CallPage, RunCall, run_calls
from canvas_sync_exporter.logs.run_lines import RunLogs, time_of_lines
from canvas_sync_exporter.logs.run_steps import StepList, run_steps
from canvas_sync_exporter.logs.search import Order
from canvas_sync_exporter.logs.sources import LogFolderError
from canvas_sync_exporter.reasons import reason
from canvas_sync_exporter.ui.dashboard_links import dashboard_of_run
from canvas_sync_exporter.ui.log_lines import without_clock
from canvas_sync_exporter.ui.page import Page
from canvas_sync_exporter.ui.view import View
from canvas_sync_exporter.web.context import WebContext
from canvas_sync_exporter.web.run_lookup import RUN_ID, require_run
from canvas_sync_exporter.web.search_results import FoundRecord, found_record

__all__ = ["PAGE", "RunDetails"]

_CALLS_READ: Final = 500
_CALLS_SHOWN: Final = 40
_LINES: Final = 50
_REASONS_SHOWN: Final = 5
_QUEUE_SHARE: Final = 0.1
_LAST_MINUTE: Final = dt.timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure of the run beside what is usual and the last successful run.

    Attributes:
        usual: The median of the last successful runs of the same kind.
        good: That of the last successful run.
        is_unusual: Whether it differs from the usual by more than half.
    """

    name: str
    value: str
    usual: str
    good: str
    is_unusual: bool


@dataclass(frozen=True, slots=True)
class TimeShare:
    """How long the run spent on something.

    Attributes:
        kind: ``canvas``, ``waiting``, ``database`` or ``own``.
    """

    kind: str
    name: str
    seconds: float
    note: str


@dataclass(frozen=True, slots=True)
class ShownCall:
    """A call in the waterfall.

    Attributes:
        notable: Why it deserves a look, such as ``429, throttled``; empty if it does not.
        queue_seconds: Time in Canvas's queue, if it is a considerable part of the call; else None.
    """

    call: RunCall
    name: str
    notable: str
    queue_seconds: float | None


@dataclass(frozen=True, slots=True)
class RunDetails:
    """Everything on the page.

    Attributes:
        history: The runs of the same kind before and after it.
        verdict: Why it is as it is, in one sentence; empty if it just succeeded.
        measures: Its figures beside the usual ones.
        shares: Where its time went. Calls in parallel may add up to more than the duration.
        steps: Its steps.
        calls: The failed and the slowest of its first calls, in the order of their start.
        calls_read: Number of calls that these were chosen from.
        has_more_calls: Whether the run made more calls than were read.
        lines: Its newest log lines, newest first.
        has_more_lines: Whether there are older ones.
        logs_problem: Why the logs could not be read completely; empty if they could.
        is_elsewhere: Whether its lines are on another host.
        host_url: This page at the exporter of the run's host; None for this host, or if it is not
            known where that exporter is.
        trace_url: Its trace; None if it is not known where traces are.
        dashboard_url: The dashboard that shows it; None without Grafana.
    """

    run: RunRow
    history: RunHistory
    verdict: str
    measures: list[Measure]
    shares: list[TimeShare]
    steps: StepList
    calls: list[ShownCall]
    calls_read: int
    has_more_calls: bool
    lines: list[FoundRecord]
    has_more_lines: bool
    logs_problem: str
    is_elsewhere: bool
    host_url: str | None
    trace_url: str | None
    dashboard_url: str | None

    def calls_note(self) -> str:
        """Say which calls are shown: all, or those chosen from how many."""
        if not self.calls:
            return ""
        counted_calls = counted(self.calls_read, "call")
        if self.has_more_calls:
            return f"failed and slowest of the first {counted_calls}"
        if _count_calls(each.call for each in self.calls) < self.calls_read:
            return f"failed and slowest of {counted_calls}"
        return f"all {counted_calls}" if self.calls_read > 1 else "the only one"

    def reasons(self) -> list[str]:
        """Say which calls failed and why, each once: the reasons of a run that is partial.

        Its own message often names what is missing, but not what Canvas answered.
        """
        if self.run.sync_status != RunStatus.PARTIAL:
            return []
        failed = (each for each in self.calls if each.call.outcome == "failed")
        texts = (": ".join(filter(None, (_failure(each), each.call.error))) for each in failed)
        return list(dict.fromkeys(texts))[:_REASONS_SHOWN]

    def lines_url(self, view: View) -> str:
        """Return the URL of all its log lines."""
        since, until = time_of_lines(self.run)
        return view.url("logs", task_id=self.run.sync_task_id, since=since, to=until)

    def last_minute_url(self, view: View) -> str | None:
        """Return the URL of the log lines of its last minute; None while it runs."""
        end = self.run.sync_end_time
        if end is None or not self.lines:
            return None
        since, until = end - _LAST_MINUTE, end + dt.timedelta(seconds=1)
        return view.url("logs", task_id=self.run.sync_task_id, since=since, to=until)

    def metadata_text(self) -> str:
        """Return the metadata as indented JSON."""
        return json.dumps(self.run.sync_metadata, indent=2, ensure_ascii=False)

    def message_of(self, line: FoundRecord) -> str:
        """Return the message of a line without its clock, which the page shows in its zone."""
        return without_clock(line.message)

    def share_bar(self) -> Markup:
        """Draw where the time went."""
        whole = max(sum(share.seconds for share in self.shares), 1e-9)
        parts, start = [], 0.0
        for share in self.shares:
            parts.append(TimePart(share.kind, start, share.seconds))
            start += share.seconds
        return time_bar(parts, whole)

    def call_bar(self, call: RunCall, view: View) -> Markup:
        """Draw a call on the time axis of the run."""
        return time_bar(_parts_of_call(call), _axis_seconds(self.run, view))

    def step_bar(self, offset: float, seconds: float | None, view: View) -> Markup:
        """Draw a step on the time axis of the run."""
        axis = _axis_seconds(self.run, view)
        return time_bar([TimePart("step", offset, axis if seconds is None else seconds)], axis)


def run(context: WebContext, view: View) -> RunDetails:
    """Read everything on the page."""
    row = require_run(context.engine, view.values["run_id"])
    view.title = f"Run {row.sync_task_id}"
    history = run_history(context.engine, row)
    logs = _read_logs(context, row)
    file = context.configuration.file
    links, address = file.links, file.hosts.get(row.host)
    return RunDetails(
        run=row,
        history=history,
        verdict=_verdict(row),
        measures=list(_measures(row, history)),
        shares=_shares(row, view),
        steps=logs.steps,
        calls=_shown_calls(logs.calls.items),
        calls_read=_count_calls(logs.calls.items),
        has_more_calls=logs.calls.next is not None,
        lines=logs.lines,
        has_more_lines=logs.has_more_lines,
        logs_problem=logs.problem,
        is_elsewhere=logs.are_elsewhere,
        host_url=view.at(address) if address and row.host != view.host else None,
        trace_url=links.trace(row.trace_id) if row.trace_id else None,
        dashboard_url=dashboard_of_run(links, row.trace_id, row.sync_start_time, row.sync_end_time),
    )


@dataclass(frozen=True, slots=True)
class _FromLogs:
    """What the logs say; the rest of the page does not depend on them."""

    steps: StepList = field(default_factory=lambda: StepList([], False, []))
    calls: CallPage = field(default_factory=lambda: CallPage([], None, None, []))
    lines: list[FoundRecord] = field(default_factory=list)
    has_more_lines: bool = False
    problem: str = ""
    are_elsewhere: bool = False


def _read_logs(context: WebContext, row: RunRow) -> _FromLogs:
    logs = RunLogs(context.configuration)
    try:
        if logs.are_elsewhere(row):
            return _FromLogs(are_elsewhere=True)
        steps = run_steps(logs, row)
        calls = run_calls(logs, row, limit=_CALLS_READ)
        lines = logs.lines(row, limit=_LINES, order=Order.NEWEST)
    except (LogFolderError, OSError) as error:
        return _FromLogs(problem=reason(error))
    problems = dict.fromkeys([*steps.problems, *calls.problems, *lines.problems])
    return _FromLogs(
        steps,
        calls,
        lines=[found_record(line) for line in lines.items],
        has_more_lines=lines.next is not None,
        problem="; ".join(problems),
    )


def _verdict(row: RunRow) -> str:
    if row.sync_status == RunStatus.RUNNING:
        return ""
    if row.error_type is not None:
        is_status = row.error_type.lower() == row.sync_status  # such as `Partial`
        texts = [None if is_status else row.error_type, row.error_message]
        return ": ".join(text for text in texts if text)
    return format_code(row.suspect_reason or "") if row.suspect else ""


def _measures(row: RunRow, history: RunHistory) -> Sequence[Measure]:
    usual, good = history.usual, history.last_success
    figures: list[tuple[str, str, Any]] = [
        ("Duration", "duration", format_seconds),
        ("API calls", "api_calls", _count),
        ("Failed calls", "api_failed", _count),
        ("Throttled calls", "api_throttled", _count),
        ("Time in Canvas", "api_seconds", format_seconds),
        ("Time waiting", "api_wait_seconds", format_seconds),
        ("Items received", "api_items", _count),
        ("Bytes received", "api_bytes", _size),
        ("Database operations", "db_operations", _count),
        ("Time in the database", "db_seconds", format_seconds),
    ]
    measures = [
        _measure(
            name,
            getattr(row, field),
            getattr(usual, field),
            None if good is None else getattr(good, field),
            write,
        )
        for name, field, write in figures
    ]
    for item, counts in row.items.items():
        before = None if good is None else good.items[item].processed
        name = f"{item.capitalize()} synced"
        measures.append(_measure(name, counts.processed, usual.items[item], before, _count))
    return [each for each in measures if {each.value, each.usual, each.good} - {"-", "0"}]


def _measure(
    name: str, value: float | None, usual: float | None, good: float | None, write: Any
) -> Measure:
    is_known = value is not None and usual is not None
    is_unusual = is_known and abs((value or 0) - (usual or 0)) > max(0.5 * (usual or 0), 1e-9)
    return Measure(name, write(value), write(usual), write(good), is_unusual)


def _count(value: float | None) -> str:
    return "-" if value is None else format_number(round(value))


def _size(value: float | None) -> str:
    return "-" if value is None else format_size(round(value))


def _shares(row: RunRow, view: View) -> list[TimeShare]:
    whole = _axis_seconds(row, view)
    spent = row.api_seconds + row.api_wait_seconds + row.db_seconds
    shares = [
        TimeShare("canvas", "Canvas", row.api_seconds, "waiting for its answers"),
        TimeShare("waiting", "Waiting", row.api_wait_seconds, "back-off and pacing"),
        TimeShare("database", "Own database", row.db_seconds, ""),
        TimeShare("own", "The sync itself", max(0.0, whole - spent), "and whatever is not seen"),
    ]
    return [share for share in shares if share.seconds > 0]


def _axis_seconds(row: RunRow, view: View) -> float:
    if row.duration is not None:
        return row.duration
    return max(0.0, (view.now - row.sync_start_time).total_seconds())


def _count_calls(calls: Iterable[RunCall]) -> int:
    """Count calls, each of those that share a line for itself."""
    return sum(call.operations or 1 for call in calls)


def _shown_calls(calls: Sequence[RunCall]) -> list[ShownCall]:
    """Choose the failed calls and the slowest others, and return them in order of their start."""
    chosen = heapq.nlargest(
        _CALLS_SHOWN, calls, key=lambda call: (_notable(call) != "", call.duration_seconds)
    )
    chosen.sort(key=lambda call: call.offset_seconds)
    return [ShownCall(call, _name(call), _notable(call), _queue(call)) for call in chosen]


def _failure(shown: ShownCall) -> str:
    return f"{shown.name} {shown.call.status_code or shown.call.error_class or ''}".strip()


def _name(call: RunCall) -> str:
    if call.kind == "guard":
        return "pacing"
    if call.kind == "database":
        name = f"{call.operation or 'operation'} {call.table or ''}".strip()
        operations = call.operations or 1
        return (
            name
            if operations == 1
            else f"{name} \N{MULTIPLICATION SIGN} {format_number(operations)}"
        )
    return f"{call.method or 'GET'} {call.path or call.route or ''}".strip()


def _notable(call: RunCall) -> str:
    words = []
    if call.outcome == "failed":
        words.append(str(call.status_code or call.error_class or "failed"))
    if call.throttled:
        words.append("throttled")
    if call.retries:
        words.append("repeated")
    return ", ".join(words)


def _queue(call: RunCall) -> float | None:
    seconds = call.queue_seconds or 0.0
    return seconds if seconds >= _QUEUE_SHARE * call.duration_seconds else None


def _parts_of_call(call: RunCall) -> list[TimePart]:
    """Divide a call into what came before it, Canvas's queue, its database, and the rest."""
    kind = {"api": "canvas", "guard": "waiting", "database": "database"}[call.kind]
    start, parts = call.offset_seconds, []
    if call.backoff_seconds:
        parts.append(TimePart("waiting", start - call.backoff_seconds, call.backoff_seconds))
    queue = min(call.queue_seconds or 0.0, call.elapsed_seconds)
    halves = [
        TimePart("queue", start, queue),
        TimePart(kind, start + queue, call.elapsed_seconds - queue),
    ]
    halves.sort(key=lambda half: half.seconds)  # the longer one is seen where both are a point
    parts += halves if queue else halves[1:]
    if call.outcome == "failed":
        parts.append(TimePart("failed-call", start, call.duration_seconds))
    return parts


PAGE: Final = Page(
    "run",
    "runs/<run_id>",
    "Run",
    "ui/run.html",
    run,
    parameters=(RUN_ID,),
    period=None,
    in_navigation=False,
    shows_logs=True,
)
