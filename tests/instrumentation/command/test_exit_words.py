"""How a command ended, in words."""

from __future__ import annotations

import errno
import os
import signal
from pathlib import Path

import pytest

from canvas_sync_instrumentation.command.exit_words import exit_words, start_failure


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


def test_why_a_command_cannot_be_started_has_advice(tmp_path: Path) -> None:
    script = tmp_path / "sync.sh"
    script.touch()
    for word, number, advice in (
        (
            str(script),
            errno.ENOEXEC,
            " (if it is a script, begin it with a line such as #!/bin/sh)",
        ),
        (
            str(script),
            errno.ENOENT,
            " (the interpreter in its first line does not exist, or the line ends with CR and LF)",
        ),
        (
            "python sync.py",
            errno.ENOENT,
            " (if these are several words, do not quote them as one)",
        ),
        ("no-such-command", errno.ENOENT, ""),
        (str(script), errno.EACCES, ""),
    ):
        reason = os.strerror(number)
        assert start_failure(word, OSError(number, reason)) == f"{reason}{advice}"
