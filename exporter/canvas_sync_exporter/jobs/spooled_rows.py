"""Writes the rows that dead processes left in their spool files."""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy import Engine

from canvas_sync_core.store.spool.delivery import DAMAGED_FILE, drain_orphans
from canvas_sync_core.wording import counted

__all__ = ["deliver_spooled_rows"]

_log = logging.getLogger(__name__)


def deliver_spooled_rows(engine: Engine, spool_folder: Path) -> int:
    """Write the rows of dead processes into the table and return their number.

    Raises:
        SQLAlchemyError: The database is down; the rows stay in the spool.
        OSError: A spool file cannot be read or removed.
    """
    drained = drain_orphans(spool_folder, engine)
    if drained.rows:
        _log.info(
            "Delivered %s from %s.",
            counted(drained.rows, "row"),
            counted(drained.files, "spool file"),
        )
    if drained.damaged or drained.rejected:
        _log.error(
            "What cannot be stored is kept in %s: %s, and %s that the database refused.",
            spool_folder / DAMAGED_FILE,
            counted(drained.damaged, "damaged line"),
            counted(drained.rejected, "run"),
        )
    return drained.rows
