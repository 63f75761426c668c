"""Puts one fault into the school, and notes what the judge says and when."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from canvas_sync_core.incident import Incident
from canvas_sync_core.names import IncidentKind, Severity
from canvas_sync_exporter.judge.runs import EndedRun

from .fault import Fault
from .world import FrozenWorld

__all__ = ["HEADINGS", "Trial", "try_fault"]

MINUTE = timedelta(minutes=1)
HEADINGS = (
    f"{'fault':42} {'verdict (! pages)':22}  {'delay':>15}  {'subject':20} {'cause':38}  "
    "opened     resolved   messages"
)
CLOSELY = timedelta(minutes=40)
AFTERWARDS = timedelta(hours=36)


@dataclass(frozen=True)
class Trial:
    """What became of a fault.

    Attributes:
        begin: When the first sign of it could be seen: the fault began, or its first run was due.
        incidents: All that were opened.
        messages: How many there were: opened, got worse, resolved.
        events: What the planned messages say has happened, such as ``opened``.
    """

    fault: Fault
    begin: datetime
    incidents: list[Incident]
    messages: int
    events: list[str]

    @property
    def delay(self) -> timedelta | None:
        """Return the time between the earliest possible detection and the incident."""
        if not self.incidents:
            return None
        return self.incidents[0].opened_at - self.begin

    @property
    def problems(self) -> list[str]:
        """What is not as it has to be."""
        if len(self.incidents) != 1:
            found = ", ".join(f"{each.kind} of {each.subject}" for each in self.incidents)
            return [f"{len(self.incidents)} incidents: {found}"]
        (incident,) = self.incidents
        fault = self.fault
        is_paging = incident.severity is Severity.CRITICAL
        limit = min(2 * fault.interval, 5 * MINUTE) if is_paging else 2 * fault.interval
        checks = {
            f"kind {incident.kind}": incident.kind is fault.kind,
            f"subject {incident.subject}": incident.subject == fault.subject,
            f"cause {incident.cause!r}": fault.cause in incident.cause,
            f"delay {self.delay}": self.delay is not None and self.delay <= limit,
            "does not resolve": incident.resolved_at is not None,
            f"{self.messages} messages": self.messages == 2,
            f"messages {self.events}": self.events == ["opened", "resolved"],
        }
        return [problem for problem, is_right in checks.items() if not is_right]

    def row(self) -> str:
        """One line of the table."""
        incident = self.incidents[0] if self.incidents else None
        if incident is None:
            return f"{self.fault.name:42} nothing was found"
        ended = f"{incident.resolved_at:%a %H:%M}" if incident.resolved_at else "never"
        pages = "!" if incident.severity is Severity.CRITICAL else " "
        delay = str(self.delay).removesuffix(":00").partition(".")[0]
        return (
            f"{self.fault.name:42} {incident.kind:22}{pages} {delay:>15}  "
            f"{incident.subject:20} {incident.cause[:38]:38}  {incident.opened_at:%a %H:%M}  "
            f"{ended:9}  {self.messages}"
        )


def try_fault(healthy: FrozenWorld, fault: Fault, begin: datetime, seed: int) -> Trial:
    """Put a fault into a copy of a healthy world.

    Args:
        healthy: At a time before the fault.
        fault: The fault.
        begin: The day on which it is.
        seed: Makes its noise.
    """
    world = healthy.copy()
    start = begin + fault.begin
    end = start + fault.length
    world.go_on(start)
    before = set(world.incidents)
    messages, planned_messages = len(world.messages), len(world.planned_messages)
    planned = world.planned()
    altered = list(fault.runs(planned, start, random.Random(seed)))
    world.add_runs(altered)
    if fault.change is not None:
        change = fault.change
        world.change = lambda facts: change(facts, start)
    sign = _first_sign(fault, start, planned, altered)
    world.go_on(min(sign, end) - MINUTE, 30 * MINUTE)
    world.go_on(min(sign + CLOSELY, end), MINUTE)
    world.go_on(end, 15 * MINUTE)
    world.change = None
    world.go_on(max(end, sign) + AFTERWARDS, 30 * MINUTE)
    return Trial(
        fault,
        sign,
        [each for key, each in world.incidents.items() if key not in before],
        len(world.messages) - messages,
        [each.period.split(" ")[1] for each in world.planned_messages[planned_messages:]],
    )


def _first_sign(
    fault: Fault, start: datetime, planned: Sequence[EndedRun], altered: Sequence[EndedRun]
) -> datetime:
    """Return when the fault could be known."""
    if fault.alter is None:
        return start + fault.certain
    after = {run.id: run for run in altered}
    changed = min((run for run in planned if after.get(run.id) != run), key=lambda run: run.start)
    found = after.get(changed.id)
    is_open = found is None or fault.kind is IncidentKind.STUCK
    return (changed.start if is_open else found.end) + fault.certain  # type: ignore[union-attr]
