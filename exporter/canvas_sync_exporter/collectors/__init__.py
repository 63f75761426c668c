"""What ``/metrics`` serves: one subject per file, each a prometheus-client collector."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from canvas_sync_exporter.settings import Configuration

from .archives import ArchivesCollector
from .build_info import BuildInfoCollector
from .clock_skew import ClockSkewCollector
from .expected_intervals import ExpectedIntervalsCollector
from .instrumented import InstrumentedCollector
from .log_disk import LogDiskCollector
from .log_files import LogFilesCollector
from .processes import ProcessCollector
from .spool import SpoolCollector
from .tokens import TokensCollector

__all__ = [
    "ArchivesCollector",
    "BuildInfoCollector",
    "ClockSkewCollector",
    "ExpectedIntervalsCollector",
    "InstrumentedCollector",
    "LogDiskCollector",
    "LogFilesCollector",
    "ProcessCollector",
    "SpoolCollector",
    "TokensCollector",
    "register_collectors",
]


def register_collectors(
    registry: CollectorRegistry, configuration: Configuration
) -> ProcessCollector:
    """Register all collectors.

    Returns:
        The collector of the sync processes. A recurring fold uses this one: it remembers the last
        good values of a file that breaks.
    """
    processes = ProcessCollector(configuration.app.metrics_folder)
    registry.register(
        InstrumentedCollector(
            {
                "archives": ArchivesCollector(configuration.archive_folder),
                "build_info": BuildInfoCollector(),
                "clock_skew": ClockSkewCollector(configuration.app.metrics_folder),
                "expected_intervals": ExpectedIntervalsCollector(
                    configuration.exporter.expected_intervals
                ),
                "log_disk": LogDiskCollector(configuration.app.log_dir),
                "log_files": LogFilesCollector(configuration.app.log_dir),
                "processes": processes,
                "spool": SpoolCollector(configuration.app.spool_folder),
                "tokens": TokensCollector(
                    configuration.app.metrics_folder, configuration.exporter.token_expiries
                ),
            }
        )
    )
    return processes
