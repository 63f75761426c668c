"""The whole analysis: lists the files, uses cached summaries, reads the rest, merges everything."""

from __future__ import annotations

import datetime as dt
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence, Set
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

__all__ = ["Analysis", "AnalysisError", "FileFigures", "analyze"]

_PROCESSES: Final = 2
_BIG: Final = 48 * 1024 * 1024  # about as much as one process reads while a second one starts


class AnalysisError(CanvasSyncMonitorError):
    """The analysis could not be completed."""


OnProgress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class FileFigures:
    """What was read from one file.

    Attributes:
        log: Which log.
        name: The file name, preceded by its archive's if it is in one.
        bytes: Number of bytes.
        lines: Number of lines.
        unreadable: Number of unreadable lines.
        numbers: Line numbers of the first unreadable ones.
    """

    log: Log
    name: str
    bytes: int
    lines: int
    unreadable: int
    numbers: Sequence[int]


@dataclass(slots=True)
class Analysis:
    """The combined result of all files.

    Attributes:
        summaries: One for each log.
        files: The files that were read or cached, oldest first for each log.
        problems: What could not be read or cached, and why.
    """

    summaries: dict[Log, Summary] = field(
        default_factory=lambda: {log: Summary.empty(log) for log in Log}
    )
    files: list[FileFigures] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Job:
    """A source, its cached summary, and what is left to read."""

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
    logs: Set[Log] = frozenset(Log),
    zone: dt.tzinfo = dt.UTC,
) -> Analysis:
    """Analyze the logs in a folder.

    Args:
        log_dir: Folder of the logs; the cache of summaries is in its ``state`` folder.
        archive_dir: Folder of the archives; may be missing.
        selection: Which lines count.
        on_progress: Called with the number of bytes read and the total.
        logs: Which logs to read.
        zone: Time zone of the times in human-readable lines.

    Raises:
        LogFolderError: A folder is missing or cannot be read.
    """
    analysis = Analysis()
    cache = SummaryCache(cache_path(log_dir), zone)
    jobs = []
    for source in sources(log_dir, archive_dir):
        try:
            known = cache.find(source)  # of every log, because what is not found is dropped
            job = _job(source, known, selection, zone) if source.log in logs else None
        except OSError as error:
            _add_problem(analysis, source, error)
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
        analysis.problems.append(f"the summaries cannot be cached: {reason}")
    return analysis


def _add_problem(analysis: Analysis, source: LogSource, error: OSError) -> None:
    analysis.problems.append(f"{source.path.name}: {error.strerror or error}")


def _job(
    source: LogSource, known: Entry | None, selection: Selection, zone: dt.tzinfo
) -> _Job | None:
    """Decide what to read from a source; None if it has no wanted lines."""
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
    """Return the earliest and latest time in a source's lines, as far as they are known.

    The first and last lines are not enough: a process may write lines hours late after waiting for
    a full disk.
    """
    if known is not None and known.offset == source.size:
        return known.first, known.last
    return None, source.no_line_after


def _scan_all(tasks: list[Chunk], on_progress: OnProgress) -> Iterator[Scanned]:
    """Read the chunks and yield them in order; use two processes for many bytes."""
    total, done = sum(task.size for task in tasks), 0
    for found, task in zip(_scanned(tasks, total), tasks, strict=True):
        done += task.size
        on_progress(done, total)
        yield found


def _scanned(tasks: list[Chunk], total: int) -> Iterator[Scanned]:
    if total < _BIG or len(tasks) < _PROCESSES:
        yield from map(scan, tasks)
        return
    # Forked processes need not import everything again; no thread has been started here.
    try:
        with ProcessPoolExecutor(
            _PROCESSES, mp_context=get_context("fork"), initializer=_die_of_interrupts
        ) as pool:
            waiting = deque(pool.submit(scan, task) for task in tasks)
            try:
                while waiting:
                    yield waiting.popleft().result()
            finally:
                # Not by map(), which cancels tasks in this thread. If a reader died, the pool's
                # thread fails the same tasks, and in some Pythons it then writes a traceback.
                pool.shutdown(cancel_futures=True)
    except BrokenProcessPool:
        raise AnalysisError(
            "a process that read logs was killed, perhaps for lack of memory"
        ) from None


def _die_of_interrupts() -> None:
    """Let Ctrl-C, which the terminal sends to all processes, end this one without a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _finish(
    job: _Job,
    results: Iterator[Scanned],
    cache: SummaryCache,
    selection: Selection,
    analysis: Analysis,
) -> None:
    """Merge a source's cached summary with what was read from it."""
    source, known = job.source, job.known
    summary = known.summary(source.log) if known else Summary.empty(source.log)
    start = offset = known.offset if known else 0
    rest: Summary | None = None
    problems = []
    for found in (next(results) for _ in job.chunks):
        summary.append(found.summary)
        offset, rest = found.end, found.rest
        if found.problem and found.problem not in problems:
            problems.append(found.problem)
    analysis.problems += problems
    if job.is_whole and offset > start and not problems:
        try:
            cache.keep(source, offset, summary, instead_of=known)
        except OSError as error:
            _add_problem(analysis, source, error)
    if rest is not None:
        summary.append(rest)
    analysis.summaries[source.log].absorb(summary)
    if not (selection.is_by_time and _has_nothing_wanted(summary)):  # as with a cached summary
        analysis.files += [_file_figures(source, lines) for lines in summary.files]


def _has_nothing_wanted(summary: Summary) -> bool:
    """Return whether a source has readable lines, but none that are wanted."""
    readable = sum(lines.lines - lines.unreadable for lines in summary.files)
    return readable > 0 and summary.first is None


def _file_figures(source: LogSource, lines: FileLines) -> FileFigures:
    name = f"{source.path.name}/{lines.member}" if lines.member else source.path.name
    return FileFigures(
        log=source.log,
        name=name,
        bytes=lines.bytes,
        lines=lines.lines,
        unreadable=lines.unreadable,
        numbers=lines.numbers,
    )
