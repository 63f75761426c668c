"""The command to run, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from canvas_sync_core.events import RunContext

__all__ = ["CommandResult", "Job"]

_SCRIPTS: Final = (".py", ".sh")


class Job(msgspec.Struct, frozen=True):
    """The command to run, and how to record it.

    Attributes:
        words: The command and its arguments.
        sync_type: A short word; it becomes a metric label.
        user_id: Canvas id of the user for whom it syncs.
        no_overlap: Whether to refuse to start while the same job is running.
        keep_output: How many of the last lines of its output to record; 0 records none, and leaves
            the output alone.
    """

    words: Sequence[str]
    sync_type: str = "full"
    user_id: int | None = None
    no_overlap: bool = False
    keep_output: int = 0

    @property
    def name(self) -> str:
        """The script's or program's name; further arguments may hold secrets."""
        scripts = (word for word in self.words[1:] if word.endswith(_SCRIPTS))
        script = next((word for word in scripts if Path(word).is_file()), self.words[0])
        return Path(script).name

    @property
    def lock_name(self) -> str:
        """Identifies the job: equal for the same words, sync type and user."""
        from hashlib import sha256  # noqa: PLC0415 - loads OpenSSL, which most jobs need not do

        identity = msgspec.json.encode([self.sync_type, self.user_id, list(self.words)])
        return sha256(identity).hexdigest()[:32]


class CommandResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a command ended.

    Attributes:
        exit_code: The exit code that a shell would give.
        failure: What went wrong, such as ``exit code 3``; empty if the exit code is 0.
        is_cancelled: Whether it failed after a signal had asked us to stop.
        seconds: How long it ran.
        run: The run; None if nothing was recorded.
    """

    exit_code: int
    failure: str
    is_cancelled: bool
    seconds: float
    run: RunContext | None
