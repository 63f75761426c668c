"""The volume of all five logs by time bucket, over live files, backups and archives."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.search.backwards import whole_lines_end
from canvas_sync_exporter.logs.search.time_range import LATENESS
from canvas_sync_exporter.logs.sidecars import read_sidecar
from canvas_sync_exporter.logs.sources import LogSource, open_plain, sources

from .counts import VolumeCounts
from .plain_volume import PlainVolume
from .time_buckets import TimeBuckets, moment_of

__all__ = ["Volume", "VolumeBucket", "log_volume"]


@dataclass(frozen=True, slots=True)
class VolumeBucket:
    """The lines of a time bucket.

    Attributes:
        start: When it begins.
        lines: Number of lines.
        levels: Number of lines by level; the level of lines without one is empty.
        is_estimate: Whether some were estimated from samples rather than counted.
    """

    start: dt.datetime
    lines: int
    levels: dict[str, int]
    is_estimate: bool


@dataclass(frozen=True, slots=True)
class Volume:
    """How many lines the logs have.

    Attributes:
        step_seconds: Length of a bucket.
        buckets: The buckets, oldest first.
        disordered: Files whose lines are not in the order of time; theirs are rough estimates.
        not_counted: Files that may have lines in the period but cannot be counted without reading
            them: archives without a sidecar and files that another program compressed.
        problems: Files that cannot be read, and why.
    """

    step_seconds: int
    buckets: list[VolumeBucket]
    disordered: list[str] = field(default_factory=list)
    not_counted: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def log_volume(
    log_dir: Path,
    archive_dir: Path,
    *,
    logs: Iterable[Log] = tuple(Log),
    since: dt.datetime,
    until: dt.datetime,
    at_most: int,
    zone: dt.tzinfo = dt.UTC,
) -> Volume:
    """Count or estimate the lines of the logs by time.

    Args:
        log_dir: Folder of the logs.
        archive_dir: Folder of the archives; may be missing.
        logs: The logs.
        since: Start of the period.
        until: End of the period, later than ``since``.
        at_most: Maximum number of buckets, at least 2.
        zone: Time zone of the times in human-readable lines.

    Raises:
        LogFolderError: A folder is missing or cannot be read.
        OSError: A file cannot be read.
    """
    counts = VolumeCounts(TimeBuckets.covering(since, until, at_most))
    volume = Volume(counts.buckets.step, [])
    found = sources(log_dir, archive_dir)
    for log in logs:
        for source in _in_period([each for each in found if each.log is log], counts.buckets):
            try:
                _add(source, counts, volume, zone)
            except FileNotFoundError:  # archived or deleted since it was listed
                volume.problems.append(f"{source.path.name} was moved while it was counted")
            except PermissionError as error:
                volume.problems.append(f"{source.path.name}: {error.strerror}")
    volume.buckets.extend(_buckets(counts))
    return volume


def _in_period(files: list[LogSource], buckets: TimeBuckets) -> Iterator[LogSource]:
    """Leave out archives that, judging by when they were made, have no lines in the period."""
    start, end = moment_of(buckets.start), moment_of(buckets.end)
    made_before: dt.datetime | None = None
    for file in files:
        newest, oldest = file.no_line_after, made_before
        made_before = file.archived_at
        is_older = newest is not None and start - newest > LATENESS
        is_newer = oldest is not None and oldest - end > LATENESS
        if not file.is_archive or not (is_older or is_newer):
            yield file


def _add(source: LogSource, counts: VolumeCounts, volume: Volume, zone: dt.tzinfo) -> None:
    if not source.is_archive:
        with open_plain(source) as raw:
            fd = raw.fileno()
            end = whole_lines_end(fd, source.size) if source.is_live else source.size
            if not PlainVolume(fd, end, source.log, zone).add_to(counts):
                volume.disordered.append(source.path.name)
        return
    sidecar = read_sidecar(source.path, zone) if source.has_members else None
    if sidecar is None:
        volume.not_counted.append(source.path.name)
        return
    for level, minutes in sidecar.minutes.items():
        counts.add_minutes(level, minutes)


def _buckets(counts: VolumeCounts) -> Iterator[VolumeBucket]:
    for number, start in enumerate(counts.buckets.edges()[:-1]):
        levels = {level: round(lines) for level, lines in sorted(counts.levels[number].items())}
        yield VolumeBucket(start, sum(levels.values()), levels, number in counts.estimated)
