"""All recurring jobs. A new job is one file in this folder and one row here."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from sqlalchemy import Engine

from canvas_sync_exporter.judge.judge import Judge
from canvas_sync_exporter.messages.messenger import Messenger
from canvas_sync_exporter.settings import Configuration
from canvas_sync_exporter.shared_metric_directory import SharedMetricDirectory

from .interrupted_runs import InterruptedRuns
from .job import Every, Job, NightlyCheck
from .judging import Judging
from .log_cleanup import clean_logs_when_due
from .old_runs import OldRuns
from .roll_up import RollUp
from .suspect_runs import flag_suspect_runs

__all__ = ["recurring_jobs"]

_SLOWEST_WATCH_SECONDS = 15.0
_PLANNING_SECONDS = 5.0
_DELIVERY_SECONDS = 2.0


def recurring_jobs(
    config: Configuration,
    engine: Engine,
    metric_files: SharedMetricDirectory,
    judge: Judge,
    messenger: Messenger | None = None,
) -> tuple[Job, ...]:
    """Create all jobs.

    Args:
        config: The settings.
        engine: The database with the table of runs.
        metric_files: Folds those of dead processes.
        judge: The judge, which runs periodically.
        messenger: Sends messages; None if they have no destination.
    """
    app, settings = config.app, config.exporter
    # So a dead process is noticed at most a quarter of CANVAS_SYNC_INTERRUPTED_AFTER_SECONDS late.
    watch = Every(min(settings.interrupted_after_seconds / 4, _SLOWEST_WATCH_SECONDS))
    nightly = NightlyCheck(settings.cleanup_time, app.timezone)
    interrupted_runs = InterruptedRuns(engine, app, settings.interrupted_after_seconds)
    old_runs = OldRuns(engine, settings.run_days, settings.cleanup_time, app.timezone)
    return (
        Job("fold of metric files", metric_files.fold, Every(60)),
        Job("search for interrupted runs", interrupted_runs.close, watch),
        Job("roll-up of runs", RollUp(engine).advance, Every(2)),
        Job(
            "comparison of runs with their history", partial(flag_suspect_runs, engine, app), watch
        ),
        Job("judging", Judging(judge, engine).judge_when_due, Every(2)),
        Job("log cleanup", partial(clean_logs_when_due, config), nightly),
        Job("deletion of old runs", old_runs.delete_when_due, nightly),
        *(() if messenger is None else _message_jobs(messenger)),
    )


def _message_jobs(messenger: Messenger) -> Iterator[Job]:
    """Create a job for each channel, so that one that hangs does not delay the others."""
    yield Job("planning of messages", messenger.plan, Every(_PLANNING_SECONDS))
    for name, delivery in messenger.deliveries.items():
        yield Job(f"delivery of messages to {name}", delivery.deliver, Every(_DELIVERY_SECONDS))
