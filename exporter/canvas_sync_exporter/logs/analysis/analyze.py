"""The analysis as a whole: which files, what is known of them, the rest read, all merged."""

from __future__ import annotations

import datetime as dt
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from canvas_sync_core.errors import CanvasSyncMonitorError
from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.sources import LogSource, sources

from .cache import Entry, SummaryCache, cache_path
from .records import Selection
from .scan import Chunk, Scanned, chunks, scan
from .source_summary import FileLines, Summary

__all__ = ["Analysis", "AnalysisError", "FileReport", "analyze"]

_PROCESSES: Final = 2
_BIG: Final = 48 * 1024 * 1024  # what one process reads before a second has started
_ZIPPED: Final = 8  # an archive takes about as long as so many times its size


class AnalysisError(CanvasSyncMonitorError):
    """The analysis could not be brought to its end."""


OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class FileReport:
    """What was read of one file.

    Attributes:
        log: Which log.
        name: The file, after its archive if it is in one.
        bytes: How many bytes there are.
        lines: How many lines.
        unreadable: How many of them could not be read.
        numbers: The first of those.
    """

    log: Log
    name: str
    bytes: int
    lines: int
    unreadable: int
    numbers: Sequence[int]


@dataclass(slots=True)
class Analysis:
    """What all files together say.

    Attributes:
        summaries: One for each log.
        files: The files that were read or known, each log's oldest first.
        problems: What could not be read, or remembered, and why.
    """

    summaries: dict[Log, Summary] = field(
        default_factory=lambda: {log: Summary.empty(log) for log in Log}
    )
    files: list[FileReport] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Job:
    """A source, what is known of it, and what is left to read."""

    source: LogSource
    known: Entry | None
    is_whole: bool
    chunks: list[Chunk]


def analyze(
    log_dir: Path,
    archive_dir: Path,
    selection: Selection,
    on_progress: OnProgress = lambda _done, _total: None,
    *,
    zone: dt.tzinfo = dt.UTC,
) -> Analysis:
    """Analyze all logs in a folder.

    Args:
        log_dir: Folder of the logs; the cache of summaries is kept in its ``state`` folder.
        archive_dir: Folder of the archives; may be missing.
        selection: Which lines count.
        on_progress: Told how many bytes are read, and how many there are to read.
        zone: Time zone of the clock in human lines.

    Raises:
        LogFolderError: A folder is not there or cannot be read.
    """
    analysis = Analysis()
    cache = SummaryCache(cache_path(log_dir), zone)
    jobs = []
    for source in sources(log_dir, archive_dir):
        try:
            job = _job(source, cache.find(source), selection, zone)
        except OSError as error:
            _tell(analysis, source, error)
            continue
        if job is not None:
            jobs.append(job)
    results = _scan_all([chunk for job in jobs for chunk in job.chunks], on_progress)
    for job in jobs:
        _finish(job, results, cache, selection, analysis)
    try:
        cache.save()
    except OSError as error:
        reason = error.strerror or error
        analysis.problems.append(f"the summaries cannot be kept for the next time: {reason}")
    return analysis


def _tell(analysis: Analysis, source: LogSource, error: OSError) -> None:
    analysis.problems.append(f"{source.path.name}: {error.strerror or error}")


def _job(
    source: LogSource, known: Entry | None, selection: Selection, zone: dt.tzinfo
) -> _Job | None:
    """Decide what is to be read of a source; None when it has nothing that is wanted."""
    first, last = _period(source, known) if selection != Selection() else (None, None)
    if selection.misses(first, last):
        return None
    is_whole = selection == Selection() or (
        not selection.is_by_run
        and first is not None
        and last is not None
        and selection.covers(first, last)
    )
    if not is_whole:
        return _Job(source, None, False, list(chunks(source, 0, selection, zone)))
    start = known.offset if known else 0
    return _Job(source, known, True, list(chunks(source, start, Selection(), zone)))


def _period(
    source: LogSource, known: Entry | None
) -> tuple[dt.datetime | None, dt.datetime | None]:
    """Return the first and the last moment that a source's lines name, as far as they are known.

    Its first and last lines do not tell: a process whose lines had to wait for a full disk writes
    them hours late.
    """
    if known is not None and known.offset == source.size:
        return known.first, known.last
    return None, source.no_line_after


def _scan_all(tasks: list[Chunk], on_progress: OnProgress) -> Iterator[Scanned]:
    """Read the chunks, answering in their order; a large number of bytes in two processes."""
    weights = [task.size * (_ZIPPED if task.source.is_archive else 1) for task in tasks]
    total, done = sum(weights), 0
    for found, weight in zip(_scanned(tasks, total), weights, strict=True):
        done += weight
        on_progress(done, total)
        yield found


def _scanned(tasks: list[Chunk], total: int) -> Iterator[Scanned]:
    if total < _BIG or len(tasks) < _PROCESSES:
        yield from map(scan, tasks)
        return
    # Forked, they need not import everything anew; nothing here has begun a thread.
    try:
        with ProcessPoolExecutor(
            _PROCESSES, mp_context=get_context("fork"), initializer=_die_of_interrupts
        ) as pool:
            yield from pool.map(scan, tasks)
    except BrokenProcessPool:
        raise AnalysisError("a process that read logs was killed; is there memory left?") from None


def _die_of_interrupts() -> None:
    """Let Ctrl-C, which goes to all processes of a terminal, end this one without a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _finish(
    job: _Job,
    results: Iterator[Scanned],
    cache: SummaryCache,
    selection: Selection,
    analysis: Analysis,
) -> None:
    """Merge what is known of a source and what was read of it."""
    source, known = job.source, job.known
    summary = known.summary(source.log) if known else Summary.empty(source.log)
    start = offset = known.offset if known else 0
    rest: Summary | None = None
    problems = []
    for found in (next(results) for _ in job.chunks):
        summary.append(found.summary)
        offset, rest = found.end, found.rest
        problems += [found.problem] if found.problem else []
    analysis.problems += problems
    if job.is_whole and offset > start and not problems:
        try:
            cache.keep(source, offset, summary, instead_of=known)
        except OSError as error:
            _tell(analysis, source, error)
    if rest is not None:
        summary.append(rest)
    analysis.summaries[source.log].absorb(summary)
    if not (selection.is_by_time and _has_nothing_wanted(summary)):  # as if it was known before
        analysis.files += [_file_report(source, lines) for lines in summary.files]


def _has_nothing_wanted(summary: Summary) -> bool:
    """Return whether a source has lines that could be read, and none was wanted."""
    readable = sum(lines.lines - lines.unreadable for lines in summary.files)
    return readable > 0 and summary.first is None


def _file_report(source: LogSource, lines: FileLines) -> FileReport:
    name = f"{source.path.name}/{lines.member}" if lines.member else source.path.name
    return FileReport(
        log=source.log,
        name=name,
        bytes=lines.bytes,
        lines=lines.lines,
        unreadable=lines.unreadable,
        numbers=lines.numbers,
    )
