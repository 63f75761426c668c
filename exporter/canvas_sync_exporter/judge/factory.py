"""Builds the judge of an exporter from its settings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Engine

from canvas_sync_core.identifiers import host_name
from canvas_sync_exporter.settings import Configuration
from canvas_sync_exporter.shared_metric_directory import SharedMetricDirectory

from . import verdict
from .expectation import Pause
from .expectations import Expectations
from .gathering.gatherer import Gatherer
from .judge import Judge
from .pauses import all_pauses_since

__all__ = ["make_judge"]

_FILE: Final = "incidents.json"


def make_judge(config: Configuration, engine: Engine, metric_files: SharedMetricDirectory) -> Judge:
    """Create the judge, which does nothing until it is asked to judge.

    Args:
        config: The settings, with the configuration file.
        engine: The database with the runs and the incidents.
        metric_files: Those of the syncs.
    """

    def pauses(since: datetime) -> Sequence[Pause]:
        return all_pauses_since(config.file.pauses, engine, since)

    gatherer = Gatherer(
        engine,
        config,
        Expectations(config).at,
        pauses,
        lambda: datetime.now(UTC),
        metric_files=metric_files,
    )
    folder = config.app.state_folder.absolute()
    name = f"{host_name()}:{folder}"
    return Judge(name, gatherer.gather, verdict.judge, engine, folder / _FILE)
