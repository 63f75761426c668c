"""Finds out from its sidecar which parts of an archive a search can skip."""

from __future__ import annotations

from canvas_sync_exporter.logs.sidecars import PieceSummary, Sidecar
from canvas_sync_exporter.logs.task_ids import ids_in_logs

from .filters import LineFilter

__all__ = ["pieces_that_may_match"]


def pieces_that_may_match(sidecar: Sidecar, wanted: LineFilter) -> list[frozenset[int]]:
    """Return the numbers of the pieces of each file; in others, no line matches a filter."""
    if wanted.levels and not any(level in sidecar.minutes for level in wanted.levels):
        return [frozenset()] * len(sidecar.members)
    return [
        frozenset(
            number
            for number, piece in enumerate(member.pieces)
            if _overlaps(piece, wanted) and _may_have_ids(piece, wanted)
        )
        for member in sidecar.members
    ]


def _may_have_ids(piece: PieceSummary, wanted: LineFilter) -> bool:
    if piece.ids is None:
        return True
    if wanted.task_id is not None and not any(
        map(piece.ids.may_contain, ids_in_logs(wanted.task_id))
    ):
        return False
    return wanted.trace_id is None or piece.ids.may_contain(wanted.trace_id)


def _overlaps(piece: PieceSummary, wanted: LineFilter) -> bool:
    since, until = wanted.since, wanted.until
    if since is None and until is None:
        return True
    if piece.oldest is None or piece.newest is None:  # no line has a time
        return False
    return (since is None or piece.newest >= since) and (until is None or piece.oldest < until)
