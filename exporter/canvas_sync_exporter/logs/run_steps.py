"""The steps of one run, from its lines in the logs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from canvas_sync_core.names import Log, RunStatus
from canvas_sync_core.store.runs import RunRow

from .line_fields import earlier, seconds_field, text_field
from .run_lines import RunLogs
from .search import FoundLine, Order

__all__ = ["RunStep", "StepList", "run_steps"]

_MOST_LINES: Final = 2_000


@dataclass(frozen=True, slots=True)
class RunStep:
    """A step of a run.

    Attributes:
        offset_seconds: Its start, from the start of the run.
        end: None if it has not ended, or the process died in it.
        status: ``success``, ``failed``, ``running``, or ``interrupted`` if the run ended in it.
        span_id: The ``span_id`` of its calls and lines; without tracing that of the whole run.
    """

    step: str
    start: dt.datetime
    offset_seconds: float
    end: dt.datetime | None
    duration_seconds: float | None
    status: str
    error_type: str | None
    error: str | None
    span_id: str | None


@dataclass(frozen=True, slots=True)
class StepList:
    """The steps of a run in the order of their start.

    Attributes:
        is_complete: False if the logs were not searched to the end of the run, because the time was
            up or there were too many lines.
        problems: Files that cannot be read.
    """

    items: list[RunStep]
    is_complete: bool
    problems: list[str]


def run_steps(logs: RunLogs, run: RunRow) -> StepList:
    """Read the steps of a run.

    Raises:
        LogFolderError: The log folder is missing or cannot be read.
        OSError: A file cannot be read.
    """
    page = logs.lines(run, limit=_MOST_LINES, order=Order.OLDEST, logs=(Log.OPERATIONS,))
    return StepList(_steps(page.items, run), page.next is None, page.problems)


def _steps(lines: Iterable[FoundLine], run: RunRow) -> list[RunStep]:
    """Pair the lines of the start and the end of each step."""
    steps: list[RunStep] = []
    open_steps: dict[tuple[str, str | None], list[FoundLine]] = {}
    for line in lines:
        event, name = line.fields.get("event"), text_field(line.fields, "step")
        if name is None or event not in ("step_started", "step_ended"):
            continue
        key = name, text_field(line.fields, "span_id")
        if event == "step_started":
            open_steps.setdefault(key, []).append(line)
            continue
        started = open_steps.get(key)
        steps.append(_ended_step(name, line, run))
        if started:
            started.pop()
    for (name, _), started in open_steps.items():
        steps += [_open_step(name, line, run) for line in started]
    return sorted(steps, key=lambda step: step.start)


def _ended_step(name: str, line: FoundLine, run: RunRow) -> RunStep:
    duration = seconds_field(line.fields, "duration_seconds")
    start = earlier(line.time, duration or 0.0)
    error_type = text_field(line.fields, "error_type")
    return RunStep(
        step=name,
        start=start,
        offset_seconds=(start - run.sync_start_time).total_seconds(),
        end=line.time,
        duration_seconds=duration,
        status="success" if error_type is None else "failed",
        error_type=error_type,
        error=text_field(line.fields, "error"),
        span_id=text_field(line.fields, "span_id"),
    )


def _open_step(name: str, line: FoundLine, run: RunRow) -> RunStep:
    is_running = run.sync_status == RunStatus.RUNNING
    return RunStep(
        step=name,
        start=line.time,
        offset_seconds=(line.time - run.sync_start_time).total_seconds(),
        end=None,
        duration_seconds=None,
        status=(RunStatus.RUNNING if is_running else RunStatus.INTERRUPTED).value,
        error_type=None,
        error=None,
        span_id=text_field(line.fields, "span_id"),
    )
