"""Reports of logs in a folder."""

from __future__ import annotations

from pathlib import Path

from canvas_sync_exporter.logs.analysis.analyze import analyze
from canvas_sync_exporter.logs.analysis.figures import make_log_report
from canvas_sync_exporter.logs.analysis.log_report import LogReport
from canvas_sync_exporter.logs.analysis.records import Selection

__all__ = ["report_of"]


def report_of(folder: Path, selection: Selection | None = None, top: int = 100) -> LogReport:
    selection = selection or Selection()
    analysis = analyze(folder, folder / "archive", selection)
    return make_log_report(analysis, folder, selection, top)
