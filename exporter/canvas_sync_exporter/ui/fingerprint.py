"""Tells whether anything that pages show may have changed."""

from __future__ import annotations

from collections.abc import Iterator

from canvas_sync_core.files.identity import FileState, file_state
from canvas_sync_core.files.log_names import live_name
from canvas_sync_core.names import Log
from canvas_sync_exporter.settings import Configuration
from canvas_sync_exporter.web.context import WebContext

__all__ = ["fingerprint"]


def fingerprint(context: WebContext, *, with_logs: bool) -> object:
    """Return a value that equals an earlier one if the pages would show the same.

    It covers the database and what is only in the exporter's memory. It does not cover the time:
    ages and what is left of a quota change anyway.

    Args:
        context: What the pages show.
        with_logs: Whether it covers the logs too, which grow with each call of Canvas.
    """
    files = _files(context.configuration) if with_logs else ()
    return context.fingerprints.now(), files, tuple(_in_memory(context))


def _files(config: Configuration) -> tuple[FileState | None, ...]:
    logs = (config.app.log_dir / live_name(each) for each in Log)
    return tuple(map(file_state, (*logs, config.archive_folder)))


def _in_memory(context: WebContext) -> Iterator[object]:
    if context.judge is not None:
        state = context.judge.state
        yield state.incidents, state.unjudged, state.next_due, state.failure, state.storage_failure
    if context.jobs is not None:
        yield context.jobs.running, dict(context.jobs.failures)
