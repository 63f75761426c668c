"""Which messages a destination receives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from canvas_sync_core.names import REPORT_KINDS, MessageKind, Severity

from .table import Table

__all__ = ["KINDS", "Audience", "read_audience"]

KINDS: Final = (MessageKind.INCIDENT, *REPORT_KINDS)
"""The kinds that a destination can choose; a test goes to the destination that is tested."""


@dataclass(frozen=True, slots=True)
class Audience:
    """Which messages a destination receives.

    Attributes:
        kinds: The kinds of messages.
        severities: The severities of incidents.
        sync_types: The sync types of incidents; empty for all.
    """

    kinds: frozenset[MessageKind] = frozenset(KINDS)
    severities: frozenset[Severity] = frozenset(Severity)
    sync_types: frozenset[str] = frozenset()

    def wants_incident(self, severity: Severity, sync_type: str | None) -> bool:
        """Return whether the destination receives an incident.

        Args:
            severity: Its severity.
            sync_type: Its sync type; None if it concerns all of them, such as a full disk.
        """
        return (
            MessageKind.INCIDENT in self.kinds
            and severity in self.severities
            and (not self.sync_types or sync_type is None or sync_type in self.sync_types)
        )

    def wants_report(self, kind: MessageKind) -> bool:
        """Return whether the destination receives a kind of report."""
        return kind in self.kinds


def read_audience(table: Table) -> Audience:
    """Read the keys that each destination has."""
    sync_types = table.sync_types("sync_types")
    if sync_types == []:
        table.wrong("sync_types", "it is empty; leave `sync_types` out for all sync types")
    return Audience(
        kinds=table.choices("kinds", KINDS) or frozenset(KINDS),
        severities=table.choices("severities", Severity) or frozenset(Severity),
        sync_types=frozenset(sync_types or ()),
    )
