"""The contents of ``/metrics``: one subject per file, each a prometheus-client collector."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from canvas_sync_exporter.settings import Configuration

from .alert_thresholds import AlertThresholdsCollector
from .archives import ArchivesCollector
from .build_info import BuildInfoCollector
from .checks import ChecksCollector
from .clock_skew import ClockSkewCollector
from .expected_intervals import ExpectedIntervalsCollector
from .instrumented import InstrumentedCollector
from .judge import JudgeCollector
from .log_disk import LogDiskCollector
from .log_files import LogFilesCollector
from .messages import MessagesCollector
from .sends_incidents import SendsIncidentsCollector
from .spool import SpoolCollector
from .sync_processes import SyncProcessCollector
from .tokens import TokensCollector

__all__ = [
    "AlertThresholdsCollector",
    "ArchivesCollector",
    "BuildInfoCollector",
    "ChecksCollector",
    "ClockSkewCollector",
    "ExpectedIntervalsCollector",
    "InstrumentedCollector",
    "JudgeCollector",
    "LogDiskCollector",
    "LogFilesCollector",
    "MessagesCollector",
    "SpoolCollector",
    "SyncProcessCollector",
    "TokensCollector",
    "register_collectors",
]


def register_collectors(
    registry: CollectorRegistry,
    configuration: Configuration,
    processes: SyncProcessCollector | None = None,
    further: Mapping[str, Collector] | None = None,
) -> None:
    """Register all collectors.

    Args:
        registry: Where to register them.
        configuration: Where the files are.
        processes: The collector of the sync processes. The process that folds their files passes
            its own one, since it remembers the last good values of broken files.
        further: Collectors of this process's own metrics.
    """
    registry.register(
        InstrumentedCollector(
            {
                "alert_thresholds": AlertThresholdsCollector(configuration.file.alerts),
                "archives": ArchivesCollector(configuration.archive_folder),
                "build_info": BuildInfoCollector(),
                "clock_skew": ClockSkewCollector(configuration.app.metrics_folder),
                "expected_intervals": ExpectedIntervalsCollector(
                    configuration.exporter.expected_intervals
                ),
                "log_disk": LogDiskCollector(configuration.app.log_dir),
                "log_files": LogFilesCollector(configuration.app.log_dir),
                "processes": processes or SyncProcessCollector(configuration.app.metrics_folder),
                "sends_incidents": SendsIncidentsCollector(configuration.file.messages),
                "spool": SpoolCollector(configuration.app.spool_folder),
                "tokens": TokensCollector(
                    configuration.app.metrics_folder, configuration.exporter.token_expiries
                ),
                **(further or {}),
            }
        )
    )
