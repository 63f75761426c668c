"""A table, folders and a clock from which a judge gathers facts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlalchemy import Engine

from canvas_sync_core.events import ItemCounts, RunSnapshot
from canvas_sync_core.names import ITEMS, IncidentKind
from canvas_sync_exporter.config_file.channels import ChannelSettings
from canvas_sync_exporter.config_file.config_file import ConfigFile
from canvas_sync_exporter.config_file.messages import MessageSettings
from canvas_sync_exporter.judge.expectation import Expectation, ExpectationSource
from canvas_sync_exporter.judge.gathering.gatherer import Gatherer
from canvas_sync_exporter.judge.verdict import judge
from canvas_sync_exporter.schedules.cron import CronSchedule
from canvas_sync_exporter.settings import Configuration, configuration
from canvas_sync_exporter.shared_metric_directory import SharedMetricDirectory

from .runs import snapshot

__all__ = ["DAY", "MINUTE", "NIGHT", "Scene", "expect_nightly", "night"]

NIGHT = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)


DAY = timedelta(days=1)


MINUTE = timedelta(minutes=1)


def expect_nightly(
    now: datetime, starts: Mapping[str, Sequence[datetime]]
) -> Iterable[Expectation]:
    """``full`` is due every night at 02:00 UTC."""
    schedule = CronSchedule("0 2 * * *", UTC)
    return [Expectation("full", schedule, 45 * MINUTE, ExpectationSource.FILE)]


def night(number: int, **changes: Any) -> RunSnapshot:
    """The run of so many nights before NIGHT."""
    start = (NIGHT - number * DAY + MINUTE).timestamp()
    items = {item: ItemCounts() for item in ITEMS} | {"course": ItemCounts(processed=100)}
    values = {
        "user_id": None,
        "start_time": start,
        "end_time": start + 600,
        "heartbeat": start + 600,
        "duration": 600.0,
        "items": items,
        "api_failed": 0,
        "api_throttled": 0,
    }
    return snapshot(f"night-{number}", **{**values, **changes})


class Scene:
    """A gatherer, and the time that it sees."""

    def __init__(
        self,
        engine: Engine,
        folder: Path,
        *channels: ChannelSettings,
        hosts: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.now = NIGHT + 30 * MINUTE
        self.configuration: Configuration = replace(
            configuration(
                {"CANVAS_SYNC_LOG_DIR": str(folder), "CANVAS_SYNC_STATE_DIR": str(folder / "state")}
            ),
            file=ConfigFile(messages=MessageSettings(channels=channels), hosts=hosts),
        )
        self.gatherer = Gatherer(
            engine,
            self.configuration,
            expect_nightly,
            lambda since: (),
            lambda: self.now,
            metric_files=SharedMetricDirectory(self.configuration.app.metrics_folder),
        )
        self.gatherer.gather()

    def kinds(self, minutes: float = 5) -> list[IncidentKind]:
        """What is found some minutes later."""
        self.now += minutes * MINUTE
        return [each.kind for each in judge(self.gatherer.gather()).findings]
