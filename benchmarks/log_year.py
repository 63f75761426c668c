"""How long a year of logs takes to analyze, and to analyze again when a day has come.

Run it with ``python benchmarks/log_year.py``. Each of the five logs has 365 archives, one a night,
of 100 runs a day (``--runs`` makes it more). The figures are those of the whole
command, its start included, the shortest of three rounds: the first analysis reads everything, the
second nothing, the third a day of new lines. Peer: Python's bare start. Goal: the second and third
under 2 s.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from child_processes import kept_bytecode
from log_analysis import ROOT, Figure, best, line

from canvas_sync_core.names import Log
from canvas_sync_exporter.logs.archive import Member, archive_name
from canvas_sync_exporter.logs.archive_writing import write_archive

DAYS = 365
START = datetime(2025, 1, 1, 20, tzinfo=UTC)
LOGS = ("operations", "api_calls", "database", "errors", "progress")


def day_of_logs(day: int, runs: int, chance: random.Random) -> dict[str, bytes]:
    """Return the lines of one night, by log."""
    lines: dict[str, list[str]] = {log: [] for log in LOGS}
    for run in range(runs):
        time = START + timedelta(days=day, seconds=60 * run)
        for log, record in run_records(f"nightly-{day}-{run}", run, chance):
            time += timedelta(seconds=0.5)
            stamp = f"{time:%Y-%m-%dT%H:%M:%S.%f}Z"
            lines[log].append(json.dumps({"timestamp": stamp, **record}, separators=(",", ":")))
        lines["api_calls"] += [
            line(run, time + timedelta(seconds=0.25 * call), chance).rstrip() for call in range(20)
        ]
    return {log: "".join(f"{each}\n" for each in found).encode() for log, found in lines.items()}


def run_records(
    task_id: str, user_id: int, chance: random.Random
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return what the other four logs say of a run."""
    whose = {"task_id": task_id, "user_id": user_id, "sync_type": "full"}
    has_failed = chance.random() < 0.05
    yield "operations", {"event": "run_started", **whose, "status": "running"}
    for percent in (0, 25, 50, 75, 100):
        yield "progress", {"event": "progress", **whose, "percent": percent}
    for table in ("courses", "assignments", "submissions", "grades"):
        operation = {"operation": "INSERT", "table": table, "count": 50, "outcome": "success"}
        yield (
            "database",
            {"event": "db_operation", **operation, "duration_seconds": chance.random()},
        )
    if has_failed:
        error = {"operation": "api", "error_type": "http_500", "error": "An error occurred."}
        yield "errors", {"event": "error", **whose, **error}
    status = "failed" if has_failed else "success"
    ended = {"status": status, "duration_seconds": chance.lognormvariate(5, 0.5)}
    yield "operations", {"event": "run_ended", **whose, **ended}


def archive(folder: Path, day: int, contents: dict[str, bytes]) -> None:
    """Write the archives of a night, as the nightly cleanup does."""
    moment = START + timedelta(days=day, hours=6)
    for log, content in contents.items():
        file = folder.with_name("rotated")
        file.write_bytes(content)
        member = Member(file, f"{log}.log.1", len(content))
        write_archive(folder, archive_name(Log(log), moment), [member])
        file.unlink()


def main() -> None:
    """Generate, measure, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=100, help="runs a day (100)")
    runs = parser.parse_args().runs
    chance = random.Random(1)
    with kept_bytecode(), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size = 0
        for day in range(DAYS):
            contents = day_of_logs(day, runs, chance)
            size += sum(map(len, contents.values()))
            archive(folder / "archive", day, contents)
        cache = folder / "state" / "analysis.cache"
        analyze = [sys.executable, str(ROOT / "analyze_canvas_logs.py"), "--log-dir", name]
        figures = {"the first time": best(analyze, cache), "again": best(analyze)}
        known = cache.read_bytes()
        for log, content in day_of_logs(DAYS, runs, chance).items():
            (folder / f"{log}.log").write_bytes(content)
        figures["with a new day"] = best(analyze, cache, known)
        figures["Python that does nothing"] = best([sys.executable, "-c", "pass"])
    show(figures, size)


def show(figures: dict[str, Figure], size: int) -> None:
    """Print the figures, and each as a multiple of Python's start."""
    start = figures["Python that does nothing"].seconds
    print(f"{DAYS} nights, {DAYS * len(LOGS)} archives, {size / 1e6:.0f} MB of lines")
    for way, figure in figures.items():
        print(
            f"{way:26}{figure.seconds:8.2f} s {figure.seconds / start:8.1f} x"
            f"{figure.megabytes:8.0f} MB"
        )
    print("goal: again, and with a new day, under 2 s")


if __name__ == "__main__":
    main()
