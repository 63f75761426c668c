"""A fault: what goes wrong for a while, and what the judge has to say about it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from canvas_sync_core.names import IncidentKind
from canvas_sync_exporter.judge.facts import Facts
from canvas_sync_exporter.judge.runs import EndedRun

__all__ = ["Alter", "Fault"]

Alter = Callable[[EndedRun, random.Random], EndedRun | list[EndedRun] | None]
"""What becomes of a run while the fault is there: another one, several, or none."""


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong for a while.

    Attributes:
        kind: What the judge has to find; nothing else may be found.
        subject: About what.
        cause: A part of the cause that it has to name.
        syncs: The sync types whose runs change.
        alter: What becomes of their runs.
        change: What becomes of the other facts, by when the fault began and when it is.
        begin: When it begins, after the start of the watched days.
        length: How long it lasts.
        certain: How long after the end of the first run that it changes (after the start of one
            that does not come or hangs; without runs after its beginning) it can be known at all.
        interval: The expected interval of what is affected: it is told within two.
    """

    name: str
    kind: IncidentKind
    subject: str
    cause: str = ""
    syncs: tuple[str, ...] = ()
    alter: Alter | None = None
    change: Callable[[Facts, datetime], Facts] | None = None
    begin: timedelta = timedelta(hours=9)
    length: timedelta = timedelta(hours=24)
    certain: timedelta = timedelta()
    interval: timedelta = timedelta(days=1)

    def runs(
        self, runs: Iterable[EndedRun], begin: datetime, noise: random.Random
    ) -> Iterator[EndedRun]:
        """Return the runs as the fault makes them."""
        for run in runs:
            is_hit = begin <= run.start < begin + self.length and run.sync_type in self.syncs
            if not is_hit or self.alter is None:
                yield run
                continue
            altered = self.alter(run, noise)
            if isinstance(altered, list):
                yield from altered
            elif altered is not None:
                yield altered
