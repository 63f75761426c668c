"""Errors in the report."""

from __future__ import annotations

from pathlib import Path

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.analysis.page import html_page
from support.analysis import report_of
from support.sync_logs import generate, line_of_record


def test_errors_are_shown_with_their_place_in_the_code(tmp_path: Path) -> None:
    record = generate(1)[Log.ERRORS][0]
    traceback = ["sync.job:main:41", "sync.courses:save:118"]
    odd = {**record, "error_traceback": 7}
    (tmp_path / "errors.log").write_bytes(
        line_of_record({**record, "error_traceback": traceback}) + line_of_record(odd)
    )
    report = report_of(tmp_path)
    (newest,) = report.errors.newest
    assert newest.error_traceback == traceback
    assert f"{record['error']} at sync.courses:save:118" in html_page(report)
    assert sum(each.unreadable for each in report.unreadable) == 1
