"""The line on standard error by which cron's mail says what failed."""

from __future__ import annotations

from pathlib import Path

import pytest

from canvas_sync_exporter.wrapper.failure_line import command_for_details, failure_line


@pytest.mark.parametrize(("is_cancelled", "verb"), [(False, "failed"), (True, "was cancelled")])
def test_the_line_says_what_happened_and_for_how_long(is_cancelled: bool, verb: str) -> None:
    line = failure_line("sync.py", "exit code 3", 252.0, "look here", is_cancelled=is_cancelled)
    assert line == f"sync.py {verb}: exit code 3, after 4 min 12 s. Details: look here"


def test_the_advice_can_be_pasted_into_a_shell() -> None:
    advice = command_for_details("my sync-7", Path("/var/log/canvas sync"))
    assert advice == (
        "canvas-sync-monitor search --task 'my sync-7' --log-dir '/var/log/canvas sync'"
    )


@pytest.mark.parametrize(
    ("task_id", "log_dir"), [(None, Path("/var/log")), ("sync-7", None)], ids=str
)
def test_without_a_run_the_advice_is_the_doctor(task_id: str | None, log_dir: Path | None) -> None:
    assert command_for_details(task_id, log_dir).startswith("canvas-sync-monitor doctor")
