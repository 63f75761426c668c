"""What the web app needs from the rest of the exporter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import Engine

from canvas_sync_core.locks import Event
from canvas_sync_core.store.fingerprint import Fingerprints
from canvas_sync_core.store.rollups.errors import ErrorReader
from canvas_sync_core.store.rollups.reading import Rollups
from canvas_sync_core.store.rollups.series import SeriesReader
from canvas_sync_exporter.judge.judge import JudgeState
from canvas_sync_exporter.settings import Configuration
from canvas_sync_exporter.shared_metric_directory import SharedMetricDirectory

from .access import Access
from .log_stream import LogStreams

__all__ = ["JobsView", "JudgeView", "WebContext"]


class JobsView(Protocol):
    """What the web app needs to know about the recurring jobs."""

    @property
    def running(self) -> bool:
        """Whether jobs are started when they are due."""

    @property
    def failures(self) -> Mapping[str, str]:
        """Why jobs failed when they last ran, by job."""


class JudgeView(Protocol):
    """What the web app needs to know about the judge."""

    @property
    def state(self) -> JudgeState:
        """Its latest findings, and their age."""


@dataclass(frozen=True, slots=True)
class WebContext:
    """What the web app needs from the rest of the exporter.

    Attributes:
        jobs: None in a user's own app, where no jobs run.
        judge: None there too.
        metric_files: Those that this process reads already, if it does.
        stopping: Set when the server stops, so that streams end too.
        rollups: Answers from the rollups, with a cache that all requests share.
        log_streams: The open streams of the logs, whose number is limited.
        series: Answers with figures over time, from the rollups.
        errors: Answers about the errors that ended runs, from the rollups.
        fingerprints: Tell whether the database has changed.
    """

    configuration: Configuration
    engine: Engine
    access: Access
    jobs: JobsView | None = None
    judge: JudgeView | None = None
    metric_files: SharedMetricDirectory | None = None
    stopping: Event = field(default_factory=Event)
    rollups: Rollups = field(init=False)
    log_streams: LogStreams = field(init=False)
    series: SeriesReader = field(init=False)
    errors: ErrorReader = field(init=False)
    fingerprints: Fingerprints = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rollups", Rollups(self.engine))
        object.__setattr__(self, "log_streams", LogStreams(self.stopping))
        object.__setattr__(self, "series", SeriesReader(self.engine))
        object.__setattr__(self, "errors", ErrorReader(self.engine))
        object.__setattr__(self, "fingerprints", Fingerprints(self.engine))
