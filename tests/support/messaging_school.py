"""A school whose exporters send messages: a simulated clock, real tables and a real receiver."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from canvas_sync_core.incident import Acknowledgement, Incident
from canvas_sync_core.names import IncidentKind, Severity
from canvas_sync_core.store.incidents.writing import acknowledge_incident, write_incidents
from canvas_sync_exporter.config_file.audience import Audience
from canvas_sync_exporter.messages.delivery import Delivery
from canvas_sync_exporter.messages.formats import Formats
from canvas_sync_exporter.messages.incident_content import IncidentWriter
from canvas_sync_exporter.messages.local_outbox import LocalOutbox
from canvas_sync_exporter.messages.planner import Planner
from canvas_sync_exporter.schedules.pause import Pause

from .incidents import OPENED, incident
from .receiver import PostingChannel, Receiver
from .simulated_clock import SimulatedClock

__all__ = ["WARNING", "Exporter", "School"]

WARNING = Severity.WARNING


class Exporter:
    """Plans and delivers messages to the receiver, under a name that a channel has.

    Args:
        engine: The database.
        folder: Where its local outbox is.
        received: Where the messages go.
        clock: The time.
        audience: What the channel receives.
    """

    def __init__(
        self,
        engine: Engine,
        folder: Path,
        received: Receiver,
        clock: SimulatedClock,
        audience: Audience | None = None,
    ) -> None:
        self.in_memory: list[Incident] = []
        self.pauses: list[Pause] = []
        self.quiet_hours: range = range(0)
        self.local = LocalOutbox(folder / "messages.sqlite3")
        self.planner = Planner(
            engine,
            self.local,
            {"test": audience or Audience()},
            writer=IncidentWriter(Formats("en_GB", UTC)),
            in_memory=lambda: self.in_memory,
            pauses=lambda _: self.pauses,
            is_quiet=self.is_quiet,
            now=clock,
        )
        channel = PostingChannel(received.url)
        self.delivery = Delivery(channel, engine, self.local, self.is_quiet, clock)

    def is_quiet(self, time: datetime) -> bool:
        """Return whether it is a quiet hour."""
        return time.hour in self.quiet_hours or time.hour + 24 in self.quiet_hours

    def run(self) -> None:
        """Plan and deliver once."""
        self.planner.plan()
        self.delivery.deliver()


class School:
    """A database with incidents that the test changes, an exporter and the receiver.

    Attributes:
        engine: The database.
        exporter: Its exporter.
        received: What has been received.
        clock: The time.
    """

    def __init__(self, engine: Engine, folder: Path, received: Receiver) -> None:
        self.engine, self.folder, self.received = engine, folder, received
        self.clock = SimulatedClock(OPENED)
        self._started: list[Exporter] = []
        self.exporter = self.start()

    def start(self, name: str = "state", audience: Audience | None = None) -> Exporter:
        """Start an exporter, or start it again."""
        folder = self.folder / name
        exporter = Exporter(self.engine, folder, self.received, self.clock, audience)
        self._started.append(exporter)
        return exporter

    def close(self) -> None:
        """Close the local outboxes of all exporters."""
        for exporter in self._started:
            exporter.local.dispose()

    def open(self, kind: IncidentKind = IncidentKind.FAILING, **changes: Any) -> Incident:
        """Open an incident now."""
        now = self.clock.now
        defaults = {"since": now, "opened_at": now, "updated_at": now}
        defaults["sync_type"] = changes.get("subject", "full")
        (written,) = write_incidents(self.engine, [incident(kind, **defaults | changes)])
        return written

    def change(self, changed: Incident, **changes: Any) -> Incident:
        """Change an incident now."""
        now = {"updated_at": self.clock.now}
        (written,) = write_incidents(self.engine, [replace(changed, **now | changes)])
        return written

    def resolve(self, changed: Incident) -> Incident:
        """Resolve an incident now."""
        return self.change(changed, resolved_at=self.clock.now)

    def reopen(self, changed: Incident) -> Incident:
        """Reopen an incident now."""
        count = changed.reopen_count + 1
        return self.change(
            changed, resolved_at=None, reopened_at=self.clock.now, reopen_count=count
        )

    def acknowledge(self, changed: Incident) -> Incident:
        """Acknowledge an incident now."""
        assert changed.id is not None
        known = Acknowledgement(self.clock.now, "ada", "known", 0)
        found = acknowledge_incident(self.engine, changed.id, known)
        assert found is not None
        return found

    def titles(self, *exporters: Exporter) -> list[str]:
        """Let a minute pass in which exporters run; return the titles of what they sent."""
        before = len(self.received.received)
        for _ in range(3):
            for exporter in exporters or (self.exporter,):
                exporter.run()
            self.clock.advance(seconds=20)
        return self.received.titles[before:]
