"""Flags runs that differ widely from earlier ones of their kind."""

from __future__ import annotations

import datetime as dt
import logging
from functools import partial
from typing import Final

from sqlalchemy import Engine

from canvas_sync_core.events import RunSuspected
from canvas_sync_core.settings import Settings
from canvas_sync_core.store.suspects import Suspect, judge_runs

from .recording import context_of, record

__all__ = ["flag_suspect_runs"]

_LOOK_BACK: Final = dt.timedelta(hours=26)
"""Older runs are not judged: nobody would act on the result."""

_log = logging.getLogger(__name__)


def flag_suspect_runs(engine: Engine, app: Settings) -> list[Suspect]:
    """Compare the runs of the last day with their history; flag, record and return suspects.

    Args:
        engine: The database with the table of runs.
        app: Where the logs and the metric files are.

    Raises:
        SQLAlchemyError: The database is down.
        OSError: The runs were flagged but not counted.
    """
    now = dt.datetime.now(dt.UTC)
    suspects = judge_runs(engine, now - _LOOK_BACK)
    if suspects:
        record(app, map(partial(_event, now.timestamp()), suspects))
    for suspect in suspects:
        _log.warning("Run %s is suspect: %s", suspect.run.id, suspect.run.suspect_reason)
    return suspects


def _event(time: float, suspect: Suspect) -> RunSuspected:
    reasons = tuple(anomaly.reason for anomaly in suspect.anomalies)
    return RunSuspected(context_of(suspect.run), time, reasons, suspect.run.suspect_reason or "")
