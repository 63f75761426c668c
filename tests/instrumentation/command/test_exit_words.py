"""How a command ended, in words."""

from __future__ import annotations

import signal

import pytest

from canvas_sync_instrumentation.command.exit_words import exit_words


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, ""),
        (3, "exit code 3"),
        (126, "exit code 126 (in a shell, a command that cannot be executed)"),
        (
            137,
            "exit code 137 (in a shell, a command ended by SIGKILL (killed), often by the system,",
        ),
        (255, "exit code 255"),
        (-signal.SIGKILL, "ended by SIGKILL (killed), often by the system, for lack of memory"),
        (-signal.SIGTERM, "ended by SIGTERM (terminated)"),
        (-62, "ended by signal 62"),
    ],
)
def test_each_way_to_fail_is_explained(status: int, words: str) -> None:
    assert exit_words(status).startswith(words)
    assert bool(exit_words(status)) == bool(words)
