"""What a message about a failed command holds, and the one that it works again."""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass

from canvas_sync_core.names import DISTRIBUTION, MessageKind
from canvas_sync_exporter.formatting import format_seconds
from canvas_sync_exporter.messages.content import Content, Fact, Section, Status

__all__ = ["CommandFailure", "failed_content", "recovered_content"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandFailure:
    """A command that failed.

    Attributes:
        name: The script or program.
        sync_type: Its sync type.
        reason: Why it failed, such as ``exit code 3``.
        time: When it ended, in the time zone of the message.
        seconds: How long it ran.
        host: The machine.
        task_id: Its run; None if it is not recorded.
        advice: How to find out more; a command line.
    """

    name: str
    sync_type: str
    reason: str
    time: dt.datetime
    seconds: float
    host: str
    task_id: str | None
    advice: str


def failed_content(failure: CommandFailure) -> Content:
    """Return the message about a failure."""
    facts = (
        Fact("Sync type", failure.sync_type),
        Fact("Ended", f"{failure.time:%Y-%m-%d %H:%M:%S %Z}"),
        Fact("Duration", format_seconds(failure.seconds)),
        Fact("Machine", failure.host),
        Fact("Run", failure.task_id or "not recorded"),
    )
    return Content(
        kind=MessageKind.INCIDENT,
        title=f"{failure.name} failed",
        summary=f"It failed after {format_seconds(failure.seconds)}: {failure.reason}.",
        status=Status.CRITICAL,
        sections=(
            Section(facts=facts),
            Section(title="What to do", paragraphs=(f"On {failure.host}, run: {failure.advice}",)),
        ),
        footer=_footer(failure),
    )


def recovered_content(failure: CommandFailure, now: dt.datetime) -> Content:
    """Return the message about the next success.

    Args:
        failure: The first failure.
        now: When the command succeeded, in the time zone of the message.
    """
    whole = failed_content(failure)
    return dataclasses.replace(
        whole,
        title=f"{failure.name} works again",
        summary=f"It succeeded at {now:%Y-%m-%d %H:%M:%S %Z}. It had failed since "
        f"{failure.time:%Y-%m-%d %H:%M:%S %Z}: {failure.reason}.",
        status=Status.GOOD,
        sections=whole.sections[:1],
    )


def _footer(failure: CommandFailure) -> str:
    return f"Sent by {DISTRIBUTION} run on {failure.host}, because no exporter was running."
