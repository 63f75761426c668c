"""What the demo prints."""

from __future__ import annotations

import io

import pytest

from canvas_sync_demo.cast import CAST
from canvas_sync_demo.output import DemoOutput, SyncResult


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def results() -> list[SyncResult]:
    counts = {"created": 1000, "updated": 7}
    run = {
        "sync_status": "success",
        "duration": 12.34,
        "api_calls": 14,
        "api_throttled": 3,
        "api_retried": 3,
        "items": {"courses": counts, "grades": counts},
        "error_message": None,
    }
    failed = {**run, "sync_status": "failed", "error_message": "Expired access token."}
    return [SyncResult(CAST[0], run), SyncResult(CAST[5], failed)]


def printed(out: io.StringIO) -> list[str]:
    DemoOutput(out).round(1, results())
    return out.getvalue().splitlines()


def test_columns_stand_under_their_headings() -> None:
    _, headings, first, second, *_ = printed(io.StringIO())
    assert first.index("success") == second.index("failed") == headings.index("status")
    assert first.index("12.3 s") + 6 == headings.index("time") + 4
    assert first.endswith("2000       14")


def test_an_error_stands_under_its_run() -> None:
    assert "Expired access token." in printed(io.StringIO())[4]


def test_only_a_terminal_that_wants_colour_gets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[32msuccess" in "\n".join(printed(Terminal()))
    assert "\x1b" not in "\n".join(printed(io.StringIO()))
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in "\n".join(printed(Terminal()))
