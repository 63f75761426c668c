"""What ``/metrics`` serves: one subject per file, each a prometheus-client collector."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from canvas_sync_exporter.settings import Configuration

from .archives import ArchivesCollector
from .build_info import BuildInfoCollector
from .expected_intervals import ExpectedIntervalsCollector
from .instrumented import InstrumentedCollector
from .log_disk import LogDiskCollector
from .log_files import LogFilesCollector
from .processes import ProcessCollector
from .tokens import TokensCollector

__all__ = [
    "ArchivesCollector",
    "BuildInfoCollector",
    "ExpectedIntervalsCollector",
    "InstrumentedCollector",
    "LogDiskCollector",
    "LogFilesCollector",
    "ProcessCollector",
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
                "expected_intervals": ExpectedIntervalsCollector(
                    configuration.exporter.expected_intervals
                ),
                "log_disk": LogDiskCollector(configuration.app.log_dir),
                "log_files": LogFilesCollector(configuration.app.log_dir),
                "processes": processes,
                "tokens": TokensCollector(
                    configuration.app.metrics_folder, configuration.exporter.token_expiries
                ),
            }
        )
    )
    return processes
