"""Time of searches in a large plain log and in a year of archives, against ripgrep and grep.

Run it with ``python benchmarks/log_search.py --megabytes 1000 --nights 365``; peers that are not
installed are left out, and so is what has the size 0.

In the plain log, a generated ``api_calls.log`` of JSON lines, the lines of a minute in its middle
are found by time; ripgrep and grep find them by the text that their times begin with. What the
other searches look for is in no line. A figure is the processor time of the whole command, the
median of five rounds; p99 is the longest of them. That of our command is also given without its
start, which is measured by a search in an empty folder. What REST answers from the same log is
measured inside one process: its processor time, the median and p99 of a hundred rounds.

The archives are five for each night. The lines of one run in the middle of the year are found with
the sidecars that the cleanup writes, and without; ripgrep decompresses all archives (``-z``).
"""

from __future__ import annotations

import argparse
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from child_processes import kept_bytecode
from log_analysis import generate
from log_year import START as NIGHT_START
from log_year import archive, day_of_logs
from spread import p99

from canvas_sync_exporter.logs.search import (
    FoundLine,
    LineFilter,
    LinePosition,
    LogSearch,
    Order,
    count_facets,
    line_context,
    locate,
)
from canvas_sync_exporter.logs.sidecars import complete_sidecars
from canvas_sync_exporter.logs.volume import Volume, log_volume

ROUNDS = 5
ANSWERS = 100
COMMAND = "from canvas_sync_exporter.cli import script; script()"
SEARCH = [sys.executable, "-c", COMMAND, "search", "--limit", "100000"]


class Figure(NamedTuple):
    """Processor seconds of a command: the median, and the 99th percentile."""

    median: float
    p99: float


def cpu_seconds(command: Sequence[str]) -> Figure:
    """Return the processor time of a command."""
    times = []
    for _ in range(ROUNDS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, stdout=subprocess.DEVNULL, check=False)  # 1: nothing found
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return Figure(statistics.median(times), p99(times))


def print_figures(title: str, own: Figure, start: float) -> None:
    """Print the figure of our command, also without its start."""
    print(
        f"{title:28}search {own.median:6.2f} s, p99 {own.p99:6.2f} s,"
        f" without its start {own.median - start:6.2f} s"
    )


def middle_minute(log: Path) -> datetime:
    """Return the minute in which the line in the middle of a log was written."""
    with log.open("rb") as file:
        file.seek(log.stat().st_size // 2)
        file.readline()
        stamp = file.readline()[14:41].decode()
    return datetime.fromisoformat(stamp).astimezone(UTC).replace(second=0, microsecond=0)


def plain_searches(minute: datetime) -> dict[str, tuple[list[str], list[str]]]:
    """Return searches by title: our options, and those of ripgrep and grep."""
    span = [f"{each:%Y-%m-%dT%H:%M:%SZ}" for each in (minute, minute + timedelta(minutes=1))]
    return {
        "one minute": (
            ["--since", span[0], "--until", span[1]],
            ["-F", f'{{"timestamp":"{minute:%Y-%m-%dT%H:%M}'],
        ),
        "a pattern that is absent": (
            ["--regex", r"Status: 41[89] - \d+"],
            [r"Status: 41[89] - [0-9]+"],
        ),
        "a text that is absent": (["teapot"], ["-F", "teapot"]),
        "the same, oldest first": (["teapot", "--oldest-first"], ["-F", "teapot"]),
        "a status that is absent": (["--status", "418"], ["-F", '"status_code":418']),
        "a level that is absent": (["--level", "ERROR"], ["-F", '"level":"ERROR"']),
        "two levels that are absent": (
            ["--level", "ERROR", "--level", "WARNING"],
            ['"level":"(ERROR|WARNING)"'],
        ),
        "a user that is absent": (["--user", "98765"], ["-F", '"user_id":98765']),
        "a run that is absent": (["--task", "weekly"], ["-F", '"task_id":"weekly"']),
    }


def measure_plain_log(folder: Path, megabytes: int, start: float) -> None:
    """Search a plain log with the command."""
    log = folder / "api_calls.log"
    print(f"api_calls.log of {megabytes} MB; our start: {start:.2f} s")
    for title, (ours, theirs) in plain_searches(middle_minute(log)).items():
        own = cpu_seconds([*SEARCH, "--log-dir", str(folder), *ours])
        print_figures(title, own, start)
        for peer in filter(shutil.which, ("rg", "grep")):
            flags = ["-E"] if peer == "grep" and theirs[0] != "-F" else []
            other = cpu_seconds([peer, *flags, *theirs, str(log)])
            seconds = other.median
            print(
                f"{'':28}{peer:6} {seconds:6.2f} s, p99 {other.p99:6.2f} s;"
                f" search takes {own.median / seconds:6.2f} x,"
                f" without its start {(own.median - start) / seconds:6.2f} x"
            )


def measure_answers(folder: Path) -> None:
    """Ask in one process what REST answers from a plain log."""
    middle = middle_minute(folder / "api_calls.log")
    folders = folder, folder / "archive"

    def search(wanted: LineFilter, limit: int, seconds: float | None = 1.0) -> list[FoundLine]:
        with closing(LogSearch(*folders, wanted, limit=limit, seconds=seconds)) as found:
            return list(found)

    (line,) = search(LineFilter(since=middle), 1, None)
    (newest,) = search(LineFilter(), 1)
    with closing(LogSearch(*folders, LineFilter(), limit=1, order=Order.OLDEST)) as first:
        oldest = next(iter(first))

    def volume(buckets: int) -> Volume:
        return log_volume(*folders, since=oldest.time, until=newest.time, at_most=buckets)

    position = LinePosition.of(search(LineFilter(until=middle), 1, None)[0])
    answers: dict[str, Callable[[], object]] = {
        "the newest 50 lines": lambda: search(LineFilter(), 50),
        "50 lines of the middle": lambda: search(LineFilter(until=middle), 50),
        "a page for an absent text": lambda: search(LineFilter(text="teapot"), 50),
        "histogram of 60 buckets": lambda: volume(60),
        "histogram of 200 buckets": lambda: volume(200),
        "facets of 10,000 lines": lambda: count_facets(
            *folders, LineFilter(), most_lines=10_000, most_values=10, seconds=1.0
        ),
        "a line by its position": lambda: locate(*folders, position, seconds=5.0),
        "20 lines before and after it": lambda: line_context(
            *folders, line, LineFilter(), before=20, after=20, seconds=1.0
        ),
    }
    for title, ask in answers.items():
        times = []
        for _ in range(ANSWERS):
            begun = time.process_time()
            ask()
            times.append((time.process_time() - begun) * 1000)
        print(f"{title:28}{statistics.median(times):8.1f} ms, p99 {p99(times):8.1f} ms")


def measure_archives(folder: Path, nights: int, runs: int, start: float) -> None:
    """Search archives for the lines of one run and of one hour."""
    chance = random.Random(1)
    archive_dir, size = folder / "archive", 0
    for day in range(nights):
        contents = day_of_logs(day, runs, chance)
        size += sum(map(len, contents.values()))
        archive(archive_dir, day, contents)
    begun = time.process_time()
    problems = complete_sidecars(archive_dir, UTC, seconds=600)
    seconds = time.process_time() - begun
    sidecars = sum(path.stat().st_size for path in archive_dir.glob("*.sidecar"))
    packed = sum(path.stat().st_size for path in archive_dir.glob("*.tar.gz"))
    print(
        f"{nights} nights, {nights * 5} archives of {packed / 1e6:.0f} MB with {size / 1e6:.0f} MB"
        f" of lines; sidecars of {sidecars / 1e6:.1f} MB made in {seconds:.1f} s {problems or ''}"
    )
    task = f"nightly-{nights // 2}-{runs // 2}"
    moment = NIGHT_START + timedelta(days=nights // 2)
    hour = [f"{each:%Y-%m-%dT%H:%M:%SZ}" for each in (moment, moment + timedelta(hours=1))]
    search = [*SEARCH, "--log-dir", str(folder)]
    ours = {"one run": ["--task", task], "one hour": ["--since", hour[0], "--until", hour[1]]}
    figures = {title: cpu_seconds([*search, *options]) for title, options in ours.items()}
    for title, own in figures.items():
        print_figures(title, own, start)
    for path in archive_dir.glob("*.sidecar"):
        path.unlink()
    for title, options in ours.items():
        print_figures(f"{title}, no sidecars", cpu_seconds([*search, *options]), start)
    if shutil.which("rg"):
        archives = map(str, archive_dir.glob("*.tar.gz"))
        other = cpu_seconds(["rg", "-z", "-a", "-F", f'"task_id":"{task}"', *archives])
        share = figures["one run"].median / other.median
        print(
            f"{'one run':28}rg -z  {other.median:6.2f} s, p99 {other.p99:6.2f} s;"
            f" search takes {share:.2f} x with sidecars"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--nights", type=int, default=365)
    parser.add_argument("--runs", type=int, default=100, help="runs of each night (100)")
    arguments = parser.parse_args()
    with kept_bytecode(), tempfile.TemporaryDirectory() as name:
        plain, nights = Path(name) / "plain", Path(name) / "nights"
        for folder in (plain, nights):
            folder.mkdir()
        start = cpu_seconds([*SEARCH, "--log-dir", str(plain)]).median
        if arguments.megabytes:
            generate(plain / "api_calls.log", arguments.megabytes * 1_000_000)
            measure_plain_log(plain, arguments.megabytes, start)
            measure_answers(plain)
        if arguments.nights:
            measure_archives(nights, arguments.nights, arguments.runs, start)


if __name__ == "__main__":
    main()
