"""The table of pauses: periods for which people declared that no runs are expected."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, String, Table, Text

from .model import Lines
from .timestamps import UtcDateTime, UtcSortedTime

__all__ = ["PAUSES_METADATA", "pauses_table"]

PAUSES_METADATA: Final = MetaData()

pauses_table: Final = Table(
    "canvas_sync_pauses",
    PAUSES_METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("sync_types", Lines, nullable=False),
    Column("start_time", UtcDateTime, nullable=False),
    Column("end_time", UtcSortedTime, nullable=False),
    Column("reason", Text, nullable=False),
    Column("author", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("ended_by", String),
    Index("ix_canvas_sync_pauses_end_time", "end_time"),
)
"""An empty list of sync types means all of them. If a pause was ended early, ``end_time`` is its
real end and ``ended_by`` says who ended it.
"""
