"""Decides by its sidecar whether an archive has to be searched."""

from __future__ import annotations

import datetime as dt

from canvas_sync_exporter.logs.sidecars import MemberSummary, Sidecar
from canvas_sync_exporter.logs.task_ids import ids_in_logs

from .filters import LineFilter

__all__ = ["may_match", "members_in_range"]


def may_match(sidecar: Sidecar, wanted: LineFilter) -> bool:
    """Return False only if no line of an archive matches a filter."""
    if wanted.levels and not any(level in sidecar.minutes for level in wanted.levels):
        return False
    if sidecar.ids is None:
        return True
    if wanted.task_id is not None and not any(
        map(sidecar.ids.may_contain, ids_in_logs(wanted.task_id))
    ):
        return False
    return wanted.trace_id is None or sidecar.ids.may_contain(wanted.trace_id)


def members_in_range(sidecar: Sidecar, wanted: LineFilter) -> frozenset[int]:
    """Return the numbers of the files in an archive that may have lines in a time range."""
    return frozenset(
        number
        for number, member in enumerate(sidecar.members)
        if _overlaps(member, wanted.since, wanted.until)
    )


def _overlaps(member: MemberSummary, since: dt.datetime | None, until: dt.datetime | None) -> bool:
    if since is None and until is None:
        return True
    if member.oldest is None or member.newest is None:  # no line has a time
        return False
    return (since is None or member.newest >= since) and (until is None or member.oldest < until)
