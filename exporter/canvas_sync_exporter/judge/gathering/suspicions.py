"""Compares the runs in the logs with their history, as the exporter compares those in the table."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from typing import Final

from canvas_sync_core.names import RunStatus
from canvas_sync_core.store.comparison import (
    HISTORY_RUNS,
    Measures,
    anomalies,
    same_time_windows,
)
from canvas_sync_exporter.judge.rounds import Key
from canvas_sync_exporter.logs.analysis.logged_runs import LoggedRun

__all__ = ["suspicions"]

_COMPARED: Final = HISTORY_RUNS // 2 + 2
"""Once more than half of the last runs are suspect, they are what is usual."""
_WELL: Final = frozenset({RunStatus.SUCCESS, RunStatus.PARTIAL})
_START: Final = attrgetter("start")


def suspicions(runs: Sequence[LoggedRun], recorded: Mapping[str, str]) -> dict[int, str]:
    """Return how runs differ from their history, by their position.

    Args:
        runs: The runs of one sync type, oldest first.
        recorded: Task id -> what the exporter found, which is not compared again.
    """
    of_key: dict[Key, list[int]] = {}
    for number, run in enumerate(runs):
        if run.status in _WELL:
            of_key.setdefault((run.user_id, run.course_id), []).append(number)
    found: dict[int, str] = {}
    for numbers in of_key.values():
        reasons = _compare([runs[number] for number in numbers], recorded)
        found |= {numbers[position]: reason for position, reason in reasons.items()}
    return found


def _compare(runs: Sequence[LoggedRun], recorded: Mapping[str, str]) -> dict[int, str]:
    """Compare the newest runs of one user and course with those before them."""
    reasons = {n: recorded[run.task_id] for n, run in enumerate(runs) if run.task_id in recorded}
    measures = [replace(_measures(run), is_suspect=n in reasons) for n, run in enumerate(runs)]
    for number in range(max(0, len(runs) - _COMPARED), len(runs)):
        if number in reasons or runs[number].seconds is None:
            continue
        reason = _reason(runs, measures, number)
        if reason:
            reasons[number] = reason
            measures[number] = replace(measures[number], is_suspect=True)
    return reasons


def _reason(runs: Sequence[LoggedRun], measures: Sequence[Measures], number: int) -> str:
    """Return how a run differs from the last ones and those at the same time of day or week."""
    run, before = measures[number], range(number - 1, -1, -1)
    good = (n for n in before if runs[n].status == RunStatus.SUCCESS)
    last = [n for n, _ in zip(good, range(HISTORY_RUNS), strict=False)]
    if not last or not anomalies(run, [measures[n] for n in last]):
        return ""
    at_same_time = [
        n
        for begin, end in same_time_windows(runs[number].start)
        for n in _between(runs, begin, end)
        if n < last[-1] and runs[n].status == RunStatus.SUCCESS
    ]
    found = anomalies(run, [measures[n] for n in (*last, *at_same_time)])
    return "; ".join(each.text for each in found)


def _between(runs: Sequence[LoggedRun], begin: datetime, end: datetime) -> range:
    return range(bisect_left(runs, begin, key=_START), bisect_right(runs, end, key=_START))


def _measures(run: LoggedRun) -> Measures:
    return Measures(
        items=sum(run.items.values()),
        duration=run.seconds or 0.0,
        api_calls=run.api_calls,
        api_items=run.api_items,
        api_bytes=run.api_bytes,
        start=run.start,
    )
