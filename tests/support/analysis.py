"""Reports of logs in a folder."""

from __future__ import annotations

from pathlib import Path

from canvas_sync_exporter.logs.analysis.analyze import analyze
from canvas_sync_exporter.logs.analysis.figures import make_report
from canvas_sync_exporter.logs.analysis.records import Selection
from canvas_sync_exporter.logs.analysis.report import Report

__all__ = ["report_of"]


def report_of(folder: Path, selection: Selection | None = None, top: int = 100) -> Report:
    selection = selection or Selection()
    analysis = analyze(folder, folder / "archive", selection)
    return make_report(analysis, folder, selection, top)
