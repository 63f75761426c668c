"""Adds up the rows of changed 15-minute buckets before the lock for writing rollups is taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, groupby
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from canvas_sync_core.store.model import metrics_table

from .aggregates import ENDED, ROW_COLUMNS, Groups, add_up
from .buckets import DAY, FIFTEEN_MINUTES, BucketRange, floor, joined, within
from .tables import changes_table, days_table

__all__ = [
    "BucketEntries",
    "Precomputed",
    "entries_between",
    "generation_of",
    "has_many_rows",
    "precompute",
]

_MANY_ROWS: Final = 1_000
"""Adding up so many rows takes longer than the lock should be held."""
_MANY_BUCKETS: Final = 4
_MOST_ROWS: Final = 20_000
"""After so many rows, no further bucket is started, so that memory and latency stay bounded."""
_MOST_ENTRIES: Final = 10_000
_AT_ONCE: Final = 500
_changes = changes_table.c
_start = metrics_table.c.sync_start_time

BucketEntries = dict[datetime, dict[int, int | None]]
"""By 15-minute bucket, newest first: its entries, each with the run whose end it records."""


@dataclass(slots=True)
class Precomputed:
    """Aggregates of the rows of changed buckets of one day, computed before the lock was taken.

    Those of a bucket are valid if runs have only ended since then. Entries are removed only
    together with an increment of the generation, so anything else that happened has left a new
    entry.

    Attributes:
        day: Start of the UTC day.
        generation: Generation of the day.
        entries: The entries of each bucket at that time.
        groups: The aggregates of each bucket, newest first.
    """

    day: datetime
    generation: int
    entries: BucketEntries
    groups: dict[datetime, Groups]


def precompute(connection: Connection, newest: datetime) -> Precomputed | None:
    """Add up the newest changed buckets; None if that is fast enough to do it within the lock.

    Args:
        connection: A transaction that sees one snapshot.
        newest: A time in the newest changed bucket.
    """
    day = floor(newest, DAY)
    entries = {
        bucket: of_bucket
        for bucket, of_bucket in _newest_entries(connection, day, newest).items()
        if None in of_bucket.values()
    }
    if len(entries) < _MANY_BUCKETS and not has_many_rows(connection, entries):
        return None
    groups = dict(_add_up(connection, list(entries)))
    return Precomputed(day, generation_of(connection, day), entries, groups)


def generation_of(connection: Connection, day: datetime) -> int:
    """Return the generation of a day's rollups; 0 if it has none."""
    return connection.scalar(select(days_table.c.generation).where(days_table.c.day == day)) or 0


def entries_between(connection: Connection, begin: datetime, end: datetime) -> BucketEntries:
    """Return the entries of a period of whole buckets."""
    return _by_bucket(connection.execute(_entries(begin, end)))


def _newest_entries(connection: Connection, day: datetime, newest: datetime) -> BucketEntries:
    """Return the newest entries of a day, including all of the newest bucket."""
    bucket = floor(newest, FIFTEEN_MINUTES)
    end = bucket + FIFTEEN_MINUTES
    rows = connection.execute(_entries(day, end).limit(_MOST_ENTRIES)).all()
    found = _by_bucket(rows)
    if len(rows) == _MOST_ENTRIES:
        found.popitem()  # some entries of this bucket may be missing
    return found or entries_between(connection, bucket, end)


def _entries(begin: datetime, end: datetime) -> Any:
    entries = select(_changes.start, _changes.id, _changes.run_id)
    return entries.where(within(_changes.start, begin, end)).order_by(_changes.start.desc())


def _by_bucket(rows: Any) -> BucketEntries:
    found: BucketEntries = {}
    for start, number, run_id in rows:
        found.setdefault(floor(start, FIFTEEN_MINUTES), {})[number] = run_id
    return found


def has_many_rows(
    connection: Connection, buckets: Iterable[datetime], most: int | None = None
) -> bool:
    """Return whether there are too many rows to add them up.

    Args:
        connection: The database.
        buckets: The start of each bucket, newest first.
        most: None means as many as are added up in the time for which the lock should be held.
    """
    left = _MANY_ROWS if most is None else most
    for bucket_range in joined(buckets):
        is_in_range = within(_start, bucket_range.begin, bucket_range.end)
        rows = select(_start).where(is_in_range, ENDED).limit(left + 1)
        left -= len(connection.execute(rows).all())
        if left < 0:
            return True
    return False


def _add_up(
    connection: Connection, buckets: Sequence[datetime]
) -> Iterator[tuple[datetime, Groups]]:
    """Add up the rows of buckets, given newest first, until there are too many."""
    rows = 0
    for bucket_range in joined(buckets):
        left = bucket_range.end
        for bucket, of_bucket in groupby(_rows(connection, bucket_range), _bucket):
            found = list(of_bucket)
            yield from _without_rows(bucket + FIFTEEN_MINUTES, left)
            yield bucket, add_up(found)
            left = bucket
            rows += len(found)
            if rows >= _MOST_ROWS:
                return
        yield from _without_rows(bucket_range.begin, left)


def _rows(connection: Connection, bucket_range: BucketRange) -> Iterator[Row[Any]]:
    """Read the rows of some buckets, newest first, a few at a time."""
    is_in_range = within(_start, bucket_range.begin, bucket_range.end)
    newest_first = select(*ROW_COLUMNS).where(is_in_range, ENDED).order_by(_start.desc())
    rows = connection.execute(newest_first, execution_options={"yield_per": _AT_ONCE})
    return chain.from_iterable(rows.partitions())


def _bucket(row: Row[Any]) -> datetime:
    start: datetime = row[0]
    return floor(start, FIFTEEN_MINUTES)


def _without_rows(begin: datetime, end: datetime) -> Iterator[tuple[datetime, Groups]]:
    while end > begin:
        end -= FIFTEEN_MINUTES
        yield end, {}
