"""The text report: what it says first, and its colours."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from canvas_sync_exporter.logs.analysis.analyze import analyze
from canvas_sync_exporter.logs.analysis.figures import make_log_report
from canvas_sync_exporter.logs.analysis.records import Selection
from canvas_sync_exporter.logs.analysis.text import write_text
from support.sync_logs import line_of_record


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def text_of(
    folder: Path, status: str, out: io.StringIO, *, stamp: str = "2025-12-22T10:15:30.000000Z"
) -> str:
    """What is written of a folder with one run that ended in this way."""
    record = {"timestamp": stamp, "event": "run_ended", "task_id": "t", "status": status}
    (folder / "operations.log").write_bytes(line_of_record(record))
    analysis = analyze(folder, folder / "archive", Selection())
    write_text(make_log_report(analysis, folder, Selection(), 10), out)
    return out.getvalue()


def test_it_says_that_all_is_well(tmp_path: Path) -> None:
    assert "\nNothing needs attention\n" in text_of(tmp_path, "success", io.StringIO())


def test_a_year_has_four_digits_whatever_a_clock_says(tmp_path: Path) -> None:
    text = text_of(tmp_path, "failed", io.StringIO(), stamp="0001-01-01T10:15:30.000000Z")
    assert "\n  period      0001-01-01 10:15:30 to 0001-01-01 10:15:30\n" in text


@pytest.mark.parametrize(
    ("status", "level", "colour"), [("failed", "critical", 31), ("partial", "warning", 33)]
)
def test_a_terminal_shows_critical_findings_in_red_and_warnings_in_yellow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: str, level: str, colour: int
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    text = text_of(tmp_path, status, Terminal())
    assert f"\x1b[{colour}m{level:10}\x1b[0m  1 of 1 run" in text
    assert f"\x1b[{colour}m{status}" in text
